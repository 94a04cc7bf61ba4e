//! **Here**: [`WorkspaceScope`] and [`RegistryScope`]: resource ids, parsed, checked and compared without regard to case.
//! **Not here**: names and versions of models (`request`; those are compared with regard to case).
//! **Reads**: `error` before it; `request` makes path segments of it.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json` (workspace pattern) and
//! the resource provider contract (names match without case), read 2026-11-22.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::error::Error;

/// Where assets live: what the path of every call begins with.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    Workspace(WorkspaceScope),
    Registry(RegistryScope),
}

impl Scope {
    /// The path of its resource id, segment by segment.
    pub(crate) fn segments(&self) -> [&str; 8] {
        match self {
            Self::Workspace(workspace) => workspace.0.segments("workspaces"),
            Self::Registry(registry) => registry.0.segments("registries"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace(workspace) => workspace.fmt(f),
            Self::Registry(registry) => registry.fmt(f),
        }
    }
}

/// One workspace: subscription, resource group and name.
///
/// The topic of an Event Grid event is its text form; since services write that in any casing, two scopes that
/// differ only in case are equal. Each part keeps the casing it came with.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct WorkspaceScope(Parts);

impl WorkspaceScope {
    /// A workspace from its three parts.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), naming the part:
    /// - the subscription is not 1 to 64 letters, digits and hyphens;
    /// - the resource group is empty, longer than 90 characters, ends with a full stop, or holds anything but letters,
    ///   digits and `-_.()`;
    /// - the workspace is not 3 to 33 letters, digits, `-` and `_`, beginning with a letter or digit.
    pub fn new(subscription: &str, resource_group: &str, workspace: &str) -> Result<Self, Error> {
        Parts::new("workspace", [subscription, resource_group, workspace]).map(Self)
    }

    /// A workspace from its resource id, such as
    /// `/subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices/workspaces/{name}`.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): not of that form in any casing, or a part that [`WorkspaceScope::new`]
    /// refuses.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Parts::parse("workspace", "workspaces", text).map(Self)
    }

    /// The subscription's id.
    #[must_use]
    pub fn subscription(&self) -> &str {
        &self.0.subscription
    }

    /// The resource group's name.
    #[must_use]
    pub fn resource_group(&self) -> &str {
        &self.0.resource_group
    }

    /// The workspace's name.
    #[must_use]
    pub fn workspace(&self) -> &str {
        &self.0.name
    }
}

impl fmt::Display for WorkspaceScope {
    /// Prints the resource id with the documented casing of its fixed parts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.print("workspaces", f)
    }
}

impl FromStr for WorkspaceScope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// One registry: subscription, resource group and name. Assets of a registry are shared by workspaces.
///
/// Compared without regard to case, as a [`WorkspaceScope`] is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RegistryScope(Parts);

impl RegistryScope {
    /// A registry from its three parts.
    ///
    /// # Errors
    /// As [`WorkspaceScope::new`]; the registry has the grammar of a workspace.
    pub fn new(subscription: &str, resource_group: &str, registry: &str) -> Result<Self, Error> {
        Parts::new("registry", [subscription, resource_group, registry]).map(Self)
    }

    /// A registry from its resource id: that of a workspace with `registries` in the place of `workspaces`.
    ///
    /// # Errors
    /// As [`WorkspaceScope::parse`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Parts::parse("registry", "registries", text).map(Self)
    }

    /// The subscription's id.
    #[must_use]
    pub fn subscription(&self) -> &str {
        &self.0.subscription
    }

    /// The resource group's name.
    #[must_use]
    pub fn resource_group(&self) -> &str {
        &self.0.resource_group
    }

    /// The registry's name.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.0.name
    }
}

impl fmt::Display for RegistryScope {
    /// Prints the resource id with the documented casing of its fixed parts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.print("registries", f)
    }
}

impl FromStr for RegistryScope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// What both kinds are made of.
#[derive(Clone, Debug)]
struct Parts {
    subscription: String,
    resource_group: String,
    name: String,
}

impl Parts {
    fn new(what: &str, [subscription, resource_group, name]: [&str; 3]) -> Result<Self, Error> {
        if !is_subscription(subscription) {
            return Err(Error::invalid(
                "the subscription id is not 1 to 64 letters, digits and hyphens",
            ));
        }
        if !is_resource_group(resource_group) {
            return Err(Error::invalid(
                "the resource group is not 1 to 90 letters, digits and -_.() without a final full stop",
            ));
        }
        if !is_name(name) {
            return Err(Error::invalid(format!(
                "the {what} name is not 3 to 33 letters, digits, hyphens and underscores that begin with a letter or digit"
            )));
        }
        Ok(Self {
            subscription: subscription.to_owned(),
            resource_group: resource_group.to_owned(),
            name: name.to_owned(),
        })
    }

    fn parse(what: &str, kind: &str, text: &str) -> Result<Self, Error> {
        let mut segments = text.split('/');
        let mut next = || segments.next().unwrap_or_default();
        let (root, subscriptions, subscription) = (next(), next(), next());
        let (groups, group, providers) = (next(), next(), next());
        let (provider, kinds, name) = (next(), next(), next());
        let is_id = root.is_empty()
            && subscriptions.eq_ignore_ascii_case("subscriptions")
            && groups.eq_ignore_ascii_case("resourceGroups")
            && providers.eq_ignore_ascii_case("providers")
            && provider.eq_ignore_ascii_case(PROVIDER)
            && kinds.eq_ignore_ascii_case(kind)
            && segments.next().is_none();
        if is_id {
            Self::new(what, [subscription, group, name])
        } else {
            Err(Error::invalid(format!(
                "the text is not the resource id of an azure ml {what}"
            )))
        }
    }

    fn segments<'a>(&'a self, kind: &'a str) -> [&'a str; 8] {
        [
            "subscriptions",
            &self.subscription,
            "resourceGroups",
            &self.resource_group,
            "providers",
            PROVIDER,
            kind,
            &self.name,
        ]
    }

    fn print(&self, kind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments(kind)
            .iter()
            .try_for_each(|segment| write!(f, "/{segment}"))
    }

    /// What is compared. No part can hold a slash, so the concatenation is unambiguous.
    fn folded(&self) -> impl Iterator<Item = char> {
        [&self.subscription, &self.resource_group, &self.name]
            .into_iter()
            .flat_map(|part| part.chars().flat_map(char::to_lowercase).chain(['/']))
    }
}

impl PartialEq for Parts {
    fn eq(&self, other: &Self) -> bool {
        self.folded().eq(other.folded())
    }
}

impl Eq for Parts {}

impl Hash for Parts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|c| c.hash(state));
    }
}

fn is_subscription(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The service allows letters and digits of any script here. The final full stop, which it forbids, rules out
/// `.` and `..` as well.
fn is_resource_group(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= 90
        && !text.ends_with('.')
        && text.chars().all(|c| c.is_alphanumeric() || "-_.()".contains(c))
}

fn is_name(text: &str) -> bool {
    (3..=33).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

const PROVIDER: &str = "Microsoft.MachineLearningServices";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ID: &str = "/subscriptions/0a1b/resourceGroups/ml-rg/providers/Microsoft.MachineLearningServices/workspaces/Churn-ws";

    #[test]
    fn ok_round_trip() {
        let scope = WorkspaceScope::parse(ID).unwrap();
        assert_eq!(
            (scope.subscription(), scope.resource_group(), scope.workspace()),
            ("0a1b", "ml-rg", "Churn-ws")
        );
        assert_eq!(scope.to_string(), ID);
        assert_eq!(ID.parse::<WorkspaceScope>().unwrap(), scope);
    }

    #[test]
    fn ok_casing_is_kept_but_not_compared() {
        let lower = WorkspaceScope::parse(&ID.to_lowercase()).unwrap();
        let upper = WorkspaceScope::parse(&ID.to_uppercase()).unwrap();
        assert_eq!(lower.workspace(), "churn-ws");
        assert_eq!(upper.workspace(), "CHURN-WS");
        assert_eq!(lower, upper);
        assert_eq!(
            HashSet::from([lower, upper, WorkspaceScope::parse(ID).unwrap()]).len(),
            1
        );
    }

    #[test]
    fn ok_a_registry_is_another_kind() {
        let id = ID.replace("workspaces", "registries");
        let registry = RegistryScope::parse(&id.to_uppercase()).unwrap();
        assert_eq!(registry, RegistryScope::new("0a1b", "ml-rg", "churn-ws").unwrap());
        assert_eq!(RegistryScope::parse(&id).unwrap().to_string(), id);
        for hostile in [ID, "", "..", &id.replace("Churn-ws", "..")] {
            assert!(hostile.parse::<RegistryScope>().is_err(), "{hostile}");
        }
        assert!(RegistryScope::new("0a1b", "ml-rg", "a/b").is_err());
    }

    #[test]
    fn ok_parts_are_not_run_together() {
        assert_ne!(
            WorkspaceScope::new("a", "bc", "wks").unwrap(),
            WorkspaceScope::new("ab", "c", "wks").unwrap()
        );
    }

    #[test]
    fn err_each_part_is_checked() {
        for hostile in [
            "",
            ".",
            "..",
            "/",
            "a/b",
            "%2e%2e",
            "a b",
            "a?b",
            "a#b",
            "a\\b",
            "a\nb",
            "a.",
            &"x".repeat(91),
        ] {
            assert!(
                WorkspaceScope::new(hostile, "rg", "wks").is_err(),
                "subscription {hostile:?}"
            );
            assert!(
                WorkspaceScope::new("0a1b", hostile, "wks").is_err(),
                "resource group {hostile:?}"
            );
            assert!(
                WorkspaceScope::new("0a1b", "rg", hostile).is_err(),
                "workspace {hostile:?}"
            );
            assert!(
                WorkspaceScope::parse(&ID.replace("ml-rg", hostile)).is_err(),
                "id with {hostile:?}"
            );
        }
    }

    #[test]
    fn err_ids_of_something_else() {
        for text in [
            "",
            "/",
            "/subscriptions/0a1b/resourceGroups/ml-rg",
            &ID.replace("MachineLearningServices", "Storage"),
            &ID.replace("workspaces", "registries"),
            &format!("{ID}/models/m"),
            &format!("{ID}/"),
            ID.trim_start_matches('/'),
            &format!("https://management.azure.com{ID}"),
        ] {
            assert!(WorkspaceScope::parse(text).is_err(), "{text:?}");
        }
    }
}
