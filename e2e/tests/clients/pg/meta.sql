\d
\d+
\d orders
\d+ customers
\d+ tiny.parents
\d+ tiny.both_of
\d tiny.*
\dA
\dA+
\dAc
\dAf
\dAo
\db
\dc
\dC
\dconfig work_mem
\dd
\dD+ tiny.*
\ddp
\dE
\des
\det
\deu
\dew
\df tiny.*
\df+ pg_catalog.lower
\dF
\dFd
\dFp
\dFt
\dg
\di+ tiny.*
\dl
\dL
\dm tiny.*
\dn+
\do pg_catalog.||
\dO
\dp
\drds
\dRp
\dRs
\ds
\dt tiny.*
\dT+ tiny.*
\du+
\dv tiny.*
\dx
\dX
\dy
\l
\sv tiny.both_of
\sf pg_catalog.pg_sleep_for
\z tiny.*
\encoding
\pset format csv
SELECT id, name FROM items ORDER BY id;
\pset format aligned
\x
SELECT id, name FROM items ORDER BY id LIMIT 1 \g
\x
SELECT 1 AS one\; SELECT 2 AS two;
SELECT 'SELECT ' || n FROM generate_series(1, 3) AS n \gexec
SELECT id AS item, name FROM items ORDER BY id LIMIT 1 \gset
\echo :item :name
SELECT id, mood, stuff FROM tiny.parents \gdesc
SELECT id % 2 AS odd, id, name FROM items \crosstabview
\copy (SELECT id, name FROM items ORDER BY id) TO stdout WITH CSV HEADER
\copy tiny.parents TO pstdout
COPY (SELECT 1, NULL, 'x') TO STDOUT;
CREATE TEMPORARY TABLE copied (id int, note text);
COPY copied FROM STDIN;
1	one
2	\N
\.
\copy copied FROM stdin WITH (FORMAT csv)
3,"three, quoted"
\.
COPY copied FROM STDIN;
x	not a number
\.
\copy (SELECT * FROM copied ORDER BY id) TO stdout
PREPARE by_id (int) AS SELECT note FROM copied WHERE id = $1;
EXECUTE by_id(1);
EXECUTE by_id(3);
DEALLOCATE by_id;
BEGIN;
DECLARE several SCROLL CURSOR FOR SELECT id, note FROM copied ORDER BY id;
FETCH 2 FROM several;
FETCH BACKWARD ALL FROM several;
CLOSE several;
COMMIT;
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT 1 / 0;
SELECT 'still here';
ROLLBACK;
\set AUTOCOMMIT off
SELECT 'in a transaction';
COMMIT;
\set AUTOCOMMIT on
\set FETCH_COUNT 7
SELECT n FROM generate_series(1, 20) AS n;
SELECT nothing;
\errverbose
\timing off
\prompt_is_unknown
