//! The object that explains one request: every key is always there.

use gate::ErasedTarget;
use gate::words::Span;
use policy::identity::{Identity, Kind};
use policy::operation::Operation;
use policy::policies::Policies;
use policy::verdict::{Judged, Judgement, Verdict};
use policy::vocabulary::Vocabulary;
use serde_json::{Value, json};

use super::line::Unreadable;

const VERSION: u32 = 1;

/// One answer, filled as far as the request could be understood. What is not known is null or empty, and the verdict
/// is a deny until something else is judged.
pub(super) struct Answer {
    pub(super) line: u64,
    pub(super) id: Value,
    pub(super) protocol: Option<&'static str>,
    pub(super) target: Option<String>,
    pub(super) identity: Value,
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) operations: Vec<Value>,
    pub(super) policies: Value,
    pub(super) approvals: Vec<Value>,
    pub(super) masks: Vec<Value>,
    pub(super) unclear: Value,
    pub(super) native: Value,
    pub(super) digest: Value,
    pub(super) policy_revision: String,
    pub(super) catalog: &'static str,
    pub(super) error: Value,
}

impl Answer {
    pub(super) fn new(line: u64, id: Value, policies: &Policies) -> Self {
        Self {
            line,
            id,
            protocol: None,
            target: None,
            identity: Value::Null,
            verdict: Verdict::Deny,
            reason: "unclear".to_owned(),
            operations: Vec::new(),
            policies: json!([]),
            approvals: Vec::new(),
            masks: Vec::new(),
            unclear: Value::Null,
            native: Value::Null,
            digest: Value::Null,
            policy_revision: policies.revision().to_string(),
            catalog: "none",
            error: Value::Null,
        }
    }

    pub(super) fn failed(mut self, error: &Unreadable) -> Self {
        self.error = json!({ "code": error.code, "message": error.message });
        self
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "version": VERSION,
            "line": self.line,
            "id": self.id,
            "protocol": self.protocol,
            "target": self.target,
            "identity": self.identity,
            "verdict": self.verdict,
            "reason": self.reason,
            "operations": self.operations,
            "policies": self.policies,
            "approvals": self.approvals,
            "masks": self.masks,
            "unclear": self.unclear,
            "answer": self.native,
            "digest": self.digest,
            "policy_revision": self.policy_revision,
            "catalog": self.catalog,
            "error": self.error,
        })
    }
}

pub(super) fn identity(identity: &Identity) -> Value {
    let kind = match identity.kind {
        Kind::User => "user",
        Kind::Service { .. } => "service",
    };
    json!({ "kind": kind, "name": identity.name, "groups": identity.groups })
}

/// What each operation is, and how it alone was judged.
pub(super) fn operations(
    operations: &[Operation],
    judged: &Judged,
    (target, vocabulary): (&ErasedTarget, &Vocabulary),
) -> Vec<Value> {
    let one = |(operation, judgement): (&Operation, &Judgement)| {
        let mut attributes = operation.facts.clone();
        attributes.extend(operation.resource.attributes.clone());
        json!({
            "action": operation.action.to_string(),
            "effect": vocabulary.effect(&operation.action),
            "resource": {
                "type": operation.resource.kind(&target.policy.protocol),
                "id": operation.resource.id(&target.policy.name),
            },
            "attributes": attributes,
            "verdict": judgement.verdict,
            "statement": operation.statement,
            "span": operation.span.map(|Span(from, to)| [from, to]),
        })
    };
    operations.iter().zip(&judged.each).map(one).collect()
}

/// What each policy that holds the request asks for.
pub(super) fn approvals(judged: &Judged, policies: &Policies) -> Vec<Value> {
    let asks = judged
        .overall
        .asks
        .iter()
        .filter_map(|id| policies.requirement(id));
    let one = |requirement: &policy::approval::Requirement| {
        let escalate = requirement.escalate.iter();
        let escalate =
            escalate.map(|one| json!({ "after_s": one.after_seconds, "groups": one.groups }));
        json!({
            "policy": requirement.policy,
            "groups": requirement.groups,
            "quorum": requirement.quorum,
            "timeout_s": requirement.timeout_seconds,
            "escalate": escalate.collect::<Vec<_>>(),
            "message": requirement.message,
        })
    };
    asks.map(one).collect()
}
