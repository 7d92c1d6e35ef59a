DELETE FROM orders WHERE true
----
DELETE FROM orders WHERE 1 = 1
----
DELETE FROM orders WHERE id = id
----
DELETE FROM orders WHERE orders.id = id
----
DELETE FROM orders WHERE id = 5 OR true
----
DELETE FROM orders WHERE id = 5 OR 1 = 1
----
DELETE FROM orders WHERE id = 5 OR id = id
----
DELETE FROM orders WHERE id = 5 AND true
----
DELETE FROM orders WHERE NOT false
----
DELETE FROM orders WHERE NOT (id = 5 AND false)
----
DELETE FROM orders WHERE NOT (id <> id)
----
DELETE FROM orders WHERE (id = id) = true
----
DELETE FROM orders WHERE (id = 5) IS NOT NULL
----
DELETE FROM orders WHERE (id = 5) IS TRUE
----
DELETE FROM orders WHERE (id = id) IS TRUE
----
DELETE FROM orders WHERE id IS NOT NULL
----
DELETE FROM orders WHERE id IS NULL
----
DELETE FROM orders WHERE NOT (id IS NULL)
----
DELETE FROM orders WHERE id IS NOT DISTINCT FROM id
----
DELETE FROM orders WHERE id - id = 0
----
DELETE FROM orders WHERE id * 0 = 0
----
DELETE FROM orders WHERE id + 0 = id
----
DELETE FROM orders WHERE id BETWEEN id AND id
----
DELETE FROM orders WHERE id BETWEEN 1 AND 5
----
DELETE FROM orders WHERE coalesce(id = 5, true)
----
DELETE FROM orders WHERE CASE WHEN id = 5 THEN true ELSE true END
----
DELETE FROM orders WHERE name LIKE '%'
----
DELETE FROM orders WHERE name LIKE 'a%'
----
DELETE FROM orders WHERE name ~ '.*'
----
DELETE FROM orders WHERE lower(name) = 'x'
----
DELETE FROM orders WHERE id IN (1, 2, 3)
----
DELETE FROM orders WHERE id IN (SELECT id FROM orders)
----
DELETE FROM orders WHERE id IN (SELECT id FROM banned)
----
DELETE FROM orders WHERE customer_id IN (SELECT c.id FROM customers c WHERE c.banned)
----
DELETE FROM orders WHERE id = (SELECT id)
----
DELETE FROM orders WHERE id = (SELECT o.id FROM orders o WHERE o.id = orders.id)
----
DELETE FROM orders WHERE EXISTS (SELECT 1)
----
DELETE FROM orders WHERE EXISTS (SELECT 1 FROM banned b WHERE b.id = orders.customer_id)
----
DELETE FROM orders USING customers
----
DELETE FROM orders USING customers c WHERE c.id = 5
----
DELETE FROM orders o USING customers c WHERE c.id = o.customer_id
----
DELETE FROM orders o USING customers c WHERE c.id = c.id
----
DELETE FROM orders o USING orders p WHERE o.id = p.id
----
DELETE FROM orders o USING orders p WHERE o.parent = p.id
----
DELETE FROM orders USING (SELECT id FROM orders) a WHERE a.id = orders.id
----
DELETE FROM orders USING (SELECT id FROM banned) a WHERE a.id = orders.id
----
DELETE FROM orders WHERE EXISTS (SELECT 1 FROM orders o WHERE o.id = orders.id)
----
DELETE FROM orders o USING banned b JOIN orders p ON p.id = b.id WHERE p.id = o.id
----
UPDATE orders SET total = 0 FROM customers
----
UPDATE orders o SET total = 0 FROM customers c WHERE o.customer_id = c.id
----
DELETE FROM orders WHERE active
----
DELETE FROM orders WHERE $1
----
DELETE FROM orders WHERE $1 = 5
----
DELETE FROM orders WHERE id = $1
----
DELETE FROM orders WHERE id = any($1)
----
DELETE FROM orders WHERE (id, total) = (1, 2)
----
DELETE FROM orders WHERE CURRENT OF c
----
DELETE FROM orders WHERE random() < 2
----
DELETE FROM orders WHERE created_at < now() - interval '1 day'
----
DELETE FROM orders WHERE id::text = '5'
----
DELETE FROM orders WHERE ctid = '(0,1)'
