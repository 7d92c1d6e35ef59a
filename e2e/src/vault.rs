//! Tables, views and functions over governed columns, and what is planted in them.

use crate::canaries::{Letter, Row};

/// How many rows are planted.
pub const ROWS: usize = 8;

/// What the configuration says of them.
pub const CLASSES: &str = "  classes:
    - name: vault
      columns:
        - shop.public.vault.secret
        - shop.public.vault.pin
        - shop.public.vault.doc
        - shop.public.vault.tags
        - shop.public.vault.raw
        - shop.public.vault.pair
        - shop.public.owed.code
      how: redact
";

/// Who may do all but see, and who sees as well.
pub const POLICY: &str = r#"
@id("moles")
permit (
  principal in Group::"moles",
  action in [Action::"connect", Action::"read", Action::"write", Action::"unknown"],
  resource
);

@id("seers")
permit (principal in Group::"seers", action == Action::"reveal", resource is DataClass);
"#;

/// Made once, by the role that the gateway logs in as.
pub const MADE: &str = "
SET ROLE shop_gateway;
CREATE TYPE pair AS (inner_text text, inner_number bigint);
CREATE TABLE vault (
    id int PRIMARY KEY, label text NOT NULL UNIQUE, amount int NOT NULL CONSTRAINT positive CHECK (amount > 0),
    secret text UNIQUE, pin bigint, doc jsonb, tags text[], raw bytea, pair pair,
    derived text GENERATED ALWAYS AS (reverse(secret)) STORED
);
CREATE INDEX by_reverse ON vault (reverse(secret));
CREATE STATISTICS label_and_secret (mcv) ON label, secret FROM vault;
CREATE TABLE heir () INHERITS (vault);
CREATE TABLE owed (id int PRIMARY KEY, code text REFERENCES vault (secret) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE notes (id int PRIMARY KEY, words text NOT NULL, more jsonb, list text[]);
CREATE TABLE plain (id int PRIMARY KEY, name text NOT NULL, size int, kind text, at timestamptz);
CREATE TABLE guesses (secret text, guess text);
CREATE VIEW shown AS SELECT id, label, secret AS code FROM vault;
CREATE VIEW computed AS SELECT id, upper(secret) AS code, pin + 1 AS next FROM vault;
CREATE VIEW failing AS SELECT id, secret::int AS number FROM vault;
CREATE VIEW over_view AS SELECT id, code FROM computed;
CREATE MATERIALIZED VIEW kept AS SELECT id, upper(secret) AS code FROM vault;
CREATE FUNCTION whisper(n int) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RAISE NOTICE 'it is %', (SELECT reverse(secret) FROM vault WHERE id = n); RETURN 'done'; END $$;
CREATE FUNCTION blurt(n int) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'it is %', (SELECT reverse(secret) FROM vault WHERE id = n)
        USING HINT = (SELECT secret FROM vault WHERE id = n); END $$;
CREATE FUNCTION spell(n int) RETURNS text LANGUAGE sql AS 'SELECT reverse(secret) FROM vault WHERE id = n';
CREATE FUNCTION opened() RETURNS refcursor LANGUAGE plpgsql AS $$
    DECLARE c refcursor := 'opened';
    BEGIN OPEN c FOR SELECT reverse(secret) AS backwards FROM vault; RETURN c; END $$;
INSERT INTO plain SELECT n, 'name ' || n, n * 10, CASE n % 2 WHEN 0 THEN 'even' ELSE 'odd' END,
    timestamptz '2026-01-01' + n * interval '1 day' FROM generate_series(1, 20) AS n;
RESET ROLE;
";

/// Everything anew, in the same order.
pub fn planted(rows: &[Row], letters: &[Letter]) -> String {
    let mut text = String::from(
        "SET ROLE shop_gateway; BEGIN; SET CONSTRAINTS ALL DEFERRED; TRUNCATE vault, heir, owed, notes;\n",
    );
    for (place, row) in rows.iter().enumerate() {
        let id = place + 1;
        let table = if id > ROWS { "heir" } else { "vault" };
        let [first, second] = &row.tags;
        text.push_str(&format!(
            "INSERT INTO {table} VALUES ({id}, 'label {id}', {id}, '{}', {}, '{{\"k\": \"{}\", \"n\": [1, \"x\"]}}', \
             '{{{first},{second}}}', '{}', ROW('{}', {id}));\n",
            row.secret, row.pin, row.document, row.bytes, row.inner
        ));
    }
    for (place, letter) in letters.iter().enumerate() {
        let id = place + 1;
        let Letter { email, card } = letter;
        text.push_str(&format!(
            "INSERT INTO notes VALUES ({id}, 'write to {email} about {card}, soon', \
             '{{\"to\": \"{email}\", \"card\": \"{card}\"}}', '{{\"to {email}\",\"of {card}\"}}');\n"
        ));
    }
    if let Some(row) = rows.first() {
        text.push_str(&format!("INSERT INTO owed VALUES (1, '{}');\n", row.secret));
    }
    text.push_str("REFRESH MATERIALIZED VIEW kept; COMMIT; RESET ROLE; VACUUM ANALYZE;\n");
    text
}
