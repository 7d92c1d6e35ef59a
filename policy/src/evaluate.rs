//! Judges operations: one look at all policies, one at the permits alone; whatever fails is a denial.

mod question;

use std::collections::BTreeSet;

use cedar_policy::{AuthorizationError, Decision, PolicyId, Response};

use crate::identity::Identity;
use crate::operation::{Action, Effect, Operation, Operations, Resource};
use crate::policies::{Policies, Slice};
use crate::target::Target;
use crate::verdict::{Cited, Judged, Judgement, Role, Verdict, Why};
use question::{Asked, Subject};

/// Who asks, where and when: what all questions of one request share.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub identity: &'a Identity,
    pub target: &'a Target,
    /// As the client gave it: untrusted text. A request's own comes before it.
    pub reason: Option<&'a str>,
    /// Seconds since 1970 in UTC.
    pub now: i64,
    /// The groups asked by the question that `approve` and `view_approval` are about.
    pub approval: Option<&'a BTreeSet<String>>,
}

/// One operation to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub asking: &'a Asking<'a>,
    pub operation: &'a Operation,
}

impl Policies {
    /// Judges one operation. Denied for `EvaluationError` when a policy fails or the question does not fit the vocabulary.
    pub fn judge(&self, question: &Question<'_>) -> Judgement {
        match Asked::new(&self.vocabulary, question.asking) {
            Some(asked) => self.judge_operation(&asked, question.operation),
            None => Judgement::unfit(),
        }
    }

    /// Judges a whole request: the strictest verdict wins. A request without any operation is denied.
    pub fn judge_all(&self, asking: &Asking<'_>, operations: &Operations) -> Judged {
        let effects = operations.iter().map(|one| {
            self.vocabulary
                .effect(&one.action)
                .unwrap_or(Effect::Unknown)
        });
        let effect = effects.max().unwrap_or(Effect::Unknown);
        let asking = Asking {
            reason: operations.reason().or(asking.reason),
            ..*asking
        };
        let each = match Asked::new(&self.vocabulary, &asking) {
            Some(asked) => operations
                .iter()
                .map(|one| self.judge_operation(&asked, one))
                .collect(),
            None => operations.iter().map(|_| Judgement::unfit()).collect(),
        };
        Judged::of(each, effect)
    }

    /// Whether values of a data class may be shown unmasked on the target.
    pub fn reveals(&self, asking: &Asking<'_>, class: &str) -> bool {
        self.allows(asking, &REVEAL, &Subject::DataClass(class))
    }

    /// Whether a shared action (`approve`, `kill`, `read_audit` ...) is allowed on the target; a hold counts as no.
    pub fn permits(&self, asking: &Asking<'_>, shared_action: &'static str) -> bool {
        let whole_target = Resource::default();
        self.allows(
            asking,
            &Action::shared(shared_action),
            &Subject::Resource(&whole_target),
        )
    }

    fn allows(&self, asking: &Asking<'_>, action: &Action, subject: &Subject<'_>) -> bool {
        let judgement = Asked::new(&self.vocabulary, asking).and_then(|asked| {
            let (request, entities) = asked.question(action, subject, None)?;
            Some(self.decide(self.slice(action.protocol, action.id)?, &request, &entities))
        });
        judgement.is_some_and(|judgement| judgement.verdict == Verdict::Allow)
    }

    fn judge_operation(&self, asked: &Asked<'_>, operation: &Operation) -> Judgement {
        let subject = Subject::Resource(&operation.resource);
        let judgement = asked
            .question(&operation.action, &subject, Some(&operation.facts))
            .and_then(|(request, entities)| {
                let slice = self.slice(operation.action.protocol, operation.action.id)?;
                Some(self.decide(slice, &request, &entities))
            });
        judgement.unwrap_or_else(Judgement::unfit)
    }

    fn decide(
        &self,
        slice: &Slice,
        request: &cedar_policy::Request,
        entities: &cedar_policy::Entities,
    ) -> Judgement {
        let response = self.authorizer.is_authorized(request, &slice.all, entities);
        let reasons: BTreeSet<&str> = response.diagnostics().reason().map(AsRef::as_ref).collect();
        if response.diagnostics().errors().next().is_some() {
            return self.judgement(
                Verdict::Deny,
                Why::EvaluationError,
                &reasons,
                &errored(&response),
            );
        }
        if response.decision() == Decision::Allow {
            return self.judgement(Verdict::Allow, Why::Permitted, &reasons, &BTreeSet::new());
        }
        let (verdict, why) = if reasons.is_empty() {
            (Verdict::Deny, Why::NoPermit)
        } else if !reasons.iter().all(|id| self.requirement(id).is_some()) {
            (Verdict::Deny, Why::Forbidden)
        } else {
            let permits = self
                .authorizer
                .is_authorized(request, &slice.permits, entities);
            match (permits.decision(), permits.diagnostics().errors().next()) {
                (Decision::Allow, None) => (Verdict::Hold, Why::Approval),
                (Decision::Deny, None) => (Verdict::Deny, Why::NoPermit),
                (Decision::Allow | Decision::Deny, Some(_)) => {
                    (Verdict::Deny, Why::EvaluationError)
                }
            }
        };
        self.judgement(verdict, why, &reasons, &BTreeSet::new())
    }

    fn judgement(
        &self,
        verdict: Verdict,
        why: Why,
        reasons: &BTreeSet<&str>,
        errored: &BTreeSet<&str>,
    ) -> Judgement {
        let cited = reasons.union(errored).filter_map(|id| {
            let known = self.known(id)?;
            let role = match (errored.contains(id), known.requirement.is_some()) {
                (true, _) => Role::Errored,
                (false, true) => Role::WouldNeedApproval,
                (false, false) => Role::Decided,
            };
            Some(Cited {
                id: (*id).to_owned(),
                effect: known.effect,
                file: known.file.clone(),
                line: known.line,
                role,
            })
        });
        Judgement {
            verdict,
            why,
            policies: cited.collect(),
            asks: match verdict {
                Verdict::Hold => reasons.iter().map(|id| (*id).to_owned()).collect(),
                Verdict::Allow | Verdict::Deny => BTreeSet::new(),
            },
        }
    }
}

fn errored(response: &Response) -> BTreeSet<&str> {
    let ids = response.diagnostics().errors().map(|error| match error {
        AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
    });
    ids.map(|id: &PolicyId| id.as_ref()).collect()
}

const REVEAL: Action = Action::shared("reveal");
