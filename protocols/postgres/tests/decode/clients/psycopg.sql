BEGIN
----
SELECT id, total FROM orders WHERE id = 1
----
SELECT t.oid, typarray
FROM pg_type t JOIN pg_namespace ns
    ON typnamespace = ns.oid
WHERE typname = 'hstore';
----
INSERT INTO items (order_id, sku, n) VALUES (1,'x',NULL) RETURNING id
----
COMMIT
----
INSERT INTO items (order_id, sku) VALUES (1,'a'),(1,'b')
----
ROLLBACK
----
BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE
----
SELECT 1
----
SHOW server_version
----
SET default_transaction_isolation TO DEFAULT
----
SET default_transaction_read_only TO DEFAULT
----
DECLARE "named" CURSOR WITHOUT HOLD FOR SELECT * FROM items
----
FETCH FORWARD 1 FROM "named"
----
DISCARD ALL
----
SELECT t.oid, typarray, attname, atttypid
FROM pg_type t
JOIN pg_namespace ns ON typnamespace = ns.oid
JOIN pg_attribute a ON attrelid = typrelid
WHERE typname = 'orders' AND nspname = 'public'
    AND attnum > 0 AND NOT attisdropped
ORDER BY attnum;
----
COPY items (order_id, sku) FROM STDIN
----
COPY (SELECT * FROM items) TO STDOUT
----
UPDATE items SET n = 1 WHERE id = 1;UPDATE items SET n = 2 WHERE id = 2
----
select rngtypid, rngsubtype, typarray
from pg_range r
join pg_type t on t.oid = rngtypid
join pg_namespace ns on ns.oid = typnamespace
where typname = 'int4range' and ns.nspname = 'public';
----
SAVEPOINT register_type
----
SELECT rngtypid, rngsubtype, typarray, typname, nspname
from pg_range r
join pg_type t on t.oid = rngtypid
join pg_namespace ns on ns.oid = typnamespace
WHERE t.oid = 'int4range'::regtype
----
ROLLBACK TO SAVEPOINT register_type
----
SELECT id FROM orders WHERE id = $1
----
SAVEPOINT "_pg3_1"
----
SELECT
    typname AS name, oid, typarray AS array_oid,
    oid::regtype::text AS regtype, typdelim AS delimiter
FROM pg_type t
WHERE t.oid = to_regtype($1)
ORDER BY t.oid
----
RELEASE "_pg3_1"
----
SELECT name, oid, array_oid, regtype, array_agg(label) AS labels
FROM (
    SELECT
        t.typname AS name, t.oid AS oid, t.typarray AS array_oid,
        t.oid::regtype::text AS regtype, e.enumlabel AS label
    FROM pg_type t
    LEFT JOIN  pg_enum e
    ON e.enumtypid = t.oid
    WHERE t.oid = to_regtype($1)
    ORDER BY e.enumsortorder
) x
GROUP BY name, oid, array_oid, regtype
----
SELECT
    t.typname AS name, t.oid AS oid, t.typarray AS array_oid,
    t.oid::regtype::text AS regtype,
    coalesce(a.fnames, '{}') AS field_names,
    coalesce(a.ftypes, '{}') AS field_types
FROM pg_type t
LEFT JOIN (
    SELECT
        attrelid,
        array_agg(attname) AS fnames,
        array_agg(atttypid) AS ftypes
    FROM (
        SELECT a.attrelid, a.attname, a.atttypid
        FROM pg_attribute a
        JOIN pg_type t ON t.typrelid = a.attrelid
        WHERE t.oid = to_regtype($1)
        AND a.attnum > 0
        AND NOT a.attisdropped
        ORDER BY a.attnum
    ) x
    GROUP BY attrelid
) a ON a.attrelid = t.typrelid
WHERE t.oid = to_regtype($1)
----
SELECT t.typname AS name, t.oid AS oid, t.typarray AS array_oid,
    t.oid::regtype::text AS regtype,
    r.rngsubtype AS subtype_oid
FROM pg_type t
JOIN pg_range r ON t.oid = r.rngtypid
WHERE t.oid = to_regtype($1)
----
SELECT t.typname AS name, t.oid AS oid, t.typarray AS array_oid,
    t.oid::regtype::text AS regtype,
    r.rngtypid AS range_oid, r.rngsubtype AS subtype_oid
FROM pg_type t
JOIN pg_range r ON t.oid = r.rngmultitypid
WHERE t.oid = to_regtype($1)
----
UPDATE orders SET total = $1 WHERE id = $2
----
DECLARE "srv" CURSOR FOR SELECT * FROM orders
----
FETCH FORWARD 1 FROM "srv"
----
MOVE 0 FROM "srv"
----
CLOSE "srv"
