//! Other people's bodies: `samples DIR` reads each official example in DIR, by what its name says it is, writes it again and compares: nothing
//! may be lost. Fails when DIR holds none, or one that is not known.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::path::Path;
use std::process::ExitCode;

use aml_client::wire::{Job, ModelVersion, OnlineDeployment, OnlineEndpoint};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: samples DIR");
        return ExitCode::from(2);
    };
    match run(Path::new(&folder)) {
        Ok(0) => {
            eprintln!("{folder} holds no example");
            ExitCode::FAILURE
        }
        Ok(n) => {
            println!("{n} bodies are read and written without a loss");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path) -> Result<usize, String> {
    let mut n = 0;
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let Some(stem) = name.strip_suffix(".json") else {
            continue;
        };
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
        let example: Value = serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
        for body in bodies(&example) {
            n += check(stem, body).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    Ok(n)
}

/// What is sent and what is answered.
fn bodies(example: &Value) -> Vec<&Value> {
    let sent = example.pointer("/parameters/body");
    let answers = example.get("responses").and_then(Value::as_object);
    let answered = answers
        .into_iter()
        .flatten()
        .filter_map(|(_, answer)| answer.get("body"));
    sent.into_iter().chain(answered).collect()
}

/// How many bodies it was.
fn check(stem: &str, body: &Value) -> Result<usize, String> {
    let (noun, verb) = stem.split_once('_').unwrap_or((stem, ""));
    if let Some(items) = body.get("value").and_then(Value::as_array) {
        return items.iter().try_fold(0, |n, item| Ok(n + check(noun, item)?));
    }
    match (noun, verb) {
        ("ModelVersions", _) => same::<ModelVersion>(body),
        ("Jobs", _) => same::<Job>(body),
        // A patch and a token are other bodies than the resource's.
        ("OnlineEndpoints", "Update") if body.get("properties").is_none() => Ok(0),
        ("OnlineEndpoints", verb) if verb.starts_with("GetToken") => Ok(0),
        ("OnlineEndpoints", _) => same::<OnlineEndpoint>(body),
        ("OnlineDeployments", _) => same::<OnlineDeployment>(body),
        _ => Err("nobody knows what this is".to_owned()),
    }
}

/// Read and written again. A member that is null may be left out: for the service it is the same.
fn same<T: DeserializeOwned + Serialize>(body: &Value) -> Result<usize, String> {
    let read: T = serde_json::from_value(body.clone()).map_err(|error| error.to_string())?;
    let again = serde_json::to_value(&read).map_err(|error| error.to_string())?;
    if without_nulls(&again) == without_nulls(body) {
        Ok(1)
    } else {
        Err(format!("{body} came back as {again}"))
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
