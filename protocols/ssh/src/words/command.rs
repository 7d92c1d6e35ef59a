//! A command line in the words of policy: one operation for each program, and for each file that a copy carries.

use std::borrow::Cow;

use gate::words::{Attributes, Operation, Operations, Resource, Value};

use super::verbs::{self, Verb};
use super::{location, operation, set};
use crate::decode::{Command, Direction, Leaf, Tool, ToolName};
use crate::words::Effect;

/// Longer command lines are not given to policy as text: no rule compares with them, and each program would carry it.
const MAX_TEXT: usize = 4096;

/// What a command line asks for; the strictest verdict over all its programs wins.
#[must_use]
pub fn exec(command: &Command, login: &str) -> Operations {
    let mut list = Vec::new();
    for (index, leaf) in command.leaves.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        for effect in &leaf.effects {
            list.push(operation(
                Verb::exec(*effect),
                resource(leaf, login),
                facts(command),
                index,
            ));
        }
        if let Some(tool) = &leaf.tool {
            files(&mut list, leaf, tool, (login, index));
        }
    }
    Operations::new(list)
}

fn resource(leaf: &Leaf, login: &str) -> Resource {
    let mut attributes = Attributes::from([
        ("program", Value::Text(leaf.program.clone())),
        ("line", Value::Text(leaf.line.clone())),
        ("arguments", set(leaf.arguments.iter().map(String::as_str))),
        ("opaque", Value::Bool(leaf.opaque.is_some())),
        ("dynamic", Value::Bool(leaf.dynamic)),
        ("patterns", Value::Bool(leaf.patterns)),
        ("deletes", Value::Bool(leaf.deletes)),
        ("other_user", Value::Bool(leaf.other_user.is_some())),
        ("reads", set(leaf.reads.iter().map(String::as_str))),
        ("writes", set(leaf.writes.iter().map(String::as_str))),
    ]);
    if let Some(why) = leaf.opaque {
        attributes.insert("why", Value::Text(why.to_owned()));
    }
    if let Some(user) = &leaf.other_user {
        attributes.insert("user", Value::Text(user.clone()));
    }
    if let Some(tool) = &leaf.tool {
        tool_attributes(&mut attributes, tool);
    }
    Resource {
        path: vec![
            ("Account", Cow::Owned(login.to_owned())),
            ("Command", Cow::Owned(leaf.program.clone())),
        ],
        attributes,
    }
}

fn tool_attributes(attributes: &mut Attributes, tool: &Tool) {
    let direction = match (tool.name, tool.direction) {
        (ToolName::Git, Direction::Upload) => "push",
        (ToolName::Git, Direction::Download) => "fetch",
        (ToolName::Scp | ToolName::Rsync, Direction::Upload) => "upload",
        (ToolName::Scp | ToolName::Rsync, Direction::Download) => "download",
    };
    attributes.insert("tool", Value::Text(tool.name.as_str().to_owned()));
    attributes.insert("direction", Value::Text(direction.to_owned()));
    let named = match tool.name {
        ToolName::Git => "repository",
        ToolName::Scp | ToolName::Rsync => "path",
    };
    // of several paths each is an operation of its own
    if let [only] = tool.paths.as_slice() {
        attributes.insert(named, Value::Text(only.clone()));
    }
}

fn facts(command: &Command) -> Attributes {
    let mut facts = Attributes::from([
        ("opaque", Value::Bool(command.opaque())),
        ("programs", set(command.programs.iter().map(String::as_str))),
    ]);
    if let Some(text) = command.text.as_ref().filter(|text| text.len() <= MAX_TEXT) {
        facts.insert("command", Value::Text(text.clone()));
    }
    facts
}

/// The files that scp and rsync carry, so that a rule about paths holds for every way of copying.
fn files(list: &mut Vec<Operation>, leaf: &Leaf, tool: &Tool, (login, index): (&str, u32)) {
    let verb = match (tool.name, tool.direction) {
        (ToolName::Git, _) => return,
        (ToolName::Scp | ToolName::Rsync, Direction::Upload) => verbs::SFTP_WRITE,
        (ToolName::Scp | ToolName::Rsync, Direction::Download) => verbs::SFTP_READ,
    };
    let removes = leaf.deletes && leaf.effects.iter().any(|effect| *effect != Effect::Read);
    for path in &tool.paths {
        let mut facts = location::facts(path.as_bytes());
        facts.insert("tool", Value::Text(tool.name.as_str().to_owned()));
        for verb in [Some(verb), removes.then_some(verbs::SFTP_REMOVE)]
            .into_iter()
            .flatten()
        {
            let resource = location::of_word(login, path);
            list.push(operation(verb, resource, facts.clone(), index));
        }
    }
}
