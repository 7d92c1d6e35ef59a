//! By hand, what no honest client sends before it is let in: the gateway refuses or ends it, and serves the others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::net::Ipv4Addr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use e2e::lasting::Lasting;
use e2e::logins::Logins;
use e2e::ssh_requests::{
    ECDH_INIT, GLOBAL_REQUEST, USERAUTH_ANSWER, USERAUTH_FAILURE, USERAUTH_MORE, USERAUTH_SUCCESS,
    channel_request, kexinit, keyboard, open_session, password, public_key, string, userauth,
};
use e2e::ssh_wire::{Key, Wire, lists};
use e2e::stand::Stand;
use e2e::watchdog::until;
use serde_json::Value;

static LASTING: LazyLock<Lasting<Logins>> =
    LazyLock::new(|| Lasting::beside(&["ssh.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn logins() -> &'static Logins {
    LASTING.ground.as_ref().unwrap()
}

/// An address of this machine: failures of one slow down no other.
const fn from(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 30, last)
}

fn registered(name: &str, person: &str) -> Key {
    let key = Key::make().unwrap();
    let file = logins().ground.yard("attacks").unwrap().join(name);
    std::fs::write(&file, key.line()).unwrap();
    let add = [
        "user",
        "key",
        "add",
        person,
        "--file",
        file.to_str().unwrap(),
    ];
    stand().place().cli(&stand().people.admin, &add).unwrap();
    key
}

/// Whoever is honest is still served.
fn serves(last: u8) {
    let mut wire = Wire::agreed(logins().port, from(last)).unwrap();
    let answer = wire.ask(&password("box", &stand().people.ada)).unwrap();
    assert_eq!(answer, [USERAUTH_SUCCESS]);
}

fn fails(answer: &[u8], methods: &str) {
    let expected = [&[USERAUTH_FAILURE][..], &string(methods.as_bytes()), &[0]].concat();
    assert_eq!(answer, expected, "{}", String::from_utf8_lossy(answer));
}

const METHODS: &str = "publickey,keyboard-interactive,password";

#[test]
fn nothing_but_the_key_exchange_passes_before_there_are_keys() {
    let attempts: [&[u8]; 5] = [
        &[USERAUTH_SUCCESS],
        &open_session(),
        &userauth("box", "none"),
        &[GLOBAL_REQUEST, 0, 0, 0, 1, b'x', 1],
        &[USERAUTH_ANSWER, 0, 0, 0, 0],
    ];
    for attempt in attempts {
        for agreeing in [false, true] {
            let mut wire = Wire::greeted(logins().port, from(1)).unwrap();
            let offered = wire.offered().unwrap();
            assert!(!offered.is_empty());
            if agreeing {
                wire.send(&kexinit(&lists())).unwrap();
            }
            wire.send(attempt).unwrap();
            assert!(wire.is_ended().unwrap(), "{attempt:?}");
        }
    }
    serves(1);
}

#[test]
fn nothing_is_opened_before_login() {
    let attempts: [&[u8]; 4] = [
        &[USERAUTH_SUCCESS],
        &open_session(),
        &[GLOBAL_REQUEST, 0, 0, 0, 1, b'x', 1],
        &channel_request(0, "exec", &string(b"true")),
    ];
    for attempt in attempts {
        let mut wire = Wire::agreed(logins().hasty, from(2)).unwrap();
        wire.send(attempt).unwrap();
        // it counts for nothing: what comes next is as if it had not been said
        let answer = wire.ask(&userauth("box", "none")).unwrap();
        fails(&answer, METHODS);
        wire.send(attempt).unwrap();
        assert!(wire.is_ended().unwrap(), "{attempt:?}");
    }
    // nor with what is said in the same breath as a login that fails
    let mut wire = Wire::agreed(logins().hasty, from(2)).unwrap();
    wire.send(&password("box", "wrong")).unwrap();
    wire.send(&open_session()).unwrap();
    fails(&wire.packet().unwrap(), METHODS);
    assert!(wire.is_ended().unwrap());
}

#[test]
fn only_a_signature_says_who_it_is() {
    let (ada, grace) = (registered("ada", "ada"), registered("grace", "grace"));
    let mut wire = Wire::agreed(logins().port, from(3)).unwrap();
    for key in [&ada, &grace, &ada, &grace] {
        let answer = wire.ask(&key.offer("box")).unwrap();
        assert_eq!(answer.first(), Some(&USERAUTH_MORE));
    }
    // grace's key, signed with ada's
    let forged = wire.signed("box", &grace, &ada);
    fails(&wire.ask(&forged).unwrap(), METHODS);
    // the signature of another connection
    let other = Wire::agreed(logins().port, from(3)).unwrap();
    let replayed = other.signed("box", &ada, &ada);
    fails(&wire.ask(&replayed).unwrap(), METHODS);
    // the last offer was grace's, the signature is ada's: so is the session
    let offered = wire.ask(&grace.offer("box")).unwrap();
    assert_eq!(offered.first(), Some(&USERAUTH_MORE));
    let signed = wire.signed("box", &ada, &ada);
    assert_eq!(wire.ask(&signed).unwrap(), [USERAUTH_SUCCESS]);
    let channel = wire.session().unwrap();
    let command = channel_request(channel, "exec", &string(b"echo whose"));
    wire.send(&command).unwrap();
    let entry = until("the log tells whose it was", || {
        let entries = stand().exported()?;
        let summary = |entry: &&Value| {
            entry["summary"]
                .as_str()
                .is_some_and(|it| it.contains("echo whose"))
        };
        Ok(entries.iter().find(summary).cloned())
    });
    assert_eq!(entry.unwrap()["as"], "user:ada");
}

#[test]
fn a_proof_counts_for_the_name_it_was_given_under() {
    let key = registered("first", "ada");
    let ada = &stand().people.ada;
    let mut wire = Wire::agreed(logins().both, from(4)).unwrap();
    for other in [
        password("box", ada),
        keyboard("box"),
        userauth("box", "none"),
    ] {
        fails(&wire.ask(&other).unwrap(), "publickey");
    }
    let partial = |wire: &mut Wire, user: &str| {
        let signed = wire.signed(user, &key, &key);
        let answer = wire.ask(&signed).unwrap();
        let methods = string(b"keyboard-interactive,password");
        assert_eq!(answer, [&[USERAUTH_FAILURE][..], &methods, &[1]].concat());
    };
    partial(&mut wire, "ada");
    fails(&wire.ask(&password("box", ada)).unwrap(), "publickey");
    // and a wrong second proof does not take the first one away
    let mut wire = Wire::agreed(logins().both, from(4)).unwrap();
    partial(&mut wire, "box");
    let wrong = wire.ask(&password("box", "wrong")).unwrap();
    fails(&wrong, "keyboard-interactive,password");
    // the same proof twice is one
    let again = wire.signed("box", &key, &key);
    fails(&wire.ask(&again).unwrap(), "keyboard-interactive,password");
    let right = wire.ask(&password("box", ada)).unwrap();
    assert_eq!(right, [USERAUTH_SUCCESS]);
}

#[test]
fn sizes_that_cannot_be_are_refused_before_they_are_read() {
    for length in [0_u32, 1, 11, (1 << 18) + 4096, 1 << 30, u32::MAX] {
        // long before its time to log in is over
        let mut wire = Wire::greeted(logins().port, from(5)).unwrap();
        wire.offered().unwrap();
        wire.raw(&length.to_be_bytes()).unwrap();
        // nothing of it follows, so that only its size can have ended it
        wire.raw(&[4; 16]).unwrap();
        assert!(wire.is_ended().unwrap(), "{length}");
    }
    // a text that is longer than its packet
    let mut wire = Wire::agreed(logins().port, from(5)).unwrap();
    let mut request = userauth("box", "password");
    request.push(0);
    request.extend(u32::MAX.to_be_bytes());
    wire.send(&request).unwrap();
    assert!(wire.is_ended().unwrap());
    serves(5);
}

#[test]
fn one_question_has_one_answer() {
    let token = &stand().people.ada;
    let one = string(token.as_bytes());
    let answer =
        |count: u32, words: &[u8]| [&[USERAUTH_ANSWER][..], &count.to_be_bytes(), words].concat();
    // before it is asked
    let mut wire = Wire::agreed(logins().port, from(6)).unwrap();
    fails(&wire.ask(&answer(1, &one)).unwrap(), METHODS);
    for packet in [
        answer(0, &[]),
        answer(2, &[one.clone(), one.clone()].concat()),
    ] {
        let asked = wire.ask(&keyboard("box")).unwrap();
        assert_eq!(asked.first(), Some(&USERAUTH_MORE));
        fails(&wire.ask(&packet).unwrap(), METHODS);
    }
    for packet in [
        answer(1, &[]),
        answer(u32::MAX, &one),
        answer(1, &[0xff; 3]),
        vec![USERAUTH_ANSWER],
    ] {
        let mut wire = Wire::agreed(logins().port, from(6)).unwrap();
        wire.ask(&keyboard("box")).unwrap();
        wire.send(&packet).unwrap();
        let answer = wire.packet();
        let let_in = answer.is_ok_and(|answer| answer == [USERAUTH_SUCCESS]);
        // as many as there are count: one is there where its number alone is wrong
        assert!(!let_in || packet == self::counted(&one), "{packet:?}");
    }
    wire.ask(&keyboard("box")).unwrap();
    assert_eq!(wire.ask(&answer(1, &one)).unwrap(), [USERAUTH_SUCCESS]);
}

fn counted(one: &[u8]) -> Vec<u8> {
    [&[USERAUTH_ANSWER][..], &u32::MAX.to_be_bytes(), one].concat()
}

#[test]
fn a_share_of_a_key_that_gives_none_is_refused() {
    for share in [&[0; 32][..], &[1; 31], &[1; 33], &[]] {
        let mut wire = Wire::greeted(logins().port, from(7)).unwrap();
        wire.send(&kexinit(&lists())).unwrap();
        wire.offered().unwrap();
        wire.send(&[&[ECDH_INIT][..], &string(share)].concat())
            .unwrap();
        assert!(wire.is_ended().unwrap(), "{share:?}");
    }
    serves(7);
}

#[test]
fn a_terminal_has_no_more_settings_than_there_are() {
    let mut wire = Wire::agreed(logins().port, from(8)).unwrap();
    let answer = wire.ask(&password("box", &stand().people.ada)).unwrap();
    assert_eq!(answer, [USERAUTH_SUCCESS]);
    let channel = wire.session().unwrap();
    let modes: Vec<u8> = (0..2_000).flat_map(|_| [1, 0, 0, 0, 3]).collect();
    let words = [string(b"xterm"), vec![0; 16], string(&modes)].concat();
    wire.send(&channel_request(channel, "pty-req", &words))
        .unwrap();
    wire.send(&channel_request(channel, "exec", &string(b"echo after")))
        .unwrap();
    // ended, or without the terminal: never a crash of more than this connection
    let _ = wire.packet();
    serves(8);
}

#[test]
fn whoever_does_not_log_in_in_time_is_shown_out() {
    let started = Instant::now();
    let port = logins().hasty;
    let mut silent = Wire::connect(port, from(9)).unwrap();
    let mut slow = Wire::connect(port, from(9)).unwrap();
    slow.raw(b"SSH-2.0-slo").unwrap();
    let mut undecided = Wire::agreed(port, from(9)).unwrap();
    let mut halfway = Wire::greeted(port, from(9)).unwrap();
    for wire in [&mut silent, &mut slow, &mut undecided, &mut halfway] {
        wire.drained().unwrap();
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(9), "{took:?}");
    // a greeting is one line, and a short one
    for greeting in [
        b"SSH-1.5-old\r\n".to_vec(),
        vec![b'x'; 70_000],
        b"line\r\n".repeat(20_000),
    ] {
        let mut wire = Wire::connect(port, from(9)).unwrap();
        // it may be gone before all is said
        let _ = wire.raw(&greeting);
        wire.drained().unwrap();
    }
    serves(9);
}

#[test]
fn only_ciphers_that_lose_no_packet_are_offered() {
    let mut wire = Wire::greeted(logins().port, from(10)).unwrap();
    let offered = wire.offered().unwrap();
    let list = |at: usize| offered[at].split(',').collect::<Vec<_>>();
    assert!(
        list(0).contains(&"kex-strict-s-v00@openssh.com"),
        "{offered:?}"
    );
    for at in [2, 3] {
        assert_eq!(
            list(at),
            ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"]
        );
    }
    let weak = |name: &&str| name.contains("sha1") || name.contains("md5") || **name == *"ssh-rsa";
    for at in [0, 1, 4, 5] {
        assert!(!list(at).iter().any(weak), "{offered:?}");
    }
    let mut others = lists();
    for at in [2, 3] {
        others[at] = "chacha20-poly1305@openssh.com,aes128-cbc,none".to_owned();
    }
    wire.send(&kexinit(&others)).unwrap();
    assert!(wire.is_ended().unwrap());
    // with strict key exchange nothing may come between
    let mut wire = Wire::greeted(logins().port, from(10)).unwrap();
    wire.offered().unwrap();
    wire.send(&kexinit(&lists())).unwrap();
    wire.send(&[2, 0, 0, 0, 0]).unwrap();
    assert!(wire.is_ended().unwrap());
}

#[test]
fn keys_that_prove_too_little_are_not_taken() {
    let mut wire = Wire::agreed(logins().port, from(11)).unwrap();
    let touched = "sk-ssh-ed25519@openssh.com";
    let sk = [
        string(touched.as_bytes()),
        string(&[9; 32]),
        string(b"ssh:"),
    ]
    .concat();
    fails(
        &wire.ask(&public_key("box", touched, &sk, false)).unwrap(),
        METHODS,
    );
    let rsa = [string(b"ssh-rsa"), string(&[1, 0, 1]), string(&[0x7f; 256])].concat();
    fails(
        &wire
            .ask(&public_key("box", "ssh-rsa", &rsa, false))
            .unwrap(),
        METHODS,
    );
    // and whoever is unknown is told what everybody is told
    let ada = wire.ask(&password("ada", "wrong")).unwrap();
    let nobody = wire.ask(&password("nobody", "wrong")).unwrap();
    assert_eq!(ada, nobody);
    fails(&ada, METHODS);
}

#[test]
fn guessing_is_slow_for_its_source_alone_and_ends() {
    let guess = |last: u8, wire: &mut Wire| {
        let started = Instant::now();
        let answer = wire.ask(&password("box", "cs_ada_guess"));
        let told = answer.is_ok_and(|answer| answer.first() == Some(&USERAUTH_FAILURE));
        (told, started.elapsed(), last)
    };
    let mut wire = Wire::agreed(logins().port, from(12)).unwrap();
    let tried: Vec<_> = (0..7).map(|_| guess(12, &mut wire)).collect();
    // six tries a connection
    assert!(tried[..6].iter().all(|(told, ..)| *told), "{tried:?}");
    assert!(!tried[6].0, "{tried:?}");
    assert!(tried[5].1 >= Duration::from_millis(400), "{tried:?}");
    let mut wire = Wire::agreed(logins().port, from(12)).unwrap();
    let next = guess(12, &mut wire);
    assert!(next.1 >= Duration::from_millis(400), "{next:?}");
    let started = Instant::now();
    serves(13);
    assert!(started.elapsed() < next.1 + Duration::from_secs(2));
}

#[test]
fn a_flood_of_the_silent_keeps_nobody_out() {
    let crowd: Vec<_> = (0..200)
        .map(|_| Wire::connect(logins().hasty, from(14)).unwrap())
        .collect();
    serves(15);
    for mut wire in crowd {
        wire.drained().unwrap();
    }
}
