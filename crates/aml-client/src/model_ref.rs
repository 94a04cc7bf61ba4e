//! **Here**: [`ModelRef`]: one model version in every spelling that Azure has for it, parsed and printed.
//! **Not here**: reading the version (`ops::models`).
//! **Reads**: `arm_id`; `ops` and `release` after it.
//! **Source**: azure-ai-ml 1.35.2 (`_utils/_arm_id_utils.py`, `_operation_orchestrator`), MicrosoftDocs `event-schema-machine-learning`, read
//! 2026-11-23. REST takes resource ids and registry addresses only: the short spelling is expanded by clients.

use std::fmt;
use std::str::FromStr;

use crate::arm_id::WorkspaceScope;
use crate::error::Error;
use crate::request::check_asset_part;

/// A model version, wherever it is registered. Names and versions are compared with regard to case, the rest without.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ModelRef {
    place: Place,
    name: String,
    version: String,
}

/// Where a model is registered.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Place {
    /// In the workspace at hand: a spelling that names none.
    Here,
    /// In this workspace.
    Workspace(WorkspaceScope),
    /// In a registry, by its name.
    Registry(String),
}

impl ModelRef {
    /// A version of the workspace at hand.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the name or version is empty, longer than 255 characters, made of full stops only, or holds
    /// anything but printable ASCII without `/ \ % ? #`.
    pub fn new(name: &str, version: &str) -> Result<Self, Error> {
        Self::at(Place::Here, name, version)
    }

    fn at(place: Place, name: &str, version: &str) -> Result<Self, Error> {
        check_asset_part("model name", name)?;
        check_asset_part("model version", version)?;
        Ok(Self {
            place,
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }

    /// Reads `name:version`, `azureml:name:version`, a resource id with or without `azureml:` before it, `models:/name/version` of MLflow,
    /// `azureml://registries/R/models/N/versions/V`, or `azureml://subscriptions/S/resourcegroups/G/workspaces/W/models/N/versions/V`.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): it is none of these; `name@latest` names no version, and the asset id of a workspace
    /// (`azureml://locations/…`) names a workspace by a number only.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("azureml://") {
            return Self::parse_address(path);
        }
        if let Some(rest) = text.strip_prefix("models:/") {
            return match rest.split('/').collect::<Vec<_>>().as_slice() {
                [name, version] => Self::at(Place::Here, name, version),
                _ => Err(none()),
            };
        }
        let text = text.strip_prefix("azureml:").unwrap_or(text);
        if text.starts_with('/') {
            return Self::parse_id(text);
        }
        // The last colon: a name may hold one.
        let (name, version) = text.rsplit_once(':').ok_or_else(none)?;
        Self::at(Place::Here, name, version)
    }

    /// Reads what a `ModelDeployed` event lists: `name:version` with commas between them.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), for the first that is none.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Error> {
        text.split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(Self::parse)
            .collect()
    }

    fn parse_id(text: &str) -> Result<Self, Error> {
        let segments: Vec<&str> = text.split('/').collect();
        let (workspace, rest) = segments.split_at_checked(9).ok_or_else(none)?;
        let workspace = WorkspaceScope::parse(&workspace.join("/"))?;
        let (name, version) = named(rest)?;
        Self::at(Place::Workspace(workspace), name, version)
    }

    fn parse_address(path: &str) -> Result<Self, Error> {
        let segments: Vec<&str> = path.split('/').collect();
        match segments.as_slice() {
            [registries, registry, rest @ ..] if registries.eq_ignore_ascii_case("registries") => {
                let (name, version) = named(rest)?;
                check_registry(registry)?;
                Self::at(Place::Registry((*registry).to_owned()), name, version)
            }
            [subscriptions, s, groups, g, workspaces, w, rest @ ..]
                if subscriptions.eq_ignore_ascii_case("subscriptions")
                    && groups.eq_ignore_ascii_case("resourcegroups")
                    && workspaces.eq_ignore_ascii_case("workspaces") =>
            {
                let (name, version) = named(rest)?;
                Self::at(Place::Workspace(WorkspaceScope::new(s, g, w)?), name, version)
            }
            _ => Err(none()),
        }
    }

    /// Where it is registered.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version: text, mostly digits.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What REST takes as `properties.model` of a deployment: the resource id, or the registry's address.
    #[must_use]
    pub fn to_rest(&self, here: &WorkspaceScope) -> String {
        let workspace = match &self.place {
            Place::Registry(_) => return self.to_string(),
            Place::Workspace(workspace) => workspace,
            Place::Here => here,
        };
        format!("{workspace}/models/{}/versions/{}", self.name, self.version)
    }

    /// `azureml:name:version`, which the CLI and YAML take; none for a model of a registry, which has no short spelling.
    #[must_use]
    pub fn to_short(&self) -> Option<String> {
        (!matches!(self.place, Place::Registry(_))).then(|| format!("azureml:{}:{}", self.name, self.version))
    }

    /// `models:/name/version`, which MLflow takes.
    #[must_use]
    pub fn to_mlflow(&self) -> String {
        format!("models:/{}/{}", self.name, self.version)
    }

    /// Whether both name the same version; a spelling without a place means the workspace at hand.
    #[must_use]
    pub fn is_same(&self, other: &Self, here: &WorkspaceScope) -> bool {
        let place = |one: &Self| match &one.place {
            Place::Here => Place::Workspace(here.clone()),
            Place::Registry(name) => Place::Registry(name.to_ascii_lowercase()),
            Place::Workspace(workspace) => Place::Workspace(workspace.clone()),
        };
        (&self.name, &self.version) == (&other.name, &other.version) && place(self) == place(other)
    }
}

impl fmt::Display for ModelRef {
    /// The spelling that says the most: a resource id, a registry's address, or `azureml:name:version`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, name, version } = self;
        match place {
            Place::Here => write!(f, "azureml:{name}:{version}"),
            Place::Workspace(workspace) => write!(f, "{workspace}/models/{name}/versions/{version}"),
            Place::Registry(registry) => write!(
                f,
                "azureml://registries/{registry}/models/{name}/versions/{version}"
            ),
        }
    }
}

impl FromStr for ModelRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// `models/N/versions/V`.
fn named<'s>(segments: &[&'s str]) -> Result<(&'s str, &'s str), Error> {
    match segments {
        [models, name, versions, version]
            if models.eq_ignore_ascii_case("models") && versions.eq_ignore_ascii_case("versions") =>
        {
            Ok((name, version))
        }
        _ => Err(none()),
    }
}

fn check_registry(name: &str) -> Result<(), Error> {
    let is_name = (3..=33).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_name {
        Ok(())
    } else {
        Err(Error::invalid(
            "the registry's name is not 3 to 33 letters, digits, hyphens and underscores",
        ))
    }
}

fn none() -> Error {
    Error::invalid(
        "the text names no model version: name:version, a resource id, or a registry's address is expected",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const W: &str =
        "/subscriptions/0a1b/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws-1";

    fn here() -> WorkspaceScope {
        WorkspaceScope::parse(W).unwrap()
    }

    #[test]
    fn ok_every_spelling_names_the_same() {
        let id = format!("{W}/models/churn/versions/7");
        for text in [
            "churn:7",
            "azureml:churn:7",
            "models:/churn/7",
            &id,
            &format!("azureml:{id}"),
            &id.replace("resourceGroups", "resourcegroups")
                .replace("Microsoft.Machine", "microsoft.machine"),
            "azureml://subscriptions/0A1B/resourcegroups/RG/workspaces/WS-1/models/churn/versions/7",
        ] {
            let model = ModelRef::parse(text).unwrap();
            assert_eq!((model.name(), model.version()), ("churn", "7"), "{text}");
            assert!(
                model.is_same(&ModelRef::new("churn", "7").unwrap(), &here()),
                "{text}"
            );
            assert!(model.to_rest(&here()).eq_ignore_ascii_case(&id), "{text}");
            assert_eq!(model.to_short().as_deref(), Some("azureml:churn:7"));
            assert_eq!(model.to_mlflow(), "models:/churn/7");
            assert_eq!(ModelRef::parse(&model.to_string()).unwrap(), model);
        }
        let registry = ModelRef::parse("azureml://registries/Shared/models/churn/versions/7").unwrap();
        assert_eq!(
            registry.to_rest(&here()),
            "azureml://registries/Shared/models/churn/versions/7"
        );
        assert_eq!(
            (
                registry.to_short(),
                registry.is_same(&ModelRef::new("churn", "7").unwrap(), &here())
            ),
            (None, false)
        );
        assert!(
            !ModelRef::new("churn", "7")
                .unwrap()
                .is_same(&ModelRef::new("Churn", "7").unwrap(), &here())
        );
        // The last colon.
        assert_eq!(ModelRef::parse("a:b:3").unwrap().name(), "a:b");
    }

    #[test]
    fn ok_the_list_of_a_deployed_event() {
        let all = ModelRef::parse_list("churn:7, fraud:2,").unwrap();
        let told: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["azureml:churn:7", "azureml:fraud:2"]);
        assert_eq!(ModelRef::parse_list("").unwrap(), []);
        assert!(ModelRef::parse_list("churn:7,fraud").is_err());
    }

    #[test]
    fn err_what_names_no_version() {
        for text in [
            "",
            "churn",
            "churn:",
            ":7",
            "azureml:churn@latest",
            "churn:../7",
            "a/b:7",
            "models:/churn",
            "models:/churn/7/8",
            "/subscriptions/0a1b/models/churn/versions/7",
            "azureml://registries/R/models/churn/versions/7",
            "azureml://registries/Shared/models/churn",
            "azureml://locations/westeurope/workspaces/6f1d/models/churn/versions/7",
            "https://registries/Shared/models/churn/versions/7",
            "churn:7%2f",
            "churn:é",
        ] {
            assert!(ModelRef::parse(text).is_err(), "{text}");
        }
    }
}
