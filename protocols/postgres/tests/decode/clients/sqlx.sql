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
SELECT name FROM items WHERE id = $1::int
----
SAVEPOINT _sqlx_savepoint_1
----
ROLLBACK TO SAVEPOINT _sqlx_savepoint_1
----
SELECT 'still here'
----
COMMIT
----
SELECT pg_type.oid,
pg_type.oid::regtype::text pretty_name,
typname catalog_name,
original_name,
typtype,
typcategory,
NULLIF(typelem, 0::oid) typelem,
NULLIF(typbasetype, 0::oid) typbasetype,
rngsubtype,
COALESCE((SELECT array_agg(enumlabel) FROM (SELECT *
FROM pg_catalog.pg_enum
WHERE enumtypid = pg_type.oid
ORDER BY enumsortorder) labels),
'{}') enum_labels,
COALESCE(
(SELECT array_agg((attname, atttypid)) FROM (SELECT *
FROM pg_catalog.pg_attribute
WHERE attrelid = pg_type.typrelid
AND NOT attisdropped
AND attnum > 0
ORDER BY attnum) attributes),
'{}') record_attributes
FROM (SELECT DISTINCT ON(lookup_oid) original_name, lookup_oid
FROM (VALUES (E'mood', to_regtype(E'mood')::oid), (E'mood', to_regtype(E'mood')::oid)) lookup_inner(original_name, lookup_oid)
ORDER BY lookup_oid) type_lookup
INNER JOIN pg_catalog.pg_type ON type_lookup.lookup_oid = pg_type.oid
LEFT JOIN pg_catalog.pg_range ON pg_type.oid = pg_range.rngtypid
----
SELECT pg_type.oid,
pg_type.oid::regtype::text pretty_name,
typname catalog_name,
original_name,
typtype,
typcategory,
NULLIF(typelem, 0::oid) typelem,
NULLIF(typbasetype, 0::oid) typbasetype,
rngsubtype,
COALESCE((SELECT array_agg(enumlabel) FROM (SELECT *
FROM pg_catalog.pg_enum
WHERE enumtypid = pg_type.oid
ORDER BY enumsortorder) labels),
'{}') enum_labels,
COALESCE(
(SELECT array_agg((attname, atttypid)) FROM (SELECT *
FROM pg_catalog.pg_attribute
WHERE attrelid = pg_type.typrelid
AND NOT attisdropped
AND attnum > 0
ORDER BY attnum) attributes),
'{}') record_attributes
FROM (SELECT DISTINCT ON(lookup_oid) original_name, lookup_oid
FROM (VALUES (NULL, 16438), (NULL, 16445)) lookup_inner(original_name, lookup_oid)
ORDER BY lookup_oid) type_lookup
INNER JOIN pg_catalog.pg_type ON type_lookup.lookup_oid = pg_type.oid
LEFT JOIN pg_catalog.pg_range ON pg_type.oid = pg_range.rngtypid
----
SELECT mood, moods, pair, percent FROM feelings WHERE mood = $1 OR mood = $2
----
SELECT 1; SELECT 'two'
----
SHOW statement_timeout
----
LISTEN "news"
----
SELECT pg_notify('news', 'brass')
----
UNLISTEN *
----
COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT
----
EXPLAIN (VERBOSE, FORMAT JSON) SELECT id, name FROM items WHERE id = NULL
----
SELECT
    proto.idx,
    CASE WHEN pg_attribute.attnum IS NULL THEN NULL ELSE pg_attribute.attnotnull END AS not_null
FROM (VALUES (0, 16388, 1), (1, 16388, 2)) AS proto (idx, table_id, col_idx)
LEFT JOIN pg_catalog.pg_attribute ON table_id = attrelid AND col_idx = attnum
ORDER BY proto.idx
