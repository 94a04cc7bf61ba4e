//! **Here**: names of secrets, environments, organisations and files, and where a secret belongs.
//! **Not here**: repositories (`repo`).
//! **Reads**: text of a person.
//! **Source**: <https://docs.github.com/actions/reference/security/secrets>,
//! <https://docs.github.com/actions/reference/workflows-and-actions/deployments-and-environments> and
//! <https://docs.github.com/rest/repos/contents>, read 2026-11-23.

use std::fmt;

use crate::repo::RepoFullName;

/// A name that GitHub would refuse, or that could address something else.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidName {
    why: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $why:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(String);

        impl $name {
            /// Reads one.
            ///
            /// # Errors
            /// It cannot be one; the text says what one has.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                let check: fn(&str) -> Option<String> = $check;
                check(text).map(Self).ok_or(InvalidName { why: $why })
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of a secret or variable, in upper case as GitHub keeps it.
    SecretName,
    "the name of a secret or variable has 1 to 255 letters, digits and underscores, and begins with neither a digit nor GITHUB_",
    |text| {
        let name = text.to_ascii_uppercase();
        let is_name = (1..=255).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.starts_with("GITHUB_");
        is_name.then_some(name)
    }
);

name!(
    /// The name of an environment of a repository; it may hold slashes, which are encoded.
    EnvironmentName,
    "the name of an environment has 1 to 255 characters, none of them a control character, and is not . or ..",
    |text| {
        let is_name = (1..=255).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && !matches!(text, "." | "..");
        is_name.then(|| text.to_owned())
    }
);

name!(
    /// The name of an organisation.
    OrgName,
    "the name of an organisation has 1 to 39 letters, digits and hyphens",
    |text| {
        let is_name = (1..=39).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_name.then(|| text.to_owned())
    }
);

name!(
    /// A file in a repository, such as `.github/workflows/deploy.yml`.
    FilePath,
    "a path in a repository has parts with slashes between them; no part is empty, . or .., and none holds a backslash or a control character",
    |text| {
        let is_part = |part: &str| !part.is_empty() && !matches!(part, "." | "..");
        let is_path = text.len() <= 1_024
            && text.split('/').all(is_part)
            && !text.contains(|c: char| c == '\\' || c.is_control())
            && !text.eq_ignore_ascii_case(".git")
            && !text.to_ascii_lowercase().starts_with(".git/");
        is_path.then(|| text.to_owned())
    }
);

/// Who may read a secret or variable of an organisation.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "GitHub knows these three")]
pub enum Visibility {
    /// All its repositories.
    All,
    /// Those that are not public.
    Private,
    /// These, by their ids.
    Selected(Vec<u64>),
}

/// Where a secret or variable belongs. Each place has a key of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "GitHub knows these three for Actions")]
pub enum SecretScope {
    /// A repository.
    Repository(RepoFullName),
    /// An environment of a repository: only jobs that name it read it, after its approvals.
    Environment(RepoFullName, EnvironmentName),
    /// An organisation.
    Organisation(OrgName, Visibility),
}

impl fmt::Display for SecretScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(repo) => write!(f, "{repo}"),
            Self::Environment(repo, environment) => write!(f, "environment {environment} of {repo}"),
            Self::Organisation(org, _) => write!(f, "organisation {org}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names() {
        assert_eq!(
            SecretName::parse("azure_Credentials").unwrap().as_str(),
            "AZURE_CREDENTIALS"
        );
        assert_eq!(SecretName::parse("_1").unwrap().as_str(), "_1");
        assert_eq!(EnvironmentName::parse("prod/eu ü").unwrap().as_str(), "prod/eu ü");
        assert_eq!(
            FilePath::parse(".github/workflows/deploy.yml")
                .unwrap()
                .to_string(),
            ".github/workflows/deploy.yml"
        );
        assert!(OrgName::parse("contoso-ml").is_ok());
    }

    #[test]
    fn err_what_could_be_something_else() {
        for text in [
            "",
            "1A",
            "GITHUB_TOKEN",
            "github_x",
            "A-B",
            "A B",
            "Ä",
            "A/B",
            "A\n",
            &"A".repeat(256),
        ] {
            assert!(SecretName::parse(text).is_err(), "{text}");
        }
        for text in ["", ".", "..", "a\nb", &"é".repeat(256)] {
            assert!(EnvironmentName::parse(text).is_err(), "{text}");
        }
        for text in ["", "a/b", "a.b", "é", "a b", &"a".repeat(40)] {
            assert!(OrgName::parse(text).is_err(), "{text}");
        }
        for text in [
            "",
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/../b",
            "a/./b",
            "a\\b",
            "a\nb",
            ".git/config",
            ".GIT/x",
        ] {
            assert!(FilePath::parse(text).is_err(), "{text}");
        }
    }
}
