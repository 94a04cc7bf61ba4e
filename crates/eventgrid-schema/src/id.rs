//! **Here**: the ids and names of events as types: [`EventId`], [`ModelName`], [`ModelVersion`], [`RunId`], [`WorkspaceId`].
//! **Not here**: subjects, which hold several of them (`subject`).
//! **Reads**: fields of envelopes and payloads.
//! **Source**: Event Grid and Azure ML event schema pages; resource ids compare without regard to case. Read 2026-11-22.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::error::shown;

/// A text that cannot be an id or name, because it is empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {what}, found an empty text")]
pub struct InvalidId {
    what: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes any text that is not empty.
            ///
            /// # Errors
            /// The text is empty.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }

            /// The text as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if text.is_empty() { Err(InvalidId { what: $what }) } else { Ok(Self(text)) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// The id of an event: unique together with its source, not alone. JSON text, mostly a GUID.
    EventId, "an event id"
);
text_id!(
    /// The name of a model. JSON text, such as `"credit-risk"`. Read leniently: see [`ModelName::is_plain`].
    ModelName, "a model name"
);
text_id!(
    /// The version of a model as text. On the wire a JSON text (`"20"`) or number (`20`), since senders disagree.
    ModelVersion, "a model version"
);
text_id!(
    /// The id of a run, which Azure ML's REST calls a job. JSON text.
    RunId, "a run id"
);

impl ModelName {
    /// Whether it matches `[A-Za-z0-9][A-Za-z0-9._-]{0,254}`: nothing that a shell, a path or a URL could misread.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        is_plain(&self.0)
    }
}

impl ModelVersion {
    /// Whether it matches `[A-Za-z0-9][A-Za-z0-9._-]{0,254}`: nothing that a shell, a path or a URL could misread.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        is_plain(&self.0)
    }
}

fn is_plain(text: &str) -> bool {
    text.len() <= 255
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// A text that is not the resource id of an Azure ML workspace.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "expected /subscriptions/…/resourceGroups/…/providers/Microsoft.MachineLearningServices/workspaces/…, found {found}"
)]
pub struct InvalidWorkspaceId {
    found: String,
}

/// The resource id of an Azure ML workspace.
///
/// Shape: `/subscriptions/{id}/resourceGroups/{name}/providers/Microsoft.MachineLearningServices/workspaces/{name}`, in any
/// casing: services upper-case ids at will, so equality, order and hash ignore ASCII case.
#[derive(Clone, Debug)]
pub struct WorkspaceId {
    text: String,
    /// In lower case: what is compared.
    canonical: String,
}

impl WorkspaceId {
    /// Reads a resource id.
    ///
    /// # Errors
    /// The text has another form, or an empty part.
    pub fn parse(text: &str) -> Result<Self, InvalidWorkspaceId> {
        let parts: Vec<&str> = text.split('/').collect();
        let fixed = |index: usize, word: &str| {
            parts
                .get(index)
                .is_some_and(|part| part.eq_ignore_ascii_case(word))
        };
        let named = |index: usize| {
            parts
                .get(index)
                .is_some_and(|part| !part.is_empty() && *part != "." && *part != "..")
        };
        let good = parts.len() == 9
            && fixed(0, "")
            && fixed(1, "subscriptions")
            && named(2)
            && fixed(3, "resourceGroups")
            && named(4)
            && fixed(5, "providers")
            && fixed(6, "Microsoft.MachineLearningServices")
            && fixed(7, "workspaces")
            && named(8);
        if !good {
            return Err(InvalidWorkspaceId { found: shown(text) });
        }
        Ok(Self {
            text: text.to_owned(),
            canonical: text.to_ascii_lowercase(),
        })
    }

    /// The id as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id in lower case: equal for all spellings.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.canonical.clone()
    }

    /// The subscription's id.
    #[must_use]
    pub fn subscription(&self) -> &str {
        self.part(2)
    }

    /// The resource group's name.
    #[must_use]
    pub fn resource_group(&self) -> &str {
        self.part(4)
    }

    /// The workspace's name.
    #[must_use]
    pub fn workspace(&self) -> &str {
        self.part(8)
    }

    fn part(&self, index: usize) -> &str {
        self.text.split('/').nth(index).unwrap_or_default()
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for WorkspaceId {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for WorkspaceId {}

impl PartialOrd for WorkspaceId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for WorkspaceId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical.cmp(&other.canonical)
    }
}

impl Hash for WorkspaceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names_are_read_leniently_and_judged_strictly() {
        let check =
            |name: &str, plain| assert_eq!(ModelName::parse(name).unwrap().is_plain(), plain, "{name}");
        check("credit-risk", true);
        check("A.b_c-9", true);
        check(&"a".repeat(255), true);
        check(&"a".repeat(256), false);
        check("-a", false);
        check(".", false);
        check("a b", false);
        check("a/b", false);
        check("$(id)", false);
        check("modèle", false);
        check("a\n", false);
        assert_eq!(
            ModelName::parse("").unwrap_err().to_string(),
            "expected a model name, found an empty text"
        );
    }

    #[test]
    fn ok_workspace_ids_compare_without_regard_to_case() {
        let a =
            "/subscriptions/S-1/resourceGroups/Rg/providers/Microsoft.MachineLearningServices/workspaces/Ws";
        let (one, other) = (
            WorkspaceId::parse(a).unwrap(),
            WorkspaceId::parse(&a.to_ascii_uppercase()).unwrap(),
        );
        assert_eq!(one, other);
        assert_eq!(one.canonical(), other.canonical());
        assert_eq!(
            (one.subscription(), one.resource_group(), one.workspace()),
            ("S-1", "Rg", "Ws")
        );
        assert_eq!(std::collections::HashSet::from([one, other]).len(), 1);
    }

    #[test]
    fn err_other_resources_are_no_workspace() {
        let good =
            "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w";
        for text in [
            "",
            "/",
            "w",
            &good[1..],
            &format!("{good}/models/m"),
            &good.replace("/s/", "//"),
            &good.replace("/w", "/.."),
            &good.replace("MachineLearningServices", "Storage"),
        ] {
            assert!(WorkspaceId::parse(text).is_err(), "{text}");
        }
    }
}
