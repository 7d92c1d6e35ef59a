SELECT * FROM ONLY users
----
SELECT * FROM ONLY (users)
----
DELETE FROM ONLY users
----
COPY t FROM STDIN; DROP TABLE users
----
TABLE users
----
SELECT 1 UNION TABLE users
----
CREATE TABLE x AS TABLE users
----
SELECT * INTO x FROM users
----
WITH a AS (SELECT 1) DELETE FROM users
----
EXPLAIN (ANALYZE) DELETE FROM users
----
EXPLAIN (ANALYZE false) DELETE FROM users
----
EXPLAIN DELETE FROM users
----
EXPLAIN (ANALYZE off, VERBOSE) SELECT * FROM users
----
SELECT * FROM (WITH users AS (SELECT 1) SELECT * FROM users) x, users
----
INSERT INTO x VALUES (1) RETURNING (SELECT max(id) FROM users)
----
SELECT * FROM U&"\0075sers"
----
SELECT * FROM U&"!0075sers" UESCAPE '!'
----
SELECT * FROM Users, "Users"
----
SELECT * FROM a_name_that_is_much_longer_than_the_sixty_three_bytes_that_the_server_keeps_of_it
----
SELECT '\'; DROP TABLE users; --'
----
SELECT E'\'; DROP TABLE users; --'
----
SELECT $a$ ; DROP TABLE users; $a$
----
SELECT 1 /* /* nested */ ; DROP TABLE users */
----
DECLARE c CURSOR FOR SELECT * FROM users
----
SELECT * FROM users TABLESAMPLE system (1)
----
SELECT * FROM users* WHERE id = 1
----
CREATE VIEW v AS SELECT * FROM users
----
COPY (DELETE FROM users RETURNING *) TO STDOUT
----
COPY users TO PROGRAM 'mail'
----
COPY users FROM '/etc/passwd'
----
SELECT users.reverse FROM users
----
SELECT * FROM (SELECT * FROM users) AS pg_class
----
MERGE INTO x USING users u ON x.id = u.id WHEN MATCHED THEN DO NOTHING
----
CREATE TABLE x (LIKE users INCLUDING ALL)
----
CREATE TABLE x (id int REFERENCES users (id))
----
CREATE TABLE x PARTITION OF users FOR VALUES IN (1)
----
SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(array[1])) AS f
----
SELECT 1; SELECT broken FROM
