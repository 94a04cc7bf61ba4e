//! **Here**: what is said of a configuration that cannot be read: where, which key, what was expected; never a value.
//! **Not here**: the keys and their bounds (`config`).
//! **Reads**: the text of the file and the error of `toml`; `config` asks it.
//! **Source**: DESIGN section 8, invariant 6: a token under the wrong key must not reach a log.

use toml::de::{DeTable, DeValue, Error};

/// The longest key that is shown. Those of a configuration have up to 21 characters, tokens of GitHub 40 and more.
const MAX_SHOWN: usize = 32;

/// The error as a person may read it. `toml`'s own text quotes the line, and serde's the value.
pub(super) fn describe(text: &str, error: &Error) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let place = format!("line {line}, column {column}");
    let message = error.message();
    let Ok(table) = DeTable::parse(text) else {
        let why = if message == "duplicate key" {
            "this key is there already"
        } else {
            "this is not TOML"
        };
        return format!("{place}: {why}");
    };
    let mut path = Vec::new();
    find(table.get_ref(), at, &mut path);
    if unknown(message).is_some_and(|key| path.last() == Some(&key)) {
        path.pop();
    }
    let path = path.join(".");
    let colon = if path.is_empty() { "" } else { ": " };
    format!("{place}: {path}{colon}{}", what(message))
}

/// What serde says, without what it found.
fn what(message: &str) -> String {
    // The last one: what was found stands before it, and could hold these words too.
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    let expected = expected.map(|expected| format!("; expected {expected}"));
    let expected = expected.unwrap_or_default();
    if let Some(key) = unknown(message) {
        return format!("the key {key} is unknown{expected}");
    }
    if let Some(rest) = message.strip_prefix("missing field `") {
        return format!("the key {} is missing", quoted(rest));
    }
    let of_the_value = [
        "unknown variant ",
        "invalid type: ",
        "invalid value: ",
        "invalid length ",
    ];
    if of_the_value.iter().any(|prefix| message.starts_with(prefix)) {
        return format!("the value is not one that can stand here{expected}");
    }
    "the value is not one that can stand here".to_owned()
}

fn unknown(message: &str) -> Option<String> {
    message.strip_prefix("unknown field `").map(quoted)
}

/// The key before the closing mark.
fn quoted(rest: &str) -> String {
    shown(rest.split('`').next().unwrap_or_default())
}

/// The keys that lead to this place of the text.
fn find(table: &DeTable<'_>, at: usize, path: &mut Vec<String>) -> bool {
    for (key, value) in table {
        path.push(shown(key.get_ref()));
        if is_in(value.get_ref(), at, path) || value.span().contains(&at) {
            return true;
        }
        path.pop();
        if key.span().contains(&at) {
            // What is said of a key names it.
            return true;
        }
    }
    false
}

fn is_in(value: &DeValue<'_>, at: usize, path: &mut Vec<String>) -> bool {
    match value {
        DeValue::Table(table) => find(table, at, path),
        DeValue::Array(items) => items
            .iter()
            .any(|item| is_in(item.get_ref(), at, path) || item.span().contains(&at)),
        _ => false,
    }
}

/// A key, unless it may be a secret that stands where a key belongs.
fn shown(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !key.is_empty() && key.len() <= MAX_SHOWN && key.bytes().all(is_bare) {
        key.to_owned()
    } else {
        "(not shown)".to_owned()
    }
}
