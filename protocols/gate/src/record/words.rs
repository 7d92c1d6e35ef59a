//! Operations in the words of the audit log.

use std::fmt::Write as _;

use policy::operation::Operation;
use policy::target::Target;
use recorder::entry::OperationRecord;

use crate::ledger::Described;
use crate::session::Session;

/// Operations as an approver reads them.
pub(crate) fn described(session: &Session, operations: &[Operation]) -> Vec<Described> {
    let all = operations
        .iter()
        .map(|operation| describe(session, operation));
    let mut all: Vec<Described> = all.collect();
    all.dedup();
    all
}

pub(super) fn describe(session: &Session, operation: &Operation) -> Described {
    Described {
        action: operation.action.to_string(),
        effect: session.0.gate.effect(operation),
        resource_type: resource_type(operation),
        resource: resource_id(&session.0.target, operation),
    }
}

pub(super) fn recorded(operation: Described) -> OperationRecord {
    OperationRecord {
        action: operation.action,
        effect: operation.effect,
        resource_type: operation.resource_type,
        resource_id: operation.resource,
    }
}

/// `postgres.table`, or `target`.
pub fn resource_type(operation: &Operation) -> String {
    match operation.resource.path.last() {
        None => "target".into(),
        Some((kind, _)) => format!("{}.{}", operation.action.protocol, kind.to_lowercase()),
    }
}

/// `shop/shop/public/orders`: each segment percent-encoded.
pub fn resource_id(target: &Target, operation: &Operation) -> String {
    let mut id = String::new();
    encode(&target.name, &mut id);
    for (_, name) in &operation.resource.path {
        id.push('/');
        encode(name, &mut id);
    }
    id
}

fn encode(segment: &str, into: &mut String) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            // writing to a string cannot fail
            let _ = write!(into, "%{byte:02X}");
        }
    }
}
