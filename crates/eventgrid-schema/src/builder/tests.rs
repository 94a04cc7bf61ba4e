//! **Here**: unit tests of `builder`.
//! **Not here**: any input at all (`tests/it/builder.rs`), payloads (`aml`), bodies (`body`).
//! **Reads**: what the builder writes.
//! **Source**: our own.

use serde_json::json;

use super::*;

const TIME: &str = "2026-11-22T10:00:00.1234567Z";

fn full() -> EventBuilder {
    EventBuilder::new("Contoso.Paid", "/orders", "1")
        .with_subject("a")
        .with_time(TIME)
        .with_data_text(r#"{"n":0.83503490684792081,"b":1,"b":2}"#)
}

fn grid_error(builder: &EventBuilder) -> String {
    builder.build_event_grid().unwrap_err().to_string()
}

fn cloud_error(builder: &EventBuilder) -> String {
    builder.build_cloud_event().unwrap_err().to_string()
}

#[test]
fn ok_both_schemas_field_for_field() {
    let grid = r#"{"topic":"/orders","subject":"a","eventType":"Contoso.Paid","eventTime":"2026-11-22T10:00:00.1234567Z","id":"1","data":{"n":0.83503490684792081,"b":1,"b":2},"dataVersion":"","metadataVersion":"1"}"#;
    let cloud = r#"{"specversion":"1.0","id":"1","source":"/orders","type":"Contoso.Paid","subject":"a","time":"2026-11-22T10:00:00.1234567Z","data":{"n":0.83503490684792081,"b":1,"b":2}}"#;
    assert_eq!(full().build_event_grid().unwrap(), grid);
    assert_eq!(full().build_cloud_event().unwrap(), cloud);
    let versioned = full().with_data_version("3");
    assert!(
        versioned
            .build_event_grid()
            .unwrap()
            .contains(r#""dataVersion":"3""#)
    );
    assert_eq!(versioned.build_cloud_event().unwrap(), cloud);
    assert_eq!(to_cloud_event(&Event::parse_element(grid).unwrap()), cloud);
    assert_eq!(to_cloud_event(&Event::parse_element(cloud).unwrap()), cloud);
}

#[test]
fn ok_cloud_events_need_little_and_take_more() {
    let least = EventBuilder::new("t", "s", "1").build_cloud_event().unwrap();
    assert_eq!(least, r#"{"specversion":"1.0","id":"1","source":"s","type":"t"}"#);
    let more = EventBuilder::new("t", "s", "1")
        .with_datacontenttype("image/png")
        .with_data_base64("AQI=")
        .with_extension("lastdeliveryattempttime", TIME)
        .with_extension("n", -7)
        .with_extension("b2", true);
    let more = more.build_cloud_event().unwrap();
    let event = Event::parse_element(&more).unwrap();
    assert_eq!(event.attribute("data_base64"), Some("\"AQI=\""));
    assert_eq!(event.attribute("datacontenttype"), Some("\"image/png\""));
    let extensions: Vec<(String, &str)> = event
        .extensions()
        .map(|(name, json)| (name.into_owned(), json))
        .collect();
    let quoted = format!("\"{TIME}\"");
    assert_eq!(
        extensions,
        [
            ("b2".to_owned(), "true"),
            ("lastdeliveryattempttime".to_owned(), quoted.as_str()),
            ("n".to_owned(), "-7"),
        ]
    );
}

#[test]
fn ok_what_was_set_last_holds_and_space_around_data_is_none_of_it() {
    let builder = full()
        .with_id("2")
        .with_data(json!({"a": [1]}))
        .with_data_text(" \n[ 1 ]\t");
    let text = builder.build_event_grid().unwrap();
    let event = Event::parse_element(&text).unwrap();
    assert_eq!((event.id(), event.data_text()), ("2", Some("[ 1 ]")));
}

#[test]
fn ok_a_mapping_leaves_out_what_it_does_not_name() {
    let check = |grid: &str, expect: &str| {
        assert_eq!(to_cloud_event(&Event::parse_element(grid).unwrap()), expect);
    };
    check(
        r#"{"ID":"1","Topic":"/S","eventType":"T","dataVersion":"2","metadataVersion":"1","data":null,"deadLetterReason":"x"}"#,
        r#"{"specversion":"1.0","id":"1","source":"/S","type":"T"}"#,
    );
    check(
        r#"{"id":"\u0041","topic":"t","eventType":"T","subject":"","eventTime":"2026-11-22T10:00:00+00:00","data": "{\"a\":1}" }"#,
        r#"{"specversion":"1.0","id":"A","source":"t","type":"T","subject":"","time":"2026-11-22T10:00:00+00:00","data":"{\"a\":1}"}"#,
    );
}

#[test]
fn err_missing_and_empty() {
    let no_empty = |field: &str| format!("{field}: expected a text that is not empty, found \"\"");
    let with = |event_type: &str, source: &str, id: &str| {
        EventBuilder {
            data: Some(Data::Text("1".to_owned())),
            ..EventBuilder::new(event_type, source, id)
        }
        .with_subject("a")
        .with_time(TIME)
    };
    assert_eq!(grid_error(&with("", "s", "1")), no_empty("eventType"));
    assert_eq!(grid_error(&with("t", "", "1")), no_empty("topic"));
    assert_eq!(grid_error(&with("t", "s", "")), no_empty("id"));
    assert_eq!(grid_error(&full().with_subject("")), no_empty("subject"));
    assert_eq!(cloud_error(&with("", "s", "1")), no_empty("type"));
    assert_eq!(cloud_error(&with("t", "", "1")), no_empty("source"));
    assert_eq!(cloud_error(&with("t", "s", "")), no_empty("id"));
    assert_eq!(cloud_error(&full().with_subject("")), no_empty("subject"));
    assert_eq!(
        cloud_error(&full().with_datacontenttype("")),
        no_empty("datacontenttype")
    );

    let mut builder = EventBuilder::new("t", "s", "1");
    assert_eq!(grid_error(&builder), "data: expected a JSON value, found nothing");
    builder = builder.with_data(Value::Null);
    assert_eq!(grid_error(&builder), "data: expected a JSON value, found null");
    builder = builder.with_data(1);
    assert_eq!(grid_error(&builder), "subject: expected a text, found nothing");
    builder = builder.with_subject("a");
    assert_eq!(
        grid_error(&builder),
        "eventTime: expected an RFC 3339 time, found nothing"
    );
    builder = builder.with_time(TIME);
    assert!(builder.build_event_grid().is_ok());
    builder.id = None;
    assert_eq!(grid_error(&builder), "id: expected a text, found nothing");
}

#[test]
fn err_times_that_are_not_rfc_3339() {
    for time in [
        TIME,
        "2026-11-22t10:00:00z",
        "2026-11-22T10:00:00.5350054+00:00",
        "2024-02-29T23:59:59-23:59",
        "0000-01-01T00:00:00Z",
    ] {
        assert!(full().with_time(time).build_event_grid().is_ok(), "{time}");
    }
    for time in [
        "",
        "soon",
        "2026-11-22",
        "2026-11-22 10:00:00Z",
        "2026-11-22T10:00:00",
        "2026-11-22T10:00Z",
        "20261122T100000Z",
        "2026-11-22T10:00:00,5Z",
        "2026-11-22T10:00:00.Z",
        "2026-11-22T10:00:00+0000",
        "2026-11-22T10:00:00+24:00",
        "2026-11-22T10:00:00+00:60",
        "2026-11-22T10:00:00Z[UTC]",
        "+002026-11-22T10:00:00Z",
        "2026-02-29T10:00:00Z",
        "2026-11-22T25:00:00Z",
        " 2026-11-22T10:00:00Z",
        "２026-11-22T10:00:00Z",
    ] {
        let expect = |field: &str| format!("{field}: expected an RFC 3339 time, found {time:?}");
        assert_eq!(grid_error(&full().with_time(time)), expect("eventTime"));
        assert_eq!(cloud_error(&full().with_time(time)), expect("time"));
    }
}

#[test]
fn err_data() {
    for data in [
        "",
        "{",
        "}",
        "{}{}",
        "{},\"id\":\"2\"",
        "nul",
        "'a'",
        "\u{feff}1",
        "[1,]",
    ] {
        let expect = format!("data: expected a JSON value, found {data:?}");
        assert_eq!(grid_error(&full().with_data_text(data)), expect);
        assert_eq!(cloud_error(&full().with_data_text(data)), expect);
    }
    let long = cloud_error(&full().with_data_text(&"x".repeat(1_000)));
    assert_eq!(
        long,
        format!("data: expected a JSON value, found \"{}\"", "x".repeat(64))
    );
    assert_eq!(
        cloud_error(&full().with_data_base64("AQI=")),
        "data_base64: expected nothing beside data, found \"AQI=\""
    );
    for base64 in ["A", "AQ", "AQI", "AQ=I", "A===", "====", "AQ-_", "AQI=\n", "é="] {
        let builder = EventBuilder::new("t", "s", "1").with_data_base64(base64);
        let expect = format!("data_base64: expected base64, found {base64:?}");
        assert_eq!(cloud_error(&builder), expect);
    }
}

#[test]
fn err_extensions() {
    let check = |name: &str, value: Value, expect: &str| {
        assert_eq!(cloud_error(&full().with_extension(name, value)), expect, "{name}");
    };
    for name in ["", "Abc", "a_b", "a-b", "é", "a\"b"] {
        let expect = format!("extension: expected a name of lower-case letters and digits, found {name:?}");
        check(name, json!("x"), &expect);
    }
    for name in cloud_event::KNOWN {
        let expect = format!("extension: expected a name that is not the schema's own, found {name:?}");
        check(name, json!("x"), &expect);
    }
    for (value, found) in [
        (json!(null), "null"),
        (json!([]), "an array"),
        (json!({}), "an object"),
        (json!(0.5), "0.5"),
        (json!(2_147_483_648_u32), "2147483648"),
    ] {
        let expect = format!("a: expected a text, a boolean or a whole number of 32 bits, found {found}");
        check("a", value, &expect);
    }
}

#[test]
fn err_what_the_event_grid_schema_has_no_place_for() {
    let check = |builder: EventBuilder, expect: &str| assert_eq!(grid_error(&builder), expect);
    check(
        full().with_extension("a", "x"),
        "a: expected nothing, as only CloudEvents have it, found a text",
    );
    check(
        full().with_data_base64("AQI="),
        "data_base64: expected nothing, as only CloudEvents have it, found \"AQI=\"",
    );
    check(
        full().with_datacontenttype("x/y"),
        "datacontenttype: expected nothing, as only CloudEvents have it, found \"x/y\"",
    );
}

#[test]
fn err_too_large_or_beyond_what_is_read() {
    let sized = |n: usize| full().with_data_text(&format!("\"{}\"", "x".repeat(n)));
    let frame = sized(0).build_cloud_event().unwrap().len();
    let largest = sized(MAX_EVENT_BYTES - frame).build_cloud_event().unwrap();
    assert_eq!(largest.len(), MAX_EVENT_BYTES);
    assert_eq!(
        cloud_error(&sized(MAX_EVENT_BYTES - frame + 1)),
        "element: expected at most 1048576 bytes, found 1048577 bytes"
    );
    assert_eq!(
        cloud_error(&EventBuilder::new("t", "s", &"x".repeat(9_000))),
        "id: expected a text within the limit, found 9000 bytes"
    );
    let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
    assert_eq!(
        grid_error(&full().with_data_text(&deep)),
        "element: expected nesting within the limit, found 129 levels"
    );
}
