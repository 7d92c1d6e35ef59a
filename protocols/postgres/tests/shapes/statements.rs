//! Statements whose meaning readers have got wrong.

pub fn statements() -> Vec<(&'static str, Vec<u8>)> {
    let texts = [
        ("only", "SELECT * FROM ONLY secret, ONLY (other)"),
        (
            "numbers-alike",
            "SELECT \"a\" FROM t WHERE id = 42 AND b <> 177 OR c = '12' ORDER BY 13 LIMIT 21",
        ),
        ("copy-then-drop", "COPY t FROM STDIN; DROP TABLE users"),
        ("union-table", "SELECT 1 UNION TABLE users"),
        ("create-as-table", "CREATE TABLE x AS TABLE users"),
        ("select-into", "SELECT * INTO copy FROM users"),
        (
            "with-delete",
            "WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone",
        ),
        ("explain-analyze", "EXPLAIN (ANALYZE) DELETE FROM users"),
        (
            "merge",
            "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE",
        ),
        (
            "returning",
            "INSERT INTO t VALUES (now()) RETURNING (SELECT max(id) FROM users)",
        ),
        (
            "cursor",
            "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM users; FETCH ALL FROM c",
        ),
        ("escape-string", r"SELECT E'\'' ; DROP TABLE t; --'"),
        ("plain-backslash", r"SELECT 'x\'; SELECT 'second' --'"),
        ("continued-string", "SELECT E'a'\n'b\\'; DROP TABLE t; --'"),
        (
            "dollar-quotes",
            "DO $x$ BEGIN EXECUTE $y$DROP TABLE t$y$; END $x$",
        ),
        (
            "unicode-name",
            r#"SELECT * FROM U&"\0073ecret" UESCAPE '\'"#,
        ),
        ("nested-comments", "/* /* */ DROP */ SELECT 1 -- \r, 2"),
        (
            "set-config",
            "SELECT set_config('standard_conforming_strings', 'off', false)",
        ),
        ("set-encoding", "SET NAMES 'SJIS'"),
        ("copy-program", "COPY t TO PROGRAM 'sh'"),
        (
            "alter-default-privileges",
            "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",
        ),
        (
            "begin-atomic",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC DELETE FROM t; SELECT 1; END",
        ),
        ("prepare", "PREPARE p AS DELETE FROM t; EXECUTE p"),
        (
            "attribute-call",
            "SELECT t.f, (t).f, s.t.f FROM t, (SELECT t FROM t) s",
        ),
        (
            "stored-execute",
            "CREATE TEMP TABLE loot AS EXECUTE p; EXPLAIN ANALYZE CREATE TABLE x AS EXECUTE p",
        ),
        (
            "cut-name",
            "SELECT * FROM kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkzzz",
        ),
        ("statements", "BEGIN; UPDATE t SET a = 1; COMMIT; ;"),
        ("empty", ""),
        ("comment", "-- nothing"),
    ];
    texts
        .map(|(name, text)| (name, text.as_bytes().to_vec()))
        .to_vec()
}
