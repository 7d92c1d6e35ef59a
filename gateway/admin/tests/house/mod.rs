//! A gateway without listeners: store, audit log, gate and API in a temporary folder, with a few people.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    unreachable_pub,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use admin::{Admin, Peer, Recordings, Ssh};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use gate::ledger::{Ledger, Question, Row};
use gate::metrics::Metrics;
use gate::{ErasedTarget, Gate, Limits, Parts, Registry, Rules, SystemClock};
use policy::approval::{Requirement, TextHash};
use policy::digest::Digest;
use policy::mask::Masking;
use policy::policies::Policies;
use policy::vocabulary::Vocabulary;
use recorder::entry::{Administration, Entry};
use recorder::keys::Key;
use recorder::sink::disk::Disk;
use recorder::tape::{RecordMode, TapeKey, Tapes};
use recorder::{Audit, Settings};
use serde_json::Value;
use store::{Name, NewAccount, NewToken, Store};
use tempfile::TempDir;
use tower::ServiceExt;

pub struct House {
    folder: TempDir,
    pub store: Store,
    pub gate: Gate,
    pub tapes: Tapes,
    pub router: Router,
    tokens: BTreeMap<&'static str, String>,
}

/// One answer of the API.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The code of a problem, which every error must be.
    pub fn problem(&self) -> String {
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{}",
            self.text
        );
        let kind = self.json()["type"].as_str().unwrap().to_owned();
        kind.strip_prefix("urn:countersign:problem:")
            .unwrap()
            .to_owned()
    }
}

impl House {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store.sqlite"))
            .await
            .unwrap();
        let tokens = people(&store).await;
        let (audit, tapes) = recorder(&folder);
        let gate = Gate::start(parts(&store, audit, tapes.clone()))
            .await
            .unwrap();
        let key = TapeKey::load(&folder.path().join("tape.key")).unwrap();
        let recordings = Recordings {
            directory: folder.path().join("tapes"),
            key,
        };
        let admin = Admin::new(store.clone(), gate.clone(), Some(recordings));
        let router = admin::router(admin);
        Self {
            folder,
            store,
            gate,
            tapes,
            router,
            tokens,
        }
    }

    /// With authorities for SSH, made by OpenSSH itself, one SSH target `box`, and port 2222.
    pub async fn with_ssh() -> Self {
        let mut house = Self::new().await;
        for authority in ["user-ca", "host-ca"] {
            house.keygen(&["-q", "-t", "ed25519", "-N", "", "-C", "ca", "-f", authority]);
        }
        let target = |name: &str, protocol: &str| ErasedTarget {
            policy: policy::target::Target {
                name: name.into(),
                protocol: protocol.into(),
                labels: BTreeSet::new(),
            },
            backend: Arc::new(()),
            endpoints: Vec::new(),
        };
        let targets = Registry::default();
        targets.replace(vec![target("box", "ssh"), target("shop", "postgres")]);
        let ssh = Ssh::load(
            &house.path("user-ca"),
            &house.path("host-ca"),
            vec![2222],
            targets,
        );
        let admin = Admin::new(house.store.clone(), house.gate.clone(), None);
        house.router = admin::router(admin.with_ssh(Some(ssh.unwrap())));
        house
    }

    /// OpenSSH's own tool, in the house's folder.
    pub fn keygen(&self, arguments: &[&str]) -> String {
        let mut command = std::process::Command::new("ssh-keygen");
        let command = command.args(arguments).current_dir(self.folder.path());
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}{complaint}");
        told
    }

    /// A fresh key pair of that name; its public half.
    pub fn key(&self, name: &str, kind: &[&str]) -> String {
        self.keygen(&[&["-q", "-N", "", "-C", "a comment", "-f", name, "-t"], kind].concat());
        let public = self.folder.path().join(format!("{name}.pub"));
        std::fs::read_to_string(public).unwrap()
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub fn token(&self, person: &str) -> &str {
        &self.tokens[person]
    }

    pub async fn get(&self, person: &str, path: &str) -> Answer {
        self.call(person, Method::GET, path, None).await
    }

    pub async fn post(&self, person: &str, path: &str, body: Value) -> Answer {
        self.call(person, Method::POST, path, Some(body)).await
    }

    pub async fn delete(&self, person: &str, path: &str) -> Answer {
        self.call(person, Method::DELETE, path, None).await
    }

    pub async fn call(
        &self,
        person: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token(person));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, bearer);
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    /// As it is, but with an address.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        request
            .extensions_mut()
            .insert(Peer(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        self.send_raw(request).await
    }

    pub async fn send_raw(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    /// A question of ada's about `digest`, put to the group `dba`.
    pub async fn ask(&self, digest: u8) -> Row {
        let mut question: Question = gate::testing::ledger::question("ada", digest);
        question
            .requirements
            .insert("destructive".into(), requirement());
        self.store.ask(question, 20).await.unwrap()
    }

    /// What the audit log holds of administration.
    pub fn administration(&self) -> Vec<Administration> {
        let entries = recorder::export::entries(&self.folder.path().join("audit")).unwrap();
        let administration = entries.filter_map(|entry| match entry.unwrap().1 {
            Entry::Administration(administration) => Some(administration),
            _ => None,
        });
        administration.collect()
    }
}

fn requirement() -> Requirement {
    Requirement {
        policy: "destructive".into(),
        groups: BTreeSet::from(["dba".into()]),
        quorum: 1,
        distinct: false,
        owner_may_approve: false,
        timeout_seconds: 300,
        manner: None,
        escalate: vec![],
        message: Some("needs a DBA".into()),
        on_timeout_approve: false,
        risk_low: false,
        text: TextHash(Digest::from_bytes([7; 32])),
    }
}

/// root administers, ada asks, grace answers, bob does neither; robot is ada's.
async fn people(store: &Store) -> BTreeMap<&'static str, String> {
    let mut tokens = BTreeMap::new();
    let people = [
        ("root", None, "admin"),
        ("ada", None, "engineers"),
        ("grace", None, "dba"),
        ("bob", None, "engineers"),
        ("robot", Some("ada"), "robots"),
    ];
    for (name, owner, group) in people {
        let account = NewAccount {
            name: Name::new(name).unwrap(),
            owner: owner.map(|owner| Name::new(owner).unwrap()),
            groups: vec![Name::new(group).unwrap()],
            by: "root".into(),
        };
        store.add_account(account, 1).await.unwrap();
        let token = NewToken {
            account: name.into(),
            name: "test".into(),
            by: "root".into(),
            expires_at: None,
        };
        let token = store.issue_token(token, 1).await.unwrap();
        tokens.insert(name, token.expose().to_owned());
    }
    tokens
}

fn recorder(folder: &TempDir) -> (Audit, Tapes) {
    let folder = folder.path();
    Key::generate(&folder.join("audit.key")).unwrap();
    let settings = Settings::new(folder.join("audit"), folder.join("audit.key"));
    let (audit, _) = Audit::open(settings, Arc::new(Disk)).unwrap();
    let key = TapeKey::generate(&folder.join("tape.key")).unwrap();
    (audit, Tapes::open(&folder.join("tapes"), key).unwrap())
}

fn parts(store: &Store, audit: Audit, tapes: Tapes) -> Parts {
    let vocabulary = Arc::new(Vocabulary::merge(&[]).unwrap());
    let policies = Policies::load(&vocabulary, &[]).unwrap();
    let masking = Arc::new(Masking::new(vec![]).unwrap());
    Parts {
        vocabulary,
        rules: Rules { policies, masking },
        directory: Arc::new(store.clone()),
        ledger: Arc::new(store.clone()),
        audit,
        tapes: Some(tapes),
        record: RecordMode::Head,
        clock: Arc::new(SystemClock),
        metrics: Metrics::default(),
        limits: Limits::default(),
        seed: vec![7; 32],
    }
}

impl House {
    pub async fn store_state(&self, id: gate::ledger::ApprovalId) -> policy::approval::State {
        Ledger::read(&self.store, id).await.unwrap().question.state
    }
}

impl House {
    /// With a token of its own.
    pub async fn get_with(&self, token: &str, path: &str) -> Answer {
        let request = Request::builder()
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}
