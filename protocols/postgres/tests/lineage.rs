//! Where governed columns may stand: what a mask can follow passes, every way of laundering is an offence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use protocol_postgres::decode::{RelationName, analyse};
use protocol_postgres::lineage::{OffendingUse, Standing, Use};

/// `customers.email` and `customers.card` are governed; `v` is a view over them.
fn standing(relation: &RelationName, column: &str) -> Standing {
    let columns: &[&str] = match relation.name.as_str() {
        "customers" => &["id", "name", "email", "card"],
        "v" => &["id", "email"],
        "orders" => &["id", "customer_id", "total", "note"],
        "items" => &["id", "order_id", "sku"],
        _ => &[],
    };
    match column {
        _ if !columns.contains(&column) => Standing::Absent,
        "email" | "card" => Standing::Governed,
        _ => Standing::Free,
    }
}

fn holds_governed(relation: &RelationName) -> bool {
    matches!(relation.name.as_str(), "customers" | "v")
}

fn offence(text: &str) -> Option<OffendingUse> {
    let analysis = analyse(text).unwrap_or_else(|unclear| panic!("{text}: {unclear}"));
    analysis.statements.iter().find_map(|statement| statement.reads.offending_use(&standing, &holds_governed))
}

#[test]
fn plain_output_and_equality_with_a_constant_pass() {
    for text in [
        "SELECT email FROM customers",
        "SELECT email AS address FROM customers",
        "SELECT * FROM customers",
        "SELECT c.* FROM customers c",
        "SELECT id, email, card FROM public.customers WHERE id > 5 ORDER BY id",
        "SELECT email FROM customers WHERE email = 'a@b'",
        "SELECT name FROM customers WHERE email = $1",
        "SELECT name FROM customers WHERE 'a@b'::text = email",
        "SELECT count(*) FROM customers",
        "SELECT count(*) FROM customers WHERE email = 'a@b' AND name LIKE 'a%'",
        "SELECT email = 'a@b' FROM customers",
        "SELECT upper(name), id + 1 FROM customers GROUP BY name, id ORDER BY 1",
        "SELECT c.email, o.total FROM customers c JOIN orders o ON o.customer_id = c.id",
        "SELECT c.email, o.total FROM customers c JOIN orders o ON o.customer_id = c.id ORDER BY 2",
        "SELECT email FROM customers WHERE id IN (SELECT customer_id FROM orders)",
        "SELECT o.total FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer_id)",
        "SELECT email FROM v",
        "SELECT x.id FROM (SELECT id, name FROM customers) x",
        "WITH x AS (SELECT id FROM customers) SELECT * FROM x",
        "SELECT id FROM customers UNION SELECT id FROM orders",
        "INSERT INTO customers (name, email) VALUES ('a', 'b')",
        "INSERT INTO customers (id, email) VALUES (1, 'b') ON CONFLICT (id) DO UPDATE SET email = excluded.email",
        "INSERT INTO customers (email) VALUES ('b') RETURNING id, email",
        "INSERT INTO orders (customer_id) SELECT id FROM customers",
        "UPDATE customers SET email = 'x' WHERE email = 'y' RETURNING email",
        "DELETE FROM customers WHERE email = $1 RETURNING *",
        "SELECT ctid, xmin, email FROM customers",
        "SELECT c.ctid FROM customers c",
        "SELECT reverse(sku), items FROM items",
        "SELECT customers.email FROM customers FOR UPDATE",
        "SELECT (SELECT count(*) FROM customers), total FROM orders",
        "EXPLAIN SELECT email FROM customers",
        "PREPARE p AS SELECT email FROM customers WHERE email = $1",
        "COPY customers (id, name) TO STDOUT",
        "COPY (SELECT id, name FROM customers) TO STDOUT",
        "TRUNCATE customers",
        "ALTER TABLE customers ADD COLUMN age int",
        "ALTER TABLE customers DROP COLUMN email",
        "CREATE INDEX ON customers (name)",
        "CREATE TABLE other (LIKE customers)",
        "VACUUM customers",
        "TABLE customers",
    ] {
        assert_eq!(offence(text), None, "{text}");
    }
}

#[test]
fn laundering_is_an_offence() {
    let mut wrong = Vec::new();
    for (text, reason) in [
        ("SELECT reverse(email) FROM customers", Use::Function),
        ("SELECT reverse(c.email) FROM customers c", Use::Function),
        ("SELECT email::text FROM customers", Use::Cast),
        ("SELECT CAST(email AS varchar(5)) FROM customers", Use::Cast),
        ("SELECT email COLLATE \"C\" FROM customers", Use::Cast),
        ("SELECT email || '' FROM customers", Use::Operator),
        ("SELECT email || name FROM customers", Use::Operator),
        ("SELECT to_jsonb(c) FROM customers c", Use::WholeRow),
        ("SELECT to_jsonb(customers) FROM customers", Use::WholeRow),
        ("SELECT to_jsonb(c.*) FROM customers c", Use::Function),
        ("SELECT c::text FROM customers c", Use::WholeRow),
        ("SELECT c FROM customers c", Use::WholeRow),
        ("SELECT customers FROM customers", Use::WholeRow),
        ("SELECT public.customers FROM public.customers", Use::WholeRow),
        ("SELECT (c).email FROM customers c", Use::WholeRow),
        ("SELECT (c).* FROM customers c", Use::WholeRow),
        ("SELECT row(c.*) FROM customers c", Use::Function),
        ("SELECT row(email) FROM customers", Use::Function),
        ("SELECT c.to_jsonb FROM customers c", Use::WholeRow),
        ("SELECT c.my_function FROM customers c", Use::WholeRow),
        ("SELECT array[email] FROM customers", Use::Function),
        ("SELECT coalesce(email, '') FROM customers", Use::Function),
        ("SELECT CASE WHEN id = 1 THEN email END FROM customers", Use::Function),
        ("SELECT CASE email WHEN 'a' THEN 1 END FROM customers", Use::Function),
        ("SELECT greatest(email, 'a') FROM customers", Use::Function),
        ("SELECT nullif(email, '') FROM customers", Use::Operator),
        ("SELECT x.e FROM (SELECT email AS e FROM customers) x", Use::SubSelect),
        ("SELECT * FROM (SELECT * FROM customers) x", Use::SubSelect),
        ("SELECT * FROM (TABLE customers) x", Use::SubSelect),
        ("SELECT (SELECT email FROM customers LIMIT 1)", Use::SubSelect),
        ("SELECT (SELECT c.email) FROM customers c", Use::SubSelect),
        ("SELECT array(SELECT email FROM customers)", Use::SubSelect),
        ("WITH x AS (SELECT email FROM customers) SELECT * FROM x", Use::SubSelect),
        ("WITH x AS (SELECT * FROM customers) SELECT reverse(email) FROM x", Use::SubSelect),
        ("WITH x AS (DELETE FROM customers RETURNING email) SELECT * FROM x", Use::SubSelect),
        ("WITH customers AS (SELECT * FROM customers) SELECT email FROM customers", Use::SubSelect),
        ("SELECT * FROM orders, LATERAL (SELECT email FROM customers WHERE id = customer_id) x", Use::SubSelect),
        ("SELECT x FROM customers c, LATERAL (SELECT c.email) AS x(x)", Use::SubSelect),
        ("SELECT x FROM customers c, LATERAL (VALUES (c.email)) AS x(x)", Use::SubSelect),
        ("SELECT x FROM customers c, unnest(array[c.email]) AS x", Use::Function),
        ("SELECT x FROM customers c, upper(c.email) AS x", Use::Function),
        ("SELECT id FROM customers ORDER BY email", Use::Order),
        ("SELECT id FROM customers ORDER BY email = 'a', email DESC", Use::Order),
        ("SELECT email FROM customers ORDER BY 1", Use::Order),
        ("SELECT email AS e FROM customers ORDER BY e", Use::Order),
        ("SELECT * FROM customers ORDER BY 3", Use::Order),
        ("SELECT id, * FROM customers ORDER BY 4", Use::Order),
        ("SELECT count(*) FROM customers GROUP BY email", Use::Group),
        ("SELECT email, count(*) FROM customers GROUP BY 1", Use::Group),
        ("SELECT email AS e, count(*) FROM customers GROUP BY e", Use::Group),
        ("SELECT count(*) FROM customers GROUP BY ROLLUP (email)", Use::Group),
        ("SELECT DISTINCT email FROM customers", Use::Distinct),
        ("SELECT DISTINCT * FROM customers", Use::Distinct),
        ("SELECT DISTINCT ON (email) id FROM customers", Use::Distinct),
        ("SELECT DISTINCT ON (e) email AS e FROM customers", Use::Distinct),
        ("SELECT rank() OVER (ORDER BY email) FROM customers", Use::Window),
        ("SELECT rank() OVER (PARTITION BY email) FROM customers", Use::Window),
        ("SELECT rank() OVER w FROM customers WINDOW w AS (ORDER BY email)", Use::Window),
        ("SELECT id FROM customers WHERE email LIKE 'a%'", Use::Operator),
        ("SELECT id FROM customers WHERE email ~ '^a'", Use::Operator),
        ("SELECT id FROM customers WHERE email > 'a'", Use::Operator),
        ("SELECT id FROM customers WHERE email <> 'a'", Use::Operator),
        ("SELECT id FROM customers WHERE email BETWEEN 'a' AND 'b'", Use::Operator),
        ("SELECT id FROM customers WHERE email IN ('a', 'b')", Use::Operator),
        ("SELECT id FROM customers WHERE email = ANY ($1)", Use::Operator),
        ("SELECT id FROM customers WHERE email = name", Use::Operator),
        ("SELECT id FROM customers WHERE email = lower('A')", Use::Operator),
        ("SELECT id FROM customers WHERE email = (SELECT 'a')", Use::Operator),
        ("SELECT id FROM customers WHERE email = 'a'::public.mine", Use::Operator),
        ("SELECT id FROM customers WHERE email OPERATOR(public.=) 'a'", Use::Operator),
        ("SELECT id FROM customers WHERE (email, id) = ('a', 1)", Use::Function),
        ("SELECT id FROM customers WHERE email IS NOT DISTINCT FROM 'a'", Use::Operator),
        ("SELECT id FROM customers WHERE email IS NULL", Use::Condition),
        ("SELECT id FROM customers WHERE substr(email, 1, 1) = 'a'", Use::Function),
        ("SELECT id FROM customers WHERE email IN (SELECT note FROM orders)", Use::Operator),
        ("SELECT id FROM orders WHERE note IN (SELECT email FROM customers)", Use::SubSelect),
        ("SELECT id FROM orders WHERE EXISTS (SELECT email FROM customers)", Use::SubSelect),
        ("SELECT min(email) FROM customers", Use::Function),
        ("SELECT max(email) FROM customers", Use::Function),
        ("SELECT count(email) FROM customers", Use::Function),
        ("SELECT count(DISTINCT email) FROM customers", Use::Function),
        ("SELECT string_agg(email, ',') FROM customers", Use::Function),
        ("SELECT array_agg(name ORDER BY email) FROM customers", Use::Order),
        ("SELECT count(*) FILTER (WHERE email LIKE 'a%') FROM customers", Use::Operator),
        ("SELECT json_build_object('e', email) FROM customers", Use::Function),
        ("SELECT json_object('e': email) FROM customers", Use::Function),
        ("SELECT json_arrayagg(email) FROM customers", Use::Function),
        ("SELECT xmlforest(email) FROM customers", Use::Function),
        ("SELECT row_to_json(x) FROM (SELECT * FROM customers) x", Use::SubSelect),
        ("SELECT email FROM customers UNION SELECT note FROM orders", Use::SetOperation),
        ("SELECT note FROM orders UNION ALL SELECT email FROM customers", Use::SetOperation),
        ("SELECT * FROM customers INTERSECT SELECT * FROM customers", Use::SetOperation),
        ("TABLE customers UNION TABLE customers", Use::SetOperation),
        ("SELECT o.id FROM orders o JOIN customers c ON c.email = o.note", Use::Operator),
        ("SELECT c.id FROM customers c JOIN v USING (email)", Use::Join),
        ("SELECT o.id FROM orders o NATURAL JOIN customers", Use::Join),
        ("SELECT j.id FROM (customers c JOIN orders o ON o.customer_id = c.id) AS j WHERE reverse(j.email) = 'x'", Use::Function),
        ("SELECT x FROM customers AS c (a, b, x, d)", Use::Renamed),
        ("SELECT reverse(x) FROM customers AS c (a, b, x, d)", Use::Renamed),
        ("INSERT INTO orders (note) SELECT email FROM customers", Use::Stored),
        ("INSERT INTO other SELECT * FROM customers", Use::Stored),
        ("INSERT INTO orders (note) VALUES ((SELECT email FROM customers LIMIT 1))", Use::SubSelect),
        ("INSERT INTO customers (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = customers.email", Use::Stored),
        ("INSERT INTO customers (id) VALUES (1) ON CONFLICT (email) DO NOTHING", Use::Definition),
        ("INSERT INTO customers (id) VALUES (1) RETURNING reverse(email)", Use::Function),
        ("INSERT INTO customers (id) VALUES (1) RETURNING customers", Use::WholeRow),
        ("UPDATE customers SET name = email", Use::Stored),
        ("UPDATE customers SET (name, id) = (email, 1)", Use::Function),
        ("UPDATE customers SET email = lower(email)", Use::Function),
        ("UPDATE orders SET note = c.email FROM customers c WHERE c.id = orders.customer_id", Use::Stored),
        ("UPDATE customers SET name = 'x' RETURNING old.email || ''", Use::Operator),
        ("MERGE INTO orders o USING customers c ON o.customer_id = c.id WHEN MATCHED THEN UPDATE SET note = c.email", Use::Stored),
        ("MERGE INTO orders o USING customers c ON false WHEN NOT MATCHED THEN INSERT (note) VALUES (c.email)", Use::Stored),
        ("CREATE TABLE x AS SELECT email FROM customers", Use::Stored),
        ("SELECT email INTO x FROM customers", Use::Stored),
        ("CREATE TEMP TABLE x AS TABLE customers", Use::Stored),
        ("CREATE VIEW x AS SELECT email FROM customers", Use::Stored),
        ("CREATE MATERIALIZED VIEW x AS SELECT * FROM customers", Use::Stored),
        ("COPY customers TO STDOUT", Use::Copied),
        ("COPY customers (email) TO STDOUT", Use::Copied),
        ("COPY (SELECT email FROM customers) TO STDOUT", Use::Copied),
        ("COPY (DELETE FROM customers RETURNING *) TO STDOUT", Use::Copied),
        ("DECLARE c CURSOR FOR SELECT email FROM customers", Use::Cursor),
        ("DECLARE c BINARY CURSOR FOR TABLE customers", Use::Cursor),
        ("PREPARE p AS SELECT reverse(email) FROM customers", Use::Function),
        ("EXPLAIN ANALYZE SELECT id FROM customers WHERE email LIKE 'a%'", Use::Operator),
        ("CREATE INDEX ON customers (email)", Use::Definition),
        ("CREATE INDEX ON customers (leak(email))", Use::Function),
        ("CREATE INDEX ON customers (id) WHERE email > 'a'", Use::Operator),
        ("ALTER TABLE customers ADD CHECK (email LIKE 'a%')", Use::Operator),
        ("ALTER TABLE customers ADD UNIQUE (email)", Use::Definition),
        ("ALTER TABLE customers ADD COLUMN x text GENERATED ALWAYS AS (email) STORED", Use::Definition),
        ("ALTER TABLE customers ALTER COLUMN name TYPE text USING email", Use::Definition),
        ("ALTER TABLE customers ALTER COLUMN email TYPE bytea", Use::Cast),
        ("ALTER TABLE customers RENAME COLUMN email TO x", Use::Renamed),
        ("ALTER TABLE customers RENAME TO x", Use::Renamed),
        ("ALTER TABLE customers SET SCHEMA x", Use::Renamed),
        ("ALTER TABLE customers INHERIT parent", Use::Renamed),
        ("ALTER TABLE parent ATTACH PARTITION customers DEFAULT", Use::Renamed),
        ("ALTER TABLE orders ADD FOREIGN KEY (note) REFERENCES customers (email)", Use::Definition),
        ("CREATE TABLE x (e text REFERENCES customers (email))", Use::Definition),
        ("CREATE STATISTICS s ON id, email FROM customers", Use::Definition),
        ("CREATE POLICY p ON customers USING (email = current_user)", Use::Operator),
        ("CREATE RULE r AS ON UPDATE TO customers DO ALSO INSERT INTO orders (note) VALUES (old.email)", Use::Stored),
        ("CREATE TRIGGER t BEFORE UPDATE ON customers FOR EACH ROW WHEN (old.email > 'a') EXECUTE FUNCTION f()", Use::Operator),
        ("CREATE FUNCTION f() RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC SELECT email FROM customers; END", Use::Definition),
        ("CREATE PUBLICATION p FOR TABLE customers", Use::Copied),
        ("CLUSTER customers USING customers_email_idx", Use::Order),
        ("SELECT id FROM customers LIMIT length((SELECT email FROM customers LIMIT 1))", Use::SubSelect),
        ("SELECT generate_series(1, length(email)) FROM customers", Use::Function),
        ("SELECT * FROM ROWS FROM (unnest(array(SELECT email FROM customers))) x", Use::SubSelect),
        ("SELECT x.* FROM customers, XMLTABLE('/a' PASSING (email::xml) COLUMNS a text) x", Use::Cast),
        ("SELECT reverse(email) FROM ONLY customers", Use::Function),
        ("SELECT email[1] FROM customers", Use::Operator),
        ("SELECT e.email.field FROM customers e", Use::WholeRow),
        ("SELECT reverse(email) FROM orders, customers", Use::Function),
        ("SELECT (SELECT reverse(email)) FROM customers", Use::Function),
        ("SELECT reverse(nothing.email) FROM customers", Use::Function),
    ] {
        let found = offence(text).map(|found| found.reason);
        if found != Some(reason) {
            wrong.push(format!("{text}: {found:?}, not {reason:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_innermost_level_that_has_a_column_decides() {
    assert_eq!(offence("SELECT id FROM customers WHERE EXISTS (SELECT upper(sku) FROM items)"), None);
    // `email` is none of `items`, so it is the outer column
    assert!(offence("SELECT id FROM customers WHERE EXISTS (SELECT upper(email) FROM items)").is_some());
}

#[test]
fn other_functions_are_told() {
    let analysis = analyse("SELECT leak(1), public.leak(2), lower('x') FROM customers").unwrap();
    assert_eq!(analysis.statements[0].reads.other_functions, ["leak", "public.leak"]);
    assert!(analysis.statements[0].reads.reads(&holds_governed));
}
