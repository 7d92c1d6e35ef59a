//! Proving who one is: tokens by SCRAM and as bearers, and what failing costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use gate::scram::{ITERATIONS, Salted, exclusive_or, sha256, sign};
use gate::testing::House;
use gate::{Authenticated, Gate, LoginRefused, ScramFirst};
use tokio::time::Instant;

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// A whole exchange, as a client that knows the token leads it.
fn scram(
    gate: &Gate,
    user: &str,
    token: &str,
    source: IpAddr,
) -> Result<Authenticated, LoginRefused> {
    let bare = "n=,r=abcdefghij";
    let message = format!("n,,{bare}");
    let first = ScramFirst {
        user,
        source,
        message: message.as_bytes(),
        plus: false,
        end_point: None,
    };
    let (exchange, server_first) = gate.scram(&first)?;
    let salt = BASE64.decode(attribute(&server_first, "s=")).unwrap();
    let salted = Salted::of(token.as_bytes(), &salt, ITERATIONS);
    let without_proof = format!("c=biws,r={}", attribute(&server_first, "r="));
    let signed = format!("{bare},{server_first},{without_proof}");
    let key = salted.client_key();
    let proof = exclusive_or(&key, &sign(&sha256(&key), signed.as_bytes()));
    let last = format!("{without_proof},p={}", BASE64.encode(proof));
    let (who, server_final) = gate.scram_finish(exchange, last.as_bytes())?;
    let ours = BASE64.encode(sign(&salted.server_key(), signed.as_bytes()));
    assert_eq!(server_final, format!("v={ours}"));
    Ok(who)
}

fn attribute<'t>(message: &'t str, name: &str) -> &'t str {
    message
        .split(',')
        .find_map(|part| part.strip_prefix(name))
        .unwrap()
}

fn salt_of(gate: &Gate, user: &str) -> String {
    let first = ScramFirst {
        user,
        source: SOURCE,
        message: b"n,,n=,r=abcdefghij",
        plus: false,
        end_point: None,
    };
    let server_first = gate
        .scram(&first)
        .map_err(|refused| refused.to_string())
        .unwrap()
        .1;
    attribute(&server_first, "s=").to_owned()
}

#[tokio::test]
async fn a_token_proves_its_owner_and_names_itself() {
    let house = House::new().await;
    house.people.give_token("ada", 2, "root");
    let mapped = "::ffff:192.0.2.1".parse().unwrap();
    let who = scram(&house.gate, "ada", "cs_ada-2_secret", mapped).unwrap();
    let identity = who.identity();
    assert_eq!(
        (identity.name.as_str(), identity.credential.id.as_str()),
        ("ada", "ada-2")
    );
    assert_eq!(identity.address, SOURCE);
    assert!(identity.groups.contains("engineers"));
    let robot = house.gate.bearer("cs_robot-1_secret", SOURCE).unwrap();
    assert_eq!(robot.identity().label(), "service:robot");
}

#[tokio::test]
async fn what_proves_nothing_is_refused() {
    let house = House::new().await;
    let wrong = LoginRefused::WrongCredential;
    let refused = |user: &str, token: &str| scram(&house.gate, user, token, SOURCE).unwrap_err();
    assert_eq!(refused("ada", "cs_ada-1_other"), wrong);
    assert_eq!(refused("nobody", "cs_nobody-1_secret"), wrong);
    // somebody else's token
    assert_eq!(refused("ada", "cs_grace-1_secret"), wrong);
    for token in ["cs_ada-1_other", "cs_nobody-1_secret", "cs_ada-1_"] {
        assert_eq!(
            house.gate.bearer(token, SOURCE).unwrap_err(),
            wrong,
            "{token}"
        );
    }
    for token in ["", "ada", "cs_", "cs_ada-1"] {
        assert_eq!(
            house.gate.bearer(token, SOURCE).unwrap_err(),
            LoginRefused::Malformed
        );
    }
}

#[tokio::test]
async fn dead_tokens_and_locked_accounts_are_refused() {
    let house = House::new().await;
    let both = |name: &str| {
        let token = format!("cs_{name}-1_secret");
        let scram = scram(&house.gate, name, &token, SOURCE).unwrap_err();
        assert_eq!(scram, house.gate.bearer(&token, SOURCE).unwrap_err());
        scram
    };
    house.people.change("ada", |it| it.tokens[0].revoked = true);
    assert_eq!(both("ada"), LoginRefused::WrongCredential);
    house
        .people
        .change("grace", |it| it.tokens[0].expires_at = Some(1));
    assert_eq!(both("grace"), LoginRefused::WrongCredential);
    house.people.change("heidi", |it| it.locked = true);
    assert_eq!(both("heidi"), LoginRefused::Locked);
}

#[tokio::test]
async fn an_unknown_user_is_not_to_be_told_from_a_known_one() {
    let house = House::new().await;
    let unknown = salt_of(&house.gate, "nobody");
    assert_eq!(unknown, salt_of(&house.gate, "nobody"));
    assert_ne!(unknown, salt_of(&house.gate, "somebody"));
    assert_eq!(unknown.len(), salt_of(&house.gate, "ada").len());
    assert_eq!(salt_of(&house.gate, "ada"), salt_of(&house.gate, "ada"));
    // and the same after a restart
    assert_eq!(unknown, salt_of(&House::new().await.gate, "nobody"));
}

#[tokio::test]
async fn failing_again_costs_more_and_never_more_than_five_seconds() {
    let house = House::new().await;
    tokio::time::pause();
    let cost = async |user: &str, source| {
        let before = Instant::now();
        house.gate.penalty(user, source).await;
        before.elapsed()
    };
    let mut last = Duration::ZERO;
    for failures in 0..30 {
        let delay = cost("ada", SOURCE).await;
        assert!(
            delay >= last && delay <= Duration::from_millis(5005),
            "{delay:?}"
        );
        assert_eq!(delay.is_zero(), failures < 3, "after {failures}");
        last = delay;
        scram(&house.gate, "ada", "wrong", SOURCE).unwrap_err();
    }
    assert!(last >= Duration::from_secs(5), "{last:?}");
    // elsewhere nobody waits for it: no lock-out
    let elsewhere = IpAddr::from([192, 0, 2, 2]);
    assert!(cost("ada", elsewhere).await.is_zero());
    scram(&house.gate, "ada", "cs_ada-1_secret", elsewhere).unwrap();
    // not even here, and a success is forgiven
    scram(&house.gate, "ada", "cs_ada-1_secret", SOURCE).unwrap();
    assert!(cost("ada", SOURCE).await.is_zero());
}

#[tokio::test]
async fn failures_are_forgotten_in_time_and_do_not_fill_the_memory() {
    let house = House::new().await;
    tokio::time::pause();
    for _ in 0..10 {
        house.gate.bearer("cs_ada-1_wrong", SOURCE).unwrap_err();
    }
    tokio::time::advance(Duration::from_secs(601)).await;
    let before = Instant::now();
    house.gate.penalty("ada-1", SOURCE).await;
    assert!(before.elapsed().is_zero());
    for number in 0..20_000 {
        house
            .gate
            .bearer(&format!("cs_x{number}_wrong"), SOURCE)
            .unwrap_err();
    }
}
