//! **Here**: [`Made`]: an element of either schema with everything that may be odd about one, and what must hold for any event.
//! **Not here**: what one target checks (`fuzz_targets`).
//! **Reads**: the bytes of the fuzzer, as choices; gives JSON text.
//! **Source**: the keys and types of both schemas, `eventgrid-schema`.

use std::fmt::Write as _;

use arbitrary::Arbitrary;
use eventgrid_schema::{EnvelopeError, Event, EventType};

const KEYS: [&str; 32] = [
    "id",
    "topic",
    "source",
    "subject",
    "eventType",
    "type",
    "eventTime",
    "time",
    "specversion",
    "data",
    "data_base64",
    "dataVersion",
    "datacontenttype",
    "modelName",
    "modelVersion",
    "modelTags",
    "modelProperties",
    "serviceName",
    "modelIds",
    "runId",
    "runType",
    "runStatus",
    "runTags",
    "driftCoefficient",
    "startTime",
    "tarAsSystemEventDatasetId",
    "validationCode",
    "validationUrl",
    "deadLetterReason",
    "deliveryAttempts",
    "lastDeliveryOutcome",
    "publishTime",
];

const TYPES: [&str; 8] = [
    EventType::MODEL_REGISTERED,
    EventType::MODEL_DEPLOYED,
    EventType::RUN_COMPLETED,
    EventType::RUN_STATUS_CHANGED,
    EventType::DATASET_DRIFT_DETECTED,
    EventType::SUBSCRIPTION_VALIDATION,
    EventType::SUBSCRIPTION_DELETED,
    "Contoso.Other",
];

const TEXTS: [&str; 12] = [
    "",
    "1.0",
    "models/m:7",
    "experiments/e/runs/r",
    "a:1,b:2",
    "2026-11-22T10:00:00.1234567Z",
    "2026-11-22T10:00:00+05:30",
    "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w",
    "MaxDeliveryAttemptsExceeded",
    "application/json",
    r"\ud83d\ude00\n\u0000\/",
    r"\ud800",
];

/// A key: one that means something, in any casing, or any other.
#[derive(Debug, Arbitrary)]
pub enum Key {
    Known { index: u8, casing: u32 },
    Other(String),
}

/// A JSON value as text, valid always.
#[derive(Debug, Arbitrary)]
pub enum Json {
    Null,
    Bool(bool),
    Integer(i128),
    Fraction {
        whole: i32,
        digits: u64,
        exponent: Option<i16>,
    },
    Known(u8),
    Type(u8),
    Text(String),
    /// JSON inside a text.
    Wrapped(Box<Json>),
    Array(Vec<Json>),
    Object(Vec<(Key, Json)>),
}

/// An element that is nearly always an event.
#[derive(Debug, Arbitrary)]
pub struct Made {
    cloud: bool,
    event_type: u8,
    casing: u32,
    turn: u8,
    spaced: bool,
    id: Option<String>,
    data: Option<Json>,
    more: Vec<(Key, Json)>,
}

impl Key {
    fn print(&self, out: &mut String) {
        match self {
            Self::Known { index, casing } => {
                let key = KEYS[usize::from(*index) % KEYS.len()];
                print_text(&recased(key, *casing), out);
            }
            Self::Other(key) => print_text(key, out),
        }
    }
}

impl Json {
    /// The value as JSON text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.print(&mut out);
        out
    }

    fn print(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Integer(value) => write!(out, "{value}").expect("a text takes everything"),
            Self::Fraction {
                whole,
                digits,
                exponent,
            } => {
                write!(out, "{whole}.{digits}").expect("a text takes everything");
                if let Some(exponent) = exponent {
                    write!(out, "e{exponent:+}").expect("a text takes everything");
                }
            }
            Self::Known(index) => {
                out.push('"');
                out.push_str(TEXTS[usize::from(*index) % TEXTS.len()]);
                out.push('"');
            }
            Self::Type(index) => print_text(TYPES[usize::from(*index) % TYPES.len()], out),
            Self::Text(text) => print_text(text, out),
            Self::Wrapped(value) => match value.text() {
                // A text in a text in a text grows by escapes: twofold at each level.
                long if long.len() > 1_024 => out.push_str(&long),
                text => print_text(&text, out),
            },
            Self::Array(values) => {
                out.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    value.print(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    key.print(out);
                    out.push(':');
                    value.print(out);
                }
                out.push('}');
            }
        }
    }
}

impl Made {
    /// Whether no key comes twice.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.more.is_empty()
    }

    /// The element; each key of the envelope spelt by `spell`.
    pub fn print(&self, spell: impl Fn(&str, u32) -> String) -> String {
        let [source, event_type, time] = if self.cloud {
            ["source", "type", "time"]
        } else {
            ["topic", "eventType", "eventTime"]
        };
        let text = |text: &str| {
            let mut out = String::new();
            print_text(text, &mut out);
            out
        };
        let mut members = vec![
            ("id", text(self.id.as_deref().unwrap_or("1"))),
            (source, text(TEXTS[7])),
            (
                event_type,
                text(TYPES[usize::from(self.event_type) % TYPES.len()]),
            ),
            (time, text(TEXTS[5])),
            ("subject", text(TEXTS[2])),
        ];
        if self.cloud {
            members.push(("specversion", text("1.0")));
        }
        if let Some(data) = &self.data {
            members.push(("data", data.text()));
        }
        let turned = usize::from(self.turn) % members.len();
        members.rotate_left(turned);
        let space = if self.spaced { " \n\t" } else { "" };
        let mut out = format!("{space}{{");
        for (index, (key, value)) in members.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let key = spell(key, self.casing.rotate_left(u32::from(self.turn)));
            write!(out, "{comma}{space}\"{key}\"{space}:{space}{value}{space}")
                .expect("a text takes everything");
        }
        for (key, value) in &self.more {
            out.push(',');
            key.print(&mut out);
            out.push(':');
            value.print(&mut out);
        }
        out.push('}');
        out
    }
}

/// `key` with the casing of its letters by the bits of `casing`.
#[must_use]
pub fn recased(key: &str, casing: u32) -> String {
    let recase = |(index, letter): (usize, char)| match casing.rotate_right(index as u32) & 1 {
        0 => letter,
        _ if letter.is_ascii_lowercase() => letter.to_ascii_uppercase(),
        _ => letter.to_ascii_lowercase(),
    };
    key.chars().enumerate().map(recase).collect()
}

fn print_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a text is JSON"));
}

/// Every accessor, as one text; what is verbatim is a part of the element.
pub fn reading(event: &Event<'_>) -> String {
    let raw = event.raw();
    assert!(event.data_text().is_none_or(|data| raw.contains(data)));
    let mut text = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        event.schema(),
        event.id(),
        event.source(),
        event.event_type(),
        event.subject(),
        event.subject_parts(),
        event.time(),
        event.key(),
        event.workspace(),
        event.data_text(),
        event.payload_text(),
    );
    let extensions: Vec<_> = event.extensions().collect();
    for (name, value) in &extensions {
        assert!(!name.is_empty() || raw.contains("\"\""));
        serde_json::from_str::<&serde_json::value::RawValue>(value).expect("an attribute is JSON");
    }
    write!(
        text,
        " {extensions:?} {:?} {:?} {:?}",
        event.system(),
        event.aml(),
        event.dead_letter()
    )
    .expect("a text takes everything");
    if let Err(error) = event.aml() {
        assert!(error.to_string().len() < 512, "{error}");
    }
    text
}

/// What an element reads as, an event or an error of bounded length.
pub fn outcome(read: Result<&Event<'_>, &EnvelopeError>) -> String {
    match read {
        Ok(event) => {
            let text = reading(event);
            assert_eq!(text, reading(&event.clone().into_owned()));
            text
        }
        Err(error) => {
            assert!(error.to_string().len() < 512, "{error}");
            error.to_string()
        }
    }
}
