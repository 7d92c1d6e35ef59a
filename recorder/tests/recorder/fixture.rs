//! A log in a folder of its own, and entries to put into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use policy::operation::Effect;
use recorder::entry::{
    Administration, Approval, ApprovalEvent, Boot, Decided, OperationRecord, Outcome, OutcomeKind,
    Reload, SessionClosed, SessionOpened, TapeRecord, Verdict,
};
use recorder::keys::{Key, PublicKey};
use recorder::sink::Sink;
use recorder::sink::disk::Disk;
use recorder::verify::{Report, verify};
use recorder::{Audit, Durability, Entry, Error, Recovered, RequestId, SessionId, Settings};
use tempfile::TempDir;

pub(crate) struct Folder {
    /// Removes all of it in the end.
    _temporary: TempDir,
    pub(crate) settings: Settings,
    pub(crate) public: PublicKey,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let key_file = temporary.path().join("key.pem");
        let public = Key::generate(&key_file).unwrap().public().clone();
        let settings = Settings::new(temporary.path().join("audit"), key_file);
        Self {
            _temporary: temporary,
            settings,
            public,
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.settings.directory
    }

    pub(crate) fn open(&self) -> (Audit, Recovered) {
        self.open_on(Arc::new(Disk))
    }

    pub(crate) fn open_on(&self, sink: Arc<dyn Sink>) -> (Audit, Recovered) {
        self.try_open_on(sink).unwrap()
    }

    pub(crate) fn try_open_on(&self, sink: Arc<dyn Sink>) -> Result<(Audit, Recovered), Error> {
        Audit::open(self.settings.clone(), sink)
    }

    pub(crate) fn verify(&self) -> Report {
        verify(self.directory(), &self.public, None).unwrap()
    }

    /// What a kill -9 at this moment would leave: the files as they are.
    pub(crate) fn copy(&self) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let key_file = temporary.path().join("key.pem");
        std::fs::copy(&self.settings.key_file, &key_file).unwrap();
        let directory = temporary.path().join("audit");
        copy_files(self.directory(), &directory);
        let settings = Settings {
            directory,
            key_file,
            ..self.settings.clone()
        };
        Self {
            _temporary: temporary,
            settings,
            public: self.public.clone(),
        }
    }

    /// The files of the log with this extension, in order.
    pub(crate) fn files(&self, extension: &str) -> Vec<PathBuf> {
        let found = std::fs::read_dir(self.directory())
            .unwrap()
            .map(|found| found.unwrap().path());
        let mut files: Vec<_> = found
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .collect();
        files.sort();
        files
    }
}

pub(crate) fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for found in std::fs::read_dir(from).unwrap() {
        let path = found.unwrap().path();
        // a file may be given its name while the folder is read
        if path.extension().is_some_and(|extension| extension != "tmp") {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

pub(crate) fn request(number: u64) -> RequestId {
    RequestId::from(u128::from(number))
}

pub(crate) fn decided(number: u64, verdict: Verdict) -> Entry {
    Entry::Decided(Decided {
        request: request(number),
        session: SessionId::from(7),
        actor: "user:ada".to_owned(),
        purpose: None,
        target: "shop".to_owned(),
        protocol: "postgres".to_owned(),
        digest: [number as u8; 32],
        operations: vec![OperationRecord {
            action: "postgres.select".to_owned(),
            effect: Effect::Read,
            resource_type: "postgres.table".to_owned(),
            resource_id: "shop/shop/public/orders".to_owned(),
        }],
        verdict,
        reason: "permitted".to_owned(),
        policies: vec!["engineers-read".to_owned()],
        approval: None,
        policy_revision: "r1".to_owned(),
        summary: format!("SELECT {number}"),
        at: 1_800_000_000_000_000_000 + number,
    })
}

pub(crate) fn allowed(number: u64) -> Entry {
    decided(number, Verdict::Allow)
}

pub(crate) fn outcome(number: u64) -> Entry {
    let at = 1_800_000_000_000_000_000 + number;
    let code = "00000".to_owned();
    Entry::Outcome(Outcome {
        request: request(number),
        kind: OutcomeKind::Completed,
        rows: 1,
        bytes: 10,
        code,
        at,
    })
}

/// An entry of each kind that callers write, beside decisions and outcomes.
pub(crate) fn other_kinds() -> Vec<Entry> {
    let text = |text: &str| text.to_owned();
    let session = SessionId::from(7);
    let tape = Some(TapeRecord {
        digest: [3; 32],
        events: 4,
        bytes: 5,
    });
    vec![
        Entry::Boot(Boot {
            boot: [1; 16],
            version: text("0.1.0"),
            revision: text("r1"),
            at: 1,
        }),
        Entry::SessionOpened(SessionOpened {
            session,
            actor: text("service:robot"),
            on_behalf_of: Some(text("user:ada")),
            target: text("shop"),
            protocol: text("postgres"),
            address: text("127.0.0.1"),
            credential: text("token-1"),
            application: text("psql ü"),
            at: 2,
        }),
        Entry::Approval(Approval {
            approval: text("a1"),
            event: ApprovalEvent::Asked,
            session,
            actor: text("user:ada"),
            digest: [9; 32],
            policies: vec![text("hold-drop"), text("hold-all")],
            note: String::new(),
            at: 3,
        }),
        Entry::SessionClosed(SessionClosed {
            session,
            reason: text("client"),
            requests: 9,
            tape,
            at: 4,
        }),
        Entry::Administration(Administration {
            actor: text("user:heidi"),
            action: text("kill"),
            subject: text("session"),
            allowed: true,
            at: 5,
        }),
        Entry::Reload(Reload {
            actor: text("gateway"),
            revision: text("r2"),
            ok: false,
            at: 6,
        }),
    ]
}

/// Appends a whole request and waits for both entries.
pub(crate) fn whole_request(audit: &Audit, number: u64) {
    audit
        .append(allowed(number), Durability::Written)
        .wait()
        .unwrap();
    audit
        .append(outcome(number), Durability::Written)
        .wait()
        .unwrap();
}

/// Closes on a runtime of its own.
pub(crate) fn close(audit: Audit) {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(audit.close())
        .unwrap();
}

/// A deadline short enough to be waited for.
pub(crate) fn impatient(folder: &mut Folder) {
    folder.settings.write_deadline = Duration::from_millis(200);
}
