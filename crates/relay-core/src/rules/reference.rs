//! **Here**: [`Reference`]: `${data.modelVersion|number}`, as a template writes it, and the text or value that it stands for. Pure.
//! **Not here**: where in a payload it stands (`template`), fields (`field`).
//! **Reads**: `field` and `view` before it; `template` after it.
//! **Source**: DESIGN section 6, payload limits; facts/github 1.4: a value of an event may end in a shell line.

use serde_json::{Number, Value};

use super::config::{Over, Widen};
use super::field::{Field, Root, take_path};
use super::template::{PLAIN_BYTES, escaped_size, shown};
use super::view::{EventView, Found};
use crate::key::RelayId;

/// The most bytes that one byte of text can take in JSON, however it is re-serialised (`\u00e9` for two bytes of UTF-8).
const WORST_BYTES: usize = 3;
/// How long a number may be as text: what 64 bits need at most.
const NUMBER_BYTES: usize = 32;

/// A reference and why its value may not enter.
pub(super) type Refused = (String, String);

/// A reference into the event, or to the relay id.
#[derive(Debug)]
pub(super) struct Reference {
    /// As written, without `${` and `}`.
    text: String,
    source: Source,
    conversion: Conversion,
    /// What stands for a value that is missing or null.
    default: Option<Value>,
    /// None: a text must be plain.
    widen: Option<(usize, Over)>,
}

#[derive(Debug)]
enum Source {
    RelayId,
    Field(Field),
}

/// What a value becomes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Conversion {
    /// A text, whatever it was: a version is "7" whether the sender wrote 7 or "7".
    Text,
    /// A number.
    Number,
    /// A number, as its text.
    NumberText,
    /// Whatever it is.
    Json,
    /// Whatever it is, as compact JSON text.
    JsonText,
}

impl Reference {
    /// Reads what follows `${`, up to its brace; gives what is behind that as well. `used` tells which of `widen` it took.
    pub(super) fn take<'t>(
        after: &'t str,
        widen: &[Widen],
        used: &mut [bool],
    ) -> Result<(Self, &'t str), String> {
        let (inside, _) = after
            .split_once('}')
            .ok_or_else(|| format!("in ${{{after} a reference is not closed by a brace"))?;
        let no_reference = || {
            format!(
                "${{{inside}}} is not a reference such as ${{data.modelName}} or ${{data.modelTags[\"a.b\"]|default(\"c\")}}"
            )
        };
        let (path, mut rest) = take_path(after).ok_or_else(no_reference)?;
        let path_text = after.strip_suffix(rest).unwrap_or(after);
        let (mut conversion, mut default) = (None, None);
        while let Some(filter) = rest.strip_prefix('|') {
            let behind = filter.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
            let name = filter.strip_suffix(behind).unwrap_or_default();
            rest = behind;
            match (name, conversion) {
                ("default", _) if default.is_none() => {
                    let (value, behind) = argument(behind).ok_or_else(|| {
                        format!(
                            "${{{inside}}}: `default` is followed by one JSON value, as in |default(\"none\")"
                        )
                    })?;
                    default = Some(value);
                    rest = behind;
                }
                ("text", None) => conversion = Some(Conversion::Text),
                ("number", None) => conversion = Some(Conversion::Number),
                ("json", None) => conversion = Some(Conversion::Json),
                ("text", Some(Conversion::Number)) => conversion = Some(Conversion::NumberText),
                ("text", Some(Conversion::Json)) => conversion = Some(Conversion::JsonText),
                ("default" | "text" | "number" | "json", _) => {
                    return Err(format!(
                        "${{{inside}}}: `{name}` does not fit behind what is there already"
                    ));
                }
                _ => {
                    return Err(format!(
                        "${{{inside}}}: there is no conversion {name:?}; text, number, json and default(...) are known"
                    ));
                }
            }
        }
        let behind = rest.strip_prefix('}').ok_or_else(no_reference)?;
        let text = after.strip_suffix(rest).unwrap_or(inside).to_owned();
        let conversion = conversion.unwrap_or(Conversion::Text);
        let reference = Self::of(text, &path, path_text, conversion, default, widen, used)?;
        Ok((reference, behind))
    }

    fn of(
        text: String,
        path: &[String],
        path_text: &str,
        conversion: Conversion,
        default: Option<Value>,
        widen: &[Widen],
        used: &mut [bool],
    ) -> Result<Self, String> {
        let refuse = |why: &str| Err(format!("${{{text}}} {why}"));
        let is_relay_id = matches!(path, [relay, id] if relay.eq_ignore_ascii_case("relay") && id.eq_ignore_ascii_case("id"));
        if is_relay_id {
            if conversion != Conversion::Text || default.is_some() {
                return refuse(
                    "is a text that is always there: it needs neither another conversion nor a default",
                );
            }
            return Ok(Self {
                text,
                source: Source::RelayId,
                conversion,
                default,
                widen: None,
            });
        }
        let field = Field::parse(path_text)
            .map_err(|why| format!("${{{text}}}: {why}, and the relay has relay.id"))?;
        let is_json = matches!(conversion, Conversion::Json | Conversion::JsonText);
        if field.root() == Root::Data && field.keys().is_empty() && !is_json {
            return refuse(
                "refers to nothing that is a text; its fields are such as ${data.modelName}, and all of it is ${data|json}",
            );
        }
        let fits = match (&default, conversion) {
            (None, _) | (_, Conversion::Json | Conversion::JsonText) => true,
            (Some(value), Conversion::Text) => value.is_string(),
            (Some(value), Conversion::Number | Conversion::NumberText) => value.is_number(),
        };
        if !fits {
            return refuse("has a default of another kind than what it becomes");
        }
        let same = |one: &Widen| Field::parse(&one.reference).is_ok_and(|other| other.looks_like(&field));
        let is_number = matches!(conversion, Conversion::Number | Conversion::NumberText);
        let index = widen.iter().position(same).filter(|_| !is_number);
        if let Some(slot) = index.and_then(|index| used.get_mut(index)) {
            *slot = true;
        }
        let widen = index
            .and_then(|index| widen.get(index))
            .map(|one| (one.max_bytes, one.over));
        if is_json && !matches!(widen, Some((_, Over::Park))) {
            return refuse(
                "may be anything of any size: name it under `widen`, with the bytes it may take and over = \"park\" (JSON cannot be cut)",
            );
        }
        let is_never_plain = matches!(
            field.root(),
            Root::Source | Root::Subject | Root::Attribute("datacontenttype" | "dataschema")
        );
        if is_never_plain && widen.is_none() && conversion == Conversion::Text {
            return refuse(
                "always holds characters that may not enter a payload unchecked; name it under `widen` to mean it",
            );
        }
        Ok(Self {
            text,
            source: Source::Field(field),
            conversion,
            default,
            widen,
        })
    }

    /// The field it looks at, if it looks at one.
    pub(super) const fn field(&self) -> Option<&Field> {
        match &self.source {
            Source::Field(field) => Some(field),
            Source::RelayId => None,
        }
    }

    /// What it can take at most, in bytes, within a text or alone.
    pub(super) fn worst(&self) -> usize {
        let worst = match (self.conversion, self.widen) {
            (Conversion::Number | Conversion::NumberText, _) => NUMBER_BYTES,
            (Conversion::Json | Conversion::JsonText, widen) => widen.map_or(usize::MAX, |(max, _)| max),
            (Conversion::Text, Some((max, _))) => max.saturating_mul(WORST_BYTES),
            (Conversion::Text, None) => PLAIN_BYTES,
        };
        let default = self
            .default
            .as_ref()
            .map(|value| escaped_size(&value.to_string()));
        worst.max(default.unwrap_or_default())
    }

    /// The JSON value that it stands for.
    pub(super) fn value(&self, view: &EventView<'_>, relay_id: &RelayId) -> Result<Value, Refused> {
        let refuse = |why: String| (self.text.clone(), why);
        match self.conversion {
            Conversion::Number => self.number(view).map_err(refuse),
            Conversion::Json => self.json(view, wire_size).map_err(refuse),
            _ => self.as_text(view, relay_id).map(Value::String),
        }
    }

    /// The text that it stands for.
    pub(super) fn as_text(&self, view: &EventView<'_>, relay_id: &RelayId) -> Result<String, Refused> {
        let refuse = |why: String| (self.text.clone(), why);
        let field = match &self.source {
            Source::RelayId => return Ok(relay_id.as_str().to_owned()),
            Source::Field(field) => field,
        };
        let text = match self.conversion {
            Conversion::Number | Conversion::NumberText => self.number(view).map(|value| value.to_string()),
            Conversion::Json | Conversion::JsonText => {
                self.json(view, text_size).map(|value| value.to_string())
            }
            Conversion::Text => self.plain(field, view),
        };
        text.map_err(refuse)
    }

    fn found<'v>(&self, view: &'v EventView<'_>) -> Option<Found<'v>> {
        let found = view.value(self.field()?)?;
        let is_null = match &found {
            Found::Text(_) => false,
            Found::Json(value) => value.is_null(),
            Found::Made(value) => value.is_null(),
        };
        (!is_null).then_some(found)
    }

    fn number(&self, view: &EventView<'_>) -> Result<Value, String> {
        let text = match (self.found(view), &self.default) {
            (None, Some(default)) => return Ok(default.clone()),
            (None, None) => return Err("is not there".to_owned()),
            (Some(Found::Json(Value::Number(number))), _) => return Ok(Value::Number(number.clone())),
            (Some(Found::Made(Value::Number(number))), _) => return Ok(Value::Number(number)),
            (Some(Found::Text(text)), _) => text.to_owned(),
            (Some(Found::Json(Value::String(text))), _) => text.clone(),
            (Some(Found::Made(Value::String(text))), _) => text,
            _ => return Err("is neither a number nor a text that is one".to_owned()),
        };
        // "1.10" would become 1.1, and a long version another one.
        let number = Some(&text)
            .filter(|text| text.len() <= NUMBER_BYTES)
            .and_then(|text| serde_json::from_str::<Number>(text).ok())
            .filter(|number| number.to_string() == text);
        number.map(Value::Number).ok_or_else(|| {
            format!(
                "is {}, which is not a number that JSON would write the same way",
                shown(&text)
            )
        })
    }

    fn json(&self, view: &EventView<'_>, size: fn(&str) -> usize) -> Result<Value, String> {
        let value = match (self.found(view), &self.default) {
            (None, Some(default)) => return Ok(default.clone()),
            (None, None) => {
                // Null is a value of JSON; what is missing is none.
                let is_there = self.field().is_some_and(|field| view.value(field).is_some());
                return if is_there {
                    Ok(Value::Null)
                } else {
                    Err("is not there".to_owned())
                };
            }
            (Some(Found::Text(text)), _) => Value::String(text.to_owned()),
            (Some(Found::Json(value)), _) => value.clone(),
            (Some(Found::Made(value)), _) => value,
        };
        if !is_printable(&value) {
            return Err("holds control characters".to_owned());
        }
        let (found, max) = (size(&value.to_string()), self.widen.map_or(0, |(max, _)| max));
        if found > max {
            return Err(format!("takes {found} bytes, and {max} are allowed"));
        }
        Ok(value)
    }

    /// A text that is plain, or that the route widened.
    fn plain(&self, field: &Field, view: &EventView<'_>) -> Result<String, String> {
        let text = match self.found(view) {
            None => {
                let default = self.default.as_ref().and_then(Value::as_str);
                return default
                    .map(str::to_owned)
                    .ok_or_else(|| "is not there".to_owned());
            }
            Some(Found::Text(text)) => text.to_owned(),
            Some(Found::Json(value)) => scalar(value)?,
            Some(Found::Made(value)) => scalar(&value)?,
        };
        match self.widen {
            None if is_plain(&text) || field.root() == Root::Time && is_instant(&text) => Ok(text),
            None => Err(format!(
                "is {}, and only [A-Za-z0-9][A-Za-z0-9._-]{{0,254}} may enter a payload unless the route widens it",
                shown(&text)
            )),
            Some(_) if text.chars().any(char::is_control) => {
                Err(format!("is {}, which holds control characters", shown(&text)))
            }
            Some((max, Over::Park)) if text.len() > max => {
                Err(format!("is {} bytes long, and {max} are allowed", text.len()))
            }
            Some((max, _)) => {
                let end = (0..=max.min(text.len()))
                    .rev()
                    .find(|end| text.is_char_boundary(*end))
                    .unwrap_or(0);
                Ok(text.get(..end).unwrap_or_default().to_owned())
            }
        }
    }
}

fn scalar(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err("is not a text, number or boolean".to_owned())
        }
    }
}

/// The one JSON value between parentheses at the front of a text, and what is behind it.
fn argument(text: &str) -> Option<(Value, &str)> {
    let inside = text.strip_prefix('(')?;
    // Up to the first parenthesis that leaves JSON before it: one within a text leaves none.
    inside.match_indices(')').find_map(|(end, _)| {
        let (value, behind) = inside.split_at_checked(end)?;
        Some((serde_json::from_str(value).ok()?, behind.strip_prefix(')')?))
    })
}

/// `[A-Za-z0-9][A-Za-z0-9._-]{0,254}`: what may enter a payload, and so a shell line of somebody's workflow, unasked.
fn is_plain(text: &str) -> bool {
    text.len() <= PLAIN_BYTES
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_instant(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().all(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'T' | b't' | b'Z' | b'z' | b':' | b'.' | b'+' | b'-')
        })
}

/// Whether no text in it, keys included, holds a control character.
fn is_printable(value: &Value) -> bool {
    let is_clean = |text: &str| !text.chars().any(char::is_control);
    match value {
        Value::String(text) => is_clean(text),
        Value::Array(values) => values.iter().all(is_printable),
        Value::Object(map) => map
            .iter()
            .all(|(key, value)| is_clean(key) && is_printable(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// What JSON text takes in a request when everything beyond ASCII is escaped.
fn wire_size(json: &str) -> usize {
    json.chars()
        .map(|c| if c.is_ascii() { 1 } else { 6 * c.len_utf16() })
        .sum()
}

/// The same, where it stands as a text inside JSON.
fn text_size(json: &str) -> usize {
    wire_size(json) + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_plain_texts_and_instants() {
        let check = |text: &str, plain: bool, instant: bool| {
            assert_eq!((is_plain(text), is_instant(text)), (plain, instant), "{text}");
        };
        check("a", true, false);
        check("7", true, true);
        check("a.b_c-9", true, false);
        check(".a", false, false);
        check("", false, true);
        check(&"a".repeat(255), true, false);
        check(&"a".repeat(256), false, false);
        check("2026-11-22T10:00:00.5+01:00", false, true);
        check("2026-11-22t10:00:00z", false, true);
        check("2026-11-22 10:00:00Z", false, false);
        check("2026-11-22T10:00:00Z; id", false, false);
        check(&"1".repeat(64), true, true);
        check(&"1".repeat(65), true, false);
    }

    #[test]
    fn ok_sizes_are_those_of_a_request_that_escapes_whatever_it_can() {
        let check = |text: &str, wire: usize, within_text: usize| {
            assert_eq!((wire_size(text), text_size(text)), (wire, within_text), "{text}");
        };
        check("", 0, 0);
        check("a7", 2, 2);
        check("\u{e9}", 6, 6);
        check("\u{1f600}", 12, 12);
        check("\"a\\n\"", 5, 8);
    }
}
