//! Names mean to the gateway what they mean to the server: each spelling is judged, and compared with what the server
//! itself touches when it is sent there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use e2e::direct::{Direct, sqlstate};
use e2e::people::token;
use e2e::stand::{Options, Stand};
use e2e::wire::{Wire, text};

/// One table may not be read, nor may its rows be seen by another way.
const POLICY: &str = r#"
@id("namers")
permit (principal in Group::"namers", action in [Action::"connect", Action::"read", Action::"write"], resource);

@id("kept")
forbid (principal, action in [Action::"read", Action::"write"], resource == Postgres::Table::"shop/shop/public/kept");

@id("kept-cased")
forbid (principal, action in [Action::"read", Action::"write"], resource == Postgres::Table::"shop/shop/public/Kept%20Twice");

@id("kept-long")
forbid (principal, action in [Action::"read", Action::"write"], resource == Postgres::Table::"shop/shop/public/kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk");

@id("kept-accent")
forbid (principal, action in [Action::"read", Action::"write"], resource == Postgres::Table::"shop/shop/public/t%C3%84st");

@id("all-see")
permit (principal, action == Action::"reveal", resource is DataClass);
"#;

const MADE: &str = r#"
SET ROLE shop_gateway;
CREATE TABLE kept (word text); INSERT INTO kept VALUES ('FOUND');
CREATE TABLE "Kept" (word text); INSERT INTO "Kept" VALUES ('decoy');
CREATE TABLE "KEPT" (word text); INSERT INTO "KEPT" VALUES ('decoy');
CREATE TABLE "Kept Twice" (word text); INSERT INTO "Kept Twice" VALUES ('FOUND');
CREATE TABLE "tÄst" (word text); INSERT INTO "tÄst" VALUES ('FOUND');
CREATE TABLE "täst" (word text); INSERT INTO "täst" VALUES ('decoy');
CREATE TABLE kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk (word text);
INSERT INTO kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk VALUES ('FOUND');
CREATE TABLE "only" (word text); INSERT INTO "only" VALUES ('decoy');
CREATE SCHEMA other; CREATE TABLE other.kept (word text); INSERT INTO other.kept VALUES ('decoy');
CREATE SCHEMA bare; CREATE SCHEMA "Other"; CREATE TABLE "Other".kept (word text); INSERT INTO "Other".kept VALUES ('decoy');
CREATE TABLE other.open (word text); INSERT INTO other.open VALUES ('decoy');
CREATE TABLE open (word text); INSERT INTO open VALUES ('decoy');
RESET ROLE;
"#;

/// What may not be read.
const KEPT: [&str; 4] = [
    "kept",
    "Kept Twice",
    "tÄst",
    "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
];

/// A spelling, after what was said before it.
struct Spelling {
    before: &'static [&'static str],
    query: &'static str,
}

const fn plain(query: &'static str) -> Spelling {
    Spelling { before: &[], query }
}

const fn after(before: &'static [&'static str], query: &'static str) -> Spelling {
    Spelling { before, query }
}

const PATH: &[&str] = &["SET search_path = other, public"];

const SPELLINGS: &[Spelling] = &[
    plain("SELECT word FROM kept"),
    plain("SELECT word FROM KEPT"),
    plain("SELECT word FROM kEpT"),
    plain("SELECT word FROM \"kept\""),
    plain("SELECT word FROM \"Kept\""),
    plain("SELECT word FROM \"KEPT\""),
    plain("SELECT word FROM U&\"\\006bept\""),
    plain("SELECT word FROM U&\"\\+00006bept\""),
    plain("SELECT word FROM U&\"!006bept\" UESCAPE '!'"),
    plain("SELECT word FROM U&\"\\004bept\""),
    plain("SELECT word FROM public.kept"),
    plain("SELECT word FROM PUBLIC.KEPT"),
    plain("SELECT word FROM \"public\".\"kept\""),
    plain("SELECT word FROM shop.public.kept"),
    plain("SELECT word FROM \"shop\".\"public\".\"kept\""),
    plain("SELECT word FROM ONLY kept"),
    plain("SELECT word FROM ONLY (kept)"),
    plain("SELECT word FROM only"),
    plain("SELECT word FROM kept *"),
    plain("SELECT word FROM kept AS open"),
    plain("SELECT word FROM open AS kept"),
    plain("SELECT kept.word FROM open AS kept"),
    plain("SELECT k.* FROM kept k"),
    plain("TABLE kept"),
    plain("TABLE ONLY kept"),
    plain("(TABLE kept)"),
    plain("SELECT word FROM open UNION TABLE kept"),
    plain("SELECT word FROM (TABLE kept) s"),
    plain("SELECT (SELECT word FROM kept)"),
    plain("SELECT EXISTS (SELECT FROM kept WHERE word = 'FOUND') OR 'FOUND' = 'x', 'FOUND'"),
    plain("WITH kept AS (SELECT 'decoy' AS word) SELECT word FROM kept"),
    plain("WITH k AS (SELECT word FROM kept) SELECT word FROM k"),
    plain("WITH kept AS (SELECT word FROM kept) SELECT word FROM kept"),
    plain(
        "WITH RECURSIVE kept AS (SELECT 'decoy' AS word UNION SELECT word FROM kept) SELECT word FROM kept",
    ),
    plain("WITH a AS (SELECT word FROM kept), kept AS (SELECT 'decoy' AS word) SELECT word FROM a"),
    plain("WITH kept AS (SELECT 'decoy' AS word), a AS (SELECT word FROM kept) SELECT word FROM a"),
    plain("SELECT s.word FROM (WITH kept AS (SELECT 'decoy' AS word) SELECT * FROM kept) s, kept"),
    plain("WITH kept AS (SELECT 'decoy' AS word) SELECT word FROM public.kept"),
    plain("SELECT word FROM open WHERE word IN (SELECT word FROM kept) OR true"),
    plain("SELECT word FROM open NATURAL JOIN kept"),
    plain("SELECT k.word FROM open CROSS JOIN LATERAL (SELECT word FROM kept) k"),
    plain("SELECT word FROM kept TABLESAMPLE system (100)"),
    plain("SELECT word FROM/**/kept"),
    plain("SELECT word FROM kept--x\n"),
    plain("SELECT word FROM\u{a0}kept"),
    plain("SELECT word FROM \"Kept Twice\""),
    plain("SELECT word FROM public.\"Kept Twice\""),
    plain("SELECT word FROM U&\"Kept\\0020Twice\""),
    plain("SELECT word FROM \"kept twice\""),
    plain("SELECT word FROM tÄst"),
    plain("SELECT word FROM \"tÄst\""),
    plain("SELECT word FROM TÄST"),
    plain("SELECT word FROM täst"),
    plain("SELECT word FROM kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"),
    plain("SELECT word FROM kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"),
    plain("SELECT word FROM kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkzzz"),
    plain(
        "SELECT word FROM \"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkzzz\"",
    ),
    plain("SELECT word FROM kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"),
    plain("SELECT word FROM other.kept"),
    plain("SELECT word FROM \"Other\".kept"),
    plain("SELECT word FROM Other.kept"),
    plain("COPY kept TO STDOUT"),
    plain("COPY public.kept (word) TO STDOUT"),
    plain("COPY (SELECT word FROM kept) TO STDOUT"),
    plain("EXPLAIN ANALYZE SELECT word, 'FOUND' FROM kept"),
    plain("UPDATE ONLY kept SET word = word RETURNING word"),
    plain("DELETE FROM kept AS k USING open RETURNING k.word"),
    plain("INSERT INTO open SELECT word FROM kept RETURNING word"),
    plain("MERGE INTO open o USING kept k ON false WHEN NOT MATCHED THEN INSERT VALUES (k.word)"),
    after(PATH, "SELECT word FROM kept"),
    after(PATH, "SELECT word FROM public.kept"),
    after(&["SET search_path = bare, public"], "SELECT word FROM kept"),
    after(
        &["SET search_path = public, other"],
        "SELECT word FROM kept",
    ),
    after(
        &["SET search_path TO 'Other', public"],
        "SELECT word FROM kept",
    ),
    after(&["SET search_path TO Other"], "SELECT word FROM kept"),
    after(&["SET search_path = other"], "SELECT word FROM kept"),
    after(
        &["SET search_path = nowhere, public"],
        "SELECT word FROM kept",
    ),
    after(&["SET search_path = ''"], "SELECT word FROM kept"),
    after(&["SET search_path = ''"], "SELECT word FROM public.kept"),
    after(
        &["SELECT set_config('search_path', 'other', false)"],
        "SELECT word FROM kept",
    ),
    after(
        &["SET search_path = other", "RESET search_path"],
        "SELECT word FROM kept",
    ),
    after(
        &["SET search_path = other", "RESET ALL"],
        "SELECT word FROM kept",
    ),
    after(
        &["SET search_path = other", "DISCARD ALL"],
        "SELECT word FROM kept",
    ),
    after(
        &[
            "SET search_path = other",
            "BEGIN",
            "SET LOCAL search_path = public",
        ],
        "SELECT word FROM kept",
    ),
    after(
        &[
            "SET search_path = other",
            "BEGIN",
            "SET LOCAL search_path = public",
            "COMMIT",
        ],
        "SELECT word FROM kept",
    ),
    after(
        &["BEGIN", "SET search_path = other", "ROLLBACK"],
        "SELECT word FROM kept",
    ),
    after(
        &[
            "BEGIN",
            "SAVEPOINT s",
            "SET search_path = other",
            "ROLLBACK TO s",
        ],
        "SELECT word FROM kept",
    ),
    after(
        &["CREATE TEMP TABLE kept (word text)"],
        "SELECT word FROM kept",
    ),
    after(
        &["CREATE TEMP TABLE kept (word text)"],
        "SELECT word FROM public.kept",
    ),
    after(
        &["CREATE TEMP TABLE kept (word text)"],
        "SELECT word FROM pg_temp.kept",
    ),
    after(
        &[
            "CREATE TEMP TABLE kept (word text)",
            "DROP TABLE pg_temp.kept",
        ],
        "SELECT word FROM kept",
    ),
    after(
        &["CREATE TEMP TABLE kept (word text)", "DISCARD TEMP"],
        "SELECT word FROM kept",
    ),
    after(
        &[
            "BEGIN",
            "CREATE TEMP TABLE kept (word text) ON COMMIT DROP",
            "COMMIT",
        ],
        "SELECT word FROM kept",
    ),
    after(
        &["CREATE TEMP VIEW seen AS SELECT word FROM open"],
        "SELECT word FROM seen",
    ),
    after(
        &["SET search_path = pg_temp, public"],
        "SELECT word FROM kept",
    ),
    after(
        &[
            "SET search_path = other, pg_temp, public",
            "CREATE TEMP TABLE open (word text)",
        ],
        "SELECT word FROM open",
    ),
    after(&["PREPARE p AS SELECT word FROM kept"], "EXECUTE p"),
    after(
        &[
            "SET search_path = other",
            "PREPARE p AS SELECT word FROM kept",
            "SET search_path = public",
        ],
        "EXECUTE p",
    ),
    after(
        &[
            "PREPARE p AS SELECT word FROM open",
            "SET search_path = other",
        ],
        "EXECUTE p",
    ),
];

struct Scene {
    stand: Stand,
    token: String,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("chosen");
        std::fs::create_dir_all(&policies).unwrap();
        std::fs::write(policies.join("names.cedar"), POLICY).unwrap();
        let mut options = Options::in_folder(folder.path());
        options.policies = Some(&policies);
        let stand = Stand::start(&options, &|| false).unwrap();
        stand.postgres.sql(MADE).unwrap();
        let (place, admin) = (stand.place(), &stand.people.admin);
        let add = ["user", "add", "namer", "--groups", "namers"];
        place.cli(admin, &add).unwrap();
        Self {
            token: token(place, admin, "namer").unwrap(),
            stand,
            _folder: folder,
        }
    }

    /// What the server itself answers, in a transaction that leaves nothing behind.
    fn touched(&self, spelling: &Spelling) -> String {
        let mut direct = Direct::as_gateway(&self.stand).unwrap();
        for before in spelling.before {
            direct.answer(before).unwrap();
        }
        let begin = if spelling.before.contains(&"BEGIN") {
            "SELECT 1"
        } else {
            "BEGIN"
        };
        direct.answer(begin).unwrap();
        let heard = direct.answer(spelling.query).unwrap();
        let locks =
            "SELECT '|' || string_agg(n.nspname || '.' || c.relname, '|') || '|' FROM pg_locks l
            JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= 16384";
        let locked = direct.answer(locks).unwrap();
        format!("{}{}", text(&heard), text(&locked))
    }

    /// Whether the gateway refused it by policy, and what it told.
    fn judged(&self, spelling: &Spelling) -> (bool, String) {
        let mut wire = Wire::login(self.stand.place(), "namer", &self.token).unwrap();
        for before in spelling.before {
            wire.query(before).unwrap();
            wire.answer(b'Z').unwrap();
        }
        wire.query("SAVEPOINT here").unwrap();
        wire.answer(b'Z').unwrap();
        wire.query(spelling.query).unwrap();
        let heard = wire.answer(b'Z').unwrap();
        let refused = sqlstate(&heard).as_deref() == Some("42501");
        (refused, text(&heard))
    }
}

#[test]
fn every_spelling_is_what_the_server_takes_it_for() {
    let scene = Scene::open();
    let mut wrong = Vec::new();
    let (mut kept, mut stricter) = (0, Vec::new());
    for spelling in SPELLINGS {
        let touched = scene.touched(spelling);
        let reaches = touched.contains("FOUND")
            || KEPT
                .iter()
                .any(|name| touched.contains(&format!("|public.{name}|")));
        let (refused, told) = scene.judged(spelling);
        let what = format!("{:?} {}", spelling.before, spelling.query);
        if told.contains("FOUND") || reaches && !refused && !told.contains("ERROR") {
            wrong.push(format!(
                "{what}\n  server: {touched:?}\n  gateway: {told:?}"
            ));
        }
        kept += u32::from(reaches);
        if refused && !reaches {
            stricter.push(what);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} pass:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(kept > 40, "only {kept} reach the table that is kept");
    // a name that may mean the kept table on a longer path is refused; what cannot mean it passes
    assert!(
        stricter.len() < 20,
        "{} are refused for nothing: {stricter:#?}",
        stricter.len()
    );
}
