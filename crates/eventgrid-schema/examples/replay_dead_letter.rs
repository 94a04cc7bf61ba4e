//! From an event that was given up to the delivery that repeats it: written with the builder, dead, read back, delivered again.
//!
//! `cargo run -p eventgrid-schema --example replay_dead_letter`
#![expect(clippy::print_stdout, reason = "a program talks to whoever runs it")]

use eventgrid_schema::builder::{EventBuilder, body, check_body};
use eventgrid_schema::{Batch, Event, WorkspaceId};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workspace = WorkspaceId::parse(
        "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w",
    )?;
    let element = EventBuilder::model_registered(&workspace, "tide", "3")
        .with_id("a1")
        .with_time("2026-11-22T10:00:00.1234567Z")
        .build_event_grid()?;

    // What Event Grid writes into the container of dead letters.
    let added = r#","deadLetterReason":"MaxDeliveryAttemptsExceeded","deliveryAttempts":30,"lastDeliveryOutcome":"TimedOut"}"#;
    let dead = element.strip_suffix('}').ok_or("an object")?.to_owned() + added;
    let event = Event::parse_element(&dead)?;
    let letter = event.dead_letter().ok_or("a dead letter")?;
    println!("{} died: {}", event.id(), letter.reason);
    assert_eq!(letter.delivery_attempts, Some(30));

    let again = body(&[letter.original_json()])?;
    check_body(&again)?;
    println!("delivered again: {again}");
    let batch = Batch::parse(again.as_bytes())?;
    let replayed = batch.elements().first().ok_or("an element")?.event();
    let replayed = replayed.map_err(Clone::clone)?;
    assert_eq!(
        replayed.key(),
        event.key(),
        "the receiver sees the same event again"
    );
    assert_eq!(replayed.dead_letter(), None);
    Ok(())
}
