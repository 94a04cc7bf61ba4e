//! **Here**: batches of elements of both schemas with everything that may be odd about them.
//! **Not here**: bodies that are no JSON (`parse_bytes`).
//! **Reads**: `Batch::parse`; an element must read alone as in its batch, and alike in every casing.
//! **Source**: the promises of `eventgrid-schema`.
#![no_main]

use eventgrid_schema::{Batch, Event};
use libfuzzer_sys::fuzz_target;
use relay_fuzz::{Made, outcome, recased};

fuzz_target!(|made: Vec<Made>| {
    let plain: Vec<String> = made
        .iter()
        .map(|one| one.print(|key, _| key.to_owned()))
        .collect();
    let recased: Vec<String> = made.iter().map(|one| one.print(recased)).collect();
    let bodies = [
        format!("[{}]", plain.join(",")),
        format!("[{}]", recased.join(",")),
    ];
    let [batch, other] = [0, 1].map(|index| Batch::parse(bodies[index].as_bytes()));
    let (Ok(batch), Ok(other)) = (batch, other) else {
        // Only the bounds refuse what was made: it is JSON, and few levels deep unless the fuzzer insists.
        assert!(made.len() > 5_000 || bodies[0].len() > 4 * 1024 * 1024);
        return;
    };
    assert_eq!((batch.len(), other.len()), (made.len(), made.len()));
    for (element, raw) in batch.iter().zip(&plain) {
        assert_eq!(element.raw(), raw.trim());
        assert_eq!(
            outcome(element.event()),
            outcome(Event::parse_element(raw).as_ref())
        );
    }
    for ((element, again), made) in batch.iter().zip(&other).zip(&made) {
        outcome(again.event());
        // A further key may be another spelling of the same, and the exact one wins: then the two may differ.
        if made.is_plain() {
            let parts = |event: Result<&Event<'_>, _>| {
                event.map(|event| {
                    let key = (
                        event.schema(),
                        event.key(),
                        event.event_type().clone().to_string(),
                    );
                    (
                        key,
                        event.subject().map(str::to_owned),
                        event.time().map(|time| time.to_string()),
                    )
                })
            };
            assert_eq!(parts(element.event()), parts(again.event()));
            let data = |event: &Event<'_>| event.data_text().map(str::to_owned);
            assert_eq!(
                element.event().ok().and_then(data),
                again.event().ok().and_then(data)
            );
        }
    }
});
