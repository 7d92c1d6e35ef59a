//! The stand's configuration: a template with the ports and files of this run.

use std::path::Path;

const TEMPLATE: &str = include_str!("countersign.yaml");

/// The ports that the gateway listens on, and what it is told beside them.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub postgres: u16,
    pub admin: u16,
    pub metrics: u16,
}

/// The configuration as text.
pub fn text(ports: Ports, backend_port: u16, diagnostics: &Path) -> String {
    let fields = [
        ("{postgres_port}", ports.postgres.to_string()),
        ("{admin_port}", ports.admin.to_string()),
        ("{metrics_port}", ports.metrics.to_string()),
        ("{backend_port}", backend_port.to_string()),
        ("{diagnostics}", diagnostics.display().to_string()),
    ];
    let fill = |text: String, (field, value): (&str, String)| text.replace(field, &value);
    fields.into_iter().fold(TEMPLATE.to_owned(), fill)
}
