//! What an EXECUTE runs is named elsewhere: who is asked sees it, and the digest holds it.

use bytes::Bytes;

use super::Exchange;
use super::expected::Plan;
use super::state::Source;
use crate::decode::Analysis;
use crate::request::Text;

impl Exchange {
    /// The text with what its EXECUTEs stand for, and the same for the digest; nothing where there are none.
    pub(super) fn sourced(&self, analysis: Option<&Analysis>, shown: Text) -> (Text, Vec<Bytes>) {
        let (mut shown, mut content) = (shown, Vec::new());
        let executed = analysis.into_iter().flat_map(|analysis| {
            let statements = analysis.statements.iter();
            statements.filter_map(|statement| statement.executes.as_ref())
        });
        for name in executed {
            if let Some(source) = self.state.sources.get(name) {
                content.push(Bytes::copy_from_slice(name.as_bytes()));
                content.push(source.sent.clone());
                shown = shown.with_source(name, &source.text);
            }
        }
        (shown, content)
    }

    /// Remembers a text that prepares by name, until the server says that it did.
    pub(super) fn keep_source(plan: &mut Plan, sent: &Bytes, text: &Text) {
        let mut statements = plan.analysis.iter().flat_map(|all| all.statements.iter());
        if statements.any(|statement| statement.prepared.is_some()) {
            plan.source = Some(Source {
                sent: sent.clone(),
                text: text.clone(),
            });
        }
    }
}
