BEGIN
----
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY
----
COMMIT
----
COMMIT AND CHAIN
----
ROLLBACK
----
SAVEPOINT a; ROLLBACK TO a; RELEASE a
----
PREPARE TRANSACTION 'a'
----
COMMIT PREPARED 'a'
----
SET work_mem = '1MB'
----
SET search_path = a, b
----
SET LOCAL search_path = a
----
RESET search_path
----
SET row_security = off
----
SET ROLE postgres
----
RESET ROLE
----
SET SESSION AUTHORIZATION postgres
----
SET session_replication_role = replica
----
SET standard_conforming_strings = off
----
SET standard_conforming_strings = on
----
SET client_encoding = 'UTF8'
----
SET NAMES 'utf-8'
----
SET NAMES 'SJIS'
----
RESET client_encoding
----
SET countersign.person = 'grace'
----
SET "CounterSign.Person" = 'grace'
----
RESET ALL
----
DISCARD ALL
----
DISCARD TEMP
----
SHOW search_path
----
SHOW ALL
----
SET TRANSACTION ISOLATION LEVEL READ COMMITTED
----
SET CONSTRAINTS ALL DEFERRED
----
SET TIME ZONE 'UTC'
----
SET SCHEMA 'private'
----
PREPARE p AS DELETE FROM orders
----
EXECUTE p
----
EXPLAIN ANALYZE EXECUTE p
----
CREATE TABLE x AS EXECUTE p
----
DEALLOCATE p
----
DECLARE c CURSOR WITH HOLD FOR SELECT id FROM orders WHERE id = 5
----
FETCH 10 FROM c
----
MOVE c
----
CLOSE c
----
LISTEN a
----
UNLISTEN *
----
NOTIFY a, 'b'
----
LOCK TABLE orders
----
VACUUM (ANALYZE) orders
----
VACUUM
----
ANALYZE orders (id)
----
REINDEX TABLE orders
----
CHECKPOINT
----
LOAD 'x'
----
COPY orders TO STDOUT
----
COPY orders (id, total) FROM STDIN
----
COPY (SELECT id FROM orders) TO STDOUT (FORMAT csv)
----
ALTER ROLE ada SET standard_conforming_strings = off
----
ALTER DATABASE shop SET client_encoding = 'SJIS'
----
ALTER SYSTEM SET standard_conforming_strings = off
----
CREATE FUNCTION f() RETURNS int LANGUAGE sql SET countersign.person = 'x' AS 'SELECT 1'
----
UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'
