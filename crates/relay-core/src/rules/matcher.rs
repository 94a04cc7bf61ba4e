//! **Here**: what a route wants: event types, workspaces, model globs, subject prefix and suffix, tags. Pure.
//! **Not here**: configuration text (`config`), facts that the event does not carry (`gate`).
//! **Reads**: `view` before it; `RuleSet` after it.
//! **Source**: DESIGN section 5, Router; facts/eventgrid 8.13: types, sources and names are compared without regard to case.

use std::collections::BTreeMap;

use eventgrid_schema::{EventType, WorkspaceId};
use serde_json::Value;

use super::glob::Glob;
use super::view::EventView;

#[derive(Debug)]
pub(super) struct Matcher {
    /// In lower case.
    pub(super) event_types: Vec<String>,
    /// Empty for every workspace.
    pub(super) workspaces: Vec<Workspace>,
    pub(super) models: Vec<Glob>,
    /// In lower case, as Event Grid compares by default. Empty for every subject.
    pub(super) subject_begins_with: Vec<String>,
    pub(super) subject_ends_with: Vec<String>,
    pub(super) tags: BTreeMap<String, String>,
}

/// A workspace by its whole id, or by its name alone.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Workspace {
    Id(WorkspaceId),
    /// In lower case.
    Name(String),
}

impl Workspace {
    fn is(&self, id: &WorkspaceId) -> bool {
        match self {
            Self::Id(own) => own == id,
            Self::Name(name) => id.workspace().eq_ignore_ascii_case(name),
        }
    }

    fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Id(a), Self::Id(b)) => a == b,
            (Self::Name(a), Self::Name(b)) => a == b,
            (Self::Id(id), Self::Name(name)) | (Self::Name(name), Self::Id(id)) => {
                id.workspace().eq_ignore_ascii_case(name)
            }
        }
    }
}

impl Matcher {
    pub(super) fn matches(&self, view: &EventView<'_>) -> bool {
        let event = view.event();
        self.event_types
            .iter()
            .any(|wanted| event.event_type().is(wanted))
            && (self.workspaces.is_empty()
                || view
                    .workspace()
                    .is_some_and(|id| self.workspaces.iter().any(|wanted| wanted.is(id))))
            && view
                .model()
                .is_none_or(|name| self.models.iter().any(|glob| glob.matches(name)))
            && self.matches_subject(event.subject().unwrap_or_default())
            && self
                .tags
                .iter()
                .all(|(name, wanted)| tag_is(view.tags(), name, wanted))
    }

    fn matches_subject(&self, subject: &str) -> bool {
        let subject = subject.to_ascii_lowercase();
        let any = |list: &[String], test: &dyn Fn(&String) -> bool| list.is_empty() || list.iter().any(test);
        any(&self.subject_begins_with, &|prefix| {
            subject.starts_with(prefix.as_str())
        }) && any(&self.subject_ends_with, &|suffix| {
            subject.ends_with(suffix.as_str())
        })
    }

    /// Whether one event could match both; says yes where it cannot tell.
    pub(super) fn may_overlap(&self, other: &Self) -> bool {
        let any = |a: &[String], b: &[String], test: fn(&str, &str) -> bool| {
            a.is_empty() || b.is_empty() || a.iter().any(|x| b.iter().any(|y| test(x, y)))
        };
        let shared = || {
            let types = self.event_types.iter();
            types.filter(|wanted| other.event_types.contains(wanted))
        };
        shared().next().is_some()
            && (self.workspaces.is_empty()
                || other.workspaces.is_empty()
                || self
                    .workspaces
                    .iter()
                    .any(|a| other.workspaces.iter().any(|b| a.may_be(b))))
            // An event without a model matches whatever models a route names.
            && (shared().any(|wanted| !has_model(wanted))
                || self
                    .models
                    .iter()
                    .any(|a| other.models.iter().any(|b| a.may_overlap(b))))
            && any(&self.subject_begins_with, &other.subject_begins_with, |a, b| {
                a.starts_with(b) || b.starts_with(a)
            })
            && any(&self.subject_ends_with, &other.subject_ends_with, |a, b| {
                a.ends_with(b) || b.ends_with(a)
            })
            && !self
                .tags
                .iter()
                .any(|(name, value)| other.tags.get(name).is_some_and(|theirs| theirs != value))
    }
}

/// Whether every event of this type is about one model, which [`EventView`] then knows.
fn has_model(event_type: &str) -> bool {
    event_type.eq_ignore_ascii_case(EventType::MODEL_REGISTERED)
}

/// Whether a tag has this value. Names are compared exactly first, then in any casing; a number or boolean counts as its text.
fn tag_is(tags: &serde_json::Map<String, Value>, name: &str, wanted: &str) -> bool {
    let found = tags.get(name).or_else(|| {
        tags.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    });
    match found {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Number(number)) => number.to_string() == wanted,
        Some(Value::Bool(flag)) => (if *flag { "true" } else { "false" }) == wanted,
        _ => false,
    }
}
