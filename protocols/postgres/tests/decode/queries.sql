SELECT 1
----
SELECT now(), current_user, $1::int + 2
----
SELECT id, total FROM orders WHERE id = 1
----
SELECT * FROM orders LIMIT 10
----
SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total > 10 ORDER BY 1 LIMIT 5
----
SELECT count(*) FROM public.orders
----
SELECT * FROM orders WHERE id = 1 FOR UPDATE
----
SELECT * FROM orders o, items i WHERE o.id = i.order_id FOR SHARE OF o
----
VALUES (1), (2)
----
SELECT relname FROM pg_class WHERE relname = 'orders'
----
SELECT * FROM pg_authid
----
SELECT * FROM pg_catalog.pg_stats
----
SELECT table_name FROM information_schema.tables
----
SELECT * FROM pg_future_view
----
SELECT * INTO copy_of_orders FROM orders
----
CREATE TABLE copy_of_orders AS SELECT * FROM orders
----
INSERT INTO orders (id, total) VALUES (1, 2)
----
INSERT INTO orders SELECT * FROM archive.orders
----
INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = excluded.total RETURNING id
----
UPDATE orders SET total = 1 WHERE id = 2
----
UPDATE orders SET total = total + 1
----
UPDATE orders o SET total = 1 FROM customers c WHERE c.id = o.customer_id RETURNING *
----
DELETE FROM orders
----
DELETE FROM orders WHERE id = $1
----
DELETE FROM orders o USING customers c WHERE c.id = o.customer_id
----
MERGE INTO orders o USING staging s ON o.id = s.id WHEN MATCHED AND s.gone THEN DELETE WHEN MATCHED THEN UPDATE SET total = s.total WHEN NOT MATCHED THEN INSERT (id, total) VALUES (s.id, s.total)
----
WITH gone AS (DELETE FROM orders WHERE id = 3 RETURNING *) INSERT INTO archive SELECT * FROM gone
----
WITH orders AS (SELECT 1) SELECT * FROM orders
----
WITH RECURSIVE tree AS (SELECT id FROM nodes UNION ALL SELECT n.id FROM nodes n JOIN tree t ON n.parent = t.id) SELECT * FROM tree
----
SELECT * FROM a UNION SELECT * FROM b
----
SELECT (SELECT max(total) FROM orders), EXISTS (SELECT 1 FROM items) FROM customers
----
SELECT 1; DELETE FROM orders; SELECT 2
----
;;
----
-- nothing
----
SELECT * FROM other_database.public.orders
----
SELECT * FROM pg_temp.scratch
----
SELECT count(*) FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
----
SELECT subname, subconninfo FROM pg_subscription
----
SELECT s FROM pg_subscription s
----
SELECT subname FROM pg_subscription AS s(oid, subdbid, subname)
----
SELECT count(*) FROM pg_subscription NATURAL JOIN (VALUES ('x')) AS guess(subconninfo)
----
SELECT count(*) FROM pg_subscription JOIN (VALUES ('x')) AS guess(subconninfo) USING (subconninfo)
----
COPY pg_subscription TO STDOUT
----
TABLE pg_subscription
----
SELECT srvname, usename FROM pg_catalog.pg_user_mappings
----
SELECT gss_authenticated, encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()
----
SELECT oid FROM pg_subscription FOR UPDATE
----
SELECT 1 FROM pg_subscription WHERE row_to_json(pg_subscription) IS NOT NULL
----
SELECT (pg_subscription).subname FROM pg_subscription
----
UPDATE items SET name = 'x' FROM pg_subscription WHERE subconninfo = 'x' RETURNING subname
