SELECT nextval('orders_id_seq')
----
SELECT pg_terminate_backend(1)
----
SELECT pg_read_file('/etc/passwd')
----
SELECT lo_import('/etc/passwd')
----
SELECT pg_notify('a', 'b')
----
SELECT pg_advisory_lock(1)
----
SELECT dblink('x', 'DROP TABLE orders')
----
SELECT query_to_xml('DROP TABLE orders', true, true, '')
----
SELECT * FROM ts_stat('SELECT 1')
----
SELECT public.lower('x')
----
SELECT pg_catalog.lower('x')
----
SELECT my_function(1)
----
SELECT * FROM my_function(1)
----
SELECT 1 OPERATOR(public.+) 2
----
SELECT 1 OPERATOR(pg_catalog.+) 2
----
SELECT a === b FROM t
----
SELECT 'x'::mytype
----
SELECT 'x'::public.mytype
----
SELECT 'x'::regclass, 'y'::text, 1::numeric(10, 2), '{1}'::int[]
----
SELECT set_config('search_path', 'public', false)
----
SELECT set_config('role', 'postgres', true)
----
SELECT set_config('work_mem', '1MB', true)
----
SELECT set_config('standard_conforming_strings', 'off', false)
----
SELECT set_config('Client_Encoding', 'SJIS', false)
----
SELECT set_config(name, 'off', false) FROM (VALUES ('standard_conforming_strings')) v(name)
----
SELECT pg_sleep(1), txid_current(), random(), gen_random_uuid()
----
SELECT xmlelement(name a, my_function()), xmlserialize(content x AS text) FROM t
----
SELECT json_object('a': my_function())
----
SELECT count(*) FILTER (WHERE my_function()), sum(x) OVER (PARTITION BY my_other()) FROM t
----
INSERT INTO t VALUES (now(), my_function())
----
SELECT (my_function()).*
----
SELECT extract(year FROM now()), substring('abc' FROM 1 FOR 2), position('a' IN 'abc'), trim('a'), overlay('a' placing 'b' from 1)
----
CALL my_procedure(1)
----
DO $$ BEGIN DROP TABLE users; END $$
----
SELECT x FROM t ORDER BY x USING <
----
SELECT (information_schema._pg_expandarray(indkey)).n FROM pg_catalog.pg_index
----
SELECT information_schema._pg_mine(1)
