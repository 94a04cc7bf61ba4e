//! **Here**: [`Operator`], the words of Event Grid's advanced filters, and [`Test`], one of them with its values against one value. Pure.
//! **Not here**: which value is looked at (`condition`), what configuration may say (`load`).
//! **Reads**: a value of an event; `condition` and `overlap` ask.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/event-filtering>, advanced filtering, read 2026-11-27.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::super::view::Found;

/// How a field is compared: the operators of Event Grid's advanced filters, by their names in any casing.
///
/// Texts are compared without regard to case. Several values are alternatives; after a `Not` none of them may fit.
///
/// | what | here |
/// | --- | --- |
/// | a number operator | takes numbers, and texts that are decimal numbers, since tags and versions are texts; 64-bit floating point |
/// | a string operator | takes texts, and numbers and booleans as their text |
/// | `BoolEquals` | takes booleans, and the texts `true` and `false` in any casing |
/// | a missing field, null, or a value of another kind | matches `NumberNotIn`, `StringNotIn` and `IsNullOrUndefined`, and nothing else |
/// | an array | is a value of another kind, unless the condition says `arrays = true`: then one element has to fit, after a `Not` no element may; elements of another kind are passed over |
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Operator {
    /// It is one of these numbers.
    NumberIn,
    /// It is none of these numbers.
    NumberNotIn,
    /// It is within one of these ranges, ends included.
    NumberInRange,
    /// It is within none of these ranges.
    NumberNotInRange,
    /// It is less.
    NumberLessThan,
    /// It is less or equal.
    NumberLessThanOrEquals,
    /// It is greater.
    NumberGreaterThan,
    /// It is greater or equal.
    NumberGreaterThanOrEquals,
    /// It is this boolean.
    BoolEquals,
    /// It contains one of these texts.
    StringContains,
    /// It contains none of these texts.
    StringNotContains,
    /// It begins with one of these texts.
    StringBeginsWith,
    /// It begins with none of these texts.
    StringNotBeginsWith,
    /// It ends with one of these texts.
    StringEndsWith,
    /// It ends with none of these texts.
    StringNotEndsWith,
    /// It is one of these texts.
    StringIn,
    /// It is none of these texts.
    StringNotIn,
    /// It is not there, or null.
    IsNullOrUndefined,
    /// It is there, and not null.
    IsNotNull,
}

impl Operator {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::NumberIn,
        Self::NumberNotIn,
        Self::NumberInRange,
        Self::NumberNotInRange,
        Self::NumberLessThan,
        Self::NumberLessThanOrEquals,
        Self::NumberGreaterThan,
        Self::NumberGreaterThanOrEquals,
        Self::BoolEquals,
        Self::StringContains,
        Self::StringNotContains,
        Self::StringBeginsWith,
        Self::StringNotBeginsWith,
        Self::StringEndsWith,
        Self::StringNotEndsWith,
        Self::StringIn,
        Self::StringNotIn,
        Self::IsNullOrUndefined,
        Self::IsNotNull,
    ];

    /// Event Grid's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NumberIn => "NumberIn",
            Self::NumberNotIn => "NumberNotIn",
            Self::NumberInRange => "NumberInRange",
            Self::NumberNotInRange => "NumberNotInRange",
            Self::NumberLessThan => "NumberLessThan",
            Self::NumberLessThanOrEquals => "NumberLessThanOrEquals",
            Self::NumberGreaterThan => "NumberGreaterThan",
            Self::NumberGreaterThanOrEquals => "NumberGreaterThanOrEquals",
            Self::BoolEquals => "BoolEquals",
            Self::StringContains => "StringContains",
            Self::StringNotContains => "StringNotContains",
            Self::StringBeginsWith => "StringBeginsWith",
            Self::StringNotBeginsWith => "StringNotBeginsWith",
            Self::StringEndsWith => "StringEndsWith",
            Self::StringNotEndsWith => "StringNotEndsWith",
            Self::StringIn => "StringIn",
            Self::StringNotIn => "StringNotIn",
            Self::IsNullOrUndefined => "IsNullOrUndefined",
            Self::IsNotNull => "IsNotNull",
        }
    }

    /// The operator of this name, in any casing.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operator| operator.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether values of a field may not fit, instead of one having to.
    pub(super) const fn is_negation(self) -> bool {
        matches!(
            self,
            Self::NumberNotIn
                | Self::NumberNotInRange
                | Self::StringNotContains
                | Self::StringNotBeginsWith
                | Self::StringNotEndsWith
                | Self::StringNotIn
        )
    }

    /// Whether a field that is not there, or has no value that could be compared, matches: so the page says, and no more than that.
    const fn takes_missing(self) -> bool {
        matches!(self, Self::NumberNotIn | Self::StringNotIn)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Operator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Operator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            de::Error::custom(format!("unknown operator {name:?}, expected one of {known}"))
        })
    }
}

/// How a text is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum How {
    Is,
    Contains,
    Begins,
    Ends,
}

/// An operator with its values, ready to be asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// Ranges with their ends; a number is a range of its own.
    Ranges(Vec<Range>),
    Bool(bool),
    /// Texts folded by [`fold`].
    Texts(How, Vec<String>),
    Null,
}

/// Numbers between two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) from: f64,
    pub(super) to: f64,
    /// Whether the ends are in it.
    pub(super) closed: bool,
}

impl Range {
    pub(super) fn has(self, number: f64) -> bool {
        if self.closed {
            self.from <= number && number <= self.to
        } else {
            self.from < number && number < self.to
        }
    }
}

impl Test {
    /// Whether a value of an event matches; none where it is not there.
    pub(super) fn holds(&self, operator: Operator, arrays: bool, found: Option<&Found<'_>>) -> bool {
        let is_null = match found {
            None => true,
            Some(Found::Json(value)) => value.is_null(),
            Some(Found::Made(value)) => value.is_null(),
            Some(Found::Text(_)) => false,
        };
        if matches!(self, Self::Null) {
            return is_null == (operator == Operator::IsNullOrUndefined);
        }
        let elements = match found {
            Some(Found::Json(Value::Array(values))) if arrays => values,
            Some(Found::Made(Value::Array(values))) if arrays => values,
            Some(found) => return of_one(operator, self.fits(&Scalar::of(found))),
            None => return operator.takes_missing(),
        };
        let mut compared = false;
        for value in elements {
            match self.fits(&Scalar::of_json(value)) {
                // Of several, one that fits decides.
                Some(true) => return !operator.is_negation(),
                Some(false) => compared = true,
                None => {}
            }
        }
        of_one(operator, compared.then_some(false))
    }

    /// Whether one of the values fits; none where it is of another kind.
    fn fits(&self, scalar: &Scalar<'_>) -> Option<bool> {
        match self {
            Self::Ranges(ranges) => {
                let number = scalar.number()?;
                Some(ranges.iter().any(|range| range.has(number)))
            }
            Self::Bool(wanted) => Some(scalar.boolean()? == *wanted),
            Self::Texts(how, wanted) => {
                let text = scalar.text()?;
                Some(any_text(*how, wanted, &text))
            }
            Self::Null => None,
        }
    }

    /// Whether a text matches.
    pub(super) fn holds_text(&self, operator: Operator, text: &str) -> bool {
        self.holds(operator, false, Some(&Found::Text(text)))
    }

    /// Whether a number matches.
    pub(super) fn holds_number(&self, operator: Operator, number: f64) -> bool {
        let found = serde_json::Number::from_f64(number).map(|number| Found::Made(Value::Number(number)));
        self.holds(operator, false, found.as_ref())
    }
}

fn of_one(operator: Operator, fits: Option<bool>) -> bool {
    fits.map_or_else(|| operator.takes_missing(), |fits| fits != operator.is_negation())
}

/// A value that may be compared.
enum Scalar<'v> {
    Text(&'v str),
    Number(&'v serde_json::Number),
    Bool(bool),
    /// Null, an array, an object.
    Other,
}

impl<'v> Scalar<'v> {
    fn of(found: &'v Found<'_>) -> Self {
        match found {
            Found::Text(text) => Self::Text(text),
            Found::Json(value) => Self::of_json(value),
            Found::Made(value) => Self::of_json(value),
        }
    }

    fn of_json(value: &'v Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            Value::Number(number) => Self::Number(number),
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Null | Value::Array(_) | Value::Object(_) => Self::Other,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Text(text) => decimal(text),
            Self::Number(number) => number.as_f64().filter(|number| number.is_finite()),
            Self::Bool(_) | Self::Other => None,
        }
    }

    fn text(&self) -> Option<Cow<'v, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
            Self::Other => None,
        }
    }

    fn boolean(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
}

/// A text that is a decimal number: digits, with a sign, a point and an exponent where they belong.
fn decimal(text: &str) -> Option<f64> {
    // Almost every version is a short integer.
    let bytes = text.as_bytes();
    if (1..=15).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) {
        let number = bytes
            .iter()
            .fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        #[expect(clippy::cast_precision_loss, reason = "15 digits are less than 2^53")]
        return Some(number as f64);
    }
    // Neither "inf" nor "nan", which Rust reads as well, nor ".5" and "5.", nor a text that nobody means as a number.
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)),
        ),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_decimal = text.len() <= 64
        && is_digits(whole)
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(is_digits);
    is_decimal
        .then(|| text.parse::<f64>().ok())
        .flatten()
        .filter(|number| number.is_finite())
}

/// Lower case, each character for itself: a prefix of a text stays one.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether one of the folded texts fits. A text of ASCII, which almost every one is, is not copied for it.
fn any_text(how: How, wanted: &[String], text: &str) -> bool {
    if text.is_ascii() && how != How::Contains {
        let (text, any) = (text.as_bytes(), |test: &dyn Fn(&[u8]) -> bool| {
            wanted.iter().any(|one| test(one.as_bytes()))
        });
        return any(&|one| {
            let part = match how {
                How::Begins => text.get(..one.len()),
                How::Ends => text
                    .len()
                    .checked_sub(one.len())
                    .and_then(|from| text.get(from..)),
                How::Is | How::Contains => Some(text),
            };
            part.is_some_and(|part| part.eq_ignore_ascii_case(one))
        });
    }
    let text = fold(text);
    wanted.iter().any(|one| match how {
        How::Is => text == *one,
        How::Contains => text.contains(one.as_str()),
        How::Begins => text.starts_with(one.as_str()),
        How::Ends => text.ends_with(one.as_str()),
    })
}
