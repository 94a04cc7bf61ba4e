//! A receiver in one function: a body in, what to answer and what to do out. No HTTP here: any server calls it.
//!
//! `cargo run -p eventgrid-schema --example receive`
#![expect(clippy::print_stdout, reason = "a program talks to whoever runs it")]

use std::collections::HashSet;

use eventgrid_schema::{AmlEvent, Batch, BatchError, EventKey, GridEvent};

/// What one delivery asks for.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// The body of the answer with status 200.
    answer: Option<String>,
    /// Models that are new, as name and version.
    models: Vec<(String, String)>,
    /// Elements that are no event: kept aside, never answered with 400, which would make Event Grid drop the rest.
    unreadable: Vec<String>,
}

fn receive(body: &[u8], seen: &mut HashSet<EventKey>) -> Result<Outcome, BatchError> {
    let mut outcome = Outcome::default();
    for element in &Batch::parse(body)? {
        let event = match element.event() {
            Ok(event) => event,
            Err(error) => {
                outcome
                    .unreadable
                    .push(format!("element {}: {error}", element.index()));
                continue;
            }
        };
        match event.system() {
            Some(GridEvent::SubscriptionValidation(validation)) => {
                outcome.answer = Some(validation.response_body());
            }
            Some(_) => {}
            // Event Grid delivers at least once: the key tells one event from another.
            None if !seen.insert(event.key()) => {}
            None => {
                if let Ok(AmlEvent::ModelRegistered(model)) = event.aml() {
                    let (name, version) = (model.model_name(), model.model_version());
                    outcome.models.push((name.to_string(), version.to_string()));
                }
            }
        }
    }
    Ok(outcome)
}

fn main() -> Result<(), BatchError> {
    let mut seen = HashSet::new();
    let handshake = br#"[{"id": "0", "topic": "/s", "subject": "", "eventTime": "2026-11-22T09:59:00Z",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "C-1"}}]"#;
    let answer = receive(handshake, &mut seen)?.answer;
    println!("handshake: answered with {answer:?}");
    assert_eq!(answer.as_deref(), Some(r#"{"validationResponse":"C-1"}"#));

    let delivery = br#"[
        {"id": "1", "topic": "/s", "subject": "models/tide:3", "eventTime": "2026-11-22T10:00:00.1234567Z",
         "eventType": "Microsoft.MachineLearningServices.ModelRegistered", "data": {"modelName": "tide", "modelVersion": "3"}},
        {"id": "1", "topic": "/S", "subject": "models/tide:3", "eventTime": "2026-11-22T10:00:00.1234567Z",
         "eventType": "Microsoft.MachineLearningServices.ModelRegistered", "data": {"modelName": "tide", "modelVersion": "3"}},
        17]"#;
    let outcome = receive(delivery, &mut seen)?;
    println!("delivery: {outcome:?}");
    assert_eq!(outcome.models, [("tide".to_owned(), "3".to_owned())]);
    assert_eq!(
        outcome.unreadable,
        ["element 2: element: expected an object, found a number"]
    );
    Ok(())
}
