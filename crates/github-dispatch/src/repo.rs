//! **Here**: [`RepoFullName`], `owner/name`, which becomes two path segments and nothing else.
//! **Not here**: whether the repository exists (`client`).
//! **Reads**: configuration; `request` after it.
//! **Source**: GitHub's rules for names of accounts and repositories; names compare without regard to case. Read 2026-11-22.

use std::fmt;
use std::hash::{Hash, Hasher};

/// A text that is not `owner/name`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a repository as owner/name, found {found:?}: {why}")]
pub struct InvalidRepoFullName {
    found: String,
    why: &'static str,
}

/// A repository as `owner/name`.
///
/// The owner has 1 to 39 characters of `[A-Za-z0-9-]` (and `_`, for managed users), the name 1 to 100 of `[A-Za-z0-9._-]`;
/// `.`, `..` and an ending of `.git` are refused. Equality and hash ignore ASCII case, as GitHub does.
#[derive(Clone, Debug)]
pub struct RepoFullName {
    text: String,
    slash: usize,
}

impl RepoFullName {
    /// Reads a name.
    ///
    /// # Errors
    /// It is anything else; the text says which part.
    pub fn parse(text: &str) -> Result<Self, InvalidRepoFullName> {
        let refuse = |why| {
            Err(InvalidRepoFullName {
                found: text.chars().take(64).collect(),
                why,
            })
        };
        let Some((owner, name)) = text.split_once('/') else {
            return refuse("a slash is expected");
        };
        let of = |text: &str, more: &str| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if owner.is_empty() || owner.len() > 39 || !of(owner, "-_") || owner.starts_with('-') {
            return refuse("the owner has 1 to 39 letters, digits or hyphens");
        }
        if name.is_empty() || name.len() > 100 || !of(name, "-_.") {
            return refuse("the name has 1 to 100 letters, digits, hyphens, underscores or full stops");
        }
        if name == "." || name == ".." || name.to_ascii_lowercase().ends_with(".git") {
            return refuse("GitHub has no repository of this name");
        }
        Ok(Self {
            slash: owner.len(),
            text: text.to_owned(),
        })
    }

    /// The account.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.text.get(..self.slash).unwrap_or_default()
    }

    /// The repository.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.get(self.slash + 1..).unwrap_or_default()
    }

    /// `owner/name` as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for RepoFullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for RepoFullName {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for RepoFullName {}

impl Hash for RepoFullName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.to_ascii_lowercase().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names() {
        for text in ["a/b", "contoso/deploy.prod_1", "A-b/.github", "octo_shop/x"] {
            let repo = RepoFullName::parse(text).unwrap();
            assert_eq!(format!("{}/{}", repo.owner(), repo.name()), text);
        }
        assert_eq!(
            RepoFullName::parse("Contoso/Deploy"),
            RepoFullName::parse("contoso/deploy")
        );
    }

    #[test]
    fn err_everything_that_could_address_something_else() {
        let long = format!("a/{}", "b".repeat(101));
        for text in [
            "", "a", "/", "a/", "/b", "a/b/c", "a/../b", "../b", "a/..", "a/.", "./b", "a/b.git", "a/b%2e",
            "a b/c", "a/b?x", "a/b#x", "a\\b/c", "é/b", "-a/b", &long, "a//b", "a/b\n",
        ] {
            let error = RepoFullName::parse(text).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with("expected a repository as owner/name, found "),
                "{error}"
            );
        }
    }
}
