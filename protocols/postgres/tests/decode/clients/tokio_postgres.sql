SELECT 1
----
BEGIN
----
SELECT id, name FROM items WHERE id = $1::int
----
ROLLBACK
----
SELECT $1::int
----
SELECT 12 / $1::int
----
START TRANSACTION
----
SELECT n FROM generate_series(1, 25) AS n
----
COMMIT
----
SELECT 1; SELECT 'two', NULL
----
SELECT t.typname, t.typtype, t.typelem, r.rngsubtype, t.typbasetype, n.nspname, t.typrelid
FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
INNER JOIN pg_catalog.pg_namespace n ON t.typnamespace = n.oid
WHERE t.oid = $1
----
SELECT enumlabel
FROM pg_catalog.pg_enum
WHERE enumtypid = $1
ORDER BY enumsortorder
----
SELECT attname, atttypid
FROM pg_catalog.pg_attribute
WHERE attrelid = $1
AND NOT attisdropped
AND attnum > 0
ORDER BY attnum
----
START TRANSACTION READ ONLY
----
SAVEPOINT within
----
ROLLBACK TO within
----
SELECT 'still here'
----
COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT
----
SELECT name FROM items WHERE id = $1
