//! What is judged `read` changes nothing: statements and every function of the server are run by somebody who may do
//! nothing but read, and the server and the session are compared before and after.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

use e2e::calls::{Arguments, of_server};
use e2e::direct::{Direct, sqlstate};
use e2e::people::token;
use e2e::quiet::{QUIET, State};
use e2e::stand::{Options, Stand};
use e2e::wire::Wire;

const POLICY: &str = r#"
@id("readers")
permit (principal in Group::"readers", action in [Action::"connect", Action::"read"], resource);

@id("workers")
permit (
  principal in Group::"workers",
  action in [Action::"connect", Action::"read", Action::"write", Action::"admin", Action::"unknown"],
  resource
);

@id("all-see")
permit (principal, action == Action::"reveal", resource is DataClass);
"#;

const MADE: &str = "
SET ROLE shop_gateway;
CREATE TABLE probed (id int PRIMARY KEY, name text NOT NULL, parent int REFERENCES probed, more jsonb, list int[]);
INSERT INTO probed SELECT n, 'name ' || n, NULLIF(n - 1, 0), jsonb_build_object('n', n), ARRAY[n, n + 1] FROM generate_series(1, 20) AS n;
CREATE VIEW probed_view AS SELECT id, name FROM probed;
CREATE MATERIALIZED VIEW probed_kept AS SELECT id FROM probed;
CREATE SEQUENCE probed_numbers;
CREATE FUNCTION probe() RETURNS int LANGUAGE sql AS 'SELECT nextval(''probed_numbers'')::int';
CREATE FUNCTION probe_quietly(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT nextval(''probed_numbers'')::int + n';
CREATE FUNCTION probe_compare(a int, b int) RETURNS boolean LANGUAGE sql AS 'SELECT nextval(''probed_numbers'') > 0';
CREATE OPERATOR <-< (LEFTARG = int, RIGHTARG = int, FUNCTION = probe_compare);
CREATE DOMAIN probed_domain AS int CHECK (probe_quietly(VALUE) > 0);
CREATE TYPE probed_pair AS (a int, b int);
CREATE FUNCTION named(p probed) RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''probed_numbers'')';
CREATE VIEW probing AS SELECT probe() AS number;
CREATE VIEW over_probing AS SELECT number FROM probing;
CREATE AGGREGATE probe_all(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE SCHEMA hidden;
CREATE FUNCTION hidden.lower(text) RETURNS text LANGUAGE sql AS 'SELECT nextval(''probed_numbers'')::text';
CREATE FUNCTION abs(probed) RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''probed_numbers'')';
SELECT nextval('probed_numbers');
RESET ROLE;
";

/// What may be judged `read`, and what looks like it.
const STATEMENTS: &[&str] = &[
    "SELECT * FROM probed",
    "TABLE probed",
    "VALUES (1), (2)",
    "SELECT count(*), max(id) FROM probed GROUP BY name ORDER BY 1",
    "SELECT p.*, q.name FROM probed p LEFT JOIN probed q ON q.id = p.parent",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t",
    "SELECT * FROM probed_view",
    "SELECT * FROM probed_kept",
    "EXPLAIN SELECT * FROM probed",
    "EXPLAIN (ANALYZE, BUFFERS, VERBOSE) SELECT * FROM probed",
    "EXPLAIN INSERT INTO probed (id, name) VALUES (100, 'x')",
    "EXPLAIN DELETE FROM probed",
    "EXPLAIN SELECT nextval('probed_numbers')",
    "EXPLAIN SELECT probe_quietly(1)",
    "EXPLAIN ANALYZE INSERT INTO probed (id, name) VALUES (101, 'x')",
    "EXPLAIN (ANALYZE on) DELETE FROM probed WHERE id = 20",
    "EXPLAIN (ANALYZE 1) UPDATE probed SET name = 'x'",
    "EXPLAIN ANALYZE CREATE TABLE made AS SELECT 1",
    "EXPLAIN CREATE TABLE made AS SELECT 1",
    "EXPLAIN REFRESH MATERIALIZED VIEW probed_kept",
    "COPY probed TO STDOUT",
    "COPY (SELECT * FROM probed) TO STDOUT (FORMAT csv)",
    "COPY (DELETE FROM probed WHERE id = 19 RETURNING id) TO STDOUT",
    "COPY (SELECT nextval('probed_numbers')) TO STDOUT",
    "COPY probed TO '/tmp/probed'",
    "COPY probed TO PROGRAM 'cat >/tmp/probed'",
    "BEGIN; SELECT 1; COMMIT",
    "BEGIN READ ONLY; SELECT 1; ROLLBACK",
    "BEGIN; DECLARE c CURSOR FOR SELECT * FROM probed; FETCH 3 FROM c; MOVE 2 FROM c; CLOSE c; COMMIT",
    "BEGIN; DECLARE c CURSOR FOR SELECT nextval('probed_numbers'); FETCH 1 FROM c; COMMIT",
    "BEGIN; SAVEPOINT s; SELECT 1; ROLLBACK TO s; RELEASE s; COMMIT",
    "PREPARE once AS SELECT 1",
    "EXECUTE once",
    "DEALLOCATE once",
    "DEALLOCATE ALL",
    "PREPARE later AS DELETE FROM probed",
    "EXECUTE later",
    "DEALLOCATE later",
    "SHOW ALL",
    "SELECT * FROM pg_stat_activity",
    "SELECT * FROM pg_stat_user_tables",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_locks",
    "SELECT * FROM pg_settings WHERE name = 'work_mem'",
    "SELECT pg_get_viewdef('probed_view'::regclass)",
    "SELECT * FROM probed FOR UPDATE",
    "SELECT * FROM probed FOR KEY SHARE SKIP LOCKED",
    "SELECT * FROM (SELECT * FROM probed FOR SHARE) s",
    "WITH s AS (SELECT * FROM probed FOR UPDATE) SELECT 1",
    "SELECT * INTO made FROM probed",
    "SELECT * INTO TEMP made FROM probed",
    "WITH gone AS (DELETE FROM probed WHERE id = 18 RETURNING *) SELECT * FROM gone",
    "WITH new AS (INSERT INTO probed (id, name) VALUES (200, 'x') RETURNING id) SELECT 1",
    "SELECT nextval('probed_numbers')",
    "SELECT currval('probed_numbers')",
    "SELECT lastval()",
    "SELECT setval('probed_numbers', 100)",
    "SELECT * FROM probed_numbers",
    "SELECT probe()",
    "SELECT * FROM probe()",
    "SELECT (SELECT probe())",
    "SELECT 1 WHERE probe() > 0",
    "SELECT CASE WHEN probe() > 0 THEN 1 END",
    "SELECT 1 ORDER BY probe()",
    "SELECT 1 LIMIT probe()",
    "SELECT 1 <-< 2",
    "SELECT 1 OPERATOR(public.<-<) 2",
    "SELECT 1::probed_domain",
    "SELECT CAST('1' AS probed_domain)",
    "SELECT probed_domain '1'",
    "SELECT named(p) FROM probed p",
    "SELECT p.named FROM probed p",
    "SELECT (p).named FROM probed p",
    "SELECT (ROW(1, 2)::probed_pair).a",
    "SELECT abs(p) FROM probed p",
    "SELECT p.abs FROM probed p",
    "SELECT hidden.lower('X')",
    "SELECT * FROM probing",
    "SELECT number FROM public.over_probing",
    "TABLE over_probing",
    "EXPLAIN ANALYZE SELECT * FROM probing",
    "COPY (SELECT * FROM probing) TO STDOUT",
    "BEGIN; DECLARE c CURSOR FOR SELECT p.named FROM probed p; FETCH 2 FROM c; COMMIT",
    "SELECT s.p.named FROM (SELECT p FROM probed p) s",
    "SELECT (s.p).named FROM (SELECT p FROM probed p) s",
    "SELECT probed.named FROM probed",
    "SELECT 1 FROM probed p WHERE p.named > 0",
    "SELECT 1 FROM probed p ORDER BY p.abs",
    "PREPARE attribute AS SELECT p.named FROM probed p",
    "EXECUTE attribute",
    "SELECT probe_all(id) FROM probed",
    "SELECT 1 = ANY (ARRAY[probe()])",
    "SELECT sum(id) FILTER (WHERE probe() > 0) FROM probed",
    "SELECT row_number() OVER (ORDER BY probe()) FROM probed",
    "SELECT * FROM generate_series(1, probe())",
    "SELECT * FROM probed TABLESAMPLE bernoulli (probe())",
    "SELECT * FROM ROWS FROM (probe(), generate_series(1, 2)) AS r",
    "SELECT * FROM LATERAL probe() AS x",
    "SELECT DISTINCT ON (probe()) 1",
    "SELECT 1 GROUP BY probe()",
    "SELECT count(*) FROM probed HAVING probe() > 0",
    "SELECT ARRAY[probe()], ROW(probe()), coalesce(NULL, probe()), greatest(probe(), 1), nullif(probe(), 1)",
    "SELECT (ARRAY[1, 2])[probe()]",
    "VALUES (probe())",
    "SELECT xmlelement(name x, probe())",
    "SELECT * FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS b int DEFAULT probe())",
    "SELECT set_config('work_mem', '1MB', false)",
    "SELECT set_config('search_path', 'hidden', false)",
    "SELECT set_config('application_name', 'changed', true)",
    "SELECT set_config('my.own', 'changed', false)",
    "SET search_path = hidden",
    "SET ROLE shop_gateway",
    "SET my.own = 'x'",
    "SET SESSION AUTHORIZATION DEFAULT",
    "RESET ALL",
    "DISCARD ALL",
    "DISCARD TEMP",
    "LISTEN heard",
    "UNLISTEN *",
    "NOTIFY heard",
    "SELECT pg_notify('heard', 'x')",
    "LOCK TABLE probed",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock(2)",
    "SELECT pg_advisory_unlock_all()",
    "SELECT lo_create(0)",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_restore_point('x')",
    "SELECT pg_stat_reset()",
    "SELECT pg_export_snapshot()",
    "SELECT pg_current_xact_id()",
    "SELECT txid_current()",
    "SELECT pg_current_xact_id_if_assigned()",
    "SELECT query_to_xml('SELECT nextval(''probed_numbers'')', true, false, '')",
    "SELECT query_to_xml_and_xmlschema('SELECT nextval(''probed_numbers'')', true, false, '')",
    "SELECT ts_stat('SELECT to_tsvector(nextval(''probed_numbers'')::text)')",
    "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, nextval(''probed_numbers'')::text::tsquery')",
    "SELECT cursor_to_xml('c', 1, true, false, '')",
    "SELECT database_to_xml(true, false, '')",
    "SELECT table_to_xml('probed', true, false, '')",
    "SELECT brin_summarize_new_values('probed_pkey')",
    "SELECT gin_clean_pending_list('probed_pkey')",
    "SELECT pg_import_system_collations('public')",
    "SELECT pg_logical_emit_message(false, 'a', 'b')",
    "SELECT pg_create_physical_replication_slot('probed')",
    "SELECT pg_replication_origin_create('probed')",
    "SELECT pg_promote()",
    "SELECT pg_sleep(0.01)",
    "SELECT random(), now(), clock_timestamp(), setseed(0.5)",
    "SELECT 1; DELETE FROM probed WHERE id = 17",
    "SELECT 1 /* ; */ ; SELECT 2 -- ; DELETE FROM probed",
    "COMMIT; DELETE FROM probed",
    "DO $$ BEGIN PERFORM nextval('probed_numbers'); END $$",
    "CALL probe()",
    "TRUNCATE probed",
    "CREATE TEMP TABLE made (id int)",
    "CREATE VIEW made AS SELECT 1",
    "ANALYZE probed",
    "VACUUM probed",
    "CHECKPOINT",
    "REFRESH MATERIALIZED VIEW probed_kept",
    "COMMENT ON TABLE probed IS 'x'",
    "REINDEX TABLE probed",
    "MERGE INTO probed p USING (VALUES (1)) AS v(id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET name = 'x'",
    "INSERT INTO probed (id, name) VALUES (300, 'x') ON CONFLICT DO NOTHING",
    "LOAD 'plpgsql'",
    "PREPARE TRANSACTION 'x'",
];

/// What changes something, and must be seen to: else nothing is proved by seeing no change.
const SEEN: &[&str] = &[
    "SELECT nextval('probed_numbers')",
    "SELECT pg_advisory_lock(7)",
    "SELECT pg_advisory_unlock(7)",
    "SELECT lo_create(0)",
    "SELECT pg_current_xact_id()",
    "SELECT pg_logical_emit_message(false, 'a', 'b')",
    "SELECT set_config('work_mem', '1MB', false)",
    "SET search_path = hidden, public",
    "LISTEN heard",
    "PREPARE seen AS SELECT 1",
    "CREATE TEMP TABLE made (id int)",
    "INSERT INTO probed (id, name) VALUES (400, 'x')",
    "DELETE FROM probed WHERE id = 400",
    "SELECT pg_cancel_backend(1), pg_terminate_backend({victim}, 5000)",
];

/// What reading may change, and what the server writes down by itself now and then.
const EXCUSED: [&str; 3] = ["\"settings\"", "\"prepared\"", "\"log position\""];

struct Scene {
    stand: Stand,
    server: Direct,
    victim: Direct,
    victim_pid: String,
}

impl Scene {
    fn open(folder: &tempfile::TempDir) -> Self {
        let policies = folder.path().join("chosen");
        std::fs::create_dir_all(&policies).unwrap();
        std::fs::write(policies.join("reads.cedar"), POLICY).unwrap();
        let mut options = Options::in_folder(folder.path());
        options.policies = Some(&policies);
        let stand = Stand::start(&options, &|| false).unwrap();
        stand.postgres.sql(MADE).unwrap();
        // each of them by itself: not within a transaction
        stand.postgres.sql(QUIET).unwrap();
        let server = Direct::open(&stand).unwrap();
        let mut victim = Direct::as_gateway(&stand).unwrap();
        victim.rows("SET application_name = 'victim'").unwrap();
        let pid = victim.rows("SELECT pg_backend_pid()").unwrap();
        Self {
            victim_pid: pid[0][0].clone().unwrap(),
            stand,
            server,
            victim,
        }
    }

    fn person(&self, name: &str, groups: &str) -> Wire {
        let (place, admin) = (self.stand.place(), &self.stand.people.admin);
        let add = ["user", "add", name, "--groups", groups];
        place.cli(admin, &add).unwrap();
        let token = token(place, admin, name).unwrap();
        let mut wire = Wire::login(place, name, &token).unwrap();
        wire.query("SET statement_timeout = '3s'").unwrap();
        wire.answer(b'Z').unwrap();
        wire
    }

    fn changed(&mut self, session: &mut Wire, statement: &str) -> Vec<String> {
        let before = State::of(&mut self.server, session).unwrap();
        let failed = said(session, statement);
        let after = State::of(&mut self.server, session).unwrap();
        let changed = before.changed(&after);
        if !changed.is_empty() {
            eprintln!("{statement}: {failed:?}, {changed:?}");
        }
        changed
    }

    /// Runs them all; of a run of many in which something changed, each once more by itself.
    fn none_changes(&mut self, session: &mut Wire, statements: &[String]) -> Vec<String> {
        let mut guilty = Vec::new();
        for some in statements.chunks(50) {
            let before = State::of(&mut self.server, session).unwrap();
            for statement in some {
                said(session, statement);
            }
            let after = State::of(&mut self.server, session).unwrap();
            let changed = before.changed(&after);
            if changed.is_empty() {
                continue;
            }
            eprintln!("of {} statements: {changed:?}", some.len());
            let found = guilty.len();
            for statement in some {
                // what the server does by itself now and then is not seen twice
                let twice = !self.changed(session, statement).is_empty()
                    && !self.changed(session, statement).is_empty();
                if twice {
                    guilty.push(statement.clone());
                }
            }
            // what can be done only once: a harmless setting and a prepared name may be
            let excused = |line: &String| EXCUSED.iter().any(|name| line.contains(name));
            if guilty.len() == found && !changed.iter().all(excused) {
                guilty.push(format!("{changed:?}: one of {some:#?}"));
            }
        }
        guilty
    }
}

fn said(session: &mut Wire, statement: &str) -> Option<String> {
    session.query(statement).unwrap();
    let heard = session.answer(b'Z');
    let heard = heard.unwrap_or_else(|error| panic!("{statement}: {error:#}"));
    sqlstate(&heard)
}

#[test]
fn what_is_judged_read_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(&folder);
    let mut reader = scene.person("reader", "readers");
    let statements: Vec<String> = STATEMENTS.iter().map(|text| (*text).to_owned()).collect();
    let guilty = scene.none_changes(&mut reader, &statements);
    assert!(guilty.is_empty(), "{guilty:#?}");

    let given = Arguments {
        victim: &scene.victim_pid.clone(),
        texts: &[
            "probed_numbers",
            "work_mem",
            "SELECT nextval('probed_numbers')",
        ],
    };
    let callables = of_server(&mut scene.server, &given).unwrap();
    let (mut asked, mut ran) = (Vec::new(), 0);
    for callable in callables {
        // the verdict is on the name: where one call is refused all are
        let mut refused = false;
        for call in callable.calls {
            let failed = match refused {
                true => continue,
                false => said(&mut reader, &call),
            };
            refused = failed.as_deref() == Some("42501");
            if failed.is_none() {
                ran += 1;
            }
            asked.push(call);
        }
    }
    eprintln!("{ran} of {} calls ran", asked.len());
    assert!(ran > 1500, "only {ran} calls ran");
    let guilty = scene.none_changes(&mut reader, &asked);
    assert!(guilty.is_empty(), "{guilty:#?}");
    scene.victim.rows("SELECT 1").unwrap();
}

#[test]
fn what_changes_something_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(&folder);
    let mut worker = scene.person("worker", "readers,workers");
    for statement in SEEN {
        let statement = statement.replace("{victim}", &scene.victim_pid);
        let changed = scene.changed(&mut worker, &statement);
        assert!(!changed.is_empty(), "nothing is seen of {statement}");
    }
}
