//! **Here**: payload templates: values and references into the event, and the proof of GitHub's limits. Pure.
//! **Not here**: what a reference becomes (`reference`), where a payload goes (`dispatch`), the limits themselves (github-dispatch).
//! **Reads**: `reference` before it; `worker` renders, `intake` tries.
//! **Source**: DESIGN section 6, payload limits and default mapping; facts/github 1.1, 1.4 and 2.1.

use github_dispatch::workflow_dispatch::MAX_INPUTS;
use github_dispatch::{DEFAULT_PAYLOAD_CAP_BYTES, MAX_PAYLOAD_KEYS, WorkflowDispatch};
use serde_json::{Map, Value};

use super::config::{Over, Widen};
use super::field::Field;
use super::reference::{Reference, Refused};
use super::view::EventView;
use crate::key::{DispatchKey, RelayId, ReleaseKey};

/// The key of the payload that is ours.
const RESERVED: &str = "relay";
/// The input of a workflow dispatch that is ours.
const RESERVED_INPUT: &str = "relay_id";
/// How long a value may be that no route widened: the grammar of plain values has no longer ones.
pub(super) const PLAIN_BYTES: usize = 255;
/// How long a source or subject may be within a release key.
const MAX_KEY_PART_BYTES: usize = 4_096;

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

/// An event of which a route's release key cannot be made; the item parks with this text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("release_key: {reference} {why}")]
#[non_exhaustive]
pub struct KeyError {
    /// The reference as the route wrote it.
    pub reference: String,
    /// What is wrong with its value; at most 64 bytes of it.
    pub why: String,
}

#[derive(Debug)]
pub(super) struct Template {
    kind: Kind,
    members: Vec<(String, Node)>,
}

/// What is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// `client_payload` of a repository dispatch.
    Payload,
    /// The inputs of a workflow dispatch: texts.
    Inputs,
}

#[derive(Debug)]
enum Node {
    Literal(Value),
    Text(Vec<Piece>),
    /// A reference that stands alone, and so may become a number, or whatever it is.
    Value(Reference),
    Object(Vec<(String, Self)>),
    Array(Vec<Self>),
}

#[derive(Debug)]
enum Piece {
    Literal(String),
    Reference(Reference),
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
        Self::proved(Kind::Payload, payload, widen, "the payload")
    }

    /// The same for the inputs of a workflow dispatch.
    pub(super) fn load_inputs(inputs: &Map<String, Value>, widen: &[Widen]) -> Result<Self, String> {
        if inputs.contains_key(RESERVED_INPUT) {
            return Err(format!("the input {RESERVED_INPUT:?} is reserved for the relay"));
        }
        if inputs.len() >= MAX_INPUTS {
            return Err(format!(
                "{} inputs and the reserved {RESERVED_INPUT:?} are {}, and GitHub takes at most {MAX_INPUTS}",
                inputs.len(),
                inputs.len() + 1
            ));
        }
        if let Some((name, value)) = inputs.iter().find(|(_, value)| !value.is_string()) {
            return Err(format!(
                "the input {name:?} is {value}, and inputs are texts: write it within quotes"
            ));
        }
        // The names are proved by the type that is sent.
        WorkflowDispatch::new("main", inputs.keys().map(|name| (name.as_str(), "")))
            .map_err(|error| error.to_string())?;
        Self::proved(Kind::Inputs, inputs, widen, "the inputs")
    }

    fn proved(
        kind: Kind,
        members: &Map<String, Value>,
        widen: &[Widen],
        whose: &str,
    ) -> Result<Self, String> {
        let mut used = vec![false; widen.len()];
        let members = object(members, widen, &mut used)?;
        if let Some(unused) = used
            .iter()
            .position(|used| !used)
            .and_then(|index| widen.get(index))
        {
            return Err(format!(
                "`widen` names {:?}, which {whose} does not use",
                unused.reference
            ));
        }
        // `{"relay":{"id":"…"},` and the closing brace; `"relay_id":"…"` is shorter.
        let worst = members_size(&members).saturating_add(RelayId::LEN + 24);
        if worst > DEFAULT_PAYLOAD_CAP_BYTES {
            return Err(format!(
                "it can become {worst} bytes, and {DEFAULT_PAYLOAD_CAP_BYTES} are the limit; lower `max_bytes` under `widen`"
            ));
        }
        Ok(Self { kind, members })
    }

    pub(super) fn render(
        &self,
        view: &EventView<'_>,
        relay_id: &RelayId,
    ) -> Result<Map<String, Value>, RenderError> {
        let mut payload = Map::new();
        for (key, node) in &self.members {
            let rendered = match self.kind {
                Kind::Payload => render(node, view, relay_id),
                Kind::Inputs => input(node, view, relay_id),
            };
            let value = rendered.map_err(|(reference, why)| RenderError {
                key: key.clone(),
                reference,
                why,
            })?;
            payload.insert(key.clone(), value);
        }
        let id = Value::String(relay_id.as_str().to_owned());
        match self.kind {
            Kind::Payload => {
                let relay = Value::Object(Map::from_iter([("id".to_owned(), id)]));
                payload.insert(RESERVED.to_owned(), relay);
            }
            Kind::Inputs => {
                payload.insert(RESERVED_INPUT.to_owned(), id);
            }
        }
        Ok(payload)
    }

    /// The fields that it looks at.
    pub(super) fn fields(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        let mut todo: Vec<&Node> = self.members.iter().map(|(_, node)| node).collect();
        while let Some(node) = todo.pop() {
            match node {
                Node::Literal(_) => {}
                Node::Text(pieces) => fields.extend(pieces.iter().filter_map(|piece| match piece {
                    Piece::Literal(_) => None,
                    Piece::Reference(reference) => reference.field(),
                })),
                Node::Value(reference) => fields.extend(reference.field()),
                Node::Object(members) => todo.extend(members.iter().map(|(_, node)| node)),
                Node::Array(nodes) => todo.extend(nodes),
            }
        }
        fields
    }
}

/// The template of a release key: one text, of at least one reference.
#[derive(Debug)]
pub(super) struct KeyTemplate(Node);

impl KeyTemplate {
    /// Reads it. A key enters no payload, so the source and the subject may stand in it as they are.
    pub(super) fn load(text: &str) -> Result<Self, String> {
        let widen = ["source", "subject"].map(|reference| Widen {
            reference: reference.to_owned(),
            max_bytes: MAX_KEY_PART_BYTES,
            over: Over::Park,
        });
        let node = node(&Value::String(text.to_owned()), &widen, &mut [false; 2])?;
        let references = match &node {
            Node::Value(reference) => vec![reference],
            Node::Text(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Literal(_) => None,
                    Piece::Reference(reference) => Some(reference),
                })
                .collect(),
            Node::Literal(_) | Node::Object(_) | Node::Array(_) => Vec::new(),
        };
        if references.is_empty() {
            return Err("it has no reference, so that every event would release the same".to_owned());
        }
        if references.iter().any(|reference| reference.field().is_none()) {
            return Err("the relay id is made of the key, and cannot stand in it".to_owned());
        }
        Ok(Self(node))
    }

    /// The key of an event.
    pub(super) fn render(&self, view: &EventView<'_>) -> Result<String, KeyError> {
        // It refers to no relay id, so that any will do.
        let none = RelayId::new(&DispatchKey::new(&ReleaseKey::of_text(""), ""), 1);
        match input(&self.0, view, &none) {
            Ok(Value::String(text)) => Ok(text),
            Ok(other) => Ok(other.to_string()),
            Err((reference, why)) => Err(KeyError { reference, why }),
        }
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
        Value::String(text) => {
            let mut pieces = pieces(text, widen, used)?;
            match pieces.pop() {
                Some(Piece::Reference(reference)) if pieces.is_empty() => Node::Value(reference),
                last => {
                    pieces.extend(last);
                    Node::Text(pieces)
                }
            }
        }
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
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        let (reference, behind) = Reference::take(after, widen, used)?;
        pieces.push(Piece::Reference(reference));
        rest = behind;
    }
    literal.push_str(rest);
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

fn render(node: &Node, view: &EventView<'_>, relay_id: &RelayId) -> Result<Value, Refused> {
    Ok(match node {
        Node::Literal(value) => value.clone(),
        Node::Value(reference) => reference.value(view, relay_id)?,
        Node::Text(pieces) => {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Literal(literal) => text.push_str(literal),
                    Piece::Reference(reference) => text.push_str(&reference.as_text(view, relay_id)?),
                }
            }
            Value::String(text)
        }
        Node::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, node)| Ok((key.clone(), render(node, view, relay_id)?)))
                .collect::<Result<_, Refused>>()?,
        ),
        Node::Array(nodes) => Value::Array(
            nodes
                .iter()
                .map(|node| render(node, view, relay_id))
                .collect::<Result<_, _>>()?,
        ),
    })
}

/// As `render`, and a text whatever it is.
fn input(node: &Node, view: &EventView<'_>, relay_id: &RelayId) -> Result<Value, Refused> {
    match node {
        Node::Value(reference) => reference.as_text(view, relay_id).map(Value::String),
        other => render(other, view, relay_id),
    }
}

/// At most 64 bytes of a value, quoted and escaped.
pub(super) fn shown(text: &str) -> String {
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
        // As an input it becomes a text, within quotes.
        Node::Value(reference) => reference.worst().saturating_add(2),
        Node::Text(pieces) => pieces.iter().fold(2, |sum, piece| {
            sum.saturating_add(match piece {
                Piece::Literal(literal) => escaped_size(literal),
                Piece::Reference(reference) => reference.worst(),
            })
        }),
        Node::Object(members) => members_size(members),
        Node::Array(nodes) => nodes.iter().fold(2, |sum, node| {
            sum.saturating_add(node_size(node)).saturating_add(1)
        }),
    }
}

/// The size of a literal in JSON when everything beyond ASCII is escaped.
pub(super) fn escaped_size(text: &str) -> usize {
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
mod tests;
