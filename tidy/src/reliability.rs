//! **Here**: [`Line`], what a long run writes down, and the page `benches/RELIABILITY.md` made of all lines and the prose of a template.
//! **Not here**: the runs (`faults`, `examples/kill_run.rs`, `fuzz`, ...), which know what they have counted.
//! **Reads**: `benches/reliability/*.jsonl` and `benches/reliability/page.md`.
//! **Source**: our own; a figure that no program has written is not on the page.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The proofs that the page knows.
pub const PROOFS: [&str; 9] = [
    "kills",
    "simulation",
    "storage",
    "crash",
    "crash_pairs",
    "journal_model",
    "fuzz",
    "lost_answers",
    "mutants",
];

/// One run: a line of JSON. What an early run did not keep is `null`, and the page says so.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the fields of a line")]
pub struct Line {
    /// Which proof: one of [`PROOFS`].
    pub proof: String,
    /// Where its random numbers begin.
    pub seed: Option<u64>,
    /// The revision that was run; with `-dirty` where files differed from it.
    pub commit: Option<String>,
    /// When it began, RFC 3339, or only the day.
    pub start: Option<String>,
    /// When it ended.
    pub end: Option<String>,
    /// How many cases it was.
    pub count: u64,
    /// What it ran on.
    pub machine: Option<String>,
    /// What was counted: names in snake case, values that are numbers or texts.
    pub figures: Map<String, Value>,
    /// What a reader has to know besides, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Line {
    /// A run that begins now, on this machine, of the revision in the present folder.
    #[must_use]
    pub fn begin(proof: &str, seed: Option<u64>) -> Self {
        Self {
            proof: proof.to_owned(),
            seed,
            commit: commit(),
            start: Some(now()),
            end: None,
            count: 0,
            machine: machine(),
            figures: Map::new(),
            note: None,
        }
    }

    /// With something that was counted.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.figures.insert(name.to_owned(), value.into());
        self
    }

    /// Ends it now, after that many cases, and appends it to a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn end(mut self, count: u64, file: &Path) -> std::io::Result<()> {
        (self.count, self.end) = (count, Some(now()));
        let mut text = serde_json::to_string(&self)?;
        text.push('\n');
        let mut file = fs::File::options().create(true).append(true).open(file)?;
        file.write_all(text.as_bytes())
    }
}

#[expect(clippy::disallowed_methods, reason = "a run writes down when it was")]
fn now() -> String {
    format!("{:.0}", jiff::Timestamp::now())
}

fn commit() -> Option<String> {
    let described = Command::new("git")
        .args(["describe", "--always", "--dirty", "--exclude=*", "--abbrev=7"])
        .output()
        .ok()?;
    let text = String::from_utf8(described.stdout).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn machine() -> Option<String> {
    let cores = std::thread::available_parallelism().ok()?;
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .ok()?;
    Some(format!("{cores} cores, {} GiB", kib.div_ceil(1024 * 1024)))
}

/// Every line that is committed, file by file in the order of their names.
///
/// # Errors
/// A line that cannot be read, with its file and number.
pub fn committed(root: &Path) -> Result<Vec<Line>, String> {
    let folder = root.join("benches/reliability");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    let mut lines = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        for (n, line) in text.lines().enumerate() {
            let at = |error: &dyn std::fmt::Display| format!("{}:{}: {error}", path.display(), n + 1);
            let line: Line = serde_json::from_str(line).map_err(|error| at(&error))?;
            if !PROOFS.contains(&line.proof.as_str()) {
                return Err(at(&format!("no proof is called {}", line.proof)));
            }
            lines.push(line);
        }
    }
    Ok(lines)
}

/// The page: the template, with the table of a proof's lines wherever it says `<!-- lines: PROOF | FIGURE, FIGURE -->`. The figures that
/// are named come first, in that order; the others follow.
///
/// # Errors
/// A place that cannot be read, or lines of a proof that has no place.
pub fn page(template: &str, lines: &[Line]) -> Result<String, String> {
    let mut page = String::new();
    let mut placed = BTreeSet::new();
    for text in template.lines() {
        match text
            .strip_prefix("<!-- lines: ")
            .and_then(|rest| rest.strip_suffix(" -->"))
        {
            None => page.push_str(text),
            Some(place) => {
                let (proof, figures) = place.split_once('|').unwrap_or((place, ""));
                let proof = proof.trim();
                if !PROOFS.contains(&proof) {
                    return Err(format!("the template has a place for {proof}, which is no proof"));
                }
                placed.insert(proof);
                let of_proof: Vec<&Line> = lines.iter().filter(|line| line.proof == proof).collect();
                page.push_str(&table(&of_proof, figures));
            }
        }
        page.push('\n');
    }
    match lines.iter().find(|line| !placed.contains(line.proof.as_str())) {
        Some(line) => Err(format!("the template has no place for {}", line.proof)),
        None => Ok(page),
    }
}

fn table(lines: &[&Line], first: &str) -> String {
    if lines.is_empty() {
        return "No long run has been written down yet.".to_owned();
    }
    let mut names: Vec<&str> = first
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    for name in lines.iter().flat_map(|line| line.figures.keys()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut table = String::from("| count |");
    for name in &names {
        let _ = write!(table, " {} |", name.replace('_', " "));
    }
    table.push_str(" seed | revision | start | end | machine |\n| --: |");
    for name in &names {
        let is_text = lines
            .iter()
            .any(|line| line.figures.get(*name).is_some_and(Value::is_string));
        table.push_str(if is_text { " --- |" } else { " --: |" });
    }
    table.push_str(" --: | --- | --- | --- | --- |");
    for line in lines {
        let _ = write!(table, "\n| {} |", thousands(line.count));
        for name in &names {
            let _ = write!(
                table,
                " {} |",
                line.figures.get(*name).map_or_else(String::new, cell)
            );
        }
        let seed = line.seed.map_or_else(|| "none".to_owned(), thousands);
        let kept = |text: &Option<String>| text.clone().unwrap_or_else(|| "not kept".to_owned());
        let revision = line
            .commit
            .as_ref()
            .map_or_else(|| "not kept".to_owned(), |commit| format!("`{commit}`"));
        let (start, end, machine) = (kept(&line.start), kept(&line.end), kept(&line.machine));
        let _ = write!(table, " {seed} | {revision} | {start} | {end} | {machine} |");
    }
    let mut notes: Vec<&str> = lines.iter().filter_map(|line| line.note.as_deref()).collect();
    notes.dedup();
    if !notes.is_empty() {
        let _ = write!(table, "\n\n{}", notes.join("\n"));
    }
    table
}

fn cell(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), thousands),
        Value::String(text) => text.replace('|', "\\|"),
        other => other.to_string(),
    }
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(proof: &str, count: u64) -> Line {
        Line {
            proof: proof.to_owned(),
            seed: Some(1_000),
            commit: Some("abc".to_owned()),
            start: Some("2026-11-27T15:00:00Z".to_owned()),
            end: None,
            count,
            machine: None,
            figures: Map::new(),
            note: Some("A note.".to_owned()),
        }
    }

    #[test]
    fn ok_lines_become_a_table() {
        let lines = [
            line("kills", 1_234_567).with("lost", 0).with("target", "a|b"),
            line("kills", 8).with("events", 200),
        ];
        let page = page("# T\n<!-- lines: kills | events -->\nend", &lines).unwrap();
        let expect = "# T\n\
            | count | events | lost | target | seed | revision | start | end | machine |\n\
            | --: | --: | --: | --- | --: | --- | --- | --- | --- |\n\
            | 1,234,567 |  | 0 | a\\|b | 1,000 | `abc` | 2026-11-27T15:00:00Z | not kept | not kept |\n\
            | 8 | 200 |  |  | 1,000 | `abc` | 2026-11-27T15:00:00Z | not kept | not kept |\n\n\
            A note.\nend\n";
        assert_eq!(page, expect);
    }

    #[test]
    fn ok_a_proof_without_lines_says_so() {
        let page = page("<!-- lines: storage -->", &[]).unwrap();
        assert_eq!(page, "No long run has been written down yet.\n");
    }

    #[test]
    fn err_nothing_is_left_out_or_made_up() {
        let error = page("no place", &[line("kills", 1)]).unwrap_err();
        assert_eq!(error, "the template has no place for kills");
        let error = page("<!-- lines: luck -->", &[]).unwrap_err();
        assert_eq!(error, "the template has a place for luck, which is no proof");
    }

    #[test]
    fn ok_a_line_is_written_and_read_again() {
        let text = r#"{"proof":"storage","seed":1,"commit":null,"start":"2026-11-27","end":null,"count":3,"machine":null,"figures":{"points":3}}"#;
        let line: Line = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&line).unwrap(), text);
        assert!(serde_json::from_str::<Line>(r#"{"proof":"storage","surprise":1}"#).is_err());
    }
}
