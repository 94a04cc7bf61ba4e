//! Writes `benches/RELIABILITY.md` from the lines that the long runs wrote; `add` writes such a line for a run that is a script.
#![expect(clippy::print_stdout, reason = "a program talks to whoever runs it")]

use std::fs;
use std::path::Path;

use relay_tidy::reliability::{Line, committed, page};

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => write_page(),
        ["add", file, proof, start, count, figures, revision @ ..] => {
            let mut line = Line::begin(proof, None);
            if let [revision] = revision {
                line.commit = Some((*revision).to_owned());
            }
            line.start = Some((*start).to_owned());
            line.figures = serde_json::from_str(figures)?;
            line.end(count.parse()?, Path::new(file))?;
            Ok(())
        }
        _ => Err("usage: reliability [add FILE PROOF START COUNT FIGURES [REVISION]]".into()),
    }
}

fn write_page() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("tidy lies in the workspace")?;
    let lines = committed(root)?;
    let template = fs::read_to_string(root.join("benches/reliability/page.md"))?;
    fs::write(root.join("benches/RELIABILITY.md"), page(&template, &lines)?)?;
    println!("benches/RELIABILITY.md: {} runs", lines.len());
    Ok(())
}
