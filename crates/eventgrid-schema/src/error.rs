//! **Here**: what the errors of this crate share: the field, what was expected, and at most 64 bytes of what was found.
//! **Not here**: the errors of single parsers (beside each parser).
//! **Reads**: nothing; every parser uses it.
//! **Source**: our own.

use std::fmt;

/// How many bytes of a foreign text an error shows.
pub(crate) const SHOWN_BYTES: usize = 64;

/// A field of a typed payload that is not what its type has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    field: String,
    expected: &'static str,
    found: String,
}

impl Error {
    pub(crate) fn new(field: impl Into<String>, expected: &'static str, found: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            expected,
            found: found.into(),
        }
    }

    /// The path of the field, such as `data.modelVersion`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What was expected there.
    #[must_use]
    pub const fn expected(&self) -> &'static str {
        self.expected
    }

    /// What was found: `nothing`, a kind of JSON value, or at most 64 bytes of text, quoted.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: expected {}, found {}",
            self.field, self.expected, self.found
        )
    }
}

impl std::error::Error for Error {}

/// At most 64 bytes of a text, quoted and escaped.
pub(crate) fn shown(text: &str) -> String {
    format!("{:?}", cut(text))
}

/// At most 64 bytes of a text, cut at a character.
pub(crate) fn cut(text: &str) -> &str {
    let end = (0..=SHOWN_BYTES.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// What was found where a kind of JSON value was expected. One of that very kind cannot be read: it holds half a surrogate pair,
/// a number beyond all bounds, or too many levels.
pub(crate) fn found(json: &str, expected: &'static str) -> String {
    let kind = kind_of(json);
    let cannot = if kind == expected {
        " that cannot be read"
    } else {
        ""
    };
    format!("{kind}{cannot}")
}

/// The kind of a JSON value, judged by its first byte.
pub(crate) fn kind_of(json: &str) -> &'static str {
    match json.trim_start().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(b'-' | b'0'..=b'9') => "a number",
        _ => "nothing",
    }
}
