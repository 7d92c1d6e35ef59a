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
SELECT name FROM items WHERE id = $1
----
SELECT $1::int * 2 AS twice
----
SELECT 1 AS a
----
SELECT 1 / 0
----
SELECT 3 AS a
----
SELECT n FROM generate_series(1, $1::int) AS n
----
SELECT 'after' AS it
----
SELECT 1 AS a; SELECT 2 AS b
----
SELECT 1::int4 AS a, 2::int8 AS b, true AS c, 1.5::float8 AS d, 'x'::text AS e
----
SELECT id, name FROM items LIMIT 0
----
SELECT $1::int AS n
----
SHOW statement_timeout
----
SHOW lock_timeout
----
SHOW idle_in_transaction_session_timeout
----
SHOW search_path
----
LISTEN news
----
NOTIFY news, 'brass'
----
UNLISTEN news
