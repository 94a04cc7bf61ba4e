//! **Here**: what holds for any event that is built: it reads back as what was set, in both schemas, and converts without loss.
//! **Not here**: single events and their text (unit tests of `builder`), reading of any input (`props`).
//! **Reads**: generated texts, hostile ones among them. The generator starts from a fixed seed, so that every run is the same.
//! **Source**: our own promises.

use std::collections::BTreeMap;

use eventgrid_schema::builder::{EventBuilder, MAX_EVENT_BYTES, body, check_body, to_cloud_event};
use eventgrid_schema::{AmlEvent, Batch, Event, EventSchema, EventType, WorkspaceId};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngAlgorithm, RngSeed};
use serde_json::Value;
use serde_json::value::RawValue;

const WORKSPACE: &str =
    "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w";

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(0x5eed),
        ..ProptestConfig::default()
    }
}

/// A text that tries to end the one it stands in, or any other; never empty.
fn any_text() -> impl Strategy<Value = String> {
    let hostile = [
        "\"",
        "\\",
        "\\\"",
        "}",
        "{",
        "]",
        "\",\"id\":\"2",
        "\\u0022",
        "\u{0}",
        "\u{1f}",
        "\n",
        "\r\n",
        "\t",
        "\u{7f}",
        "\u{2028}",
        "\u{feff}",
        "é",
        "模型",
        "🦀",
        "a",
        "null",
        "specversion",
        " ",
        "/",
    ];
    prop_oneof![
        3 => vec(select(hostile.to_vec()), 1..8).prop_map(|parts| parts.concat()),
        1 => any::<String>().prop_filter("required", |text| !text.is_empty()),
        1 => select(vec![EventType::MODEL_REGISTERED, EventType::SUBSCRIPTION_VALIDATION, WORKSPACE]).prop_map(str::to_owned),
    ]
}

fn any_time() -> impl Strategy<Value = String> {
    let zones = ["Z", "z", "+00:00", "-07:00", "+05:45", "+23:59"];
    (
        0..=9_998_u32,
        1..=12_u32,
        1..=28_u32,
        (0..24_u32, 0..60_u32, 0..60_u32),
        "(\\.[0-9]{1,9})?",
        select(zones.to_vec()),
    )
        .prop_map(|(year, month, day, (hour, minute, second), fraction, zone)| {
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}")
        })
}

/// JSON text of any form: spaced, with escapes, repeated keys and more digits than a number holds; never null.
fn any_data() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"\\u00e9\\ud83e\\udd80\\/\"".to_owned()),
        "-?[1-9][0-9]{0,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?",
        any_text().prop_map(|text| Value::from(text).to_string()),
    ];
    let nested = leaf.prop_recursive(4, 32, 5, |inner| {
        let members = vec(
            (any_text(), "[ \t\n\r]{0,2}", inner.clone(), "[ \t\n\r]{0,2}"),
            0..5,
        );
        prop_oneof![
            vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            members.prop_map(|members| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(key, before, value, after)| {
                        format!("{before}{}{after}:{before}{value}{after}", Value::from(key))
                    })
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    nested.prop_filter("null is absent", |data| data != "null")
}

/// What is set: type, source, id, subject, time, data.
type Fields = (String, String, String, String, String, String);

fn any_fields() -> impl Strategy<Value = Fields> {
    (
        any_text(),
        any_text(),
        any_text(),
        any_text(),
        any_time(),
        any_data(),
    )
}

fn builder((event_type, source, id, subject, time, data): &Fields) -> EventBuilder {
    EventBuilder::new(event_type, source, id)
        .with_subject(subject)
        .with_time(time)
        .with_data_text(data)
}

/// What an event says, as it was set.
fn read(event: &Event<'_>) -> Fields {
    (
        event.event_type().as_str().to_owned(),
        event.source().to_owned(),
        event.id().to_owned(),
        event.subject().unwrap().to_owned(),
        event.time().unwrap().as_str().to_owned(),
        event.data_text().unwrap().to_owned(),
    )
}

fn only_event(body: &str) -> Event<'_> {
    let mut elements = Batch::parse(body.as_bytes()).unwrap().into_iter();
    let event = elements.next().unwrap().into_event().unwrap();
    assert_eq!(elements.count(), 0);
    event
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn ok_what_is_built_reads_back_in_both_schemas(fields in any_fields(), version in any_text()) {
        let built = builder(&fields).with_data_version(&version);
        let (grid, cloud) = (built.build_event_grid().unwrap(), built.build_cloud_event().unwrap());
        let (grid, cloud) = (only_event(&grid), only_event(&cloud));
        prop_assert_eq!((grid.schema(), cloud.schema()), (EventSchema::EventGrid, EventSchema::CloudEvents));
        prop_assert_eq!(read(&grid), fields.clone());
        prop_assert_eq!(read(&cloud), fields);
        prop_assert_eq!((grid.extensions().count(), cloud.extensions().count()), (0, 0));
        let expect = Value::from(version).to_string();
        prop_assert_eq!(grid.attribute("dataVersion"), Some(expect.as_str()));
        prop_assert_eq!(cloud.attribute("dataVersion"), None);
        // serde_json, an independent reader, sees the same.
        for event in [&grid, &cloud] {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(event.raw()).unwrap();
            let is_grid = event.schema() == EventSchema::EventGrid;
            prop_assert_eq!(members.len(), if is_grid { 8 } else { 7 });
            prop_assert_eq!(members["data"].get(), event.data_text().unwrap());
            let text = |name: &str| serde_json::from_str::<String>(members[name].get()).unwrap();
            let names = if is_grid { ["eventType", "topic", "eventTime"] } else { ["type", "source", "time"] };
            prop_assert_eq!(text(names[0]), event.event_type().as_str());
            prop_assert_eq!(text(names[1]), event.source());
            prop_assert_eq!(text(names[2]), event.time().unwrap().as_str());
            prop_assert_eq!((text("id"), text("subject")), (event.id().to_owned(), event.subject().unwrap().to_owned()));
        }
    }

    #[test]
    fn ok_extensions_and_base64_read_back(
        extensions in btree_map("[a-z0-9]{1,24}", any_text(), 0..4),
        digits in "([A-Za-z0-9+/]{4}){0,4}([A-Za-z0-9+/]{2}==)?",
        fields in any_fields(),
    ) {
        let known = ["id", "source", "specversion", "type", "subject", "time", "datacontenttype", "dataschema", "data"];
        prop_assume!(!extensions.keys().any(|name| known.contains(&name.as_str())));
        let built = EventBuilder::new(&fields.0, &fields.1, &fields.2).with_data_base64(&digits);
        let built = extensions.iter().fold(built, |built, (name, text)| built.with_extension(name, text.as_str()));
        let cloud = built.build_cloud_event().unwrap();
        let event = only_event(&cloud);
        let read: Vec<(String, String)> = event
            .extensions()
            .map(|(name, json)| (name.into_owned(), serde_json::from_str(json).unwrap()))
            .collect();
        prop_assert_eq!(read, extensions.into_iter().collect::<Vec<_>>());
        let expect = format!("\"{digits}\"");
        prop_assert_eq!(event.attribute("data_base64"), Some(expect.as_str()));
        prop_assert_eq!((event.subject(), event.time(), event.data_text()), (None, None, None));
    }

    #[test]
    fn ok_conversion_keeps_all_that_the_mapping_names(fields in any_fields()) {
        let built = builder(&fields);
        let (grid, cloud) = (built.build_event_grid().unwrap(), built.build_cloud_event().unwrap());
        let converted = to_cloud_event(&only_event(&grid));
        let event = only_event(&converted);
        prop_assert_eq!(event.schema(), EventSchema::CloudEvents);
        prop_assert_eq!(read(&event), fields);
        prop_assert_eq!(event.key(), only_event(&grid).key());
        prop_assert_eq!(to_cloud_event(&event), converted.as_str(), "a CloudEvent comes back as it is");
        prop_assert_eq!(converted, cloud);
    }

    /// Events of other senders: keys in odd casing and order, escapes, space; parts missing.
    #[test]
    fn ok_conversion_of_what_others_wrote(
        fields in any_fields(),
        has in any::<[bool; 3]>(),
        space in "[ \t\n\r]{0,2}",
        turn in 0..6_usize,
    ) {
        let (event_type, source, id, subject, time, data) = fields;
        let json = |text: &str| Value::from(text).to_string();
        let escaped: String = id.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        let mut members = vec![
            ("ID", format!("\"{escaped}\"")),
            ("Topic", json(&source)),
            ("EVENTTYPE", json(&event_type)),
            ("Subject", if has[0] { json(&subject) } else { "null".to_owned() }),
            ("EventTime", if has[1] { json(&time) } else { "\"\"".to_owned() }),
            ("Data", if has[2] { data.clone() } else { "null".to_owned() }),
        ];
        members.rotate_left(turn);
        let members: Vec<String> = members
            .into_iter()
            .map(|(key, value)| format!("{space}\"{key}\"{space}:{space}{value}{space}"))
            .collect();
        let grid = format!("{{{}}}", members.join(","));
        let converted = to_cloud_event(&only_event(&grid));
        let event = only_event(&converted);
        prop_assert_eq!(event.schema(), EventSchema::CloudEvents);
        prop_assert_eq!((event.id(), event.source()), (id.as_str(), source.as_str()));
        prop_assert_eq!(event.event_type().as_str(), event_type);
        prop_assert_eq!(event.subject(), has[0].then_some(subject.as_str()));
        prop_assert_eq!(event.time().map(|time| time.as_str()), has[1].then_some(time.as_str()));
        prop_assert_eq!(event.data_text(), has[2].then_some(data.as_str()));
    }

    /// Whatever is set, building gives an event that reads, or an error that stays small.
    #[test]
    fn ok_any_texts_build_or_are_refused(
        texts in vec(any::<String>(), 9),
        sets in any::<[bool; 6]>(),
        hostile in any_text(),
    ) {
        let mut built = EventBuilder::new(&texts[0], &texts[1], &texts[2]);
        if sets[0] { built = built.with_subject(&texts[3]); }
        if sets[1] { built = built.with_time(&texts[4]); }
        if sets[2] { built = built.with_data_text(&texts[5]); }
        if sets[3] { built = built.with_data_base64(&texts[6]); }
        if sets[4] { built = built.with_datacontenttype(&texts[7]); }
        if sets[5] { built = built.with_extension(&texts[8], hostile); }
        for (schema, result) in [
            (EventSchema::EventGrid, built.build_event_grid()),
            (EventSchema::CloudEvents, built.build_cloud_event()),
        ] {
            match result {
                Ok(text) => {
                    prop_assert_eq!(only_event(&text).schema(), schema);
                    prop_assert!(text.len() <= MAX_EVENT_BYTES);
                }
                Err(error) => {
                    prop_assert!(error.to_string().len() < 512, "{}", error);
                    prop_assert!(error.field().len() <= 64, "{}", error.field());
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn ok_a_body_holds_its_elements_in_their_order(all in vec(any_fields(), 0..6), cloud in any::<bool>()) {
        let elements: Vec<String> = all
            .iter()
            .map(builder)
            .map(|built| if cloud { built.build_cloud_event() } else { built.build_event_grid() }.unwrap())
            .collect();
        let body = body(&elements).unwrap();
        check_body(&body).unwrap();
        let batch = Batch::parse(body.as_bytes()).unwrap();
        prop_assert_eq!(batch.iter().map(|element| element.raw()).collect::<Vec<_>>(), elements);
        prop_assert_eq!(batch.iter().map(|element| read(element.event().unwrap())).collect::<Vec<_>>(), all);
    }

    #[test]
    fn ok_no_text_makes_two_elements_of_one(fields in any_fields(), text in any_text()) {
        let element = builder(&fields).build_event_grid().unwrap();
        for odd in [format!("{element}{text}"), format!("{text}{element}"), format!("{element},{element}")] {
            let is_the_same = odd.trim() == element;
            prop_assert_eq!(body(&[&odd]).is_ok(), is_the_same, "{}", odd);
        }
    }

    #[test]
    fn ok_a_model_of_any_name_reads_back(
        name in any_text(),
        version in any_text(),
        tags in btree_map(any_text(), any_text(), 0..4),
        id in any_text(),
        time in any_time(),
    ) {
        let workspace = WorkspaceId::parse(WORKSPACE).unwrap();
        let built = EventBuilder::model_registered(&workspace, &name, &version)
            .with_tags(tags.clone())
            .with_id(&id)
            .with_time(&time);
        for text in [built.build_event_grid().unwrap(), built.build_cloud_event().unwrap()] {
            let event = only_event(&text);
            let expect = format!("models/{name}:{version}");
            prop_assert_eq!((event.workspace(), event.subject()), (Some(workspace.clone()), Some(expect.as_str())));
            let Ok(AmlEvent::ModelRegistered(model)) = event.aml() else { panic!("{event:?}") };
            prop_assert_eq!(model.model_name().as_str(), &name);
            prop_assert_eq!(model.model_version().as_str(), &version);
            let read: BTreeMap<String, String> = model
                .model_tags()
                .iter()
                .map(|(key, json)| (key.into_owned(), serde_json::from_str(json).unwrap()))
                .collect();
            prop_assert_eq!(&read, &tags);
        }
    }
}
