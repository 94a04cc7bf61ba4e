//! **Here**: dead letters of both schemas: what is delivered again is the event that died.
//! **Not here**: events that are alive (`parse_event`).
//! **Reads**: `Event::dead_letter`.
//! **Source**: the promises of `eventgrid-schema`.
#![no_main]

use eventgrid_schema::Event;
use libfuzzer_sys::fuzz_target;
use relay_fuzz::{Json, Made, outcome, recased};

type Input = (Made, String, Option<u32>, Option<Json>, u32);

fuzz_target!(|input: Input| {
    let (made, reason, attempts, more, casing) = input;
    let alive = made.print(recased);
    let mut dead = alive.trim_end_matches('}').to_owned();
    dead.push_str(&alive[dead.len()..alive.len() - 1]);
    let reason_json = serde_json::to_string(&reason).expect("a text is JSON");
    dead.push_str(&format!(
        ",\"{}\":{reason_json}",
        recased("deadLetterReason", casing)
    ));
    if let Some(attempts) = attempts {
        dead.push_str(&format!(",\"deliveryattempts\":{attempts}"));
    }
    if let Some(more) = more {
        dead.push_str(&format!(",\"lastDeliveryOutcome\":{}", more.text()));
    }
    dead.push('}');
    outcome(Event::parse_element(&dead).as_ref());
    let Ok(event) = Event::parse_element(&dead) else {
        return;
    };
    let Some(letter) = event.dead_letter() else { return };
    let replayed = Event::parse_element(letter.original_json()).expect("what died was an event");
    assert_eq!(
        (replayed.key(), replayed.data_text()),
        (event.key(), event.data_text())
    );
    assert_eq!(
        (replayed.schema(), replayed.time()),
        (event.schema(), event.time())
    );
    assert_eq!(replayed.dead_letter(), None);
    outcome(Ok(&replayed));
});
