//! **Here**: `Condition`, what a route asks of an event beyond its plain keys: tests of fields, and all, any, not. Pure.
//! **Not here**: how configuration writes it (`load`), operators (`operator`), whether two can hold at once (`overlap`).
//! **Reads**: `view`; `matcher` asks.
//! **Source**: DESIGN section 5, Router; Event Grid's advanced filters, see `operator`.

mod load;
mod operator;
mod overlap;
#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self::load::ConditionConfig;
pub use self::operator::Operator;

pub(super) use self::load::load;
pub(super) use self::overlap::disjoint;

use self::operator::Test;
use super::field::{Field, Root};
use super::glob::Glob;
use super::matcher::Workspace;
use super::view::{EventView, Found};

/// What an event has to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// The event is about a model, and its name is like one of these.
    Models(Vec<Glob>),
    /// The event comes from a workspace, and it is one of these.
    Workspaces(Vec<Workspace>),
    Field(FieldTest),
}

/// A field and what it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FieldTest {
    field: Field,
    operator: Operator,
    test: Test,
    arrays: bool,
    /// The values as configuration wrote them.
    shown: String,
}

impl Condition {
    pub(super) fn holds(&self, view: &EventView<'_>) -> bool {
        self.unmet(view).is_none()
    }

    /// The innermost condition to blame where it does not hold.
    pub(super) fn unmet(&self, view: &EventView<'_>) -> Option<&Self> {
        let holds = match self {
            Self::All(inner) => return inner.iter().find_map(|one| one.unmet(view)),
            Self::Any(inner) => inner.iter().any(|one| one.holds(view)),
            Self::Not(inner) => !inner.holds(view),
            Self::Models(globs) => view
                .model()
                .is_some_and(|name| globs.iter().any(|glob| glob.matches(name))),
            Self::Workspaces(wanted) => view
                .workspace()
                .is_some_and(|id| wanted.iter().any(|one| one.is(id))),
            Self::Field(test) => {
                let found = view.value(&test.field);
                test.test.holds(test.operator, test.arrays, found.as_ref())
            }
        };
        (!holds).then_some(self)
    }

    /// Why it does not hold, beside what it says: the value that it looked at.
    pub(super) fn found(&self, view: &EventView<'_>) -> Option<String> {
        let Self::Field(test) = self else {
            return None;
        };
        Some(match view.value(&test.field) {
            None => "it is not there".to_owned(),
            Some(Found::Text(text)) => format!("it is {}", super::template::shown(text)),
            Some(Found::Json(value)) => format!("it is {}", in_short(value)),
            Some(Found::Made(value)) => format!("it is {}", in_short(&value)),
        })
    }

    /// The fields that it looks at.
    pub(super) fn fields(&self) -> Vec<&Field> {
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().flat_map(Self::fields).collect(),
            Self::Not(inner) => inner.fields(),
            Self::Models(_) | Self::Workspaces(_) => Vec::new(),
            Self::Field(test) => vec![&test.field],
        }
    }

    /// Whether an event of this type may hold; yes where it asks for something else.
    pub(super) fn may_take_type(&self, event_type: &str) -> bool {
        match self {
            Self::All(inner) => inner.iter().all(|one| one.may_take_type(event_type)),
            Self::Any(inner) => inner.iter().any(|one| one.may_take_type(event_type)),
            Self::Field(test) if test.field.root() == Root::Type => {
                test.test.holds_text(test.operator, event_type)
            }
            _ => true,
        }
    }
}

/// At most 64 bytes of a value.
fn in_short(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => super::template::shown(text),
        serde_json::Value::Array(values) => format!("an array of {}", values.len()),
        serde_json::Value::Object(map) => format!("an object of {}", map.len()),
        other => other.to_string(),
    }
}

/// As configuration would write it, shorter.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, word: &str, inner: &[Self]| {
            write!(f, "{word}(")?;
            for (at, one) in inner.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                write!(f, "{comma}{one}")?;
            }
            f.write_str(")")
        };
        match self {
            Self::All(inner) => list(f, "all", inner),
            Self::Any(inner) => list(f, "any", inner),
            Self::Not(inner) => write!(f, "not({inner})"),
            Self::Models(globs) => {
                let names: Vec<String> = globs.iter().map(Glob::to_string).collect();
                write!(f, "models {names:?}")
            }
            Self::Workspaces(wanted) => {
                let names: Vec<String> = wanted.iter().map(Workspace::to_string).collect();
                write!(f, "workspaces {names:?}")
            }
            Self::Field(test) => {
                write!(f, "{} {}", test.field, test.operator)?;
                if test.shown.is_empty() {
                    return Ok(());
                }
                write!(f, " {}", test.shown)
            }
        }
    }
}
