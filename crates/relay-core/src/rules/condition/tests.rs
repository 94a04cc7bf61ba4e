//! **Here**: conditions against tables.
//! **Not here**: conditions against a model (`props`), whole routes (`tests/it/rules.rs`).
//! **Reads**: `condition`.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/event-filtering>, read 2026-11-27; what this crate adds is in `operator`.

use eventgrid_schema::Event;
use serde_json::{Value, json};

use super::operator::How;
use super::*;
use crate::rules::RouteConfig;

const TYPE: &str = "Microsoft.MachineLearningServices.ModelRegistered";

pub(super) fn event(data: &Value) -> String {
    json!({
        "id": "e-1", "topic": "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/ML-Prod",
        "subject": "models/credit-risk:7", "eventType": TYPE, "eventTime": "2026-11-22T10:00:00Z", "data": data,
        "dataVersion": "2", "metadataVersion": "1"
    })
    .to_string()
}

/// A version with these tags.
fn tagged(tags: &Value) -> String {
    event(&json!({ "modelName": "credit-risk", "modelVersion": "7", "modelTags": tags }))
}

pub(super) fn with_view<T>(element: &str, look: impl FnOnce(&EventView<'_>) -> T) -> T {
    let event = Event::parse_element(element).unwrap();
    look(&EventView::of(&event).unwrap())
}

fn holds(element: &str, condition: Value) -> bool {
    let config: ConditionConfig = serde_json::from_value(condition).unwrap();
    let conditions = load(&[config]).unwrap();
    with_view(element, |view| conditions.iter().all(|one| one.holds(view)))
}

#[test]
fn ok_every_operator_over_every_kind_of_value() {
    use Operator as O;
    // What each of these values answers to each operator: a number, a text that is one, a text, a boolean, missing, null, an array.
    let values = [
        json!(5),
        json!("5"),
        json!("Prod"),
        json!(true),
        Value::Null,
        json!(["Prod", 5]),
    ];
    let check = |operator: Operator, wanted: Value, expect: [bool; 7]| {
        let config = ConditionConfig::test("data.modelTags.x", operator, wanted.clone());
        let conditions = load(&[config]).unwrap();
        let mut found: Vec<bool> = values
            .iter()
            .map(|value| {
                with_view(&tagged(&json!({ "x": value })), |view| {
                    conditions.iter().all(|one| one.holds(view))
                })
            })
            .collect();
        let missing = with_view(&tagged(&json!({})), |view| {
            conditions.iter().all(|one| one.holds(view))
        });
        found.insert(4, missing);
        assert_eq!(found, expect, "{operator} {wanted}");
    };
    const T: bool = true;
    const F: bool = false;
    //                                                       5  "5" Prod true -  null [Prod, 5]
    check(O::NumberIn, json!([5, 6]), [T, T, F, F, F, F, F]);
    check(O::NumberNotIn, json!([5, 6]), [F, F, T, T, T, T, T]);
    check(O::NumberInRange, json!([[1, 2], [5, 5]]), [T, T, F, F, F, F, F]);
    check(
        O::NumberNotInRange,
        json!([[1, 2], [6, 7.5]]),
        [T, T, F, F, F, F, F],
    );
    check(O::NumberLessThan, json!(5), [F, F, F, F, F, F, F]);
    check(O::NumberLessThan, json!(5.5), [T, T, F, F, F, F, F]);
    check(O::NumberLessThanOrEquals, json!(5), [T, T, F, F, F, F, F]);
    check(O::NumberGreaterThan, json!(5), [F, F, F, F, F, F, F]);
    check(O::NumberGreaterThan, json!(-1), [T, T, F, F, F, F, F]);
    check(O::NumberGreaterThanOrEquals, json!(5), [T, T, F, F, F, F, F]);
    check(O::BoolEquals, json!(true), [F, F, F, T, F, F, F]);
    check(O::BoolEquals, json!(false), [F, F, F, F, F, F, F]);
    for (text, truth) in [("TRUE", Some(true)), ("False", Some(false)), ("yes", None)] {
        for flag in [true, false] {
            let condition = json!({ "key": "data.modelTags.x", "operator": "BoolEquals", "value": flag });
            let found = holds(&tagged(&json!({ "x": text })), condition);
            assert_eq!(found, truth == Some(flag), "{text} {flag}");
        }
    }
    check(O::StringContains, json!(["RO", "x"]), [F, F, T, F, F, F, F]);
    check(O::StringNotContains, json!(["RO", "x"]), [T, T, F, T, F, F, F]);
    check(O::StringBeginsWith, json!(["pR", "5"]), [T, T, T, F, F, F, F]);
    check(O::StringNotBeginsWith, json!(["pR", "5"]), [F, F, F, T, F, F, F]);
    check(O::StringEndsWith, json!(["D", "RUE"]), [F, F, T, T, F, F, F]);
    check(O::StringNotEndsWith, json!(["D", "RUE"]), [T, T, F, F, F, F, F]);
    check(O::StringIn, json!(["prod", "5", "TRUE"]), [T, T, T, T, F, F, F]);
    check(O::StringNotIn, json!(["prod", "5"]), [F, F, F, T, T, T, T]);
    check(O::IsNullOrUndefined, Value::Null, [F, F, F, F, T, T, F]);
    check(O::IsNotNull, Value::Null, [T, T, T, T, F, F, T]);
}

#[test]
fn ok_elements_of_arrays_are_looked_at_where_it_is_asked_for() {
    let check = |array: Value, operator: &str, values: Value, expect: bool| {
        let condition =
            json!({ "key": "data.modelTags.x", "operator": operator, "values": values, "arrays": true });
        assert_eq!(
            holds(&tagged(&json!({ "x": array })), condition),
            expect,
            "{array} {operator}"
        );
    };
    check(json!(["a", "b"]), "StringIn", json!(["B"]), true);
    check(json!(["a", 1]), "StringIn", json!(["c", "d"]), false);
    check(json!(["a", "b"]), "StringNotIn", json!(["B"]), false);
    check(json!(["a", "b"]), "StringNotContains", json!(["c"]), true);
    check(json!([1, "x", { "y": 2 }]), "NumberNotIn", json!([2]), true);
    check(json!([1, 9]), "NumberInRange", json!([[8, 10]]), true);
    // Nothing in it can be compared: as if it were not there.
    check(json!([]), "StringNotContains", json!(["c"]), false);
    check(json!([{ "y": 2 }]), "NumberNotIn", json!([2]), true);
    // A single value is one all the same.
    check(json!("b"), "StringIn", json!(["B"]), true);
}

#[test]
fn ok_any_field_of_either_schema() {
    let element = event(&json!({
        "ModelName": "credit-risk", "modelVersion": 20, "modelTags": { "azureml.pipelineid": "p-1", "n": { "deep": [7] } }
    }));
    let check = |key: &str, operator: &str, value: Value, expect: bool| {
        let name = if value.is_array() { "values" } else { "value" };
        assert_eq!(
            holds(&element, json!({ "key": key, "operator": operator, name: value })),
            expect,
            "{key}"
        );
    };
    check("id", "StringIn", json!(["E-1"]), true);
    check("Topic", "StringEndsWith", json!(["/workspaces/ml-prod"]), true);
    check("source", "StringContains", json!(["nothing"]), false);
    check("EventType", "StringIn", json!([TYPE.to_uppercase()]), true);
    check("subject", "StringBeginsWith", json!(["models/credit-"]), true);
    check("time", "StringBeginsWith", json!(["2026-11-"]), true);
    check("dataVersion", "NumberIn", json!([2]), true);
    check("specversion", "StringIn", json!(["1.0"]), false);
    check("data.modelVersion", "NumberGreaterThan", json!(19), true);
    check("data.modelversion", "StringIn", json!(["20"]), true);
    check("DATA.modelname", "StringIn", json!(["CREDIT-RISK"]), true);
    check(
        "data.MODELTAGS[\"AzureML.PipelineId\"]",
        "StringIn",
        json!(["p-1"]),
        true,
    );
    check("data.modelTags.n.deep.0", "NumberIn", json!([7]), true);
    check("data.modelTags.n.deep.1", "NumberIn", json!([7]), false);
    let cloud = json!({
        "specversion": "1.0", "id": "e-1", "source": "/x", "type": "Contoso.Own", "comexample": 5, "data": { "a": "b" }
    })
    .to_string();
    assert!(holds(
        &cloud,
        json!({ "key": "extensions.comExample", "operator": "StringBeginsWith", "values": ["5", "1"] })
    ));
    assert!(holds(
        &cloud,
        json!({ "key": "specversion", "operator": "StringIn", "values": ["1.0"] })
    ));
    assert!(holds(
        &cloud,
        json!({ "key": "extensions.other", "operator": "IsNullOrUndefined" })
    ));
}

#[test]
fn ok_versions_that_are_not_numbers_match_no_number() {
    let check = |version: Value, expect: bool| {
        let element = event(&json!({ "modelName": "m", "modelVersion": version }));
        let condition =
            json!({ "key": "data.modelVersion", "operator": "NumberGreaterThanOrEquals", "value": 0 });
        assert_eq!(holds(&element, condition), expect, "{version}");
    };
    for version in [
        json!("7"),
        json!(7),
        json!("1.10"),
        json!("007"),
        json!("1e3"),
        json!("20261122093015123"),
    ] {
        check(version, true);
    }
    for version in [
        "v7", "1.2.3", "7a", "0x7", "inf", "NaN", "+7", "-7", ".7", "7.", "7.e1", "1e999", "١",
    ] {
        check(json!(version), false);
    }
    check(json!("9".repeat(65)), false);
}

#[test]
fn ok_all_any_not_models_and_workspaces() {
    let element = tagged(&json!({ "stage": "prod" }));
    let stage =
        |values: Value| json!({ "key": "data.modelTags.stage", "operator": "StringIn", "values": values });
    let check = |condition: Value, expect: bool| {
        assert_eq!(holds(&element, condition.clone()), expect, "{condition}");
    };
    check(
        json!({ "any": [stage(json!(["dev"])), stage(json!(["prod"]))] }),
        true,
    );
    check(
        json!({ "any": [stage(json!(["dev"])), stage(json!(["test"]))] }),
        false,
    );
    check(
        json!({ "all": [stage(json!(["prod"])), { "models": ["credit-*"] }] }),
        true,
    );
    check(json!({ "not": stage(json!(["dev"])) }), true);
    check(json!({ "not": { "models": ["credit-*"] } }), false);
    check(json!({ "models": ["Credit-*"] }), false);
    check(json!({ "workspaces": ["ml-PROD"] }), true);
    check(json!({ "workspaces": ["other"] }), false);
    check(
        json!({ "not": { "any": [{ "workspaces": ["other"] }, { "not": { "models": ["*"] } }] } }),
        true,
    );
    // An event without a model has none that a glob fits, not even `*`.
    let run = json!({
        "id": "e", "topic": "/x", "subject": "s", "eventType": "Microsoft.MachineLearningServices.RunCompleted",
        "eventTime": "2026-11-22T10:00:00Z", "data": { "runId": "r" }, "dataVersion": "2"
    })
    .to_string();
    assert!(!holds(&run, json!({ "models": ["*"] })));
    assert!(!holds(&run, json!({ "workspaces": ["x"] })));
    assert!(holds(&run, json!({ "not": { "models": ["*"] } })));
}

#[test]
fn ok_what_was_found_is_told_in_short() {
    let element = tagged(&json!({
        "text": "a".repeat(100), "list": ["a", "b"], "object": { "a": { "b": 1 } }, "number": 7.5, "flag": true, "null": null
    }));
    let check = |key: &str, expect: &str| {
        let config = ConditionConfig::test(key, Operator::StringIn, json!(["x"]));
        let found = with_view(&element, |view| load(&[config]).unwrap().remove(0).found(view));
        assert_eq!(found.as_deref(), Some(expect), "{key}");
    };
    check("data.modelTags.text", &format!("it is \"{}\"", "a".repeat(64)));
    check("data.modelTags.list", "it is an array of 2");
    check("data.modelTags.object", "it is an object of 1");
    check("data.modelTags.number", "it is 7.5");
    check("data.modelTags.flag", "it is true");
    check("data.modelTags.null", "it is null");
    check("data.modelTags.none", "it is not there");
    check("subject", "it is \"models/credit-risk:7\"");
    check("dataVersion", "it is \"2\"");
    let models = load(&[ConditionConfig::models(["a"])]).unwrap().remove(0);
    assert_eq!(with_view(&element, |view| models.found(view)), None);
}

#[test]
fn ok_a_type_that_a_condition_cannot_let_through_is_known() {
    let of_type = |values: Value| json!({ "key": "type", "operator": "StringIn", "values": values });
    let check = |condition: Value, expect: bool| {
        let config: ConditionConfig = serde_json::from_value(condition.clone()).unwrap();
        let may = load(&[config]).unwrap().remove(0).may_take_type("Contoso.A");
        assert_eq!(may, expect, "{condition}");
    };
    let (own, other) = (|| of_type(json!(["contoso.a", "x"])), || of_type(json!(["x"])));
    check(own(), true);
    check(other(), false);
    check(json!({ "models": ["a"] }), true);
    check(
        json!({ "key": "subject", "operator": "StringIn", "values": ["x"] }),
        true,
    );
    check(json!({ "all": [own(), { "models": ["a"] }] }), true);
    check(json!({ "all": [{ "models": ["a"] }, other()] }), false);
    check(json!({ "any": [own(), other()] }), true);
    check(json!({ "any": [other(), other()] }), false);
    // It says yes where it does not look.
    check(json!({ "not": own() }), true);
}

#[test]
fn ok_letters_beyond_ascii_are_compared_without_case() {
    let check = |found: &str, operator: &str, wanted: &str, expect: bool| {
        let condition = json!({ "key": "data.modelTags.x", "operator": operator, "values": [wanted] });
        assert_eq!(
            holds(&tagged(&json!({ "x": found })), condition),
            expect,
            "{found} {operator} {wanted}"
        );
    };
    check("MODÈLE", "StringIn", "modèle", true);
    check("ΑΣΑ", "StringBeginsWith", "ας", false);
    check("ΑΣΑ", "StringBeginsWith", "ΑΣ", true);
    check("\u{212a}", "StringIn", "k", true);
    check("k", "StringIn", "\u{212a}", true);
    check("abcÉ", "StringEndsWith", "é", true);
    check("é", "StringBeginsWith", "e", false);
    check("ab", "StringBeginsWith", "abc", false);
    check("ab", "StringEndsWith", "cab", false);
}

#[test]
fn ok_a_filter_of_event_grid_can_be_pasted() {
    let pasted = r#"{ "operatorType": "stringcontains", "key": "Subject", "values": ["credit"] }"#;
    let config: ConditionConfig = serde_json::from_str(pasted).unwrap();
    assert_eq!(
        config,
        ConditionConfig::test("Subject", Operator::StringContains, json!(["credit"]))
    );
    let kept = serde_json::to_string(&config).unwrap();
    assert_eq!(
        kept,
        r#"{"key":"Subject","operator":"StringContains","values":["credit"]}"#
    );
    assert_eq!(serde_json::from_str::<ConditionConfig>(&kept).unwrap(), config);
    for operator in Operator::ALL {
        let text = serde_json::to_string(&operator).unwrap();
        assert_eq!(
            serde_json::from_str::<Operator>(&text.to_uppercase()).unwrap(),
            operator
        );
    }
}

#[test]
fn err_conditions_that_cannot_be_meant_are_refused_with_their_place() {
    let check = |conditions: Value, expect: &str| {
        let mut route = RouteConfig::new("r", "a/b");
        let error = match serde_json::from_value(conditions.clone()) {
            Ok(read) => {
                route.conditions = read;
                route.build().unwrap_err().to_string()
            }
            Err(error) => error.to_string(),
        };
        assert!(error.contains(expect), "{conditions}: {error}");
    };
    let one = |operator: &str, name: &str, value: Value| json!([{ "key": "data.x", "operator": operator, name: value }]);
    check(
        json!([{ "key": "data.x", "operator": "StringIs", "values": ["a"] }]),
        "unknown operator \"StringIs\", expected one of NumberIn,",
    );
    check(
        json!([{ "key": "data.x", "operator": "StringIn", "valuez": ["a"] }]),
        "unknown field `valuez`",
    );
    check(json!([{}]), "conditions[0]: it says nothing");
    check(json!([{ "key": "data.x" }]), "data.x has no operator");
    check(json!([{ "operator": "IsNotNull" }]), "an operator without a key");
    check(
        json!([{ "models": ["a"] }, { "any": [{ "models": ["a"], "not": { "models": ["b"] } }] }]),
        "conditions[1].any[0]: it says models and not at once",
    );
    check(
        json!([{ "models": ["a"], "value": 1 }]),
        "belong to key and operator",
    );
    for more in [json!({ "values": [1] }), json!({ "arrays": true })] {
        let with = |mut condition: Value| {
            let members = more.as_object().unwrap().clone();
            condition.as_object_mut().unwrap().extend(members);
            json!([condition])
        };
        check(with(json!({ "models": ["a"] })), "belong to key and operator");
        check(
            with(json!({ "key": "data.x", "operator": "IsNotNull" })),
            "takes neither value nor values",
        );
    }
    check(json!([{ "key": "data.x", "value": 1 }]), "data.x has no operator");
    check(
        json!([{ "operator": "IsNotNull", "value": 1 }]),
        "an operator without a key",
    );
    check(json!([{ "models": [] }]), "the list is empty");
    check(json!([{ "models": [""] }]), "a pattern is empty");
    check(json!([{ "workspaces": [] }]), "the list is empty");
    check(json!([{ "workspaces": ["/not/an/id"] }]), "conditions[0]: ");
    check(json!([{ "any": [] }]), "the list is empty");
    check(
        json!([{ "not": { "all": [] } }]),
        "conditions[0].not: the list is empty",
    );
    check(one("StringIn", "values", json!([])), "StringIn has an empty list");
    check(
        one("StringIn", "value", json!("a")),
        "StringIn takes a list of `values`",
    );
    check(
        one("StringIn", "values", json!(["a", 1])),
        "StringIn takes texts, and not 1",
    );
    check(
        one("StringContains", "values", json!([""])),
        "nothing can be meant",
    );
    check(
        one("StringIn", "values", json!(["x".repeat(513)])),
        "512 characters",
    );
    check(
        one("StringIn", "values", vec!["x"; 1_001].into()),
        "1000 are the limit",
    );
    check(
        one("NumberIn", "values", json!(["5"])),
        "NumberIn takes numbers, and not \"5\"",
    );
    check(
        one("NumberIn", "values", json!([9_007_199_254_740_993_u64 + 1])),
        "compare it as a text",
    );
    check(
        one("NumberLessThan", "values", json!([5])),
        "NumberLessThan takes one `value`",
    );
    check(
        one("NumberInRange", "values", json!([[1, 2, 3]])),
        "takes ranges such as [1, 5]",
    );
    check(one("NumberInRange", "values", json!([[2, 1]])), "is empty");
    check(one("BoolEquals", "value", json!("true")), "takes true or false");
    check(
        one("IsNotNull", "value", json!(true)),
        "takes neither value nor values",
    );
    // Fields that no event has, at any depth.
    check(
        json!([{ "not": { "key": "modelTags.stage", "operator": "IsNotNull" } }]),
        "conditions[0].not: modelTags.stage refers to nothing",
    );
    check(
        json!([{ "key": "evenType", "operator": "IsNotNull" }]),
        "evenType refers to nothing: an event has id, type,",
    );
    check(
        json!([{ "key": "data.a b", "operator": "IsNotNull" }]),
        "is no field",
    );
    // Depth and number.
    let mut deep = json!({ "models": ["a"] });
    for _ in 0..8 {
        deep = json!({ "not": deep });
    }
    check(json!([deep]), "8 deep");
    check(vec![json!({ "models": ["a"] }); 257].into(), "256 conditions");
    // Contradictions.
    check(
        json!([
            { "key": "data.modelTags.stage", "operator": "StringIn", "values": ["prod"] },
            { "models": ["a*"] },
            { "key": "data.modelTags.stage", "operator": "StringIn", "values": ["dev"] }
        ]),
        "conditions[0] (data.modelTags.stage StringIn [\"prod\"]) and conditions[2] (data.modelTags.stage StringIn [\"dev\"]) contradict",
    );
    check(
        json!([{ "any": [{ "all": [
            { "key": "data.x", "operator": "NumberLessThan", "value": 5 },
            { "key": "data.x", "operator": "NumberGreaterThanOrEquals", "value": 5 }
        ] }] }]),
        "conditions[0].any[0].all[0] (",
    );
    check(
        json!([{ "key": "type", "operator": "StringIn", "values": ["Contoso.Other"] }]),
        "none of the `event_types` can match",
    );
}

#[test]
fn ok_conditions_may_be_as_many_and_as_deep_and_as_long_as_the_bounds_say() {
    let loads = |conditions: Value| {
        let configs: Vec<ConditionConfig> = serde_json::from_value(conditions).unwrap();
        load(&configs).map(|loaded| loaded.len())
    };
    let one = |operator: &str, name: &str, value: Value| json!([{ "key": "data.x", "operator": operator, name: value }]);
    assert_eq!(loads(vec![json!({ "models": ["a"] }); 256].into()), Ok(256));
    for (word, is_list) in [("not", false), ("all", true), ("any", true)] {
        let mut deep = json!({ "models": ["a"] });
        for _ in 0..7 {
            deep = json!({ word: if is_list { json!([deep]) } else { deep } });
        }
        assert_eq!(loads(json!([deep])), Ok(1), "{word}");
        deep = json!({ word: if is_list { json!([deep]) } else { deep } });
        let error = loads(json!([deep])).unwrap_err();
        assert!(error.contains("8 deep"), "{word}: {error}");
    }
    assert_eq!(loads(one("StringIn", "values", vec!["x"; 1_000].into())), Ok(1));
    assert_eq!(
        loads(one("StringIn", "values", json!(["\u{e9}".repeat(512)]))),
        Ok(1)
    );
    let most = 9_007_199_254_740_992_u64;
    assert_eq!(loads(one("NumberIn", "values", json!([most]))), Ok(1));
    assert!(loads(one("NumberIn", "values", json!([most + 2]))).is_err());
    assert_eq!(loads(one("NumberInRange", "values", json!([[1, 1]]))), Ok(1));
}

#[test]
fn ok_arrays_are_looked_into_wherever_they_came_from() {
    let test = Test::Texts(How::Is, vec!["a".to_owned()]);
    let array = json!(["b", "a"]);
    for found in [Found::Json(&array), Found::Made(array.clone())] {
        assert!(test.holds(Operator::StringIn, true, Some(&found)));
        assert!(!test.holds(Operator::StringIn, false, Some(&found)));
    }
}

#[test]
fn ok_what_is_surely_apart_and_what_may_meet() {
    let check = |a: Value, b: Value, expect: bool| {
        let one = |value: &Value| {
            let config: ConditionConfig = serde_json::from_value(value.clone()).unwrap();
            load(&[config]).unwrap().remove(0)
        };
        let (x, y) = (one(&a), one(&b));
        assert_eq!((disjoint(&x, &y), disjoint(&y, &x)), (expect, expect), "{a} {b}");
    };
    let of = |key: &str, operator: &str, value: Value| {
        let name = if value.is_array() { "values" } else { "value" };
        json!({ "key": key, "operator": operator, name: value })
    };
    let x = |operator: &str, value: Value| of("data.x", operator, value);
    check(
        x("StringIn", json!(["a", "B"])),
        x("StringIn", json!(["c"])),
        true,
    );
    check(
        x("StringIn", json!(["a", "B"])),
        x("StringIn", json!(["b"])),
        false,
    );
    check(x("StringIn", json!(["a"])), x("StringIn", json!(["A"])), false);
    check(
        x("StringIn", json!(["a"])),
        of("data.y", "StringIn", json!(["c"])),
        false,
    );
    // `x` and `X` may both be there, with different values; roots in any casing are one.
    check(
        x("StringIn", json!(["a"])),
        of("data.X", "StringIn", json!(["c"])),
        false,
    );
    check(
        of("Topic", "StringIn", json!(["a"])),
        of("source", "StringIn", json!(["c"])),
        true,
    );
    check(
        x("StringIn", json!(["a"])),
        x("StringNotIn", json!(["A", "b"])),
        true,
    );
    check(
        x("StringIn", json!(["a", "c"])),
        x("StringNotIn", json!(["a"])),
        false,
    );
    check(
        x("StringIn", json!(["ab"])),
        x("StringBeginsWith", json!(["b", "c"])),
        true,
    );
    check(
        x("StringIn", json!(["ab"])),
        x("StringNotContains", json!(["B"])),
        true,
    );
    check(
        x("StringBeginsWith", json!(["ab"])),
        x("StringBeginsWith", json!(["ac"])),
        true,
    );
    check(
        x("StringBeginsWith", json!(["ab"])),
        x("StringBeginsWith", json!(["a"])),
        false,
    );
    check(
        x("StringEndsWith", json!(["ab"])),
        x("StringEndsWith", json!(["cb"])),
        true,
    );
    check(
        x("StringEndsWith", json!(["ab"])),
        x("StringEndsWith", json!(["b"])),
        false,
    );
    for how in ["StringEndsWith", "StringContains"] {
        check(x("StringBeginsWith", json!(["ab"])), x(how, json!(["cd"])), false);
        check(x("StringContains", json!(["ab"])), x(how, json!(["cd"])), false);
    }
    check(
        x("NumberIn", json!([1, 2])),
        x("NumberNotIn", json!([2, 1])),
        true,
    );
    check(x("NumberIn", json!([1])), x("NumberGreaterThan", json!(1)), true);
    check(
        x("NumberInRange", json!([[1, 2]])),
        x("NumberInRange", json!([[3, 4]])),
        true,
    );
    check(
        x("NumberInRange", json!([[1, 2]])),
        x("NumberInRange", json!([[2, 4]])),
        false,
    );
    check(
        x("NumberLessThan", json!(2)),
        x("NumberGreaterThan", json!(2)),
        true,
    );
    check(
        x("NumberLessThanOrEquals", json!(2)),
        x("NumberGreaterThanOrEquals", json!(2)),
        false,
    );
    check(x("BoolEquals", json!(true)), x("BoolEquals", json!(false)), true);
    check(
        x("BoolEquals", json!(true)),
        json!({ "not": x("BoolEquals", json!(true)) }),
        true,
    );
    check(
        x("IsNotNull", Value::Null),
        json!({ "key": "data.x", "operator": "IsNullOrUndefined" }),
        true,
    );
    check(
        x("StringIn", json!(["a"])),
        json!({ "key": "data.x", "operator": "IsNullOrUndefined" }),
        true,
    );
    check(
        x("StringNotIn", json!(["a"])),
        json!({ "key": "data.x", "operator": "IsNullOrUndefined" }),
        false,
    );
    // 5 and "5" are a number and a text to both.
    check(x("StringIn", json!(["5"])), x("NumberIn", json!([6])), false);
    // An array may hold both.
    let array = json!({ "key": "data.x", "operator": "StringIn", "values": ["a"], "arrays": true });
    check(array, x("StringIn", json!(["b"])), false);
    check(json!({ "models": ["a*"] }), json!({ "models": ["b*"] }), true);
    check(
        json!({ "models": ["a*"] }),
        json!({ "not": { "models": ["a*"] } }),
        true,
    );
    check(
        json!({ "workspaces": ["a"] }),
        json!({ "workspaces": ["A", "b"] }),
        false,
    );
    check(
        json!({ "workspaces": ["a"] }),
        json!({ "workspaces": ["b"] }),
        true,
    );
    let all = json!({ "all": [{ "models": ["m"] }, x("StringIn", json!(["a"]))] });
    check(all.clone(), x("StringIn", json!(["b"])), true);
    check(all, x("StringIn", json!(["b", "a"])), false);
    let both = json!({ "any": [x("StringIn", json!(["a"])), x("StringIn", json!(["b"]))] });
    check(both.clone(), x("StringIn", json!(["c"])), true);
    check(both.clone(), x("StringIn", json!(["b", "c"])), false);
    check(json!({ "not": both.clone() }), both, true);
}
