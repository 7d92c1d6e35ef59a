//! What is counted, in one place; holds no request text and no names of people.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    protocol: &'static str,
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProtocolLabels {
    protocol: &'static str,
}

/// Counters of one gateway.
#[derive(Debug, Default)]
pub struct Metrics {
    decisions: Family<DecisionLabels, Counter>,
    sessions: Family<ProtocolLabels, Gauge>,
    faults: Counter,
}

impl Metrics {
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "countersign_decisions",
            "Requests by verdict: allow, deny, hold",
            metrics.decisions.clone(),
        );
        registry.register(
            "countersign_sessions",
            "Sessions open now",
            metrics.sessions.clone(),
        );
        registry.register(
            "countersign_audit_faults",
            "Requests refused because the audit log could not be written",
            metrics.faults.clone(),
        );
        metrics
    }

    pub(crate) fn decision(&self, protocol: &'static str, verdict: &'static str) {
        self.decisions
            .get_or_create(&DecisionLabels { protocol, verdict })
            .inc();
    }

    pub(crate) fn opened(&self, protocol: &'static str) {
        self.sessions
            .get_or_create(&ProtocolLabels { protocol })
            .inc();
    }

    pub(crate) fn closed(&self, protocol: &'static str) {
        self.sessions
            .get_or_create(&ProtocolLabels { protocol })
            .dec();
    }

    pub(crate) fn fault(&self) {
        self.faults.inc();
    }
}
