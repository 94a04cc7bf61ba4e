//! **Here**: a listener at the most verbose level, for `tracing` and for `log`, that counts bytes by crate and keeps none.
//! **Not here**: who logs (`contenders`).
//! **Reads**: `payload`, whose token no record may show.
//! **Source**: <https://docs.rs/tracing/0.1/tracing/trait.Subscriber.html> and <https://docs.rs/log/0.4/log/trait.Log.html>, read 2026-11-23.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::payload::TOKEN;

/// What one crate logged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Logged {
    /// Events, spans, and values added to spans.
    pub(crate) n_records: u64,
    /// Bytes of their texts, `name=value` for each field, without what a formatter adds.
    pub(crate) n_bytes: u64,
    /// Records that show the token.
    pub(crate) n_leaks: u64,
}

static LOGGED: Mutex<BTreeMap<String, Logged>> = Mutex::new(BTreeMap::new());
/// The target of each span by its id, since values that are added later say only the id.
static SPANS: Mutex<Vec<&str>> = Mutex::new(Vec::new());

/// Listens from now on.
pub(crate) fn listen() {
    tracing::subscriber::set_global_default(Listener).expect("the only subscriber");
    log::set_logger(&Listener).expect("the only logger");
    log::set_max_level(log::LevelFilter::Trace);
}

/// Forgets what was logged so far.
pub(crate) fn clear() {
    LOGGED.lock().expect("no panic").clear();
}

/// What each crate logged since then.
pub(crate) fn logged() -> BTreeMap<String, Logged> {
    LOGGED.lock().expect("no panic").clone()
}

fn count(target: &str, text: &str) {
    let name = target.split("::").next().unwrap_or(target);
    let mut logged = LOGGED.lock().expect("no panic");
    let one = logged.entry(name.to_owned()).or_default();
    one.n_records += 1;
    one.n_bytes += text.len() as u64;
    one.n_leaks += u64::from(text.contains(TOKEN));
}

struct Listener;

/// The text of a record.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let space = if self.0.is_empty() { "" } else { " " };
        let written = match field.name() {
            "message" => write!(self.0, "{space}{value:?}"),
            name => write!(self.0, "{space}{name}={value:?}"),
        };
        written.expect("a String takes all");
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        count(span.metadata().target(), &text.0);
        let mut spans = SPANS.lock().expect("no panic");
        spans.push(span.metadata().target());
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut text = Text(String::new());
        values.record(&mut text);
        let index = usize::try_from(span.into_u64() - 1).expect("an index");
        let target = SPANS.lock().expect("no panic")[index];
        count(target, &text.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        count(event.metadata().target(), &text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        count(record.target(), &record.args().to_string());
    }

    fn flush(&self) {}
}
