//! A path at the target as levels that lie in one another, so that a rule about a folder holds for all below it.

use std::borrow::Cow;

use gate::words::{Attributes, Resource, Value};

/// Deeper paths are one level from here on.
const MAX_LEVELS: usize = 64;

/// The resource that a path names, by its text: `.` and `..` are taken out, links are the target's to follow.
///
/// A path that does not begin with `/` lies in `.`, the folder that the login starts in.
pub(super) fn resource(login: &str, path: &[u8]) -> Resource {
    let absolute = path.starts_with(b"/");
    let mut names: Vec<&[u8]> = Vec::new();
    let mut above = 0_usize;
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => match (names.pop(), absolute) {
                (Some(_), _) | (None, true) => {}
                (None, false) => above += 1,
            },
            name => names.push(name),
        }
    }
    let mut levels: Vec<String> = match (absolute, above) {
        (true, _) => Vec::new(),
        (false, 0) => vec![".".to_owned()],
        (false, above) => vec!["..".to_owned(); above.min(MAX_LEVELS)],
    };
    let (single, deep) = names.split_at(names.len().min(MAX_LEVELS));
    levels.extend(single.iter().map(|name| written(name)));
    if !deep.is_empty() {
        levels.push(written(&deep.join(&b'/')));
    }
    if levels.is_empty() {
        levels.push("/".to_owned());
    }
    let mut path = vec![("Account", Cow::Owned(login.to_owned()))];
    path.extend(levels.into_iter().map(|level| ("Path", Cow::Owned(level))));
    Resource {
        path,
        attributes: Attributes::new(),
    }
}

/// What policy and record know of a path beside its place.
pub(super) fn facts(path: &[u8]) -> Attributes {
    let text = std::str::from_utf8(path);
    let climbs = path.split(|byte| *byte == b'/').any(|name| name == b"..");
    Attributes::from([
        (
            "path",
            Value::Text(text.map_or_else(|_| escaped(path), str::to_owned)),
        ),
        ("climbs", Value::Bool(climbs)),
        ("text", Value::Bool(text.is_ok())),
    ])
}

/// A path as a shell's word has it: `~` is the folder that the login starts in, `~user` some other one.
pub(super) fn of_word(login: &str, word: &str) -> Resource {
    match word.strip_prefix('~') {
        Some("") => resource(login, b"."),
        Some(rest) if rest.starts_with('/') => resource(login, format!(".{rest}").as_bytes()),
        Some(_) => {
            let (user, rest) = word.split_once('/').unwrap_or((word, ""));
            let mut resource = resource(login, format!("/home/{rest}").as_bytes());
            // no name holds a `/`, so this is no path of the login's own
            if let Some((_, level)) = resource.path.get_mut(1) {
                *level = Cow::Owned(format!("/{user}"));
            }
            resource
        }
        None => resource(login, word.as_bytes()),
    }
}

/// A name as a level; one that is not UTF-8 begins with `/`, which no name does.
fn written(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => format!("/{}", escaped(name)),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
