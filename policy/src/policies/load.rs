//! Loading: parse, our rules, Cedar's strict validation, slices; all or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Effect, Policy, PolicyId, PolicySet, ValidationError, ValidationMode,
    ValidationWarning, Validator,
};

use super::annotations::{self, KNOWN_ANNOTATIONS};
use super::expressions::Conditions;
use super::slices::Slices;
use super::{Known, LoadError, Policies, Reads, Revision, Source, place, similar};
use crate::approval::Requirement;
use crate::digest::Hasher;
use crate::verdict::PolicyEffect;
use crate::vocabulary::Vocabulary;

pub(super) fn load(
    vocabulary: &Arc<Vocabulary>,
    sources: &[Source],
) -> Result<Policies, Vec<LoadError>> {
    let built_in = Source {
        file: BUILT_IN_FILE.to_owned(),
        text: BUILT_IN.to_owned(),
    };
    let mut loading = Loading::new(vocabulary);
    for source in [&built_in].into_iter().chain(sources) {
        loading.take_file(source);
    }
    loading.validate();
    let slices = Slices::cut(vocabulary, &loading.set);
    let slices = match slices {
        Ok(slices) if loading.errors.is_empty() => slices,
        Ok(_) => return Err(loading.into_errors()),
        Err(error) => {
            loading.errors.push(place::of(&built_in, &*error, 0));
            return Err(loading.into_errors());
        }
    };
    Ok(Policies {
        vocabulary: Arc::clone(vocabulary),
        authorizer: Authorizer::new(),
        slices,
        revision: revision(&built_in, sources),
        reads: loading.reads,
        known: loading.known,
    })
}

/// What has been read so far.
struct Loading<'a> {
    vocabulary: &'a Vocabulary,
    set: PolicySet,
    known: BTreeMap<String, Known>,
    /// Where each policy of the set came from, for the validator's errors.
    origins: BTreeMap<String, (&'a Source, usize)>,
    reads: Reads,
    errors: Vec<LoadError>,
}

impl<'a> Loading<'a> {
    fn new(vocabulary: &'a Vocabulary) -> Self {
        Self {
            vocabulary,
            set: PolicySet::new(),
            known: BTreeMap::new(),
            origins: BTreeMap::new(),
            reads: Reads::default(),
            errors: Vec::new(),
        }
    }

    fn take_file(&mut self, source: &'a Source) {
        let parsed = match PolicySet::from_str(&source.text) {
            Ok(parsed) => parsed,
            Err(errors) => {
                self.errors
                    .extend(errors.iter().map(|error| place::of(source, error, 0)));
                return;
            }
        };
        for template in parsed.templates() {
            let offset = template.as_ref().loc().map_or(0, |place| place.start());
            let hint = "write one policy for each principal or resource, or use a group".to_owned();
            self.errors.push(place::at(
                source,
                offset,
                "a template is no policy here".to_owned(),
                Some(hint),
            ));
        }
        for policy in parsed.policies() {
            self.take_policy(source, policy);
        }
    }

    fn take_policy(&mut self, source: &'a Source, policy: &Policy) {
        let start = policy.as_ref().loc().map_or(0, |place| place.start());
        let Some(id) = self.id_of(source, policy, start) else {
            return;
        };
        let before = self.errors.len();
        for name in annotations::unknown(policy) {
            let offset = annotation_start(policy, name).unwrap_or(start);
            let hint = Some(KNOWN_ANNOTATIONS.to_owned());
            self.errors.push(place::at(
                source,
                offset,
                format!("unknown annotation `@{name}`"),
                hint,
            ));
        }
        let requirement = annotations::requirement(policy, &id).unwrap_or_else(|wrong| {
            self.errors.extend(wrong.into_iter().map(|wrong| {
                let offset = wrong
                    .annotation
                    .and_then(|name| annotation_start(policy, name))
                    .unwrap_or(start);
                place::at(source, offset, wrong.message, wrong.hint)
            }));
            None
        });
        self.check_conditions(source, policy, start);
        if requirement.is_some() {
            self.check_reach(source, policy, start);
        }
        self.add(
            source,
            policy,
            &id,
            Found {
                start,
                requirement,
                sound: self.errors.len() == before,
            },
        );
    }

    fn id_of(&mut self, source: &'a Source, policy: &Policy, start: usize) -> Option<String> {
        let offset = annotation_start(policy, "id").unwrap_or(start);
        let (message, hint) = match policy.annotation("id") {
            None => (
                "a policy needs an `@id`".to_owned(),
                "such as `@id(\"prod-destructive\")`: approvals and the audit log name it"
                    .to_owned(),
            ),
            Some(id)
                if id.trim() != id
                    || id.is_empty()
                    || id.chars().count() > LONGEST_ID
                    || id.contains(char::is_control) =>
            {
                (
                    format!("`@id(\"{}\")` is no name", id.escape_debug()),
                    "one line of at most 100 characters, without spaces at its ends".to_owned(),
                )
            }
            Some(id) => match self.origins.get(id) {
                None => return Some(id.to_owned()),
                Some((file, first)) => {
                    let (line, _) = place::line_and_column(&file.text, *first);
                    (
                        format!("repeated `@id(\"{id}\")`"),
                        format!("the first is at {}:{line}", file.file),
                    )
                }
            },
        };
        self.errors
            .push(place::at(source, offset, message, Some(hint)));
        None
    }

    fn check_conditions(&mut self, source: &Source, policy: &Policy, start: usize) {
        match Conditions::of(policy) {
            Ok(conditions) => {
                self.reads = self.reads.and(conditions.reads);
                if let Some(hint) = conditions.unknowable {
                    let message =
                        "a condition asks what is not known and would silently be false".to_owned();
                    self.errors
                        .push(place::at(source, start, message, Some(hint.to_owned())));
                }
            }
            Err(error) => self
                .errors
                .push(place::at(source, start, error.to_string(), None)),
        }
    }

    /// If approving, or anything else that is shared, could be held, everybody could be locked out.
    fn check_reach(&mut self, source: &Source, policy: &Policy, start: usize) {
        let covered: BTreeSet<String> = policy
            .get_valid_request_envs(&self.vocabulary.schema)
            .map(|environment| environment.action().clone())
            .filter(|action| {
                action.type_name().namespace().is_empty() && action.id().unescaped() != "connect"
            })
            .map(|action| action.to_string())
            .collect();
        if !covered.is_empty() {
            let names = covered.into_iter().collect::<Vec<_>>().join(", ");
            let hint = "name the actions: `action in [Action::\"read\", Action::\"write\", Action::\"admin\", Action::\"unknown\"]` are all but the shared ones";
            let message = format!("`@approve` covers shared actions that cannot be held: {names}");
            self.errors
                .push(place::at(source, start, message, Some(hint.to_owned())));
        }
    }

    fn add(&mut self, source: &'a Source, policy: &Policy, id: &str, found: Found) {
        self.origins.insert(id.to_owned(), (source, found.start));
        if let Err(error) = self.set.add(policy.new_id(PolicyId::new(id))) {
            self.errors.push(place::of(source, &error, found.start));
            return;
        }
        if found.sound {
            let effect = match policy.effect() {
                Effect::Permit => PolicyEffect::Permit,
                Effect::Forbid => PolicyEffect::Forbid,
            };
            let (line, _) = place::line_and_column(&source.text, found.start);
            let known = Known {
                effect,
                file: source.file.clone(),
                line,
                requirement: found.requirement,
            };
            self.known.insert(id.to_owned(), known);
        }
    }

    /// Strict, and warnings (an impossible policy, mixed scripts) are errors too.
    fn validate(&mut self) {
        let validator = Validator::new(self.vocabulary.schema.clone());
        let result = validator.validate(&self.set, ValidationMode::Strict);
        let mut wrong = BTreeSet::new();
        for error in result.validation_errors() {
            wrong.insert(error.policy_id().clone());
            let Some((source, start)) = self.origin(error.policy_id()) else {
                continue;
            };
            let mut told = place::of(source, error, start);
            if let ValidationError::UnrecognizedActionId(_) = error {
                let nearest =
                    similar::nearest_action(self.vocabulary, place::snippet(source, error));
                told.hint = nearest.map(|name| format!("did you mean `{name}`?"));
            }
            self.errors.push(told);
        }
        for warning in result.validation_warnings() {
            // what is misspelt is also impossible: once is enough
            let follows = matches!(
                warning,
                ValidationWarning::ImpossiblePolicy(_)
                    | ValidationWarning::InvalidActionApplication(_)
            );
            if follows && wrong.contains(warning.policy_id()) {
                continue;
            }
            if let Some((source, start)) = self.origin(warning.policy_id()) {
                self.errors.push(place::of(source, warning, start));
            }
        }
    }

    fn origin(&self, id: &PolicyId) -> Option<(&'a Source, usize)> {
        self.origins.get(AsRef::<str>::as_ref(id)).copied()
    }

    /// In order of place; the validator says the same of every action that a policy covers: the first one is told.
    fn into_errors(mut self) -> Vec<LoadError> {
        self.errors.sort();
        self.errors.dedup_by(|later, first| {
            (&later.file, later.line, later.column) == (&first.file, first.line, first.column)
        });
        self.errors
    }
}

/// What was found in a policy.
struct Found {
    start: usize,
    requirement: Option<Requirement>,
    sound: bool,
}

fn annotation_start(policy: &Policy, name: &str) -> Option<usize> {
    let (_, annotation) = policy
        .as_ref()
        .annotations()
        .find(|(key, _)| AsRef::<str>::as_ref(*key) == name)?;
    annotation.loc.as_ref().map(|place| place.start())
}

fn revision(built_in: &Source, sources: &[Source]) -> Revision {
    let files: BTreeSet<(&str, &str)> = [built_in]
        .into_iter()
        .chain(sources)
        .map(|source| (source.file.as_str(), source.text.as_str()))
        .collect();
    let mut hasher = Hasher::new("policy-revision");
    for (file, text) in files {
        hasher.part(file.as_bytes()).part(text.as_bytes());
    }
    Revision(hasher.finish().to_string())
}

const BUILT_IN: &str = include_str!("built-in.cedar");
const BUILT_IN_FILE: &str = "built-in";
const LONGEST_ID: usize = 100;
