//! **Here**: the only place that accepts odd spellings inside a payload: any casing, number or text, null for absent.
//! **Not here**: which fields a type has (`model`, `run`, `dataset`).
//! **Reads**: `data` of an event.
//! **Source**: captures and official samples disagree on casing and on the type of a version. Read 2026-11-22.

use std::borrow::Cow;

use super::object::JsonObject;
use crate::envelope::{Members, text_of};
use crate::error::{Error, found, kind_of};

/// The fields of a payload.
pub(super) struct Fields<'a> {
    members: Members<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn read(payload: Option<&'a str>) -> Result<Self, Error> {
        let members = payload.and_then(|payload| Members::read(payload).ok());
        members.map(|members| Self { members }).ok_or_else(|| {
            let found = payload.map_or_else(|| "nothing".to_owned(), |payload| found(payload, "an object"));
            Error::new("data", "an object", found)
        })
    }

    /// A text, or a number or boolean as the text it was written as: a version of 20 is "20", of 1.10 is "1.10".
    pub(super) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Error> {
        let Some(value) = self.members.get(name) else {
            return Ok(None);
        };
        match value.json.as_bytes().first() {
            Some(b'"') => match value.plain() {
                Some(text) => Ok(Some(Cow::Borrowed(text))),
                None => text_of(value, &path(name)).map(Some),
            },
            Some(b'{' | b'[') | None => {
                Err(Error::new(path(name), "a text or a number", kind_of(value.json)))
            }
            Some(_) => Ok(Some(Cow::Borrowed(value.json))),
        }
    }

    /// The same, which must be there and not be empty.
    pub(super) fn required(&self, name: &str) -> Result<Cow<'a, str>, Error> {
        match self.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(Error::new(path(name), "a text that is not empty", "\"\"")),
            None => Err(Error::new(path(name), "a text", "nothing")),
        }
    }

    pub(super) fn owned(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self.text(name)?.map(Cow::into_owned))
    }

    /// An object of any values; empty when it is missing or null.
    pub(super) fn object(&self, name: &str) -> Result<JsonObject, Error> {
        match self.members.get(name) {
            None => Ok(JsonObject::default()),
            Some(value) if value.json.starts_with('{') => Ok(JsonObject::of(value.json)),
            Some(value) => Err(Error::new(path(name), "an object", kind_of(value.json))),
        }
    }
}

fn path(name: &str) -> String {
    format!("data.{name}")
}
