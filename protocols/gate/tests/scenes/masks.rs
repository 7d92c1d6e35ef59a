//! What a session may see, as of now.

use gate::testing::{House, Plan};
use gate::{Column, Session};
use policy::mask::{DataClass, Detector, How};

const RULES: &str = r#"
@id("dba-sees") permit (principal in Group::"dba", action == Action::"reveal", resource == DataClass::"email");
@id("ada-sees-today") permit (principal == User::"ada", action == Action::"reveal", resource == DataClass::"email")
when { context.now < datetime("2026-11-21T10:00:30Z") };
"#;

async fn house() -> House {
    let email = DataClass {
        name: "email".into(),
        columns: vec!["shop.public.customers.email".into()],
        detectors: vec![Detector::Email],
        how: How::Redact,
    };
    House::build(Plan {
        policies: RULES,
        classes: vec![email],
        ..Plan::default()
    })
    .await
}

fn sees(session: &Session) -> bool {
    let mask = session.mask();
    let column = Column {
        database: "shop",
        schema: "public",
        table: "customers",
        column: "email",
    };
    let governed = mask.class_of_column(column).is_some();
    let text = b"write to ada@example.com";
    assert_eq!(governed, mask.detect(text).is_some());
    assert_eq!(
        (governed, governed),
        (mask.governs_columns(), mask.detects())
    );
    assert_eq!(governed, !mask.revealed("email"));
    !governed
}

#[tokio::test]
async fn a_class_is_masked_unless_it_is_revealed() {
    let house = house().await;
    assert!(sees(&house.open("grace").await));
    assert!(!sees(&house.open("robot").await));
}

#[tokio::test]
async fn a_mask_follows_groups_and_rules() {
    let house = house().await;
    let session = house.open("grace").await;
    assert!(sees(&session));
    house.people.leave("grace", "dba");
    house.gate.directory_changed();
    assert!(!sees(&session));
    house.people.join("grace", "dba", "root");
    house.gate.directory_changed();
    assert!(sees(&session));
    house
        .reload("@id(\"none\") forbid (principal, action, resource);")
        .await;
    assert!(!sees(&session));
}

#[tokio::test]
async fn what_is_revealed_for_a_time_is_masked_after_it() {
    let house = house().await;
    let session = house.open("ada").await;
    assert!(sees(&session));
    house.clock.advance(31);
    assert!(!sees(&session));
}

#[tokio::test]
async fn a_masked_value_is_hidden_and_the_rest_is_left() {
    let house = house().await;
    let session = house.open("robot").await;
    let mask = session.mask();
    let shown = mask.detect(b"write to ada@example.com now").unwrap();
    let shown = String::from_utf8(shown.into_owned()).unwrap();
    assert!(shown.starts_with("write to ") && shown.ends_with(" now") && !shown.contains("ada@"));
    assert!(mask.detect(b"nothing here").is_none());
    assert_ne!(
        mask.mask_value("email", b"ada@example.com").unwrap(),
        b"ada@example.com"
    );
}
