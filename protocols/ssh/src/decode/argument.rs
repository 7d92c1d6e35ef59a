//! A word of a command line as the program will get it.

/// A word, as far as it is constant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Argument {
    /// What it is; where `dynamic` only its constant parts.
    pub(super) text: String,
    /// Known only to the target's shell.
    pub(super) dynamic: bool,
    /// Stands for file names that begin as it does, or holds a home folder: told, but not what exactly.
    pub(super) pattern: bool,
    /// Holds what the login sets, such as the home folder.
    pub(super) symbolic: bool,
}

impl Argument {
    pub(super) fn constant(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn unknown() -> Self {
        Self {
            dynamic: true,
            ..Self::default()
        }
    }

    /// The text where it is exactly this.
    pub(super) fn exact(&self) -> Option<&str> {
        (!self.dynamic && !self.pattern && !self.symbolic).then_some(self.text.as_str())
    }

    /// As a shell would have to be given it; `*` where it is not told.
    pub(super) fn quoted(&self) -> String {
        if self.dynamic {
            return "*".to_owned();
        }
        if self.pattern {
            return self.text.clone();
        }
        let plain = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'/' | b'.' | b'_' | b'-' | b'+' | b'=' | b':' | b',' | b'@' | b'%'
                )
        };
        match !self.text.is_empty() && self.text.bytes().all(plain) {
            true => self.text.clone(),
            false => format!("'{}'", self.text.replace('\'', "'\\''")),
        }
    }
}
