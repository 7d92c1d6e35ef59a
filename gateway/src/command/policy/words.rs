//! An explanation for people.

use serde_json::Value;

use crate::output::visible;

/// The verdict on one line, and below it what it rests on.
pub(super) fn words(answer: &Value) -> String {
    let mut lines = vec![format!(
        "{} ({})",
        text(answer, "verdict"),
        text(answer, "reason")
    )];
    lines.extend(list(answer, "operations").iter().map(operation));
    lines.extend(list(answer, "policies").iter().map(cited));
    lines.extend(list(answer, "approvals").iter().map(asked));
    lines.extend(list(answer, "masks").iter().map(mask));
    for problem in ["unclear", "error"] {
        let why = answer.get(problem).filter(|problem| !problem.is_null());
        lines.extend(why.map(|why| format!("  why    {}", text(why, "message"))));
    }
    lines.join("\n")
}

fn operation(operation: &Value) -> String {
    let resource = operation.get("resource").unwrap_or(&Value::Null);
    format!(
        "  {:<6} {} {} [{}]",
        text(operation, "verdict"),
        text(operation, "action"),
        text(resource, "id"),
        text(operation, "effect")
    )
}

fn cited(policy: &Value) -> String {
    let line = policy
        .get("line")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    format!(
        "  by     {} ({}:{line})",
        text(policy, "id"),
        text(policy, "file")
    )
}

fn asked(approval: &Value) -> String {
    let groups: Vec<&str> = list(approval, "groups")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let quorum = approval.get("quorum").and_then(Value::as_u64).unwrap_or(1);
    format!("  needs  {quorum} of {}", visible(&groups.join(", ")))
}

fn mask(mask: &Value) -> String {
    format!(
        "  masks  {} as {} ({})",
        text(mask, "at"),
        text(mask, "class"),
        text(mask, "how")
    )
}

fn text(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .map(visible)
        .unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_that_made_the_verdict_is_told() {
        let answer = json!({
            "verdict": "hold", "reason": "approval",
            "operations": [{"verdict": "hold", "action": "postgres.drop", "resource": {"id": "shop/shop/public/t"}, "effect": "write"}],
            "policies": [{"id": "drops", "file": "shop.cedar", "line": 3}],
            "approvals": [{"groups": ["dba", "sre"], "quorum": 2}],
            "masks": [{"at": "public.t.card", "class": "payment-card", "how": "last4"}],
            "unclear": null, "error": {"message": "no\u{1b}"},
        });
        assert_eq!(
            words(&answer),
            "hold (approval)\n  hold   postgres.drop shop/shop/public/t [write]\n  by     drops (shop.cedar:3)\n  \
             needs  2 of dba, sre\n  masks  public.t.card as payment-card (last4)\n  why    no\\u{1b}"
        );
    }
}
