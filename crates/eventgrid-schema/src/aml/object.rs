//! **Here**: [`JsonObject`]: tags and properties, objects of any values, kept as text and read when somebody asks.
//! **Not here**: which payloads have them (`model`, `run`).
//! **Reads**: the text of a value of `data`.
//! **Source**: specifications call tags and properties dictionaries without a schema; captures hold texts, some of them JSON. Read
//! 2026-11-22.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::envelope::{Members, member};
use crate::error::Error;

/// Tags or properties: an object of any values, byte for byte as it was sent.
///
/// Names are the sender's own, so they are compared as they are; of a name that comes twice the first value counts. Two of these are
/// equal when their texts are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct JsonObject {
    /// Empty stands for `{}`, which is what most are.
    json: Box<str>,
}

impl JsonObject {
    pub(super) fn of(json: &str) -> Self {
        let is_empty = json
            .strip_prefix('{')
            .is_some_and(|rest| rest.trim_start().starts_with('}'));
        Self {
            json: if is_empty { Box::default() } else { json.into() },
        }
    }

    /// Its JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        if self.json.is_empty() { "{}" } else { &self.json }
    }

    /// Whether it holds nothing, or was missing or null.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// The text under a name; none where there is none, or where another kind of value stands.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        member(&self.json, name)?.text()?.read()
    }

    /// The value under a name, as JSON text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        member(&self.json, name).map(|value| value.json)
    }

    /// The members in their order: names, and values as JSON text.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        Members::read(&self.json).unwrap_or_default().into_iter()
    }

    /// All of it as values.
    ///
    /// # Errors
    /// A value cannot be read: it holds half of a surrogate pair, a number beyond all bounds, or more than 128 levels.
    pub fn to_map(&self) -> Result<Map<String, Value>, Error> {
        let mut map = Map::new();
        for (name, json) in self.iter() {
            let value = serde_json::from_str(json)
                .map_err(|_| Error::new(name.as_ref(), "a value", "a value that cannot be read"))?;
            map.entry(name).or_insert(value);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_values_are_kept_as_written_and_the_first_of_a_name_counts() {
        let json = r#"{"a.b":"x\n", "n":0.83503490684792081, "a.b":"y", "o":{"k":[1]}, "z":null}"#;
        let object = JsonObject::of(json);
        assert_eq!(object.as_json(), json);
        assert_eq!(object.text("a.b").as_deref(), Some("x\n"));
        assert_eq!((object.text("n"), object.text("A.B")), (None, None));
        assert_eq!(
            (object.get("n"), object.get("z")),
            (Some("0.83503490684792081"), Some("null"))
        );
        let names: Vec<_> = object.iter().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, ["a.b", "n", "a.b", "o", "z"]);
        let map = object.to_map().unwrap();
        assert_eq!((map.len(), map.get("a.b")), (4, Some(&Value::from("x\n"))));
    }

    #[test]
    fn ok_nothing_is_an_empty_object() {
        for object in [JsonObject::default(), JsonObject::of("{}"), JsonObject::of("{ }")] {
            assert!(object.is_empty());
            assert_eq!((object.as_json(), object.iter().count()), ("{}", 0));
            assert_eq!(object.to_map().unwrap(), Map::new());
        }
    }

    #[test]
    fn err_what_cannot_become_a_value_says_which() {
        let error = JsonObject::of(r#"{"a":1,"b":"\ud800"}"#).to_map().unwrap_err();
        assert_eq!(
            error.to_string(),
            "b: expected a value, found a value that cannot be read"
        );
    }
}
