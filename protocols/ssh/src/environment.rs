//! The variables that a client may set at a target.

use gate::{Unclear, UnclearKind};

/// The reason that is shown to approvers; it stays with the gateway.
pub(crate) const REASON: &str = "COUNTERSIGN_REASON";

const NAMES: [&str; 4] = ["LANG", "TERM", "COLORTERM", "GIT_PROTOCOL"];
const LONGEST: usize = 4 * 1024;
/// Of one channel.
pub(crate) const MOST: usize = 64;

/// Whether a variable is taken at all. None that changes which program runs, or what it loads.
pub(crate) fn passes(name: &str) -> bool {
    name == REASON || reaches_target(name, "")
}

/// Whether policy is asked about it, and it reaches the target where that permits it.
pub(crate) fn reaches_target(name: &str, value: &str) -> bool {
    let locale = name.strip_prefix("LC_").is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    });
    (locale || NAMES.contains(&name)) && value.len() <= LONGEST && !value.contains('\0')
}

/// Why any other is refused, whatever policy says.
pub(crate) fn refused() -> Unclear {
    Unclear {
        kind: UnclearKind::Unsupported,
        code: "variable",
        message: "not among the variables that a client may set at a target".to_owned(),
        hint: None,
        at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_variables_pass() {
        for name in ["LANG", "LC_ALL", "LC_CTYPE", "TERM", "GIT_PROTOCOL", REASON] {
            assert!(passes(name), "{name}");
        }
        for name in [
            "PATH",
            "LD_PRELOAD",
            "BASH_ENV",
            "ENV",
            "GIT_SSH",
            "LC_",
            "LC_a",
            "LC_X=Y",
            "IFS",
            "",
            "COUNTERSIGN_PERSON",
            "lang",
            "LANGUAGE",
        ] {
            assert!(!passes(name), "{name}");
        }
        assert!(!reaches_target(REASON, "why"));
    }
}
