//! The process's own limits: as many descriptors as it may have, and no core dump, which would hold secrets.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises and lowers what needs no privilege; returns how many descriptors there are now.
pub(crate) fn apply() -> Option<u64> {
    let descriptors = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: descriptors.maximum,
        maximum: descriptors.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open descriptors could not be raised");
    }
    if let Err(error) = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    ) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    #[test]
    fn descriptors_are_raised_to_what_is_allowed() {
        let now = super::apply();
        assert_eq!(
            now,
            rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum
        );
    }
}
