//! A ready gate: people, a target, a ledger, an audit log on a disk that can fail.

use std::sync::Arc;
use std::time::Duration;

use policy::mask::{DataClass, Masking};
use policy::policies::{Policies, Source};
use policy::target::Target;
use policy::vocabulary::Vocabulary;
use recorder::entry::{ApprovalEvent, Decided, OutcomeKind, Verdict};
use recorder::keys::Key;
use recorder::sink::fault::Faulty;
use recorder::tape::{RecordMode, TapeKey, Tapes};
use recorder::{Audit, Durability, Entry, RequestId, Settings};
use tempfile::TempDir;

use super::{FakeClock, MemoryLedger, People, Silent, fake};
use crate::approvals::VoteError;
use crate::decision::{Decision, Permitted};
use crate::desk::Answer;
use crate::gate::{About, Gate, Limits, Parts};
use crate::ledger::{ApprovalId, Filter, Row};
use crate::login::Authenticated;
use crate::metrics::Metrics;
use crate::request::Request;
use crate::rules::Rules;
use crate::session::{Connect, Session};

/// Everybody may connect; engineers read and write the shop; a drop there needs a DBA.
pub const POLICIES: &str = r#"
@id("all-connect")
permit (principal, action == Action::"connect", resource);
@id("engineers-change")
permit (principal in Group::"engineers", action in [Action::"read", Action::"write"], resource in Target::"shop");
@id("prod-destructive") @approve("dba") @quorum("1") @timeout("15m")
forbid (principal, action == Fake::Action::"drop", resource in Label::"env:prod");
@id("no-truncate")
forbid (principal, action == Fake::Action::"truncate", resource);
"#;

/// What a house is built of, where it differs from the usual.
pub struct Plan<'a> {
    pub policies: &'a str,
    pub vocabularies: &'a [&'static str],
    pub classes: Vec<DataClass>,
    pub tapes: Option<RecordMode>,
    pub limits: Limits,
    /// How long the audit log's promises take at most.
    pub patience: Duration,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self {
            policies: POLICIES,
            vocabularies: &[fake::VOCABULARY],
            classes: Vec::new(),
            tapes: None,
            limits: Limits::default(),
            patience: Duration::from_secs(20),
        }
    }
}

pub struct House {
    pub gate: Gate,
    pub people: Arc<People>,
    pub clock: Arc<FakeClock>,
    pub ledger: Silent,
    /// Under the audit log.
    pub disk: Faulty,
    vocabulary: Arc<Vocabulary>,
    masking: Arc<Masking>,
    folder: TempDir,
}

impl House {
    pub async fn new() -> Self {
        Self::build(Plan::default()).await
    }

    pub async fn with(policies: &str) -> Self {
        Self::build(Plan {
            policies,
            ..Plan::default()
        })
        .await
    }

    pub async fn build(plan: Plan<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Faulty::default();
        let key_file = folder.path().join("key.pem");
        Key::generate(&key_file).unwrap();
        let mut settings = Settings::new(folder.path().join("audit"), key_file);
        settings.write_deadline = plan.patience;
        let (audit, _) = Audit::open(settings, Arc::new(disk.clone())).unwrap();
        let tapes = plan.tapes.map(|_| {
            let key = TapeKey::generate(&folder.path().join("tape.key")).unwrap();
            Tapes::open(&folder.path().join("tapes"), key).unwrap()
        });
        let people = Arc::new(People::default());
        let clock = Arc::new(FakeClock::default());
        let ledger = Silent::over(Arc::new(MemoryLedger::default()));
        let vocabulary = Arc::new(Vocabulary::merge(plan.vocabularies).unwrap());
        let masking = Arc::new(Masking::new(plan.classes).unwrap());
        let parts = Parts {
            vocabulary: vocabulary.clone(),
            rules: rules(&vocabulary, &masking, plan.policies),
            directory: people.clone(),
            ledger: Arc::new(ledger.clone()),
            audit,
            tapes,
            record: plan.tapes.unwrap_or_default(),
            clock: clock.clone(),
            metrics: Metrics::default(),
            limits: plan.limits,
            seed: b"a seed for tests".to_vec(),
        };
        let gate = Gate::start(parts).await.unwrap();
        Self {
            gate,
            people,
            clock,
            ledger,
            disk,
            vocabulary,
            masking,
            folder,
        }
    }

    pub fn rules(&self, policies: &str) -> Rules {
        rules(&self.vocabulary, &self.masking, policies)
    }

    pub async fn reload(&self, policies: &str) {
        self.gate.reload(self.rules(policies)).await;
    }

    /// As if proved; by the token `<name>-1`.
    pub fn login(&self, name: &str) -> Authenticated {
        Authenticated::assumed(self.people.identity(name, 1))
    }

    /// A session at the target `shop`, which is `env:prod`.
    pub async fn open(&self, name: &str) -> Session {
        self.open_as(self.login(name)).await
    }

    pub async fn open_as(&self, who: Authenticated) -> Session {
        self.gate
            .open(who, about("shop", &["env:prod"]))
            .await
            .unwrap()
    }

    /// The permit to connect, used by `Upstream::in_memory`.
    pub async fn connect(&self, session: &Session) -> Permitted<Connect> {
        let request = Connect::to(session, &[("database", "shop")], Vec::new());
        permitted(session.authorize(request).await)
    }

    /// What a person answers who looked at the question just now.
    pub async fn vote(&self, name: &str, id: ApprovalId, approve: bool) -> Result<Row, VoteError> {
        self.vote_as(name, 1, id, approve).await
    }

    /// The same, by the token `<name>-<number>`.
    pub async fn vote_as(
        &self,
        name: &str,
        number: u8,
        id: ApprovalId,
        approve: bool,
    ) -> Result<Row, VoteError> {
        let identity = self.people.identity(name, number);
        let row = self.gate.approvals().show(&identity, id).await?;
        let answer = Answer {
            approve,
            digest: row.question.digest,
            reason: Some("seen".into()),
        };
        self.gate.approvals().decide(id, &identity, &answer).await
    }

    /// All questions, newest first.
    pub async fn questions(&self) -> Vec<Row> {
        crate::ledger::Ledger::list(&self.ledger, Filter::default())
            .await
            .unwrap()
    }

    /// All that is in the audit log, what was dropped just now included.
    pub async fn entries(&self) -> Vec<Entry> {
        self.gate.settled().await;
        // whatever was appended before this is on the disk when this is
        let mark = Entry::Reload(recorder::entry::Reload {
            actor: "test".into(),
            revision: String::new(),
            ok: true,
            at: 0,
        });
        self.gate
            .audit()
            .append(mark, Durability::Synced)
            .await
            .unwrap();
        let entries = recorder::export::entries(&self.folder.path().join("audit")).unwrap();
        entries.map(|entry| entry.unwrap().1).collect()
    }

    pub async fn decided(&self) -> Vec<Decided> {
        let entries = self.entries().await.into_iter();
        let decided = entries.filter_map(|entry| match entry {
            Entry::Decided(decided) => Some(decided),
            _ => None,
        });
        decided.collect()
    }

    /// Verdict, reason and outcomes of each decided request that the gateway did not ask itself, in order.
    pub async fn account(&self) -> Vec<(Verdict, String, Vec<OutcomeKind>)> {
        let entries = self.entries().await;
        let outcomes = |request: RequestId| {
            let kinds = entries.iter().filter_map(|entry| match entry {
                Entry::Outcome(outcome) if outcome.request == request => Some(outcome.kind),
                _ => None,
            });
            kinds.collect()
        };
        let decided = entries.iter().filter_map(|entry| match entry {
            Entry::Decided(one) => Some((one.verdict, one.reason.clone(), outcomes(one.request))),
            _ => None,
        });
        decided.collect()
    }

    /// The life of approvals as the audit log tells it: event and actor, in order.
    pub async fn approvals(&self) -> Vec<(ApprovalEvent, String)> {
        let entries = self.entries().await.into_iter();
        let steps = entries.filter_map(|entry| match entry {
            Entry::Approval(step) => Some((step.event, step.actor)),
            _ => None,
        });
        steps.collect()
    }
}

fn rules(vocabulary: &Arc<Vocabulary>, masking: &Arc<Masking>, policies: &str) -> Rules {
    let source = Source {
        file: "test.cedar".into(),
        text: policies.into(),
    };
    let policies = Policies::load(vocabulary, &[source]).unwrap();
    Rules {
        policies,
        masking: masking.clone(),
    }
}

pub fn about(target: &str, labels: &[&str]) -> About {
    About {
        protocol: fake::NAME,
        target: Target {
            name: target.to_owned(),
            protocol: fake::NAME.to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        },
        reason: Some("ticket 7".to_owned()),
        client: "test".to_owned(),
    }
}

/// The permit, or a panic that tells what came instead.
pub fn permitted<R: Request>(decision: Decision<R>) -> Permitted<R> {
    match decision {
        Decision::Permit(permit) => permit,
        Decision::Hold(hold) => panic!("held by {:?}", hold.asks()),
        Decision::Deny(denied) => panic!("denied: {:?}", denied.reason()),
        Decision::Fault(_, fault) => panic!("fault: {fault}"),
    }
}
