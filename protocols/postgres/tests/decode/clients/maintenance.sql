SELECT pg_catalog.set_config('search_path', '', false);
----
RESET search_path;
----
SELECT c.relname, ns.nspname FROM pg_catalog.pg_class c
 JOIN pg_catalog.pg_namespace ns ON c.relnamespace OPERATOR(pg_catalog.=) ns.oid
 LEFT JOIN pg_catalog.pg_class t ON c.reltoastrelid OPERATOR(pg_catalog.=) t.oid
 WHERE c.relpersistence OPERATOR(pg_catalog.!=) 't'
 AND c.relkind OPERATOR(pg_catalog.=) ANY (array['r', 'm'])
 ORDER BY c.relpages DESC;
----
VACUUM pg_catalog.pg_proc;
----
WITH listed_tables (table_oid, column_list) AS (
  VALUES ('orders'::pg_catalog.regclass, NULL::pg_catalog.text)
)
SELECT c.relname, ns.nspname, listed_tables.column_list FROM pg_catalog.pg_class c
 JOIN pg_catalog.pg_namespace ns ON c.relnamespace OPERATOR(pg_catalog.=) ns.oid
 LEFT JOIN pg_catalog.pg_class t ON c.reltoastrelid OPERATOR(pg_catalog.=) t.oid
 JOIN listed_tables ON listed_tables.table_oid OPERATOR(pg_catalog.=) c.oid
 WHERE c.relpersistence OPERATOR(pg_catalog.!=) 't'
 ORDER BY c.relpages DESC;
----
VACUUM (ANALYZE) public.orders;
----
SET default_statistics_target=1; SET vacuum_cost_delay=0;
----
ANALYZE pg_catalog.pg_proc;
----
SET default_statistics_target=10; RESET vacuum_cost_delay;
----
RESET default_statistics_target;
----
REINDEX DATABASE shop;
----
SELECT c.relname, ns.nspname
 FROM pg_catalog.pg_class c, pg_catalog.pg_namespace ns
 WHERE c.relnamespace OPERATOR(pg_catalog.=) ns.oid
  AND c.oid OPERATOR(pg_catalog.=) 'orders'::pg_catalog.regclass;
----
REINDEX TABLE public.orders;
----
CLUSTER;
