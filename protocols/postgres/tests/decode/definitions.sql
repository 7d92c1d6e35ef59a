DROP TABLE orders
----
DROP TABLE IF EXISTS public.orders, items CASCADE
----
TRUNCATE orders, items CASCADE
----
CREATE TABLE a (id int PRIMARY KEY, name text DEFAULT lower('X') CHECK (length(name) > 1))
----
CREATE TEMP TABLE a (id int)
----
CREATE TABLE a (id int) INHERITS (orders)
----
ALTER TABLE orders ADD COLUMN note text, DROP COLUMN total CASCADE
----
ALTER TABLE orders OWNER TO grace
----
ALTER TABLE orders ENABLE ROW LEVEL SECURITY
----
ALTER TABLE orders DISABLE TRIGGER ALL
----
ALTER TABLE orders RENAME TO old_orders
----
ALTER TABLE orders RENAME COLUMN total TO sum
----
ALTER TABLE orders SET SCHEMA archive
----
ALTER TABLE orders ATTACH PARTITION items FOR VALUES IN (1)
----
ALTER TABLE orders ALTER COLUMN total TYPE text USING my_function(total)
----
CREATE INDEX CONCURRENTLY ON orders (total, lower(name)) WHERE total > 0
----
DROP INDEX orders_total_idx
----
CREATE VIEW v AS SELECT id FROM orders
----
CREATE MATERIALIZED VIEW v AS SELECT id FROM orders
----
REFRESH MATERIALIZED VIEW v
----
CREATE SEQUENCE s
----
ALTER SEQUENCE s RESTART
----
COMMENT ON TABLE orders IS 'x'
----
COMMENT ON COLUMN public.orders.id IS 'x'
----
CREATE SCHEMA a
----
DROP SCHEMA a CASCADE
----
CREATE TYPE mood AS ENUM ('a')
----
CREATE TYPE pair AS (a int, b int)
----
CREATE DOMAIN d AS int CHECK (my_function(value))
----
CREATE ROLE eve SUPERUSER
----
ALTER ROLE eve PASSWORD 'secret'
----
DROP ROLE eve, mallory
----
GRANT SELECT ON orders TO eve
----
GRANT ALL ON ALL TABLES IN SCHEMA public TO eve
----
REVOKE ALL ON DATABASE shop FROM eve
----
GRANT admins TO eve
----
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO eve
----
REASSIGN OWNED BY eve TO ada
----
DROP OWNED BY eve
----
CREATE POLICY p ON orders USING (total < 5)
----
DROP POLICY p ON orders
----
CREATE FUNCTION f(a int DEFAULT my_function()) RETURNS int LANGUAGE sql AS 'SELECT 1'
----
CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC DELETE FROM orders; SELECT 1; END
----
DROP FUNCTION f(int)
----
CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()
----
DROP TRIGGER t ON orders
----
CREATE RULE r AS ON INSERT TO orders DO ALSO DELETE FROM items
----
CREATE EXTENSION dblink
----
DROP EXTENSION dblink
----
CREATE SERVER s FOREIGN DATA WRAPPER f
----
CREATE USER MAPPING FOR ada SERVER s
----
CREATE FOREIGN TABLE f (id int) SERVER s
----
IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b
----
CREATE PUBLICATION p FOR TABLE orders
----
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p
----
CREATE DATABASE other
----
DROP DATABASE shop
----
ALTER SYSTEM SET work_mem = '1GB'
----
CREATE CAST (text AS int) WITH FUNCTION f(text)
----
CREATE OPERATOR + (FUNCTION = f, LEFTARG = int, RIGHTARG = int)
----
CREATE AGGREGATE a (int) (SFUNC = f, STYPE = int)
----
CREATE LANGUAGE plperlu
----
CREATE TABLESPACE t LOCATION '/x'
----
CLUSTER orders USING orders_pkey
----
CREATE STATISTICS s ON id, total FROM orders
----
SECURITY LABEL ON TABLE orders IS 'x'
----
CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()
