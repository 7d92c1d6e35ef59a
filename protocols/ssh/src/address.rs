//! What an SSH user name asks for: a target, perhaps a login there, or only the person, who then jumps.

/// The longest name of any of the three.
const LONGEST: usize = 63;

/// A user name that is well formed; who its holder is, a key or token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// `login@target` or `login#target`.
    Login { login: String, target: String },
    /// A bare word: a target, or the name of the person.
    Word(String),
}

/// `None` where no name of ours looks so: nothing else may reach a path, a shell or a log.
pub(crate) fn parse(user: &str) -> Option<Address> {
    let split = user.rsplit_once(['@', '#']);
    match split {
        Some((login, target)) if login_name(login) && target_name(target) => Some(Address::Login {
            login: login.to_owned(),
            target: target.to_owned(),
        }),
        Some(_) => None,
        None => login_name(user).then(|| Address::Word(user.to_owned())),
    }
}

/// As the configuration allows targets to be called.
pub(crate) fn target_name(name: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(plain)
}

/// Portable account names; never one that a program could take for an option.
pub(crate) fn login_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty()
        && name.len() <= LONGEST
        && !name.starts_with(['-', '.'])
        && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_names_login_and_target() {
        let both = Some(Address::Login {
            login: "deploy".into(),
            target: "box".into(),
        });
        assert_eq!(parse("deploy@box"), both);
        assert_eq!(parse("deploy#box"), both);
        assert_eq!(parse("box"), Some(Address::Word("box".into())));
        assert_eq!(parse("Ada.L"), Some(Address::Word("Ada.L".into())));
    }

    #[test]
    fn other_user_names_are_refused() {
        for name in [
            "",
            "-oProxyCommand=x",
            "a b",
            "box;id",
            "$(id)",
            "deploy@",
            "@box",
            "deploy@-x y",
            "a@b@c",
            "deploy@Box",
            "deploy:box",
            "../etc",
            "box\n",
            "deploy@b\u{0}x",
            "b\u{f6}x",
        ] {
            assert_eq!(parse(name), None, "{name:?}");
        }
        assert_eq!(parse(&"a".repeat(64)), None);
    }
}
