//! `countersign policy explain`: what a request is, what the verdict is, and which policies made it. It decodes and
//! judges with the very code that serves; no backend is asked, unless `--catalog live` has the running gateway ask it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use gate::{Endpoint, Entry, ErasedTarget, Live, Mask, Reason, Sample};
use policy::identity::Identity;
use policy::mask::Masking;
use policy::operation::Operations;
use policy::policies::{Asking, Policies};
use policy::target::Target;
use policy::verdict::{Judged, Verdict, Why};
use policy::vocabulary::Vocabulary;
use serde_json::{Value, json};
use store::Store;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::Runtime;

use super::answer::{self, Answer};
use super::identity;
use super::line::{self, Line, Unreadable};
use super::live::Targets;
use super::masks::{View, masks};
use super::words::words;
use crate::cli::{Catalog, Explain};
use crate::client::Client;
use crate::config::Config;
use crate::output::{Printer, print};
use crate::{house, rules};

/// Some line could not be read.
const UNREADABLE: u8 = 3;
/// What a protocol calls a request that has not the shape of one.
const MISSHAPEN: &str = "request";
const HELD: u8 = 10;
const DENIED: u8 = 11;

/// What all lines are explained with.
struct Explainer<'a> {
    flags: &'a Explain,
    vocabulary: Arc<Vocabulary>,
    policies: Policies,
    masking: Arc<Masking>,
    /// Where targets are asked what they hold.
    live: Option<Targets>,
    targets: Vec<(&'static Entry, ErasedTarget)>,
    store: Option<Store>,
    runtime: Runtime,
}

pub(super) fn run(flags: &Explain, printer: &Printer) -> anyhow::Result<ExitCode> {
    let explainer = Explainer::open(flags)?;
    if flags.request == "-" {
        return explainer.lines();
    }
    let line = Line {
        request: Value::from(flags.request.as_str()),
        ..Line::default()
    };
    let explained = explainer.explain(1, line);
    let answer = explained.to_json();
    printer.say(&answer, &words(&answer))?;
    if !explained.error.is_null() {
        return Ok(ExitCode::from(UNREADABLE));
    }
    Ok(match (flags.exit_code, explained.verdict) {
        (false, _) | (true, Verdict::Allow) => ExitCode::SUCCESS,
        (true, Verdict::Hold) => ExitCode::from(HELD),
        (true, Verdict::Deny) => ExitCode::from(DENIED),
    })
}

impl<'a> Explainer<'a> {
    fn open(flags: &'a Explain) -> anyhow::Result<Self> {
        let folder = flags
            .source
            .policies
            .as_deref()
            .map(std::path::absolute)
            .transpose()?;
        let config = Config::load(&flags.source.config.config)?;
        config.enter()?;
        let vocabulary = rules::vocabulary()?;
        let folder = folder.unwrap_or_else(|| config.path(&config.settings.policies.folder));
        let policies = rules::policies(&folder, &vocabulary)?;
        let masking = rules::masking(&config)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let file = config.path(&config.settings.store.file);
        // without a store, groups must be named
        let store = if file.exists() {
            runtime.block_on(Store::open(&file)).ok()
        } else {
            None
        };
        if config.settings.targets.is_empty() {
            bail!(
                "{} names no target (hint: add one under `targets`)",
                config.file().display()
            );
        }
        let targets = house::entries(config.settings.targets);
        let live = match flags.catalog {
            Catalog::None => None,
            Catalog::Live => Some(Targets::new(Client::from_environment()?)),
        };
        Ok(Self {
            flags,
            vocabulary,
            policies,
            masking: Arc::new(masking),
            live,
            targets,
            store,
            runtime,
        })
    }

    /// One object a line, flushed before the next is read; a bad or crashing line ends nothing.
    fn lines(&self) -> anyhow::Result<ExitCode> {
        let mut input = io::stdin().lock();
        let mut unreadable = false;
        let mut number = 0;
        while let Some(read) = line::next(&mut input)? {
            number += 1;
            let answer = match read {
                Ok(bytes) => self.guarded(number, &bytes),
                Err(error) => Answer::new(number, Value::Null, &self.policies).failed(&error),
            };
            unreadable |= !answer.error.is_null();
            print(&answer.to_json().to_string())?;
        }
        Ok(if unreadable {
            ExitCode::from(UNREADABLE)
        } else {
            ExitCode::SUCCESS
        })
    }

    fn guarded(&self, number: u64, bytes: &[u8]) -> Answer {
        match line::parse(bytes) {
            Err((id, error)) => Answer::new(number, id, &self.policies).failed(&error),
            Ok(line) => {
                let id = line.id.clone();
                catch_unwind(AssertUnwindSafe(|| self.explain(number, line))).unwrap_or_else(|_| {
                    let crashed = Unreadable::new("crashed", "the request could not be explained");
                    Answer::new(number, id, &self.policies).failed(&crashed)
                })
            }
        }
    }

    fn explain(&self, number: u64, line: Line) -> Answer {
        let mut answer = Answer::new(number, line.id.clone(), &self.policies);
        match self.fill(&mut answer, line) {
            Ok(()) => answer,
            Err(error) => answer.failed(&error),
        }
    }

    fn fill(&self, answer: &mut Answer, line: Line) -> Result<(), Unreadable> {
        let (entry, target) = self.target(line.target.as_deref())?;
        answer.protocol = Some(entry.name);
        answer.target = Some(target.policy.name.clone());
        let identity = self.identity(&line)?;
        answer.identity = answer::identity(&identity);
        let now = now(line.context.now.as_deref())?;
        let asking = Asking {
            identity: &identity,
            target: &target.policy,
            reason: line.context.reason.as_deref(),
            now,
            approval: None,
        };
        let database = line.database.or_else(|| self.flags.database.clone());
        let live = self.live(&asking, database.as_deref())?;
        answer.catalog = if live.is_some() { "live" } else { "none" };
        let sample = Sample {
            request: line.request,
            database,
            session: json!(line.session),
            live,
            everywhere: self.everywhere(),
        };
        let explained =
            self.runtime
                .block_on((entry.explain)(target.clone(), sample, identity.label()));
        let explained = match explained {
            Ok(explained) => explained,
            Err(unclear) if unclear.code == MISSHAPEN => {
                return Err(Unreadable::new("invalid_request", unclear.message));
            }
            Err(unclear) => {
                self.unclear(answer, entry, unclear);
                return Ok(());
            }
        };
        answer.digest = json!(explained.digest.to_string());
        match explained.operations {
            Err(unclear) => self.unclear(answer, entry, unclear),
            Ok(operations) => {
                self.judge(answer, &asking, &operations, (entry, target));
                countersign(answer, &line.approvals);
            }
        }
        Ok(())
    }

    fn everywhere(&self) -> Vec<(Target, Vec<Endpoint>)> {
        let targets = self.targets.iter().map(|(_, target)| target);
        targets
            .map(|target| (target.policy.clone(), target.endpoints.clone()))
            .collect()
    }

    /// What the target holds now, and what who asks would see of it.
    fn live(
        &self,
        asking: &Asking<'_>,
        database: Option<&str>,
    ) -> Result<Option<Live>, Unreadable> {
        let Some(targets) = &self.live else {
            return Ok(None);
        };
        let catalogue = targets.catalogue(&asking.target.name, database)?;
        let classes = self.masking.classes().iter();
        let revealed = classes
            .filter(|class| self.policies.reveals(asking, &class.name))
            .map(|class| class.name.clone());
        let mask = Mask::explained(self.masking.clone(), revealed.collect());
        Ok(Some(Live {
            catalogue,
            mask: Arc::new(mask),
        }))
    }

    fn judge(
        &self,
        answer: &mut Answer,
        asking: &Asking<'_>,
        operations: &Operations,
        (entry, target): (&Entry, &ErasedTarget),
    ) {
        let judged = self.policies.judge_all(asking, operations);
        let Judged { overall, .. } = &judged;
        answer.verdict = overall.verdict;
        answer.reason = word(overall.why);
        answer.operations = answer::operations(operations, &judged, (target, &self.vocabulary));
        answer.policies = json!(overall.policies);
        answer.approvals = answer::approvals(&judged, &self.policies);
        let view = View {
            asking,
            policies: &self.policies,
            masking: &self.masking,
            vocabulary: &self.vocabulary,
        };
        answer.masks = masks(operations, &view);
        if overall.verdict == Verdict::Deny {
            let reason = Reason::Policy {
                why: overall.why,
                policies: overall.policies.clone(),
            };
            answer.native = (entry.answer)(&reason);
        }
    }

    fn unclear(&self, answer: &mut Answer, entry: &Entry, unclear: gate::Unclear) {
        answer.reason = unclear.kind.as_str().to_owned();
        answer.unclear =
            json!({ "code": unclear.code, "message": unclear.message, "at": unclear.at });
        answer.native = (entry.answer)(&Reason::Unclear(unclear));
    }

    fn target(&self, named: Option<&str>) -> Result<(&'static Entry, &ErasedTarget), Unreadable> {
        let named = named.or(self.flags.target.as_deref());
        let found = match (named, self.targets.as_slice()) {
            (Some(name), all) => all.iter().find(|(_, target)| target.policy.name == name),
            (None, [only]) => Some(only),
            (None, _) => {
                return Err(Unreadable::new(
                    "no_target",
                    "name one of several targets with `--target`",
                ));
            }
        };
        let unknown = || {
            let name = named.unwrap_or_default();
            Unreadable::new("unknown_target", format!("there is no target `{name}`"))
        };
        found
            .map(|(entry, target)| (*entry, target))
            .ok_or_else(unknown)
    }

    fn identity(&self, line: &Line) -> Result<Identity, Unreadable> {
        let who = line.identity.as_deref().or(self.flags.identity.as_deref());
        let who = who.ok_or_else(|| {
            Unreadable::new(
                "no_identity",
                "say who asks, with `--as user:NAME` or the field `as`",
            )
        })?;
        let groups = line.groups.as_deref().or(self.flags.groups.as_deref());
        let address = line.context.address.unwrap_or(self.flags.address);
        identity::resolve(who, groups, (self.store.as_ref(), address))
    }
}

/// A held request whose policies are all countersigned is let through.
fn countersign(answer: &mut Answer, approvals: &[String]) {
    let covered = |asked: &Value| {
        let policy = asked.get("policy").and_then(Value::as_str);
        policy.is_some_and(|policy| approvals.iter().any(|id| id == policy))
    };
    if answer.verdict == Verdict::Hold && answer.approvals.iter().all(covered) {
        answer.verdict = Verdict::Allow;
        answer.reason = word(Why::Permitted);
    }
}

fn now(given: Option<&str>) -> Result<i64, Unreadable> {
    let Some(text) = given else {
        return Ok(OffsetDateTime::now_utc().unix_timestamp());
    };
    let parsed = OffsetDateTime::parse(text, &Rfc3339);
    parsed
        .map(OffsetDateTime::unix_timestamp)
        .map_err(|_| Unreadable::new("invalid_time", format!("`{text}` is no RFC 3339 time")))
}

fn word(why: Why) -> String {
    why.as_str().to_owned()
}
