//! **Here**: [`ConditionConfig`], a condition as configuration writes it, and everything that is refused when it is loaded.
//! **Not here**: what it means (`condition`, `operator`).
//! **Reads**: configuration; `condition` comes of it.
//! **Source**: the shape of Event Grid's advanced filters (`operatorType`, `key`, `value`, `values`), read 2026-11-27; nesting is our own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::operator::{How, Operator, Range, Test, fold};
use super::overlap::disjoint;
use super::{Condition, FieldTest};
use crate::rules::config::workspace;
use crate::rules::field::Field;
use crate::rules::glob::Glob;

/// How deep conditions may nest.
const MAX_DEPTH: usize = 8;
/// How many conditions a route may have, nested ones included.
const MAX_CONDITIONS: usize = 256;
/// How many values a condition may have.
const MAX_VALUES: usize = 1_000;
/// How many characters a text may have: as in Azure.
const MAX_CHARS: usize = 512;
/// From here on a 64-bit floating point number has neighbours that are not told apart from it.
const MAX_NUMBER: f64 = 9_007_199_254_740_992.0;

/// A condition as configuration writes it: exactly one of a field's test, `models`, `workspaces`, `all`, `any` and `not`.
///
/// A test is written as Event Grid's advanced filters are, so that one can be pasted:
/// `{ key = "data.modelTags.stage", operator = "StringIn", values = ["prod"] }`. Unknown keys are refused.
///
/// # Example: as TOML
///
/// ```toml
/// conditions = [
///     { key = "data.modelTags.stage", operator = "StringIn", values = ["prod", "staging"] },
///     { key = 'data.modelTags["azureml.pipelineid"]', operator = "IsNotNull" },
///     { any = [
///         { key = "data.modelTags.accuracy", operator = "NumberGreaterThanOrEquals", value = 0.9 },
///         { models = ["credit-*"] },
///     ] },
///     { not = { workspaces = ["ml-playground"] } },
/// ]
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConditionConfig {
    /// The field: `subject`, `data.modelTags.stage`, `data.modelTags["a.b"]`; keys in any casing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How it is compared. Event Grid's `operatorType` is another name of this key.
    #[serde(default, alias = "operatorType", skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// With what, for an operator that takes one value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// With what, for an operator that takes several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
    /// Whether elements of an array are looked at: Event Grid's `enableAdvancedFilteringOnArrays`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub arrays: bool,
    /// The event is about a model whose name one of these globs (`*`, `?`) fits. An event without a model does not match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// The event is of one of these workspaces, by resource id or by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspaces: Option<Vec<String>>,
    /// All of these hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<Self>>,
    /// One of these holds at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any: Option<Vec<Self>>,
    /// This does not hold. A field that is not there does not match `StringIn`, and so matches its `not`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Self>>,
}

impl ConditionConfig {
    /// A test of a field: an array for the operators that take `values`, null for those that take none.
    #[must_use]
    pub fn test(key: impl Into<String>, operator: Operator, value: impl Into<Value>) -> Self {
        let (value, values) = match value.into() {
            Value::Array(values) => (None, Some(values)),
            Value::Null => (None, None),
            value => (Some(value), None),
        };
        Self {
            key: Some(key.into()),
            operator: Some(operator),
            value,
            values,
            ..Self::default()
        }
    }

    /// The same, and elements of arrays are looked at.
    #[must_use]
    pub const fn with_arrays(mut self) -> Self {
        self.arrays = true;
        self
    }

    /// Globs on the model's name.
    #[must_use]
    pub fn models<T: Into<String>>(globs: impl IntoIterator<Item = T>) -> Self {
        Self {
            models: Some(globs.into_iter().map(Into::into).collect()),
            ..Self::default()
        }
    }

    /// Workspaces.
    #[must_use]
    pub fn workspaces<T: Into<String>>(workspaces: impl IntoIterator<Item = T>) -> Self {
        Self {
            workspaces: Some(workspaces.into_iter().map(Into::into).collect()),
            ..Self::default()
        }
    }

    /// All of these.
    #[must_use]
    pub fn all(inner: impl IntoIterator<Item = Self>) -> Self {
        Self {
            all: Some(inner.into_iter().collect()),
            ..Self::default()
        }
    }

    /// One of these at least.
    #[must_use]
    pub fn any(inner: impl IntoIterator<Item = Self>) -> Self {
        Self {
            any: Some(inner.into_iter().collect()),
            ..Self::default()
        }
    }

    /// Not this.
    #[must_use]
    pub fn negated(inner: Self) -> Self {
        Self {
            not: Some(Box::new(inner)),
            ..Self::default()
        }
    }
}

/// The conditions of a route, all of which have to hold, checked alone and against each other.
pub(in crate::rules) fn load(configs: &[ConditionConfig]) -> Result<Vec<Condition>, String> {
    let mut loading = Loading { n: 0 };
    let conditions = loading.list(configs, "conditions", 1)?;
    if conditions.is_empty() {
        return Ok(conditions);
    }
    contradiction(&conditions, "conditions")?;
    Ok(conditions)
}

struct Loading {
    n: usize,
}

impl Loading {
    fn list(
        &mut self,
        configs: &[ConditionConfig],
        at: &str,
        depth: usize,
    ) -> Result<Vec<Condition>, String> {
        let each = configs.iter().enumerate();
        each.map(|(index, config)| self.one(config, &format!("{at}[{index}]"), depth))
            .collect()
    }

    fn one(&mut self, config: &ConditionConfig, at: &str, depth: usize) -> Result<Condition, String> {
        let refuse = |why: String| format!("{at}: {why}");
        self.n += 1;
        if self.n > MAX_CONDITIONS {
            return Err(refuse(format!(
                "a route may have {MAX_CONDITIONS} conditions, nested ones included"
            )));
        }
        if depth > MAX_DEPTH {
            return Err(refuse(format!("conditions may nest {MAX_DEPTH} deep")));
        }
        let kinds = [
            (
                config.key.is_some() || config.operator.is_some(),
                "key and operator",
            ),
            (config.models.is_some(), "models"),
            (config.workspaces.is_some(), "workspaces"),
            (config.all.is_some(), "all"),
            (config.any.is_some(), "any"),
            (config.not.is_some(), "not"),
        ];
        let said: Vec<&str> = kinds
            .into_iter()
            .filter_map(|(is, name)| is.then_some(name))
            .collect();
        match said.as_slice() {
            [_] => {}
            [] => {
                return Err(refuse(
                    "it says nothing: key and operator, models, workspaces, all, any or not is expected"
                        .to_owned(),
                ));
            }
            many => {
                return Err(refuse(format!(
                    "it says {} at once; put them into `all` or `any`",
                    many.join(" and ")
                )));
            }
        }
        let is_test = config.key.is_some() || config.operator.is_some();
        if !is_test && (config.value.is_some() || config.values.is_some() || config.arrays) {
            return Err(refuse(
                "value, values and arrays belong to key and operator".to_owned(),
            ));
        }
        let full = |n: usize| {
            if n == 0 {
                Err(refuse(
                    "the list is empty, so nothing can be meant by it".to_owned(),
                ))
            } else {
                Ok(())
            }
        };
        if let Some(globs) = &config.models {
            full(globs.len())?;
            if globs.iter().any(String::is_empty) {
                return Err(refuse("a pattern is empty (\"*\" is every model)".to_owned()));
            }
            return Ok(Condition::Models(
                globs.iter().map(|glob| Glob::new(glob)).collect(),
            ));
        }
        if let Some(names) = &config.workspaces {
            full(names.len())?;
            let wanted = names.iter().map(|name| workspace(name));
            return Ok(Condition::Workspaces(
                wanted.collect::<Result<_, _>>().map_err(refuse)?,
            ));
        }
        if let Some(inner) = &config.all {
            full(inner.len())?;
            let at = format!("{at}.all");
            let inner = self.list(inner, &at, depth + 1)?;
            contradiction(&inner, &at)?;
            return Ok(Condition::All(inner));
        }
        if let Some(inner) = &config.any {
            full(inner.len())?;
            return Ok(Condition::Any(self.list(
                inner,
                &format!("{at}.any"),
                depth + 1,
            )?));
        }
        if let Some(inner) = &config.not {
            let inner = self.one(inner, &format!("{at}.not"), depth + 1)?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        test(config).map_err(refuse)
    }
}

/// Two of them that no event can meet at once: then the route wants nothing.
fn contradiction(conditions: &[Condition], at: &str) -> Result<(), String> {
    for (index, one) in conditions.iter().enumerate() {
        for (behind, other) in conditions.iter().enumerate().skip(index + 1) {
            if disjoint(one, other) {
                return Err(format!(
                    "{at}[{index}] ({one}) and {at}[{behind}] ({other}) contradict each other: no event can match both"
                ));
            }
        }
    }
    Ok(())
}

fn test(config: &ConditionConfig) -> Result<Condition, String> {
    let key = config
        .key
        .as_deref()
        .ok_or("an operator without a key: which field is to be compared?")?;
    let operator = config
        .operator
        .ok_or_else(|| format!("{key} has no operator, such as StringIn"))?;
    let field = Field::parse(key)?;
    let (test, shown) = match operator {
        Operator::IsNullOrUndefined | Operator::IsNotNull => {
            if config.value.is_some() || config.values.is_some() || config.arrays {
                return Err(format!("{operator} takes neither value nor values nor arrays"));
            }
            (Test::Null, String::new())
        }
        Operator::BoolEquals => {
            let value = one(config, operator)?;
            let flag = value
                .as_bool()
                .ok_or_else(|| format!("{operator} takes true or false, and not {value}"))?;
            (Test::Bool(flag), value.to_string())
        }
        Operator::NumberLessThan
        | Operator::NumberLessThanOrEquals
        | Operator::NumberGreaterThan
        | Operator::NumberGreaterThanOrEquals => {
            let value = one(config, operator)?;
            let end = number(value, operator)?;
            let (from, to) = match operator {
                Operator::NumberLessThan | Operator::NumberLessThanOrEquals => (f64::NEG_INFINITY, end),
                _ => (end, f64::INFINITY),
            };
            let closed = matches!(
                operator,
                Operator::NumberLessThanOrEquals | Operator::NumberGreaterThanOrEquals
            );
            (Test::Ranges(vec![Range { from, to, closed }]), value.to_string())
        }
        Operator::NumberIn | Operator::NumberNotIn => {
            let values = many(config, operator)?;
            let ranges = values.iter().map(|value| {
                number(value, operator).map(|number| Range {
                    from: number,
                    to: number,
                    closed: true,
                })
            });
            (Test::Ranges(ranges.collect::<Result<_, _>>()?), list(values))
        }
        Operator::NumberInRange | Operator::NumberNotInRange => {
            let values = many(config, operator)?;
            let ranges = values.iter().map(|value| range(value, operator));
            (Test::Ranges(ranges.collect::<Result<_, _>>()?), list(values))
        }
        Operator::StringIn | Operator::StringNotIn => texts(config, operator, How::Is)?,
        Operator::StringContains | Operator::StringNotContains => texts(config, operator, How::Contains)?,
        Operator::StringBeginsWith | Operator::StringNotBeginsWith => texts(config, operator, How::Begins)?,
        Operator::StringEndsWith | Operator::StringNotEndsWith => texts(config, operator, How::Ends)?,
    };
    Ok(Condition::Field(FieldTest {
        field,
        operator,
        test,
        arrays: config.arrays,
        shown,
    }))
}

fn one(config: &ConditionConfig, operator: Operator) -> Result<&Value, String> {
    match (&config.value, &config.values) {
        (Some(value), None) => Ok(value),
        _ => Err(format!("{operator} takes one `value`")),
    }
}

fn many(config: &ConditionConfig, operator: Operator) -> Result<&[Value], String> {
    match (&config.value, config.values.as_deref()) {
        (None, Some([])) => Err(format!(
            "{operator} has an empty list, so nothing can be meant by it"
        )),
        (None, Some(values)) if values.len() > MAX_VALUES => Err(format!(
            "{operator} has {} values, and {MAX_VALUES} are the limit",
            values.len()
        )),
        (None, Some(values)) => Ok(values),
        _ => Err(format!("{operator} takes a list of `values`")),
    }
}

fn number(value: &Value, operator: Operator) -> Result<f64, String> {
    let number = value
        .as_f64()
        .filter(|number| number.is_finite())
        .ok_or_else(|| format!("{operator} takes numbers, and not {value}"))?;
    if number.abs() > MAX_NUMBER {
        return Err(format!(
            "{value} cannot be told from its neighbours as a number; compare it as a text, with StringIn"
        ));
    }
    Ok(number)
}

fn range(value: &Value, operator: Operator) -> Result<Range, String> {
    let Some([from, to]) = value.as_array().map(Vec::as_slice) else {
        return Err(format!("{operator} takes ranges such as [1, 5], and not {value}"));
    };
    let (from, to) = (number(from, operator)?, number(to, operator)?);
    if from > to {
        return Err(format!(
            "{operator}: the range {value} is empty, its first end is the larger one"
        ));
    }
    Ok(Range {
        from,
        to,
        closed: true,
    })
}

fn texts(config: &ConditionConfig, operator: Operator, how: How) -> Result<(Test, String), String> {
    let values = many(config, operator)?;
    let texts = values.iter().map(|value| {
        let text = value
            .as_str()
            .ok_or_else(|| format!("{operator} takes texts, and not {value}"))?;
        if text.chars().count() > MAX_CHARS {
            return Err(format!("{operator}: a text may have {MAX_CHARS} characters"));
        }
        if text.is_empty() && how != How::Is {
            return Err(format!(
                "{operator}: every text has the empty one in it, so nothing can be meant by \"\""
            ));
        }
        Ok(fold(text))
    });
    Ok((Test::Texts(how, texts.collect::<Result<_, _>>()?), list(values)))
}

fn list(values: &[Value]) -> String {
    Value::from(values).to_string()
}
