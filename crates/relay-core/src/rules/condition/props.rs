//! **Here**: conditions against a model that follows Event Grid's page word by word, whatever the condition and the event.
//! **Not here**: tables (`tests`).
//! **Reads**: `condition`, and the events of `tests`.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/event-filtering>, read 2026-11-27; what this crate adds is in `operator`.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use proptest::test_runner::Config;
use serde_json::{Value, json};

use super::tests::{event, with_view};
use super::*;

// The model: Event Grid's page, word by word, and what this crate adds to it.

fn model(config: &ConditionConfig, tags: &Value, version: &str) -> bool {
    if let Some(inner) = &config.all {
        return inner.iter().all(|one| model(one, tags, version));
    }
    if let Some(inner) = &config.any {
        return inner.iter().any(|one| model(one, tags, version));
    }
    if let Some(inner) = &config.not {
        return !model(inner, tags, version);
    }
    if let Some(globs) = &config.models {
        return globs.iter().any(|glob| glob == "*" || glob == "credit-risk");
    }
    if let Some(names) = &config.workspaces {
        return names.iter().any(|name| name.to_lowercase() == "ml-prod");
    }
    let found = match config.key.as_deref().unwrap() {
        "subject" => Some(json!("models/credit-risk:7")),
        "data.modelVersion" => Some(json!(version)),
        "data.modelTags.x" => tags.get("x").cloned(),
        "data.modelTags.Y" => tags.get("Y").or_else(|| tags.get("y")).cloned(),
        "data.modelTags.y" => tags.get("y").or_else(|| tags.get("Y")).cloned(),
        other => panic!("{other}"),
    }
    .filter(|value| !value.is_null());
    let operator = config.operator.unwrap();
    let name = operator.as_str();
    if name == "IsNullOrUndefined" {
        return found.is_none();
    }
    if name == "IsNotNull" {
        return found.is_some();
    }
    let elements: Vec<Value> = match found {
        None => Vec::new(),
        Some(Value::Array(values)) => {
            if config.arrays {
                values
            } else {
                Vec::new()
            }
        }
        Some(value) => vec![value],
    };
    let wanted: Vec<Value> = config
        .values
        .clone()
        .unwrap_or_else(|| config.value.clone().into_iter().collect());
    let positive = name.replace("Not", "");
    // For each element: is it of the kind, and does it fit one value?
    let answers: Vec<bool> = elements
        .iter()
        .filter_map(|element| model_fits(&positive, element, &wanted))
        .collect();
    if answers.is_empty() {
        return matches!(name, "NumberNotIn" | "StringNotIn");
    }
    if name.contains("Not") {
        answers.iter().all(|fits| !fits)
    } else {
        answers.contains(&true)
    }
}

fn model_fits(positive: &str, element: &Value, wanted: &[Value]) -> Option<bool> {
    if positive == "BoolEquals" {
        let flag = match element {
            Value::Bool(flag) => *flag,
            Value::String(text) => text.to_lowercase().parse().ok()?,
            _ => return None,
        };
        return Some(wanted == [json!(flag)]);
    }
    if positive.starts_with("Number") {
        let number = match element {
            Value::Number(number) => number.as_f64()?,
            // The texts of these tests hold no "inf" and no "nan".
            Value::String(text) => text.parse::<f64>().ok()?,
            _ => return None,
        };
        let end = |value: &Value| value.as_f64().unwrap();
        return Some(wanted.iter().any(|one| match positive {
            "NumberIn" => number == end(one),
            "NumberInRange" => end(&one[0]) <= number && number <= end(&one[1]),
            "NumberLessThan" => number < end(one),
            "NumberLessThanOrEquals" => number <= end(one),
            "NumberGreaterThan" => number > end(one),
            "NumberGreaterThanOrEquals" => number >= end(one),
            other => panic!("{other}"),
        }));
    }
    let text = match element {
        Value::String(text) => text.to_lowercase(),
        Value::Number(_) | Value::Bool(_) => element.to_string(),
        _ => return None,
    };
    Some(wanted.iter().any(|one| {
        let one = one.as_str().unwrap().to_lowercase();
        match positive {
            "StringIn" => text == one,
            "StringContains" => text.contains(&one),
            "StringBeginsWith" => text.starts_with(&one),
            "StringEndsWith" => text.ends_with(&one),
            other => panic!("{other}"),
        }
    }))
}

fn text() -> impl Strategy<Value = &'static str> {
    select(vec![
        "a",
        "A",
        "ab",
        "b",
        "É",
        "1",
        "1.5",
        "2",
        "true",
        "False",
        "models/credit-risk:7",
    ])
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        select(vec![
            json!(1),
            json!(1.5),
            json!(2),
            json!(true),
            json!(false),
            Value::Null,
            json!({ "a": 1 })
        ]),
    ]
}

fn tag() -> impl Strategy<Value = Value> {
    prop_oneof![4 => scalar(), 1 => vec(scalar(), 0..3).prop_map(Value::from)]
}

fn tags() -> impl Strategy<Value = Value> {
    vec((select(vec!["x", "y", "Y"]), tag()), 0..4).prop_map(|tags| {
        Value::Object(
            tags.into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    })
}

fn leaf() -> impl Strategy<Value = ConditionConfig> {
    let keys = select(vec![
        "data.modelTags.x",
        "data.modelTags.x",
        "data.modelTags.y",
        "data.modelTags.Y",
        "data.modelVersion",
        "subject",
    ]);
    let numbers = || select(vec![json!(1), json!(1.5), json!(2)]);
    let test = (
        keys,
        select(Operator::ALL.to_vec()),
        any::<bool>(),
        vec(text(), 1..3),
        vec(numbers(), 1..3),
        any::<bool>(),
    );
    let test = test.prop_map(|(key, operator, arrays, texts, numbers, flag)| {
        let name = operator.as_str();
        let value = match name {
            "IsNullOrUndefined" | "IsNotNull" => Value::Null,
            "BoolEquals" => json!(flag),
            "NumberIn" | "NumberNotIn" => json!(numbers),
            "NumberInRange" | "NumberNotInRange" => numbers
                .iter()
                .map(|from| json!([from, if flag { json!(2) } else { from.clone() }]))
                .collect(),
            _ if name.starts_with("Number") => numbers[0].clone(),
            _ => json!(texts),
        };
        let config = ConditionConfig::test(key, operator, value.clone());
        if arrays && !value.is_null() {
            config.with_arrays()
        } else {
            config
        }
    });
    prop_oneof![
        8 => test,
        1 => select(vec!["*", "credit-risk", "other"]).prop_map(|glob| ConditionConfig::models([glob])),
        1 => select(vec!["ML-prod", "other"]).prop_map(|name| ConditionConfig::workspaces([name])),
    ]
}

/// Tests that can be told apart, over two values of a kind.
fn dense() -> impl Strategy<Value = ConditionConfig> {
    let operators = vec![
        Operator::StringIn,
        Operator::StringNotIn,
        Operator::StringBeginsWith,
        Operator::NumberIn,
        Operator::NumberLessThan,
        Operator::BoolEquals,
        Operator::IsNullOrUndefined,
    ];
    let keys = select(vec!["data.modelTags.y", "data.modelTags.Y"]);
    let test = (keys, select(operators), any::<bool>(), any::<bool>());
    test.prop_map(|(key, operator, one, arrays)| {
        let value = match operator {
            Operator::IsNullOrUndefined => return ConditionConfig::test(key, operator, Value::Null),
            Operator::BoolEquals => json!(one),
            Operator::NumberLessThan => json!(if one { 1 } else { 2 }),
            Operator::NumberIn => json!([if one { 1 } else { 2 }]),
            _ => json!([if one { "1" } else { "true" }]),
        };
        let config = ConditionConfig::test(key, operator, value);
        if arrays { config.with_arrays() } else { config }
    })
}

fn dense_tag() -> impl Strategy<Value = Value> {
    let one = || {
        select(vec![
            json!(1),
            json!("1"),
            json!("True"),
            json!(true),
            json!(2),
            Value::Null,
        ])
    };
    prop_oneof![one(), vec(one(), 2..4).prop_map(Value::from)]
}

fn tree() -> impl Strategy<Value = ConditionConfig> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(ConditionConfig::all),
            vec(inner.clone(), 1..4).prop_map(ConditionConfig::any),
            inner.prop_map(ConditionConfig::negated),
        ]
    })
}

proptest! {
    #![proptest_config(Config::with_cases(4_000))]

    /// Every tree over every value is what the model says; and what is refused as a contradiction holds for no event.
    #[test]
    fn ok_conditions_agree_with_the_model(config in tree(), tags in tags(), version in select(vec!["1", "2", "v1"])) {
        let element = event(&json!({ "modelName": "credit-risk", "modelVersion": version, "modelTags": tags }));
        let expect = model(&config, &tags, version);
        match load(std::slice::from_ref(&config)) {
            Ok(conditions) => {
                let found = with_view(&element, |view| conditions.iter().all(|one| one.holds(view)));
                assert_eq!(found, expect, "{config:?} {tags}");
            }
            Err(why) => {
                assert!(why.contains("contradict"), "{why}");
                // An `any` with a branch that contradicts itself may hold by another one: only a whole route is judged here.
                if config.all.is_some() && config.all.iter().flatten().all(|one| one.all.is_none() && one.any.is_none() && one.not.is_none()) {
                    assert!(!expect, "{config:?} {tags}: {why}");
                }
            }
        }
    }

    /// Whatever is said to be apart is never met by one event.
    #[test]
    fn ok_what_is_disjoint_never_meets(a in tree(), b in tree(), tags in tags(), version in select(vec!["1", "2", "v1"])) {
        let (Ok(x), Ok(y)) = (load(std::slice::from_ref(&a)), load(std::slice::from_ref(&b))) else {
            return Ok(());
        };
        if x.iter().any(|one| y.iter().any(|other| disjoint(one, other))) {
            assert!(!(model(&a, &tags, version) && model(&b, &tags, version)), "{a:?} {b:?} {tags}");
        }
    }

    /// The same for two tests of what may be one field, where more can be proved: a dense domain, so that both often hold.
    #[test]
    fn ok_leaves_that_are_disjoint_never_meet(a in dense(), b in dense(), not in any::<bool>(), x in dense_tag(), y in dense_tag(), z in dense_tag()) {
        let b = if not { ConditionConfig::negated(b) } else { b };
        let (one, other) = (load(std::slice::from_ref(&a)).unwrap(), load(std::slice::from_ref(&b)).unwrap());
        let tags = json!({ "x": x, "y": y, "Y": z });
        if one.iter().any(|one| other.iter().any(|other| disjoint(one, other))) {
            assert!(!(model(&a, &tags, "1") && model(&b, &tags, "1")), "{a:?} {b:?} {tags}");
        }
    }
}
