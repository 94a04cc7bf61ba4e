//! **Here**: what a route wants: event types, workspaces, model globs, subject prefix and suffix, tags, conditions. Pure.
//! **Not here**: configuration text (`config`), what a condition is (`condition`), facts that the event does not carry (`gate`).
//! **Reads**: `view` before it; `RuleSet` after it.
//! **Source**: DESIGN section 5, Router; facts/eventgrid 8.13: types, sources and names are compared without regard to case.

use std::collections::BTreeMap;
use std::fmt;

use eventgrid_schema::{EventType, WorkspaceId};
use serde_json::Value;

use super::condition::{Condition, disjoint};
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
    /// All of them.
    pub(super) conditions: Vec<Condition>,
}

/// What an event does not have that a route wants: the first that was found.
#[derive(Debug)]
pub(super) enum Unmet<'m> {
    EventType,
    Workspace,
    Model,
    SubjectBegin,
    SubjectEnd,
    Tag(&'m str, &'m str),
    Condition(&'m Condition),
}

/// A workspace by its whole id, or by its name alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Workspace {
    Id(WorkspaceId),
    /// In lower case.
    Name(String),
}

impl Workspace {
    pub(super) fn is(&self, id: &WorkspaceId) -> bool {
        match self {
            Self::Id(own) => own == id,
            Self::Name(name) => id.workspace().eq_ignore_ascii_case(name),
        }
    }

    pub(super) fn may_be(&self, other: &Self) -> bool {
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
        self.unmet(view).is_none()
    }

    /// What the event does not have. Allocates nothing on the way.
    pub(super) fn unmet(&self, view: &EventView<'_>) -> Option<Unmet<'_>> {
        let event = view.event();
        if !self
            .event_types
            .iter()
            .any(|wanted| event.event_type().is(wanted))
        {
            return Some(Unmet::EventType);
        }
        let is_served = |id| self.workspaces.iter().any(|wanted| wanted.is(id));
        if !(self.workspaces.is_empty() || view.workspace().is_some_and(is_served)) {
            return Some(Unmet::Workspace);
        }
        let is_wanted = |name| self.models.iter().any(|glob| glob.matches(name));
        if !view.model().is_none_or(is_wanted) {
            return Some(Unmet::Model);
        }
        let subject = event.subject().unwrap_or_default().as_bytes();
        let begins = |one: &String| {
            subject
                .get(..one.len())
                .is_some_and(|part| part.eq_ignore_ascii_case(one.as_bytes()))
        };
        if !(self.subject_begins_with.is_empty() || self.subject_begins_with.iter().any(begins)) {
            return Some(Unmet::SubjectBegin);
        }
        let ends = |one: &String| {
            let from = subject.len().checked_sub(one.len());
            from.and_then(|from| subject.get(from..))
                .is_some_and(|part| part.eq_ignore_ascii_case(one.as_bytes()))
        };
        if !(self.subject_ends_with.is_empty() || self.subject_ends_with.iter().any(ends)) {
            return Some(Unmet::SubjectEnd);
        }
        if let Some((name, wanted)) = self
            .tags
            .iter()
            .find(|(name, wanted)| !tag_is(view.tag(name), wanted))
        {
            return Some(Unmet::Tag(name, wanted));
        }
        self.conditions
            .iter()
            .find_map(|one| one.unmet(view))
            .map(Unmet::Condition)
    }

    /// Why the event is not wanted, for the author of the route; none where it is.
    pub(super) fn why_not(&self, view: &EventView<'_>) -> Option<String> {
        let event = view.event();
        let shown = super::template::shown;
        let subject = || event.subject().map_or_else(|| "missing".to_owned(), shown);
        Some(match self.unmet(view)? {
            Unmet::EventType => format!("event_types: it is {}", event.event_type()),
            Unmet::Workspace => {
                let found = view
                    .workspace()
                    .map_or_else(|| shown(event.source()), |id| shown(id.workspace()));
                format!("workspaces: it is {found}")
            }
            Unmet::Model => format!("models: it is {}", shown(view.model().unwrap_or_default())),
            Unmet::SubjectBegin => format!("subject_begins_with: it is {}", subject()),
            Unmet::SubjectEnd => format!("subject_ends_with: it is {}", subject()),
            Unmet::Tag(name, wanted) => {
                let found = view
                    .tag(name)
                    .map_or_else(|| "not there".to_owned(), |value| shown(&value.to_string()));
                format!("tags: {name} has to be {wanted:?}, and it is {found}")
            }
            Unmet::Condition(condition) => match condition.found(view) {
                Some(found) => format!("conditions: {condition}, and {found}"),
                None => format!("conditions: {condition}"),
            },
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
            && !self
                .conditions
                .iter()
                .any(|a| other.conditions.iter().any(|b| disjoint(a, b)))
            // A type that only one of the two lets through.
            && shared().any(|wanted| {
                let mut both = self.conditions.iter().chain(&other.conditions);
                both.all(|condition| condition.may_take_type(wanted))
            })
    }
}

impl fmt::Display for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(&id.canonical()),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Whether every event of this type is about one model, which [`EventView`] then knows.
fn has_model(event_type: &str) -> bool {
    event_type.eq_ignore_ascii_case(EventType::MODEL_REGISTERED)
}

/// Whether a tag has this value; a number or boolean counts as its text.
fn tag_is(found: Option<&Value>, wanted: &str) -> bool {
    match found {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Number(number)) => number.to_string() == wanted,
        Some(Value::Bool(flag)) => (if *flag { "true" } else { "false" }) == wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ok_a_tag_is_compared_as_its_text() {
        let check = |found: Option<Value>, wanted: &str, expect| {
            assert_eq!(tag_is(found.as_ref(), wanted), expect, "{found:?} {wanted}");
        };
        check(Some(json!("prod")), "prod", true);
        check(Some(json!("Prod")), "prod", false);
        check(Some(json!(7)), "7", true);
        check(Some(json!(7.5)), "7.5", true);
        check(Some(json!(7)), "8", false);
        check(Some(json!(true)), "true", true);
        check(Some(json!(true)), "false", false);
        check(Some(json!(false)), "false", true);
        check(Some(json!(null)), "null", false);
        check(Some(json!(["prod"])), "prod", false);
        check(None, "", false);
    }

    #[test]
    fn ok_a_workspace_is_named_by_its_id_or_by_its_name() {
        let id = |name: &str| {
            WorkspaceId::parse(&format!(
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/{name}"
            ))
            .unwrap()
        };
        let check = |of: Workspace, expect: [bool; 2]| {
            assert_eq!([of.is(&id("w")), of.is(&id("V"))], expect, "{of}");
        };
        check(Workspace::Id(id("W")), [true, false]);
        check(Workspace::Id(id("v")), [false, true]);
        check(Workspace::Name("w".to_owned()), [true, false]);
        check(Workspace::Name("v".to_owned()), [false, true]);
    }
}
