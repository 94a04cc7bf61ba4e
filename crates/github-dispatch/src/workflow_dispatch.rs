//! **Here**: [`WorkflowDispatch`]: a ref and inputs that GitHub's limits are proved for, and [`WorkflowFile`], whose workflow it starts; [`GitRef`].
//! **Not here**: where it goes (`repo`), how it is sent (`request`), the run that GitHub names (`response`).
//! **Reads**: configuration and values; `request` after it.
//! **Source**: <https://docs.github.com/rest/actions/workflows#create-a-workflow-dispatch-event>, read 2026-11-23: at most 25 inputs (10 on
//! Enterprise Server), together at most 65,535 characters.
//!
//! Beside a repository dispatch it needs *Actions: write* instead of *Contents: write*, which cannot push code; it names a ref and one
//! workflow; and github.com names the run it started. Its inputs are texts only.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

/// Inputs that github.com takes; Enterprise Server up to 3.19 takes 10.
pub const MAX_INPUTS: usize = 25;
/// Characters that names and values of all inputs have together, at most.
pub const MAX_INPUT_CHARS: usize = 65_535;
/// The longest ref that we take, in bytes: Git's own limit on a file name.
const MAX_REF_BYTES: usize = 255;

/// A workflow dispatch that GitHub would refuse.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidWorkflowDispatch {
    /// No branch or tag has such a name.
    #[error("the ref is not the name of a branch or tag, or has more than {MAX_REF_BYTES} bytes")]
    Ref,
    /// Not a name such as `deploy.yml`, and no number.
    #[error("a workflow is named by its file, such as deploy.yml, or by its id")]
    Workflow,
    /// Too many inputs.
    #[error("there are {found} inputs, and GitHub takes at most {MAX_INPUTS}")]
    TooManyInputs {
        /// How many there are.
        found: usize,
    },
    /// Inputs that are too long.
    #[error(
        "names and values of the inputs have {found} characters, and GitHub takes at most {MAX_INPUT_CHARS}"
    )]
    TooLong {
        /// How many characters they have.
        found: usize,
    },
    /// An input whose name no workflow can have.
    #[error("an input's name begins with a letter or _ and has letters, digits, - and _ only")]
    InputName,
}

/// A workflow of the default branch, by the name of its file, or by its id.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct WorkflowFile(String);

impl WorkflowFile {
    /// Reads `deploy.yml`, `.github/workflows/deploy.yml`, or a number.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidWorkflowDispatch> {
        let name = text.strip_prefix(".github/workflows/").unwrap_or(text);
        let is_id = !name.is_empty() && name.len() <= 20 && name.bytes().all(|byte| byte.is_ascii_digit());
        let stem = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"));
        let is_file = stem.is_some_and(|stem| {
            !stem.is_empty()
                && name.len() <= MAX_REF_BYTES
                && !name.contains(['/', '\\', '%', '?', '#'])
                && !name.contains(char::is_control)
        });
        if is_id || is_file {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidWorkflowDispatch::Workflow)
        }
    }

    /// Whether it is an id, and not the name of a file.
    #[must_use]
    pub fn is_id(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// The name of the file without its folder, or the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkflowFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A branch or tag, by its name or as `refs/heads/…` or `refs/tags/…`. Whether there is one only GitHub knows.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct GitRef(String);

impl GitRef {
    /// Reads `main`, `v1.0` or `refs/heads/main`.
    ///
    /// # Errors
    /// No branch or tag can have such a name.
    pub fn parse(text: &str) -> Result<Self, InvalidWorkflowDispatch> {
        if is_ref(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWorkflowDispatch::Ref)
        }
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is sent: a ref and inputs.
///
/// Shape on the wire: `{"inputs": {"model_name": "credit-risk"}, "ref": "main"}`, with `"return_run_details": true` where the run is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorkflowDispatch {
    git_ref: String,
    inputs: BTreeMap<String, String>,
    asks_for_run: bool,
}

impl WorkflowDispatch {
    /// A dispatch at a branch or tag, by its name or as `refs/heads/…`; inputs are texts, as the workflow sees them.
    ///
    /// # Errors
    /// GitHub would refuse it. Whether the workflow has these inputs only GitHub knows: it answers 422 where not.
    pub fn new<K: Into<String>, V: Into<String>>(
        git_ref: &str,
        inputs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, InvalidWorkflowDispatch> {
        if !is_ref(git_ref) {
            return Err(InvalidWorkflowDispatch::Ref);
        }
        let inputs: BTreeMap<String, String> = inputs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        if inputs.len() > MAX_INPUTS {
            return Err(InvalidWorkflowDispatch::TooManyInputs { found: inputs.len() });
        }
        if !inputs.keys().all(|name| is_input_name(name)) {
            return Err(InvalidWorkflowDispatch::InputName);
        }
        let chars = |(name, value): (&String, &String)| name.chars().count() + value.chars().count();
        let found = inputs.iter().map(chars).sum();
        if found > MAX_INPUT_CHARS {
            return Err(InvalidWorkflowDispatch::TooLong { found });
        }
        Ok(Self {
            git_ref: git_ref.to_owned(),
            inputs,
            asks_for_run: false,
        })
    }

    /// Asks GitHub to name the run it starts. github.com does; Enterprise Server up to 3.20 refuses the question.
    #[must_use]
    pub const fn with_run_details(mut self) -> Self {
        self.asks_for_run = true;
        self
    }

    /// The branch or tag.
    #[must_use]
    pub fn git_ref(&self) -> &str {
        &self.git_ref
    }

    /// The inputs, by name.
    #[must_use]
    pub const fn inputs(&self) -> &BTreeMap<String, String> {
        &self.inputs
    }

    /// The input `relay_id`: what the run shows in its name, and is found by where GitHub names no run.
    #[must_use]
    pub fn relay_id(&self) -> Option<&str> {
        self.inputs.get("relay_id").map(String::as_str)
    }

    /// The body. API versions from 2026-03-10 on name the run without being asked, and know no such question.
    pub(crate) fn body(&self, api_version: &str) -> Vec<u8> {
        let mut body = Map::new();
        body.insert("inputs".to_owned(), json!(self.inputs));
        if self.asks_for_run && api_version < "2026-03-10" {
            body.insert("return_run_details".to_owned(), Value::from(true));
        }
        body.insert("ref".to_owned(), Value::from(self.git_ref.as_str()));
        Value::Object(body).to_string().into_bytes()
    }
}

/// What git-check-ref-format takes. Which branches and tags there are only GitHub knows.
fn is_ref(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    text.len() <= MAX_REF_BYTES
        && text.split('/').all(is_part)
        && !text.ends_with('.')
        && !text.starts_with('-')
        && text != "@"
        && !text.contains("..")
        && !text.contains("@{")
        && !text.contains([' ', '~', '^', ':', '?', '*', '[', '\\'])
        && !text.contains(char::is_control)
}

fn is_input_name(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(git_ref: &str, inputs: &[(&str, &str)]) -> InvalidWorkflowDispatch {
        WorkflowDispatch::new(git_ref, inputs.iter().copied()).unwrap_err()
    }

    #[test]
    fn ok_bodies() {
        let check = |dispatch: &WorkflowDispatch, version: &str, expect: &str| {
            assert_eq!(String::from_utf8(dispatch.body(version)).unwrap(), expect);
        };
        let none: [(&str, &str); 0] = [];
        check(
            &WorkflowDispatch::new("main", none).unwrap(),
            "2022-11-28",
            r#"{"inputs":{},"ref":"main"}"#,
        );
        let dispatch = WorkflowDispatch::new("refs/tags/v1.0", [("version", "7"), ("name", "a\"b")])
            .unwrap()
            .with_run_details();
        let inputs = r#"{"inputs":{"name":"a\"b","version":"7"},"ref":"refs/tags/v1.0""#;
        check(
            &dispatch,
            "2022-11-28",
            &format!("{inputs},\"return_run_details\":true}}"),
        );
        check(&dispatch, "2026-03-10", &format!("{inputs}}}"));
        assert_eq!(
            (dispatch.git_ref(), dispatch.inputs().len()),
            ("refs/tags/v1.0", 2)
        );
    }

    #[test]
    fn err_refs_that_nothing_can_have() {
        for git_ref in [
            "", "/", "a//b", "a/", "/a", ".a", "a/.b", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[",
            "a\\b", "a\n", "a.lock", "a.", "@", "a@{1}", "-a",
        ] {
            assert_eq!(error(git_ref, &[]), InvalidWorkflowDispatch::Ref, "{git_ref:?}");
        }
        assert_eq!(error(&"a".repeat(256), &[]), InvalidWorkflowDispatch::Ref);
        assert_eq!(GitRef::parse("a..b"), Err(InvalidWorkflowDispatch::Ref));
        let none: [(&str, &str); 0] = [];
        for git_ref in ["main", "release/2026-11", "v1.0", "refs/heads/main", "é", "a@b"] {
            assert!(WorkflowDispatch::new(git_ref, none).is_ok(), "{git_ref}");
            assert_eq!(GitRef::parse(git_ref).unwrap().to_string(), git_ref);
        }
    }

    #[test]
    fn err_inputs_beyond_the_limits() {
        let named = |n: usize| (0..n).map(|n| (format!("k{n}"), String::new()));
        assert!(WorkflowDispatch::new("main", named(25)).is_ok());
        let error_of = |n| WorkflowDispatch::new("main", named(n)).unwrap_err().to_string();
        assert_eq!(error_of(26), "there are 26 inputs, and GitHub takes at most 25");
        let long = |n: usize| WorkflowDispatch::new("main", [("k", "é".repeat(n))]);
        assert!(long(65_534).is_ok());
        assert_eq!(
            long(65_535).unwrap_err(),
            InvalidWorkflowDispatch::TooLong { found: 65_536 }
        );
        for name in ["", "1a", "-a", "a b", "a.b", "é"] {
            assert_eq!(
                error("main", &[(name, "")]),
                InvalidWorkflowDispatch::InputName,
                "{name:?}"
            );
        }
    }

    #[test]
    fn ok_workflows_by_file_or_id_and_nothing_that_is_a_path() {
        for (text, expect) in [
            ("deploy.yml", "deploy.yml"),
            ("deploy model.yaml", "deploy model.yaml"),
            (".github/workflows/deploy.yml", "deploy.yml"),
            ("161335", "161335"),
        ] {
            assert_eq!(WorkflowFile::parse(text).unwrap().as_str(), expect);
        }
        for text in [
            "",
            ".yml",
            "deploy",
            "../deploy.yml",
            "a/b.yml",
            "a%2fb.yml",
            "a?.yml",
            "a\n.yml",
            "deploy.yml/",
            "-1",
            "184467440737095516150",
        ] {
            assert_eq!(
                WorkflowFile::parse(text).unwrap_err(),
                InvalidWorkflowDispatch::Workflow,
                "{text:?}"
            );
        }
    }
}
