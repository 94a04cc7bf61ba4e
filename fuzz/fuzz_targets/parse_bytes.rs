//! **Here**: any bytes as a body, judged by `serde_json`: what it takes is taken, what it refuses is refused.
//! **Not here**: bodies that are nearly right (`parse_event`).
//! **Reads**: `Batch::parse`.
//! **Source**: RFC 8259, by way of `serde_json`.
#![no_main]

use eventgrid_schema::{Batch, Event, Limits};
use libfuzzer_sys::fuzz_target;
use relay_fuzz::outcome;
use serde_json::value::RawValue;

fuzz_target!(|body: &[u8]| {
    let limits = Limits::default().with_max_elements(usize::MAX);
    let read = Batch::parse_with(body, &limits);
    let bare = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let judged = serde_json::from_slice::<Vec<&RawValue>>(bare)
        .or_else(|_| serde_json::from_slice::<&RawValue>(bare).map(|one| vec![one]));
    let Ok(batch) = read else {
        // A text, a number or null is JSON and no batch.
        let first = bare.trim_ascii_start().first().copied();
        assert!(judged.is_err() || !matches!(first, Some(b'[' | b'{')), "{read:?}");
        return;
    };
    let raws = judged.expect("serde_json takes what we take");
    assert_eq!(
        batch.iter().map(|element| element.raw()).collect::<Vec<_>>(),
        raws.iter().map(|raw| raw.get()).collect::<Vec<_>>()
    );
    for element in &batch {
        let text = outcome(element.event());
        assert_eq!(text, outcome(Event::parse_element(element.raw()).as_ref()));
    }
});
