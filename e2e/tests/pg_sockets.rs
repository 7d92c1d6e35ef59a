//! With real psql through a Unix socket: the stories hold there as on a port, and a socket that was left behind is taken over.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::PathBuf;

use e2e::lasting;
use e2e::psql::{Login, Psql};
use e2e::stand::Stand;
use e2e::story::{ROWS, asked};

struct Scene {
    stand: Stand,
    sockets: PathBuf,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sockets = folder.path().join("sockets");
        std::fs::create_dir(&sockets).unwrap();
        let socket = sockets.join(".s.PGSQL.5432");
        let listener = format!(
            "listeners:\n  - address: {}\n    postgres: {{}}",
            socket.display()
        );
        let edit = |text: String| text.replacen("listeners:", &listener, 1);
        let stand = lasting::edited(&folder.path().join("stand"), &[], &edit).unwrap();
        Self {
            stand,
            sockets,
            _folder: folder,
        }
    }

    fn ada(&self, story: &str) -> Psql {
        let database = format!(
            "host={} port=5432 dbname=shop channel_binding=disable",
            self.sockets.display()
        );
        let mut login = Login::of("ada", &self.stand.people.ada, story);
        login.database = &database;
        Psql::open(self.stand.place(), &login).unwrap()
    }
}

#[test]
fn the_stories_hold_on_a_socket() {
    let scene = Scene::open();
    let stand = &scene.stand;
    stand.table("socketed").unwrap();
    let mut psql = scene.ada("socket");
    let here = psql.ask("SELECT note FROM socketed WHERE id = 2;").unwrap();
    assert_eq!(here.out, "note 2\n", "{here:?}");
    let denied = psql.ask("SELECT pg_read_file('/etc/passwd');").unwrap();
    assert_eq!(denied.sqlstate(), Some("42501"), "{denied:?}");
    let masked = psql
        .ask("SELECT card FROM customers ORDER BY id LIMIT 1;")
        .unwrap();
    assert!(masked.out.starts_with("****"), "{masked:?}");

    let id = stand
        .held(&mut psql, "DELETE FROM socketed;", "socketed")
        .unwrap();
    stand
        .refuse(&stand.people.grace, id, "not by this door")
        .unwrap();
    assert_eq!(psql.answer().unwrap().sqlstate(), Some("42501"));
    let id = stand
        .held(&mut psql, "DELETE FROM socketed;", "socketed")
        .unwrap();
    stand.approve(&stand.people.grace, id).unwrap();
    assert_eq!(psql.answer().unwrap().out, "DELETE 3\n");
    assert_eq!(stand.rows("socketed").unwrap(), 0);

    // psql that is not typed into ends with what it cancels
    psql.say("DELETE FROM socketed;").unwrap();
    let id = asked(&psql).unwrap();
    psql.interrupt().unwrap();
    assert_eq!(psql.answer().unwrap().sqlstate(), Some("57014"));
    stand.becomes(id, "withdrawn").unwrap();
}

#[test]
fn who_goes_while_held_is_seen_and_a_socket_left_behind_is_taken_over() {
    let mut scene = Scene::open();
    scene.stand.table("abandoned").unwrap();
    let mut psql = scene.ada("abandoned");
    let id = scene
        .stand
        .held(&mut psql, "DELETE FROM abandoned;", "abandoned")
        .unwrap();
    psql.kill().unwrap();
    scene.stand.becomes(id, "withdrawn").unwrap();
    assert_eq!(scene.stand.rows("abandoned").unwrap(), ROWS);

    let mut waiting = scene.ada("cut off");
    waiting.say("DELETE FROM abandoned;").unwrap();
    asked(&waiting).unwrap();
    let socket = scene.sockets.join(".s.PGSQL.5432");
    scene.stand.gateway.kill().unwrap();
    assert!(waiting.ended().is_ok());
    assert!(socket.exists(), "who is killed takes nothing away");
    scene.stand.restart(&|| false).unwrap();
    let mut psql = scene.ada("back");
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");
    assert!(psql.quit().unwrap().success());
    scene.stand.gateway.end().unwrap();
    assert!(!socket.exists(), "who ends in order does");
}
