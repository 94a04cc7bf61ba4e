//! **Here**: payload templates: references into the event, the grammar that values must match, and the proof of GitHub's limits. Pure.
//! **Not here**: where a payload goes (`dispatch`), the limits themselves (github-dispatch).
//! **Reads**: `view` before it; `worker` renders, `intake` tries.
//! **Source**: DESIGN section 6, payload limits and default mapping; facts/github 1.1 and 1.4.

use github_dispatch::{DEFAULT_PAYLOAD_CAP_BYTES, MAX_PAYLOAD_KEYS};
use serde_json::{Map, Value};

use super::config::{Over, Widen};
use super::view::EventView;
use crate::key::RelayId;

/// The key of the payload that is ours.
const RESERVED: &str = "relay";
/// How long a value may be that no route widened: the grammar of [`is_plain`] has no longer ones.
const PLAIN_BYTES: usize = 255;
/// The most bytes that one byte of text can take in JSON, however it is re-serialised (`\u00e9` for two bytes of UTF-8).
const WORST_BYTES: usize = 3;

/// A value that cannot enter the payload; the item parks with this text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("payload key {key:?}: {reference} {why}")]
#[non_exhaustive]
pub struct RenderError {
    /// The top-level key of the payload.
    pub key: String,
    /// The reference as the route wrote it.
    pub reference: String,
    /// What is wrong with its value; at most 64 bytes of it.
    pub why: String,
}

#[derive(Debug)]
pub(super) struct Template {
    members: Vec<(String, Node)>,
}

#[derive(Debug)]
enum Node {
    Literal(Value),
    Text(Vec<Piece>),
    Object(Vec<(String, Self)>),
    Array(Vec<Self>),
}

#[derive(Debug)]
enum Piece {
    Literal(String),
    Reference(Reference),
}

#[derive(Debug)]
struct Reference {
    /// As written, without `${` and `}`.
    text: String,
    path: Vec<String>,
    /// None: the value must be plain.
    widen: Option<(usize, Over)>,
}

impl Template {
    /// Reads a template and proves that whatever it renders stays within GitHub's limits.
    pub(super) fn load(payload: &Map<String, Value>, widen: &[Widen]) -> Result<Self, String> {
        if payload.contains_key(RESERVED) {
            return Err(format!("the key {RESERVED:?} is reserved for the relay"));
        }
        if payload.len() >= MAX_PAYLOAD_KEYS {
            return Err(format!(
                "{} keys and the reserved {RESERVED:?} are {}, and GitHub takes at most {MAX_PAYLOAD_KEYS}; nest some",
                payload.len(),
                payload.len() + 1
            ));
        }
        let mut used = vec![false; widen.len()];
        let members = object(payload, widen, &mut used)?;
        if let Some(unused) = used
            .iter()
            .position(|used| !used)
            .and_then(|index| widen.get(index))
        {
            return Err(format!(
                "`widen` names {:?}, which the payload does not use",
                unused.reference
            ));
        }
        // `{"relay":{"id":"…"},` and the closing brace.
        let worst = members_size(&members).saturating_add(RelayId::LEN + 24);
        if worst > DEFAULT_PAYLOAD_CAP_BYTES {
            return Err(format!(
                "it can become {worst} bytes, and {DEFAULT_PAYLOAD_CAP_BYTES} are the limit; lower `max_bytes` under `widen`"
            ));
        }
        Ok(Self { members })
    }

    pub(super) fn render(
        &self,
        view: &EventView<'_>,
        relay_id: &RelayId,
    ) -> Result<Map<String, Value>, RenderError> {
        let mut payload = Map::new();
        for (key, node) in &self.members {
            let value = render(node, view).map_err(|(reference, why)| RenderError {
                key: key.clone(),
                reference,
                why,
            })?;
            payload.insert(key.clone(), value);
        }
        let id = Value::String(relay_id.as_str().to_owned());
        payload.insert(
            RESERVED.to_owned(),
            Value::Object(Map::from_iter([("id".to_owned(), id)])),
        );
        Ok(payload)
    }
}

fn object(
    map: &Map<String, Value>,
    widen: &[Widen],
    used: &mut [bool],
) -> Result<Vec<(String, Node)>, String> {
    map.iter()
        .map(|(key, value)| Ok((key.clone(), node(value, widen, used)?)))
        .collect()
}

fn node(value: &Value, widen: &[Widen], used: &mut [bool]) -> Result<Node, String> {
    Ok(match value {
        Value::String(text) => Node::Text(pieces(text, widen, used)?),
        Value::Object(map) => Node::Object(object(map, widen, used)?),
        Value::Array(values) => Node::Array(
            values
                .iter()
                .map(|value| node(value, widen, used))
                .collect::<Result<_, _>>()?,
        ),
        literal => Node::Literal(literal.clone()),
    })
}

/// Splits a text at its references; `$${` stands for a literal `${`.
fn pieces(text: &str, widen: &[Widen], used: &mut [bool]) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(escaped) = before.strip_suffix('$') {
            literal.push_str(escaped);
            literal.push_str("${");
            rest = after;
            continue;
        }
        literal.push_str(before);
        let (inside, behind) = after
            .split_once('}')
            .ok_or_else(|| format!("in {text:?} a reference is not closed by a brace"))?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Reference(reference(inside, widen, used)?));
        rest = behind;
    }
    literal.push_str(rest);
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

fn reference(text: &str, widen: &[Widen], used: &mut [bool]) -> Result<Reference, String> {
    let path = parse_path(text).ok_or_else(|| {
        format!("${{{text}}} is not a reference such as ${{data.modelName}} or ${{data.modelTags[\"a.b\"]}}")
    })?;
    let root = path
        .first()
        .map(|root| root.to_ascii_lowercase())
        .unwrap_or_default();
    let known = [
        "id",
        "source",
        "topic",
        "type",
        "eventtype",
        "subject",
        "time",
        "eventtime",
    ]
    .contains(&root.as_str());
    if !(root == "data" && path.len() > 1 || known && path.len() == 1) {
        return Err(format!(
            "${{{text}}} refers to nothing: an event has id, type, source, subject, time and the fields of data"
        ));
    }
    let same = |one: &Widen| {
        parse_path(&one.reference).is_some_and(|other| {
            other.len() == path.len() && other.iter().zip(&path).all(|(a, b)| a.eq_ignore_ascii_case(b))
        })
    };
    let index = widen.iter().position(same);
    if let Some(slot) = index.and_then(|index| used.get_mut(index)) {
        *slot = true;
    }
    let widen = index
        .and_then(|index| widen.get(index))
        .map(|one| (one.max_bytes, one.over));
    if widen.is_none() && ["source", "topic", "subject"].contains(&root.as_str()) {
        return Err(format!(
            "${{{text}}} always holds characters that may not enter a payload unchecked; name it under `widen` to mean it"
        ));
    }
    Ok(Reference {
        text: text.to_owned(),
        path,
        widen,
    })
}

/// `a.b["c.d"]` as `[a, b, c.d]`.
fn parse_path(text: &str) -> Option<Vec<String>> {
    let mut path = Vec::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (name, behind) = quoted.split_once("\"]")?;
            path.push(name.to_owned());
            rest = behind;
        } else {
            let name = rest.split(['.', '[']).next().filter(|name| {
                !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
            })?;
            path.push(name.to_owned());
            rest = rest.get(name.len()..)?;
        }
        if rest.is_empty() {
            return Some(path);
        }
        if let Some(behind) = rest.strip_prefix('.') {
            rest = behind;
        } else if !rest.starts_with('[') {
            return None;
        }
    }
}

type Refused = (String, String);

fn render(node: &Node, view: &EventView<'_>) -> Result<Value, Refused> {
    Ok(match node {
        Node::Literal(value) => value.clone(),
        Node::Text(pieces) => {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Literal(literal) => text.push_str(literal),
                    Piece::Reference(reference) => text.push_str(&resolve(reference, view)?),
                }
            }
            Value::String(text)
        }
        Node::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, node)| Ok((key.clone(), render(node, view)?)))
                .collect::<Result<_, Refused>>()?,
        ),
        Node::Array(nodes) => Value::Array(
            nodes
                .iter()
                .map(|node| render(node, view))
                .collect::<Result<_, _>>()?,
        ),
    })
}

/// The text of a reference: always a string, so that a version is "7" whether the sender wrote 7 or "7".
fn resolve(reference: &Reference, view: &EventView<'_>) -> Result<String, Refused> {
    let refuse = |why: String| (reference.text.clone(), why);
    let text = match view.find(&reference.path).as_deref() {
        None | Some(Value::Null) => return Err(refuse("is not there".to_owned())),
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        Some(Value::Array(_) | Value::Object(_)) => {
            return Err(refuse("is not a text, number or boolean".to_owned()));
        }
    };
    let root = reference.path.first().map(|root| root.to_ascii_lowercase());
    let is_time = matches!(root.as_deref(), Some("time" | "eventtime"));
    match reference.widen {
        None if is_plain(&text) || is_time && is_instant(&text) => Ok(text),
        None => Err(refuse(format!(
            "is {}, and only [A-Za-z0-9][A-Za-z0-9._-]{{0,254}} may enter a payload unless the route widens it",
            shown(&text)
        ))),
        Some(_) if text.chars().any(char::is_control) => Err(refuse(format!(
            "is {}, which holds control characters",
            shown(&text)
        ))),
        Some((max, Over::Park)) if text.len() > max => Err(refuse(format!(
            "is {} bytes long, and {max} are allowed",
            text.len()
        ))),
        Some((max, _)) => {
            let end = (0..=max.min(text.len()))
                .rev()
                .find(|end| text.is_char_boundary(*end))
                .unwrap_or(0);
            Ok(text.get(..end).unwrap_or_default().to_owned())
        }
    }
}

/// `[A-Za-z0-9][A-Za-z0-9._-]{0,254}`: what may enter a payload, and so a shell line of somebody's workflow, unasked.
fn is_plain(text: &str) -> bool {
    text.len() <= PLAIN_BYTES
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_instant(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().all(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'T' | b't' | b'Z' | b'z' | b':' | b'.' | b'+' | b'-')
        })
}

/// At most 64 bytes of a value, quoted and escaped.
fn shown(text: &str) -> String {
    let end = (0..=64.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    format!("{:?}", text.get(..end).unwrap_or_default())
}

fn members_size(members: &[(String, Node)]) -> usize {
    members.iter().fold(2, |sum, (key, node)| {
        sum.saturating_add(escaped_size(key))
            .saturating_add(4)
            .saturating_add(node_size(node))
    })
}

fn node_size(node: &Node) -> usize {
    match node {
        Node::Literal(value) => value.to_string().len(),
        Node::Text(pieces) => pieces.iter().fold(2, |sum, piece| {
            sum.saturating_add(match piece {
                Piece::Literal(literal) => escaped_size(literal),
                Piece::Reference(Reference {
                    widen: Some((max, _)),
                    ..
                }) => max.saturating_mul(WORST_BYTES),
                Piece::Reference(_) => PLAIN_BYTES,
            })
        }),
        Node::Object(members) => members_size(members),
        Node::Array(nodes) => nodes.iter().fold(2, |sum, node| {
            sum.saturating_add(node_size(node)).saturating_add(1)
        }),
    }
}

/// The size of a literal in JSON when everything beyond ASCII is escaped.
fn escaped_size(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if c.is_ascii() && !c.is_ascii_control() {
                2
            } else {
                6 * c.len_utf16()
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        let key = crate::key::DispatchKey::new(&crate::key::ReleaseKey::of_event("s", "e"), "r");
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
}
