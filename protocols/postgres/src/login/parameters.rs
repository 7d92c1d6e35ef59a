//! Start-up parameters by allow-list: who asks, for which target, as which role, with which settings.

use crate::wire::refusal::Refusal;
use crate::wire::startup::Startup;

/// What a StartupMessage asks for, once every part of it was found on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    /// `owner` of `ada#owner`: a role at the server, to be judged.
    pub role: Option<String>,
    pub target: String,
    /// `orders` of `shop/orders`; else the target's own.
    pub database: Option<String>,
    /// What the client gives as its reason; untrusted text.
    pub reason: Option<String>,
    /// To be sent to the server, by their canonical names, none twice.
    pub settings: Vec<(&'static str, String)>,
}

impl Login {
    pub fn read(startup: &Startup) -> Result<Self, Refusal> {
        let user = startup
            .parameter("user")
            .filter(|user| !user.is_empty())
            .ok_or(Refusal::NoUser)?;
        let (user, role) = part(user, '#', "user", "the user is NAME or NAME#ROLE")?;
        // as in PostgreSQL: who names no database means the one of the same name
        let database = startup
            .parameter("database")
            .filter(|database| !database.is_empty())
            .unwrap_or(user);
        let (target, database) = part(
            database,
            '/',
            "database",
            "the database is TARGET or TARGET/DATABASE",
        )?;
        let mut login = Self {
            user: user.to_owned(),
            role: role.map(str::to_owned),
            target: target.to_owned(),
            database: database.map(str::to_owned),
            reason: None,
            settings: Vec::new(),
        };
        // a parameter outranks an option of the same name, as in PostgreSQL
        if let Some(options) = startup.parameter("options") {
            login.take_options(options)?;
        }
        for (name, value) in &startup.parameters {
            if !matches!(name.as_str(), "user" | "database" | "options") {
                login.take_setting(name, value)?;
            }
        }
        Ok(login)
    }

    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings
            .iter()
            .find_map(|(known, value)| (*known == name).then_some(value.as_str()))
    }

    fn take_options(&mut self, options: &str) -> Result<(), Refusal> {
        let mut words = split(options)?.into_iter();
        while let Some(word) = words.next() {
            let assignment = match word.strip_prefix("-c") {
                Some("") => words.next(),
                Some(attached) => Some(attached.to_owned()),
                None => return Err(Refusal::Parameter { name: word }),
            };
            let assignment = assignment.ok_or_else(|| Refusal::Parameter {
                name: "-c".to_owned(),
            })?;
            let Some((name, value)) = assignment.split_once('=') else {
                return Err(Refusal::Parameter { name: assignment });
            };
            // the server reads a dash in an option's name as an underscore
            let name = name.replace('-', "_");
            if name.eq_ignore_ascii_case("countersign.reason") {
                self.reason = Some(value.to_owned());
            } else {
                self.take_setting(&name, value)?;
            }
        }
        Ok(())
    }

    fn take_setting(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let known = SETTINGS
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name));
        let known = *known.ok_or_else(|| Refusal::Parameter {
            name: name.to_owned(),
        })?;
        let value = match known {
            CLIENT_ENCODING => encoding(value)?.to_owned(),
            _ => value.to_owned(),
        };
        match self.settings.iter_mut().find(|(taken, _)| *taken == known) {
            Some((_, place)) => *place = value,
            None => self.settings.push((known, value)),
        }
        Ok(())
    }
}

/// The encodings in which a backslash or a quote is never half of another character.
pub fn encoding(value: &str) -> Result<&'static str, Refusal> {
    // as the server does: `'utf-8'` is UTF8
    let plain: String = value
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    match (plain.as_str(), value.is_ascii()) {
        ("utf8" | "unicode", true) => Ok("UTF8"),
        ("sqlascii", true) => Ok("SQL_ASCII"),
        (_, _) => Err(Refusal::Value {
            name: CLIENT_ENCODING.to_owned(),
            hint: "client_encoding is UTF8 or SQL_ASCII",
        }),
    }
}

const CLIENT_ENCODING: &str = "client_encoding";

/// What may be set at start-up beside `user`, `database` and `options`; everything else waits for a statement that is judged.
pub const SETTINGS: &[&str] = &[
    "application_name",
    CLIENT_ENCODING,
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "bytea_output",
    "client_min_messages",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "extra_float_digits",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "jit",
    "lock_timeout",
    "search_path",
    "statement_timeout",
];

/// A name and what follows the mark; neither may be empty.
fn part<'a>(
    text: &'a str,
    mark: char,
    name: &str,
    hint: &'static str,
) -> Result<(&'a str, Option<&'a str>), Refusal> {
    match text.split_once(mark) {
        None => Ok((text, None)),
        Some((front, back)) if !front.is_empty() && !back.is_empty() => Ok((front, Some(back))),
        Some(_) => Err(Refusal::Value {
            name: name.to_owned(),
            hint,
        }),
    }
}

/// Words of `options`: apart by white space, a backslash takes the next character as it is.
fn split(options: &str) -> Result<Vec<String>, Refusal> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        let plain = match character {
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => {
                words.extend(word.take());
                continue;
            }
            '\\' => characters.next().ok_or(Refusal::Value {
                name: "options".to_owned(),
                hint: "it ends in a backslash",
            })?,
            other => other,
        };
        word.get_or_insert_default().push(plain);
    }
    words.extend(word);
    Ok(words)
}
