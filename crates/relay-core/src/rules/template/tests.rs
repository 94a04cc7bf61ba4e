//! **Here**: templates over good, odd and missing values, and the proof of their size.
//! **Not here**: whole routes (`tests/it/rules.rs`).
//! **Reads**: `template`, `reference`.
//! **Source**: DESIGN section 6, payload limits.

use serde_json::json;

use super::*;
use crate::rules::config::Over;

fn load(payload: &Value, widen: &[Widen]) -> Result<Template, String> {
    Template::load(payload.as_object().unwrap(), widen)
}

fn widen(reference: &str, max_bytes: usize, over: Over) -> Widen {
    Widen {
        reference: reference.to_owned(),
        max_bytes,
        over,
    }
}

fn event(data: &Value) -> String {
    json!({
        "id": "e-1", "topic": "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w",
        "subject": "models/m:7", "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
        "eventTime": "2026-11-22T10:00:00.1234567Z", "data": data, "dataVersion": "2", "metadataVersion": "1"
    })
    .to_string()
}

fn rendered(payload: &Value, widened: &[Widen], data: &Value) -> Result<Value, String> {
    let text = event(data);
    let parsed = eventgrid_schema::Event::parse_element(&text).unwrap();
    let view = EventView::of(&parsed).unwrap();
    let key = DispatchKey::new(&ReleaseKey::of_event("s", "e"), "r");
    let template = load(payload, widened)?;
    template
        .render(&view, &RelayId::new(&key, 1))
        .map(|mut map| {
            map.remove(RESERVED);
            Value::Object(map)
        })
        .map_err(|error| error.to_string())
}

#[test]
fn ok_references_become_text_in_any_casing() {
    let data = json!({"ModelName": "credit-risk", "modelVersion": 20, "modelTags": {"azureml.pipelineid": "p-1", "n": 3}});
    let check = |payload: Value, expect: Value| assert_eq!(rendered(&payload, &[], &data), Ok(expect));
    check(json!({"v": "${data.modelVersion}"}), json!({"v": "20"}));
    check(
        json!({"v": "${DATA.modelname}-v${data.MODELVERSION}"}),
        json!({"v": "credit-risk-v20"}),
    );
    check(
        json!({"v": "${data.modelTags[\"azureml.pipelineid\"]}"}),
        json!({"v": "p-1"}),
    );
    check(json!({"v": "${data.modelTags.n}"}), json!({"v": "3"}));
    check(
        json!({"v": "${id} ${type} ${time}"}),
        json!({"v": "e-1 Microsoft.MachineLearningServices.ModelRegistered 2026-11-22T10:00:00.1234567Z"}),
    );
    check(
        json!({"v": {"deep": ["$${literal}", true, "${id}"]}}),
        json!({"v": {"deep": ["${literal}", true, "e-1"]}}),
    );
    check(json!({"v": ""}), json!({"v": ""}));
}

#[test]
fn err_values_outside_the_grammar_do_not_enter() {
    let check = |name: &str, expect: &str| {
        let data = json!({"modelName": name, "modelVersion": "1"});
        let error = rendered(&json!({"model_name": "${data.modelName}"}), &[], &data).unwrap_err();
        assert!(error.contains(expect) && error.contains("model_name"), "{error}");
    };
    check("a;rm -rf /", "\"a;rm -rf /\"");
    check("$(id)", "may enter a payload");
    check("a/b", "may enter a payload");
    check("../../x", "may enter a payload");
    check("a\nb", "\\n");
    check("-rf", "may enter a payload");
    check("modèle", "may enter a payload");
    check(&"a".repeat(256), "may enter a payload");
}

#[test]
fn ok_a_widened_value_is_bounded_and_never_holds_control_characters() {
    let data =
        json!({"modelName": "m", "modelVersion": "1", "modelTags": {"note": "ein schöner Name; $(id)"}});
    let payload = || json!({"note": "${data.modelTags.note}"});
    let widened = |max, over| [widen("data.modeltags.NOTE", max, over)];
    assert_eq!(
        rendered(&payload(), &widened(100, Over::Park), &data),
        Ok(json!({"note": "ein schöner Name; $(id)"}))
    );
    assert_eq!(
        rendered(&payload(), &widened(8, Over::Truncate), &data),
        Ok(json!({"note": "ein sch"}))
    );
    assert!(
        rendered(&payload(), &widened(8, Over::Park), &data)
            .unwrap_err()
            .contains("8 are allowed")
    );
    let hostile = json!({"modelName": "m", "modelVersion": "1", "modelTags": {"note": "a\u{1b}[2J"}});
    assert!(
        rendered(&payload(), &widened(100, Over::Park), &hostile)
            .unwrap_err()
            .contains("control characters")
    );
}

#[test]
fn err_missing_and_structured_values_park() {
    let data =
        json!({"modelName": "m", "modelVersion": "1", "modelTags": {}, "modelProperties": {"a": null}});
    let check = |reference: &str, expect: &str| {
        let error = rendered(&json!({"x": reference}), &[], &data).unwrap_err();
        assert!(error.contains(expect), "{error}");
    };
    check("${data.modelTags.stage}", "is not there");
    check("${data.modelProperties.a}", "is not there");
    check("${data.modelTags}", "is not a text");
}

#[test]
fn err_templates_that_cannot_be_meant_are_refused_when_they_load() {
    let check = |payload: Value, expect: &str| {
        let error = load(&payload, &[]).unwrap_err();
        assert!(error.contains(expect), "{error}");
    };
    check(json!({"relay": "x"}), "reserved");
    check(
        (0..10)
            .map(|n| (n.to_string(), json!(n)))
            .collect::<Map<_, _>>()
            .into(),
        "at most 10",
    );
    check(json!({"x": "${data.modelName"}), "not closed");
    check(json!({"x": "${}"}), "is not a reference");
    check(json!({"x": "${data}"}), "refers to nothing");
    check(json!({"x": "${dta.modelName}"}), "refers to nothing");
    check(json!({"x": "${subject}"}), "widen");
    check(json!({"x": "a".repeat(60_000)}), "60000 are the limit");
    assert!(
        load(&json!({"x": "1"}), &[widen("data.a", 1, Over::Park)])
            .unwrap_err()
            .contains("does not use")
    );
}

#[test]
fn ok_the_proved_size_is_never_exceeded_by_the_worst_event() {
    let max = 6_000;
    let widened = [widen("data.modelTags.a", max, Over::Truncate)];
    let payload = json!({"a": "${data.modelTags.a}", "b": "${data.modelTags.a}${data.modelTags.a}"});
    for worst in ["\"", "\u{e9}", "\u{20ac}", "\u{1f600}", "\\"] {
        let data = json!({"modelName": "m", "modelVersion": "1", "modelTags": {"a": worst.repeat(max)}});
        let value = rendered(&payload, &widened, &data).unwrap();
        let ascii: usize = value
            .to_string()
            .chars()
            .map(|c| if c.is_ascii() { 1 } else { 6 * c.len_utf16() })
            .sum();
        assert!(ascii <= DEFAULT_PAYLOAD_CAP_BYTES, "{worst}: {ascii}");
    }
    assert!(load(&payload, &[widen("data.modelTags.a", 7_000, Over::Truncate)]).is_err());
}

fn inputs(inputs: &Value, widened: &[Widen], data: &Value) -> Result<Value, String> {
    let template = Template::load_inputs(inputs.as_object().unwrap(), widened)?;
    made(&template, data)
}

fn made(template: &Template, data: &Value) -> Result<Value, String> {
    let text = event(data);
    let parsed = eventgrid_schema::Event::parse_element(&text).unwrap();
    let view = EventView::of(&parsed).unwrap();
    let key = DispatchKey::new(&ReleaseKey::of_event("s", "e"), "r");
    template
        .render(&view, &RelayId::new(&key, 1))
        .map(Value::Object)
        .map_err(|error| error.to_string())
}

#[test]
fn err_what_may_become_larger_than_the_limit_by_a_byte_is_refused() {
    // Within `{}` a key in quotes, a colon, a comma, and a text in quotes, each of whose letters may come as two bytes; then the relay id.
    let literal = |n: usize, more: &str| {
        let mut payload = json!({ "a": "x".repeat(n) });
        payload["b"] = serde_json::from_str(more).unwrap();
        load(&payload, &[]).map(|_| ())
    };
    let room = DEFAULT_PAYLOAD_CAP_BYTES - (2 + 2 * (2 + 4) + 2 + RelayId::LEN + 24);
    let n = room / 2 - 1;
    assert_eq!(literal(n, "12"), Ok(()));
    assert_eq!(
        literal(n, "123"),
        Err("it can become 60001 bytes, and 60000 are the limit; lower `max_bytes` under `widen`".to_owned())
    );
    assert!(literal(n + 1, "1").is_err());
}

#[test]
fn ok_a_literal_takes_what_it_takes_when_everything_is_escaped() {
    let check = |text: &str, expect: usize| assert_eq!(escaped_size(text), expect, "{text:?}");
    check("", 0);
    check("ab", 4);
    check("\n", 6);
    check("\u{7f}", 6);
    check("\u{e9}", 6);
    check("\u{1f600}", 12);
}

#[test]
fn ok_what_is_widened_is_the_field_that_was_named() {
    let data = json!({ "modelName": "m", "modelVersion": "1", "modelTags": { "a": "a b", "b": "c d" } });
    let both = json!({ "a": "${data.modelTags.a}", "b": "${data.modelTags.b}" });
    let widened = |names: &[&str]| {
        let widened: Vec<Widen> = names.iter().map(|name| widen(name, 3, Over::Park)).collect();
        rendered(&both, &widened, &data)
    };
    let error = widened(&["data.modelTags.b"]).unwrap_err();
    assert!(error.contains("data.modelTags.a is \"a b\""), "{error}");
    let error = widened(&["data.modelTags.a"]).unwrap_err();
    assert!(error.contains("data.modelTags.b is \"c d\""), "{error}");
    // Exactly as long as is allowed.
    assert_eq!(
        widened(&["DATA.modeltags.B", "data.modelTags.a"]),
        Ok(json!({ "a": "a b", "b": "c d" }))
    );
    let error = widened(&["data.modelTags.a", "data.modelTags.b", "data.modelTags.c"]).unwrap_err();
    assert!(error.contains("`widen` names \"data.modelTags.c\""), "{error}");
    // A list of two texts is nine bytes of JSON.
    let list = json!({ "modelName": "m", "modelVersion": "1", "modelTags": { "l": ["a", "b"] } });
    let json = |max| {
        rendered(
            &json!({ "l": "${data.modelTags.l|json}" }),
            &[widen("data.modelTags.l", max, Over::Park)],
            &list,
        )
    };
    assert_eq!(json(9), Ok(json!({ "l": ["a", "b"] })));
    assert!(json(8).unwrap_err().contains("takes 9 bytes, and 8 are allowed"));
}

#[test]
fn err_an_instant_is_plain_only_where_the_time_of_the_event_is_meant() {
    let data =
        json!({ "modelName": "m", "modelVersion": "1", "modelTags": { "at": "2026-11-22T10:00:00Z" } });
    let error = rendered(&json!({ "at": "${data.modelTags.at}" }), &[], &data).unwrap_err();
    assert!(error.contains("may enter a payload"), "{error}");
}

#[test]
fn ok_extensions_of_a_cloud_event_keep_their_kind() {
    let text = json!({
        "specversion": "1.0", "id": "e-1", "source": "/x", "type": "Contoso.Own", "count": 5, "flag": true, "word": "7",
        "data": {}
    })
    .to_string();
    let parsed = eventgrid_schema::Event::parse_element(&text).unwrap();
    let view = EventView::of(&parsed).unwrap();
    let key = DispatchKey::new(&ReleaseKey::of_event("s", "e"), "r");
    let check = |reference: &str, expect: Value| {
        let mut payload = load(&json!({ "v": reference }), &[])
            .unwrap()
            .render(&view, &RelayId::new(&key, 1))
            .unwrap();
        assert_eq!(payload.remove("v"), Some(expect), "{reference}");
    };
    check("${extensions.count|number}", json!(5));
    check("${extensions.COUNT}", json!("5"));
    check("${extensions.flag}", json!("true"));
    check("${extensions.word|number}", json!(7));
    check("${extensions.word}", json!("7"));
}

#[test]
fn ok_values_become_text_number_or_json() {
    let data = json!({
        "modelName": "m", "modelVersion": "20", "modelTags": {"n": 3, "f": "0.5", "b": true, "list": [1, "é", null], "quoted": "a\"b"}
    });
    let json = |reference: &str| widen(reference, 100, Over::Park);
    let check = |payload: Value, widened: &[Widen], expect: Value| {
        assert_eq!(rendered(&payload, widened, &data), Ok(expect), "{payload}");
    };
    check(json!({"v": "${data.modelVersion|number}"}), &[], json!({"v": 20}));
    check(json!({"v": "${data.modelVersion|text}"}), &[], json!({"v": "20"}));
    check(
        json!({"v": ["${data.modelTags.n|number}", "${data.modelTags.n}"]}),
        &[],
        json!({"v": [3, "3"]}),
    );
    check(json!({"v": "${data.modelTags.f|number}"}), &[], json!({"v": 0.5}));
    check(
        json!({"v": "v${data.modelVersion|number}"}),
        &[],
        json!({"v": "v20"}),
    );
    check(
        json!({"v": "${data.modelVersion|number|text}"}),
        &[],
        json!({"v": "20"}),
    );
    let list = [json("data.modeltags.LIST")];
    check(
        json!({"v": "${data.modelTags.list|json}"}),
        &list,
        json!({"v": [1, "é", null]}),
    );
    check(
        json!({"v": "${data.modelTags.list|json|text}"}),
        &list,
        json!({"v": "[1,\"é\",null]"}),
    );
    check(
        json!({"v": "is ${data.modelTags.list|json}"}),
        &list,
        json!({"v": "is [1,\"é\",null]"}),
    );
    check(
        json!({"v": "${data.modelTags.b|json}"}),
        &[json("data.modelTags.b")],
        json!({"v": true}),
    );
    check(
        json!({"v": "${data.modelVersion|json}"}),
        &[json("data.modelVersion")],
        json!({"v": "20"}),
    );
    check(
        json!({"v": "${data|json}"}),
        &[widen("data", 500, Over::Park)],
        json!({"v": data.clone()}),
    );
    check(json!({"v": "${dataVersion|number}"}), &[], json!({"v": 2}));
}

#[test]
fn ok_the_relay_id_is_a_reference() {
    let template = load(&json!({"run": "r-${relay.id}"}), &[]).unwrap();
    let made = made(&template, &json!({"modelName": "m", "modelVersion": "1"})).unwrap();
    let id = made["relay"]["id"].as_str().unwrap();
    assert_eq!(
        (id.len(), &made["run"]),
        (RelayId::LEN, &json!(format!("r-{id}")))
    );
}

#[test]
fn ok_defaults_stand_for_what_is_missing_or_null() {
    let data = json!({"modelName": "m", "modelVersion": "1", "modelTags": {"null": null, "there": "x"}, "modelProperties": {}});
    let check = |reference: &str, widened: &[Widen], expect: Value| {
        assert_eq!(
            rendered(&json!({"v": reference}), widened, &data),
            Ok(json!({"v": expect})),
            "{reference}"
        );
    };
    check(r#"${data.modelTags.stage|default("none")}"#, &[], json!("none"));
    check(
        r#"${data.modelTags.null|default("a )}| \" b")}"#,
        &[],
        json!("a )}| \" b"),
    );
    check(r#"${data.modelTags.there|default("none")}"#, &[], json!("x"));
    check(r#"${data.modelTags.n|number|default(3)}"#, &[], json!(3));
    check(r#"${data.modelTags.n|default(3)|number|text}"#, &[], json!("3"));
    let widened = [widen("data.modelTags.n", 10, Over::Park)];
    check(
        r#"${data.modelTags.n|json|default({"a":[]})}"#,
        &widened,
        json!({"a": []}),
    );
    check(r#"${data.modelTags.n|json|default(null)}"#, &widened, Value::Null);
    // Null is a value of JSON, and what a default stands for where there is one.
    let widened = [widen("data.modelTags.null", 10, Over::Park)];
    check("${data.modelTags.null|json}", &widened, Value::Null);
    check("${data.modelTags.null|json|default(1)}", &widened, json!(1));
    check("-${data.modelTags.null|json}-", &widened, json!("-null-"));
}

#[test]
fn err_values_that_are_not_what_they_have_to_become_park() {
    let data = json!({
        "modelName": "m", "modelVersion": "1.10",
        "modelTags": {"null": null, "b": true, "list": [1], "long": "9".repeat(40), "big": "12345678901234567890123", "control": ["a\u{7}"], "key": {"a\n": 1}}
    });
    let check = |reference: &str, widened: &[Widen], expect: &str| {
        let error = rendered(&json!({"v": reference}), widened, &data).unwrap_err();
        assert!(
            error.contains(expect) && error.contains("payload key \"v\""),
            "{reference}: {error}"
        );
    };
    check(
        "${data.modelVersion|number}",
        &[],
        "\"1.10\", which is not a number that JSON would write the same way",
    );
    check("${data.modelName|number}", &[], "is \"m\", which is not a number");
    check("${data.modelTags.long|number}", &[], "is not a number");
    check("${data.modelTags.big|number}", &[], "is not a number");
    check(
        "${data.modelTags.b|number}",
        &[],
        "is neither a number nor a text that is one",
    );
    check("${data.modelTags.list|number}", &[], "is neither a number");
    check("${data.modelTags.null|number}", &[], "is not there");
    check("${data.modelTags.none|number}", &[], "is not there");
    check("${data.modelTags.null}", &[], "is not there");
    check("${subject|number}", &[], "is not a number");
    let json = |reference: &str, max| [widen(reference, max, Over::Park)];
    check(
        "${data.modelTags.none|json}",
        &json("data.modelTags.none", 10),
        "is not there",
    );
    check(
        "${data.modelTags.long|json}",
        &json("data.modelTags.long", 41),
        "takes 42 bytes, and 41 are allowed",
    );
    check(
        "${data.modelTags.control|json}",
        &json("data.modelTags.control", 99),
        "control characters",
    );
    check(
        "${data.modelTags.key|json}",
        &json("data.modelTags.key", 99),
        "control characters",
    );
    // As a text within JSON its quotes count twice.
    check(
        "${data.modelTags.long|json|text}",
        &json("data.modelTags.long", 42),
        "takes 44 bytes, and 42 are allowed",
    );
}

#[test]
fn err_conversions_that_cannot_be_meant_are_refused_when_they_load() {
    let park = |reference: &str| [widen(reference, 10, Over::Park)];
    let check = |reference: &str, widened: &[Widen], expect: &str| {
        let error = load(&json!({"x": reference}), widened).unwrap_err();
        assert!(error.contains(expect), "{reference}: {error}");
    };
    check(
        "${data.a|numberz}",
        &[],
        "there is no conversion \"numberz\"; text, number, json and default(...) are known",
    );
    check("${data.a|}", &[], "there is no conversion \"\"");
    check("${data.a|number|json}", &[], "`json` does not fit");
    check(
        "${data.a|default(\"a\")|default(\"b\")}",
        &[],
        "`default` does not fit",
    );
    check("${data.a|default}", &[], "followed by one JSON value");
    check("${data.a|default(a)}", &[], "followed by one JSON value");
    check("${data.a|default(\"a\"}", &[], "followed by one JSON value");
    check("${data.a|default(\"a}", &[], "followed by one JSON value");
    check("${data.a|default(1)}", &[], "a default of another kind");
    check(
        "${data.a|number|default(\"1\")}",
        &[],
        "a default of another kind",
    );
    check("${data.a|json}", &[], "name it under `widen`");
    check(
        "${data.a|json}",
        &[widen("data.a", 10, Over::Truncate)],
        "JSON cannot be cut",
    );
    check(
        "${data.a|number}",
        &park("data.a"),
        "which the payload does not use",
    );
    check("${data|number}", &[], "refers to nothing");
    check("${relay.id|number}", &[], "always there");
    check("${relay.name}", &[], "refers to nothing");
    check("${extensions}", &[], "refers to nothing");
    check("${dataschema}", &[], "name it under `widen`");
    check("${data.a }", &[], "is not a reference");
    check(
        "${data.a|json}",
        &[widen("data.a", 60_000, Over::Park)],
        "60000 are the limit",
    );
    check(
        &format!("${{data.a|default(\"{}\")}}", "é".repeat(10_000)),
        &[],
        "60000 are the limit",
    );
}

#[test]
fn ok_inputs_are_texts() {
    let data = json!({"modelName": "m", "modelVersion": 7, "modelTags": {"a": ["b"]}});
    let found = inputs(
        &json!({"name": "${data.modelName}", "version": "${data.modelVersion|number}", "tags": "${data.modelTags|json}", "same": "${relay.id}", "plain": "x"}),
        &[widen("data.modelTags", 100, Over::Park)],
        &data,
    )
    .unwrap();
    let id = found["relay_id"].clone();
    let expect = json!({"name": "m", "version": "7", "tags": "{\"a\":[\"b\"]}", "same": id, "plain": "x", "relay_id": id});
    assert_eq!(found, expect);
    assert_eq!(id.as_str().unwrap().len(), RelayId::LEN);
}

#[test]
fn err_inputs_that_github_would_refuse_are_refused_when_they_load() {
    let check = |value: Value, expect: &str| {
        let error = Template::load_inputs(value.as_object().unwrap(), &[])
            .map(|_| ())
            .unwrap_err();
        assert!(error.contains(expect), "{error}");
    };
    check(json!({"relay_id": "x"}), "\"relay_id\" is reserved");
    check(json!({"n": 3}), "the input \"n\" is 3, and inputs are texts");
    check(json!({"n": {"a": "b"}}), "inputs are texts");
    check(json!({"a b": "x"}), "an input's name begins with");
    let many = |n: usize| Value::Object((0..n).map(|n| (format!("k{n}"), json!("x"))).collect());
    assert!(Template::load_inputs(many(24).as_object().unwrap(), &[]).is_ok());
    check(many(25), "are 26, and GitHub takes at most 25");
    check(json!({"x": "a".repeat(60_000)}), "60000 are the limit");
}

#[test]
fn ok_the_proved_size_of_json_is_never_exceeded_by_the_worst_event() {
    let max = 29_000;
    let widened = [widen("data.modelTags.a", max, Over::Park)];
    let template = load(
        &json!({"a": "${data.modelTags.a|json}", "b": "${data.modelTags.a|json|text}"}),
        &widened,
    )
    .unwrap();
    let mut n_made = 0;
    for worst in ["\"", "\u{e9}", "\u{20ac}", "\u{1f600}", "\\", "a", "{"] {
        for n in [100, 1_000, 2_400, 4_800, 7_000, 14_000, 28_900] {
            let data = json!({"modelName": "m", "modelVersion": "1", "modelTags": {"a": [worst.repeat(n)]}});
            let Ok(value) = made(&template, &data) else {
                continue;
            };
            n_made += 1;
            let ascii: usize = value
                .to_string()
                .chars()
                .map(|c| if c.is_ascii() { 1 } else { 6 * c.len_utf16() })
                .sum();
            assert!(ascii <= DEFAULT_PAYLOAD_CAP_BYTES, "{worst}: {ascii}");
        }
    }
    assert!(n_made > 20, "{n_made}");
}

#[test]
fn ok_a_release_key_is_a_text_of_references() {
    let text = event(&json!({"modelName": "m", "modelVersion": 7, "modelTags": {"stage": "prod"}}));
    let parsed = eventgrid_schema::Event::parse_element(&text).unwrap();
    let view = EventView::of(&parsed).unwrap();
    let check = |template: &str, expect: &str| {
        let key = KeyTemplate::load(template).unwrap().render(&view);
        assert_eq!(key.map_err(|error| error.to_string()), Ok(expect.to_owned()));
    };
    check("${data.modelVersion}", "7");
    check("${data.modelVersion|number}", "7");
    check("${data.modelTags.stage}/${data.modelName}", "prod/m");
    // No payload: what may not enter one may stand in a key.
    check("${subject}", "models/m:7");
    let gone = KeyTemplate::load("${data.runId}").unwrap().render(&view);
    assert_eq!(
        gone.unwrap_err().to_string(),
        "release_key: data.runId is not there"
    );
}

#[test]
fn err_release_keys_that_cannot_be_meant() {
    let check = |template: &str, expect: &str| {
        let why = KeyTemplate::load(template).unwrap_err();
        assert!(why.contains(expect), "{template}: {why}");
    };
    check("", "no reference");
    check("always", "no reference");
    check("$${data.runId}", "no reference");
    check("${relay.id}", "made of the key");
    check("${data.runId}-${relay.id}", "made of the key");
    check("${data.runId", "not closed");
    check("${nothing.here}", "nothing");
}
