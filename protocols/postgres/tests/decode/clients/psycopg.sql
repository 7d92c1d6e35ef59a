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
----
SELECT id, name FROM items WHERE id = $1::int
----
SELECT $1::int
----
DECLARE "some" CURSOR FOR SELECT n, n * $1 FROM generate_series(1, 30) AS n
----
FETCH FORWARD 4 FROM "some"
----
MOVE 2 FROM "some"
----
FETCH FORWARD 7 FROM "some"
----
CLOSE "some"
----
DECLARE "there" SCROLL CURSOR WITH HOLD FOR SELECT id, name FROM items ORDER BY id
----
FETCH FORWARD ALL FROM "there"
----
MOVE  -2 FROM "there"
----
FETCH FORWARD 1 FROM "there"
----
CLOSE "there"
----
SELECT $1::int * 2
----
SELECT 3
----
SELECT name FROM items WHERE id = $1
----
SELECT 1::int2, 2::int8, 3.25::numeric, 1.5::float4, 'x'::bytea, '2024-02-29'::date, now() > '-infinity', '{1,2}'::int[], '{"a": [1]}'::jsonb, '10.0.0.0/8'::cidr, interval '1 day 2 hours', '[1,5)'::int4range, '5b3f0c9e-6d2a-4c1b-9f7e-0a1b2c3d4e5f'::uuid
----
COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT
----
COPY items TO STDOUT (FORMAT binary)
----
COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT (FORMAT csv, HEADER)
----
SAVEPOINT "_pg3_2"
----
SELECT 1 / 0
----
ROLLBACK TO "_pg3_2"
----
RELEASE "_pg3_2"
----
DEALLOCATE ALL
----
SELECT 'still here'
----
SELECT mood, pair, moods, percent FROM feelings
----
SELECT n FROM generate_series(1, 50) AS n
----
SELECT "name" FROM "public"."items" WHERE id = 2
----
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY
----
SHOW transaction_isolation
----
SELECT 1; SELECT 'two'
----
SELECT gid FROM pg_prepared_xacts
----
SELECT id, name FROM items WHERE id = 1::int
----
SELECT 1::int;SELECT 2::int
----
DECLARE "some" SCROLL CURSOR WITHOUT HOLD FOR SELECT n, n * 3 FROM generate_series(1, 30) AS n
----
MOVE ABSOLUTE 3 FROM "some"
----
FETCH FORWARD 1 FROM "some"
----
COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT WITH CSV HEADER
----
COPY "items"("id","name") TO stdout WITH DELIMITER AS '	' NULL AS '\N'
----
SELECT a, b FROM (VALUES (1,'x'),(2,NULL)) AS v (a, b) ORDER BY a
----
SELECT t.oid, typarray, attname, atttypid
FROM pg_type t
JOIN pg_namespace ns ON typnamespace = ns.oid
JOIN pg_attribute a ON attrelid = typrelid
WHERE typname = 'pair' AND nspname = 'public'
    AND attnum > 0 AND NOT attisdropped
ORDER BY attnum;
----
SELECT pair, moods, '{"a": 1}'::jsonb AS json, ARRAY[1, NULL] AS list FROM feelings
----
SET default_transaction_read_only TO 'off'
----
SELECT 'alive'
----
SELECT 'it''s a \ backslash', '00ff', ARRAY[1,2]
