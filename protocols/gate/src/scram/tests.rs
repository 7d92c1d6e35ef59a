//! RFC 7677's vectors, downgrades, and what neither side may send.

use super::*;

const FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SERVER_FIRST: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn salt() -> Vec<u8> {
    BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap()
}

fn begin() -> Server {
    let opening = Opening {
        message: FIRST,
        plus: false,
        end_point: None,
    };
    let (server, first) = Server::first_with(&opening, &salt(), ITERATIONS, NONCE).unwrap();
    assert_eq!(first, SERVER_FIRST);
    server
}

fn verifier(token: &str) -> Verifier {
    Verifier::of(token, &salt(), ITERATIONS)
}

#[test]
fn rfc_7677() {
    let accepted = begin()
        .last(
            LAST.as_bytes(),
            &[verifier("x"), verifier("pencil"), verifier("y")],
        )
        .unwrap();
    assert_eq!(accepted, (1, SERVER_FINAL.to_owned()));
}

#[test]
fn nobody_else_gets_in() {
    assert_eq!(
        begin().last(LAST.as_bytes(), &[verifier("x"), verifier("y")]),
        Err(Refused::Credential)
    );
    assert_eq!(begin().last(LAST.as_bytes(), &[]), Err(Refused::Credential));
}

#[test]
fn all_candidates_count_even_beyond_the_padding() {
    let many: Vec<_> = (0..20)
        .map(|index| verifier(if index == 19 { "pencil" } else { "x" }))
        .collect();
    assert_eq!(
        begin()
            .last(LAST.as_bytes(), &many)
            .map(|accepted| accepted.0),
        Ok(19)
    );
}

#[test]
fn a_changed_final_message_is_refused() {
    let candidates = [verifier("pencil")];
    let bad = [
        LAST.replace("biws", "eSws"),
        LAST.replace("k0,p", "k1,p"),
        LAST.replace(",p=dHzb", ",p=dHz"),
        LAST.replace(",p=dHzb", ",p=dHzc"),
        LAST.replace(",p=", ",q="),
        // an extension is covered by the proof
        LAST.replace(",p=dHzb", ",x=1,p=dHzb"),
        String::new(),
    ];
    for bad in bad {
        assert!(begin().last(bad.as_bytes(), &candidates).is_err(), "{bad}");
    }
}

#[test]
fn first_messages_that_are_refused() {
    let long = [b"n,,n=,r=", &[b'a'; 257][..]].concat();
    type Bad<'a> = (&'a [u8], bool, Option<&'a [u8]>);
    let bad: [Bad<'_>; 14] = [
        (b"n,,m=1,n=user,r=a", false, None),
        (b"n,a=eve,n=user,r=a", false, None),
        // a downgrade: the server did offer PLUS
        (b"y,,n=,r=a", false, Some(b"h")),
        (b"p=tls-unique,,n=,r=a", true, Some(b"h")),
        (b"p=tls-server-end-point,,n=,r=a", true, None),
        (b"p=tls-server-end-point,,n=,r=a", false, Some(b"h")),
        (b"n,,n=,r=a", true, Some(b"h")),
        (b"n,,n=,r=", false, None),
        (b"n,,n=", false, None),
        (b"n,,r=a", false, None),
        (b"n", false, None),
        (b"", false, None),
        (b"n,,n=,r=\xff", false, None),
        (&long, false, None),
    ];
    for (first, plus, end_point) in bad {
        let opening = Opening {
            message: first,
            plus,
            end_point,
        };
        assert!(
            Server::first(&opening, b"salt", ITERATIONS).is_err(),
            "{first:?}"
        );
    }
}

#[test]
fn the_certificate_is_bound() {
    let salt = [7; SALT];
    let exchange = |ours: &[u8], theirs: &[u8]| {
        let message = b"p=tls-server-end-point,,n=,r=abc";
        let opening = Opening {
            message,
            plus: true,
            end_point: Some(ours),
        };
        let (server, first) = Server::first(&opening, &salt, ITERATIONS).unwrap();
        let nonce = first.strip_prefix("r=").unwrap().split(',').next().unwrap();
        let header = BASE64.encode([b"p=tls-server-end-point,,", theirs].concat());
        let without_proof = format!("c={header},r={nonce}");
        let salted = Salted::of(b"token", &salt, ITERATIONS);
        let message = format!("n=,r=abc,{first},{without_proof}");
        let signature = sign(&sha256(&salted.client_key()), message.as_bytes());
        let proof = BASE64.encode(exclusive_or(&salted.client_key(), &signature));
        server.last(
            format!("{without_proof},p={proof}").as_bytes(),
            &[Verifier::of("token", &salt, ITERATIONS)],
        )
    };
    assert_eq!(
        exchange(b"certificate", b"certificate").map(|accepted| accepted.0),
        Ok(0)
    );
    assert_eq!(
        exchange(b"certificate", b"another"),
        Err(Refused::Binding("its data differ"))
    );
}

#[test]
fn a_mock_salt_is_constant_and_of_the_user() {
    assert_eq!(mock_salt(b"secret", "ada"), mock_salt(b"secret", "ada"));
    assert_ne!(mock_salt(b"secret", "ada"), mock_salt(b"secret", "eve"));
    assert_ne!(mock_salt(b"secret", "ada"), mock_salt(b"other", "ada"));
    assert_ne!(nonce().unwrap(), nonce().unwrap());
}

#[test]
fn secrets_show_nothing() {
    assert_eq!(
        format!(
            "{:?} {:?}",
            verifier("pencil"),
            Salted::of(b"pencil", b"salt", ITERATIONS)
        ),
        "Verifier Salted"
    );
}

/// The outer parts of a certificate, with a body of 300 bytes so that lengths take more than one byte.
fn certificate(identifier: &[u8]) -> Vec<u8> {
    let element = |tag: u8, contents: &[u8]| {
        let length = contents.len() as u16;
        [&[tag, 0x82][..], &length.to_be_bytes(), contents].concat()
    };
    let signature = element(
        0x30,
        &[&[0x06, identifier.len() as u8][..], identifier, &[5, 0]].concat(),
    );
    element(
        0x30,
        &[element(0x30, &[0; 300]), signature, vec![3, 1, 0]].concat(),
    )
}

#[test]
fn a_certificate_is_hashed_as_its_signature_says() {
    let ecdsa = certificate(b"\x2a\x86\x48\xce\x3d\x04\x03\x02");
    assert_eq!(end_point::hash(&ecdsa), Some(sha256(&ecdsa).to_vec()));
    assert_eq!(
        end_point::hash(&certificate(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"))
            .map(|hash| hash.len()),
        Some(48)
    );
    assert_eq!(
        end_point::hash(&certificate(b"\x2b\x65\x70")),
        None,
        "Ed25519 names no hash"
    );
    for cut in 0..ecdsa.len() - 1 {
        assert_eq!(end_point::hash(&ecdsa[..cut]), None);
    }
}
