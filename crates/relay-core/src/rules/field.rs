//! **Here**: [`Field`]: a field of an event as rules name it, such as `data.modelTags["azureml.pipelineid"]`. Pure.
//! **Not here**: its value in an event (`view`).
//! **Reads**: nothing; `condition` and `reference` name fields, `view` looks them up.
//! **Source**: DESIGN section 5: keys with dots, which Azure's filters cannot address; facts/eventgrid 1.2 and 2.1: what events have.

use std::fmt;

use eventgrid_schema::EventType;

/// What both schemas, and CloudEvents alone, call a field beside `data`; in lower case.
const ENVELOPE: [(&str, Root); 13] = [
    ("id", Root::Id),
    ("source", Root::Source),
    ("topic", Root::Source),
    ("type", Root::Type),
    ("eventtype", Root::Type),
    ("subject", Root::Subject),
    ("time", Root::Time),
    ("eventtime", Root::Time),
    ("dataversion", Root::Attribute("dataVersion")),
    ("metadataversion", Root::Attribute("metadataVersion")),
    ("specversion", Root::Attribute("specversion")),
    ("datacontenttype", Root::Attribute("datacontenttype")),
    ("dataschema", Root::Attribute("dataschema")),
];

/// What stands at the front of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Root {
    Id,
    /// `topic` of the Event Grid schema.
    Source,
    Type,
    Subject,
    Time,
    /// Any other attribute that one of the schemas names.
    Attribute(&'static str),
    /// An extension attribute of CloudEvents.
    Extension,
    Data,
}

/// A field of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Field {
    /// As it was written.
    text: String,
    root: Root,
    /// The keys behind the root, in the casing in which they were written.
    keys: Vec<String>,
}

impl Field {
    /// Reads `subject`, `data.modelTags.stage` or `data.modelTags["a.b"]`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let path = parse_path(text)
            .ok_or_else(|| format!("{text} is no field such as data.modelName or data.modelTags[\"a.b\"]"))?;
        let (root, keys) = of_path(&path).ok_or_else(|| {
            format!(
                "{text} refers to nothing: an event has id, type, source, subject, time, dataVersion, metadataVersion, specversion, \
                 datacontenttype, dataschema, extensions.NAME and the fields of data"
            )
        })?;
        Ok(Self {
            text: text.to_owned(),
            root,
            keys: keys.to_vec(),
        })
    }

    pub(super) const fn root(&self) -> Root {
        self.root
    }

    pub(super) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Whether both surely have one value in every event. Keys are compared letter by letter: an object may hold `stage` beside `Stage`.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.root == other.root && self.keys == other.keys
    }

    /// Whether both may be meant to be one: keys in any casing.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        let is_same = |(a, b): (&String, &String)| a.eq_ignore_ascii_case(b);
        self.root == other.root
            && self.keys.len() == other.keys.len()
            && self.keys.iter().zip(&other.keys).all(is_same)
    }

    /// What is odd about it where only events of these types are wanted: none of them is known to have it.
    pub(super) fn doubt(&self, event_types: &[String]) -> Option<String> {
        let first = self.keys.first().filter(|_| self.root == Root::Data)?;
        let known: Option<Vec<&[&str]>> = event_types.iter().map(|one| known_fields(one)).collect();
        let has = |fields: &[&str]| fields.iter().any(|field| field.eq_ignore_ascii_case(first));
        (!known?.into_iter().any(has)).then(|| {
            let names: Vec<&str> = event_types
                .iter()
                .map(|one| one.rsplit('.').next().unwrap_or(one))
                .collect();
            format!(
                "{self}: events of type {} are not known to have data.{first}",
                names.join(", ")
            )
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The root of a path in any casing, and the keys behind it.
pub(super) fn of_path(path: &[String]) -> Option<(Root, &[String])> {
    let (first, keys) = path.split_first()?;
    if first.eq_ignore_ascii_case("data") {
        return Some((Root::Data, keys));
    }
    if first.eq_ignore_ascii_case("extensions") {
        return (keys.len() == 1).then_some((Root::Extension, keys));
    }
    let known = ENVELOPE.iter().find(|(name, _)| first.eq_ignore_ascii_case(name));
    known.filter(|_| keys.is_empty()).map(|(_, root)| (*root, keys))
}

/// The fields of `data` that are known of a type.
fn known_fields(event_type: &str) -> Option<&'static [&'static str]> {
    const RUN: &[&str] = &[
        "experimentId",
        "experimentName",
        "runId",
        "runType",
        "runTags",
        "runProperties",
        "runStatus",
        "createdBy",
    ];
    const KNOWN: [(&str, &[&str]); 5] = [
        (
            EventType::MODEL_REGISTERED,
            &[
                "modelName",
                "modelVersion",
                "modelTags",
                "modelProperties",
                "createdBy",
            ],
        ),
        (
            EventType::MODEL_DEPLOYED,
            &[
                "serviceName",
                "serviceComputeType",
                "modelIds",
                "serviceTags",
                "serviceProperties",
                "createdBy",
            ],
        ),
        (EventType::RUN_COMPLETED, RUN),
        (EventType::RUN_STATUS_CHANGED, RUN),
        (
            EventType::DATASET_DRIFT_DETECTED,
            &[
                "dataDriftId",
                "dataDriftName",
                "runId",
                "baseDatasetId",
                "targetDatasetId",
                "driftCoefficient",
                "startTime",
                "endTime",
                "createdBy",
            ],
        ),
    ];
    let known = KNOWN
        .iter()
        .find(|(name, _)| event_type.eq_ignore_ascii_case(name));
    known.map(|(_, fields)| *fields)
}

/// `a.b["c.d"]` as `[a, b, c.d]`.
fn parse_path(text: &str) -> Option<Vec<String>> {
    take_path(text)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(path, _)| path)
}

/// The path at the front of a text, and what is behind it.
pub(super) fn take_path(text: &str) -> Option<(Vec<String>, &str)> {
    let mut path = Vec::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (name, behind) = quoted.split_once("\"]")?;
            path.push(name.to_owned());
            rest = behind;
        } else {
            let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            let behind = rest.trim_start_matches(is_name);
            let name = rest.strip_suffix(behind).filter(|name| !name.is_empty())?;
            path.push(name.to_owned());
            rest = behind;
        }
        if let Some(behind) = rest.strip_prefix('.') {
            // A key in brackets follows its object without a point.
            if behind.starts_with('[') {
                return None;
            }
            rest = behind;
        } else if !rest.starts_with('[') {
            return Some((path, rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_fields_of_both_schemas_in_any_casing() {
        let check = |text: &str, root: Root, keys: &[&str]| {
            let field = Field::parse(text).unwrap();
            assert_eq!(
                (field.root(), field.keys()),
                (
                    root,
                    &*keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>()
                )
            );
            assert_eq!(field.to_string(), text);
        };
        check("id", Root::Id, &[]);
        check("Topic", Root::Source, &[]);
        check("SOURCE", Root::Source, &[]);
        check("EventType", Root::Type, &[]);
        check("dataversion", Root::Attribute("dataVersion"), &[]);
        check("extensions.traceparent", Root::Extension, &["traceparent"]);
        check("data", Root::Data, &[]);
        check(
            "Data.modelTags[\"a.b\"].c",
            Root::Data,
            &["modelTags", "a.b", "c"],
        );
        check(
            "data[\"model tags\"][\"]}|\"]",
            Root::Data,
            &["model tags", "]}|"],
        );
    }

    #[test]
    fn err_fields_that_no_event_has() {
        for text in [
            "",
            ".",
            "data.",
            "data..x",
            "modelName",
            "dta.modelName",
            "subject.x",
            "id[\"x\"]",
            "extensions",
            "extensions.a.b",
            "data.x y",
            "data[x]",
            "data[\"x\"",
            "comexampleextension1",
        ] {
            assert!(Field::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ok_fields_that_are_one_and_fields_that_look_like_one() {
        let check = |a: &str, b: &str, same: bool, alike: bool| {
            let (one, other) = (Field::parse(a).unwrap(), Field::parse(b).unwrap());
            assert_eq!(
                (one.is_same(&other), other.is_same(&one)),
                (same, same),
                "{a} {b}"
            );
            assert_eq!(
                (one.looks_like(&other), other.looks_like(&one)),
                (alike, alike),
                "{a} {b}"
            );
        };
        check("topic", "SOURCE", true, true);
        check("subject", "id", false, false);
        check("data", "subject", false, false);
        check("DATA.a.b", "data.a[\"b\"]", true, true);
        check("data.a", "data.A", false, true);
        check("data.a", "data.b", false, false);
        check("data.a.b", "data.b.b", false, false);
        check("data.a", "data.a.b", false, false);
        check("extensions.data", "data.data", false, false);
    }

    #[test]
    fn ok_a_field_that_no_wanted_type_has_is_doubted() {
        let doubt = |text: &str, types: &[&str]| {
            let types: Vec<String> = types.iter().map(|one| one.to_ascii_lowercase()).collect();
            Field::parse(text).unwrap().doubt(&types)
        };
        let registered = EventType::MODEL_REGISTERED;
        assert_eq!(doubt("data.MODELNAME", &[registered]), None);
        assert_eq!(doubt("subject", &[registered]), None);
        assert_eq!(doubt("data", &[registered]), None);
        assert!(
            doubt("data.modelnam", &[registered])
                .unwrap()
                .contains("data.modelnam")
        );
        assert!(doubt("data.runId", &[registered]).is_some());
        // One type that has it is enough, and of a type that nobody knows nothing is known.
        assert_eq!(doubt("data.runId", &[registered, EventType::RUN_COMPLETED]), None);
        assert_eq!(doubt("data.anything", &[registered, "Contoso.Own"]), None);
    }
}
