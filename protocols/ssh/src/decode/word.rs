//! One word of a command line folded to the constant that the shell makes of it, or told to be none.

use super::argument::Argument;

/// A word that is not one: a quote is open, or something stands in it that parts words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// A word, and the command substitutions in it.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) argument: Argument,
    /// Commands that run to make the word.
    pub(super) substitutions: Vec<String>,
}

/// Folds a word as it stands in the text.
///
/// It is read anew and not taken from the parser: whatever the parser cut wrongly shows here as an open quote or as an
/// operator in the midst of a word.
pub(super) fn fold(raw: &str) -> Result<Folded, Broken> {
    let mut folding = Folding::new(raw);
    folding.unquoted()?;
    Ok(folding.folded)
}

/// Folds the text of a here-document or of an arithmetic expression: no quotes, only expansions.
pub(super) fn fold_document(raw: &str) -> Result<Folded, Broken> {
    let mut folding = Folding::new(raw);
    folding.quoted(None)?;
    Ok(folding.folded)
}

struct Folding<'t> {
    raw: &'t str,
    at: usize,
    /// Where the last `]` stands.
    bracket: Option<usize>,
    folded: Folded,
}

impl<'t> Folding<'t> {
    fn new(raw: &'t str) -> Self {
        Self {
            raw,
            at: 0,
            bracket: raw.rfind(']'),
            folded: Folded::default(),
        }
    }

    fn rest(&self) -> &'t str {
        self.raw.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.rest().chars().next()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    fn push(&mut self, letter: char) {
        self.folded.argument.text.push(letter);
    }

    fn dynamic(&mut self) {
        self.folded.argument.dynamic = true;
    }

    fn unquoted(&mut self) -> Result<(), Broken> {
        if self.raw.starts_with('#') {
            return Err(Broken);
        }
        if self.raw.starts_with('~') {
            self.home_folder();
        }
        while let Some(letter) = self.next() {
            match letter {
                '\'' => {
                    let (text, _) = self.rest().split_once('\'').ok_or(Broken)?;
                    self.at += text.len() + 1;
                    self.folded.argument.text.push_str(text);
                }
                '"' => self.quoted(Some('"'))?,
                '\\' => match self.next().ok_or(Broken)? {
                    '\n' => {}
                    escaped => self.push(escaped),
                },
                '$' if self.rest().starts_with('\'') => {
                    // bash and dash differ about `$'...'`
                    self.at += 1;
                    self.ansi_quoted()?;
                }
                '$' if self.rest().starts_with('"') => self.dynamic(),
                '$' => self.dollar()?,
                '`' => self.backquoted()?,
                '*' | '?' => self.pattern(),
                '[' if self.bracket >= Some(self.at) => self.pattern(),
                '{' if self.rest().contains([',', '.']) && self.rest().contains('}') => {
                    self.dynamic();
                }
                // a home folder in what looks like an assignment
                '=' | ':' if self.rest().starts_with('~') => self.dynamic(),
                ' ' | '\t' | '\n' | ';' | '|' | '&' | '<' | '>' | '(' | ')' => return Err(Broken),
                other => self.push(other),
            }
        }
        Ok(())
    }

    /// Up to the closing mark, or to the end of a document.
    fn quoted(&mut self, mark: Option<char>) -> Result<(), Broken> {
        while let Some(letter) = self.next() {
            match letter {
                letter if Some(letter) == mark => return Ok(()),
                '\\' => match self.rest().chars().next() {
                    Some('\n') => self.at += 1,
                    Some(escaped @ ('$' | '`' | '\\')) => {
                        self.at += 1;
                        self.push(escaped);
                    }
                    Some('"') if mark.is_some() => {
                        self.at += 1;
                        self.push('"');
                    }
                    Some(_) | None => self.push('\\'),
                },
                '$' => self.dollar()?,
                '`' => self.backquoted()?,
                other => self.push(other),
            }
        }
        match mark {
            Some(_) => Err(Broken),
            None => Ok(()),
        }
    }

    fn ansi_quoted(&mut self) -> Result<(), Broken> {
        self.dynamic();
        loop {
            match self.next().ok_or(Broken)? {
                '\'' => return Ok(()),
                '\\' => {
                    self.next().ok_or(Broken)?;
                }
                _ => {}
            }
        }
    }

    /// `~` and `~user`: one word, never an option.
    fn home_folder(&mut self) {
        self.at += 1;
        let user = self.rest().split(['/', ':']).next().unwrap_or_default();
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let begins = user
            .bytes()
            .next()
            .is_none_or(|first| first.is_ascii_alphabetic() || first == b'_');
        self.push('~');
        match begins && user.bytes().all(letters) {
            true => {
                self.folded.argument.text.push_str(user);
                self.at += user.len();
                self.folded.argument.pattern = true;
                self.folded.argument.symbolic = true;
            }
            false => self.dynamic(),
        }
    }

    /// A pattern stands for file names that begin as it does: it can be an option only where it does not begin at all.
    fn pattern(&mut self) {
        let begins = self.folded.argument.text.chars().next();
        match begins.is_none_or(|first| first == '-') {
            true => self.dynamic(),
            false => self.folded.argument.pattern = true,
        }
        if let Some(sign) = self
            .raw
            .get(..self.at)
            .and_then(|read| read.chars().next_back())
        {
            self.push(sign);
        }
    }

    fn dollar(&mut self) -> Result<(), Broken> {
        let rest = self.rest();
        if let Some(inside) = rest.strip_prefix("((") {
            let end = closed(inside, ')')?;
            let arithmetic = inside.get(..end).unwrap_or_default();
            self.arithmetic(arithmetic)?;
            self.at += 2 + end + 1;
            return match self.next() {
                Some(')') => Ok(()),
                Some(_) | None => Err(Broken),
            };
        }
        if let Some(inside) = rest.strip_prefix('(') {
            let end = closed(inside, ')')?;
            let command = inside.get(..end).unwrap_or_default();
            self.at += 1 + end + 1;
            self.substituted(command.to_owned());
            return Ok(());
        }
        if let Some(inside) = rest.strip_prefix('{') {
            let end = closed(inside, '}')?;
            let expression = inside.get(..end).unwrap_or_default();
            self.at += 1 + end + 1;
            match SYMBOLS.contains(&expression) {
                true => self.symbol(expression),
                false => self.arithmetic(expression)?,
            }
            return Ok(());
        }
        let name = rest
            .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .next()
            .unwrap_or_default();
        if name.is_empty() {
            match rest.chars().next() {
                Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => {
                    self.at += 1;
                    self.dynamic();
                }
                Some('[') => return Err(Broken),
                Some(_) | None => self.push('$'),
            }
        } else {
            self.at += name.len();
            match SYMBOLS.contains(&name) {
                true => self.symbol(name),
                false => self.dynamic(),
            }
        }
        Ok(())
    }

    /// What is calculated is not told; what runs inside of it is not looked for.
    fn arithmetic(&mut self, text: &str) -> Result<(), Broken> {
        self.dynamic();
        match text.contains(['`', '\'', '"', '\\']) || text.contains("$(") {
            true => Err(Broken),
            false => Ok(()),
        }
    }

    fn backquoted(&mut self) -> Result<(), Broken> {
        let mut command = String::new();
        loop {
            match self.next().ok_or(Broken)? {
                '`' => break,
                '\\' => match self.next().ok_or(Broken)? {
                    escaped @ ('`' | '\\' | '$') => command.push(escaped),
                    other => command.extend(['\\', other]),
                },
                other => command.push(other),
            }
        }
        self.substituted(command);
        Ok(())
    }

    /// `HOME` and the like: set by the login, one word, never an option.
    fn symbol(&mut self, name: &str) {
        let argument = &mut self.folded.argument;
        argument.symbolic = true;
        argument.pattern = true;
        match name {
            "HOME" => argument.text.push('~'),
            other => argument.text.push_str(&format!("${other}")),
        }
    }

    fn substituted(&mut self, command: String) {
        match echoed(&command) {
            Some(echoed) => {
                let argument = &mut self.folded.argument;
                argument.text.push_str(&echoed.text);
                argument.pattern |= echoed.pattern;
                argument.symbolic |= echoed.symbolic;
            }
            None => {
                self.dynamic();
                self.folded.substitutions.push(command);
            }
        }
    }
}

/// What `echo WORD` writes, where that is one constant: Ansible asks for home folders so.
fn echoed(command: &str) -> Option<Argument> {
    let word = command.trim_matches(' ').strip_prefix("echo ")?;
    let folded = fold(word.trim_matches(' ')).ok()?;
    let argument = folded.argument;
    let plain = !argument.dynamic
        && argument.text.starts_with(['/', '~'])
        && argument.text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'~' | b'.' | b'_' | b'-')
        });
    plain.then_some(argument)
}

/// Where what was opened closes, in bytes of the text inside; comments, `case` and here-documents are not followed.
fn closed(inside: &str, mark: char) -> Result<usize, Broken> {
    if inside.contains("<<") || inside.contains('#') || inside.contains("case") {
        // `${#name}` and `${name#prefix}` stand inside without a blank before
        let harmless = mark == '}' && !inside.contains("<<");
        if !harmless {
            return Err(Broken);
        }
    }
    let mut open: Vec<char> = vec![mark];
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        let in_double = open.last() == Some(&'"');
        if Some(&letter) == open.last() {
            open.pop();
            if open.is_empty() {
                return Ok(at);
            }
            continue;
        }
        match letter {
            '\\' => {
                letters.next();
            }
            '\'' if !in_double => loop {
                if letters.next().ok_or(Broken)?.1 == '\'' {
                    break;
                }
            },
            '"' => open.push('"'),
            '`' => loop {
                match letters.next().ok_or(Broken)?.1 {
                    '`' => break,
                    '\\' => {
                        letters.next();
                    }
                    _ => {}
                }
            },
            '$' => {
                let next = inside.get(at + 1..).and_then(|rest| rest.chars().next());
                if let Some(bracket @ ('(' | '{')) = next {
                    letters.next();
                    open.push(if bracket == '(' { ')' } else { '}' });
                }
            }
            '(' if !in_double => open.push(')'),
            _ => {}
        }
    }
    Err(Broken)
}

/// Variables that sshd sets from the target's own list of users.
const SYMBOLS: &[&str] = &["HOME", "USER", "LOGNAME"];
