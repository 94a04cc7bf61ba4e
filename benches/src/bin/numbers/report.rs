//! **Here**: what a measurement says: a line of JSON in a file, and the rows of RESULTS.md made of such lines.
//! **Not here**: the measurements.
//! **Reads**: git for the commit, `/proc` for the machine.
//! **Source**: our own: no figure on the page without the line that it was made of.

use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};

/// What one measurement found.
#[derive(Debug)]
pub(crate) struct Row {
    /// What was measured, and how.
    pub(crate) measure: &'static str,
    pub(crate) goal: &'static str,
    pub(crate) reached: String,
    pub(crate) is_met: bool,
    /// Every figure that was taken.
    pub(crate) figures: Value,
}

/// When a measurement began, on what.
pub(crate) struct Begun {
    at: String,
    load: String,
}

impl Begun {
    pub(crate) fn now() -> Self {
        Self {
            at: now(),
            load: load(),
        }
    }

    /// Prints the row, and appends its line to the file if there is one.
    pub(crate) fn end(self, row: &Row, to: Option<&Path>) {
        let line = json!({
            "measure": row.measure, "goal": row.goal, "reached": row.reached, "met": row.is_met, "figures": row.figures,
            "commit": commit(), "start": self.at, "end": now(), "machine": machine(),
            "load_average": [self.load, load()],
        });
        println!("{}", table_row(&line));
        if let Some(to) = to {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(to);
            writeln!(file.expect("the file of results"), "{line}").expect("a line");
        }
    }
}

/// The rows of a page: the latest line of each measure, in the order in which the measures came first.
pub(crate) fn table(lines: &str) -> String {
    let mut latest: Vec<Value> = Vec::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        match latest
            .iter_mut()
            .find(|known| known["measure"] == line["measure"])
        {
            Some(known) => *known = line,
            None => latest.push(line),
        }
    }
    let rows = latest.iter().map(|line| format!("{}\n", table_row(line)));
    std::iter::once(
        "| measure | goal | reached | met | commit, begun |\n| --- | --- | --- | --- | --- |\n".to_owned(),
    )
    .chain(rows)
    .collect()
}

fn table_row(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let met = if line["met"] == true { "yes" } else { "**no**" };
    format!(
        "| {} | {} | {} | {met} | {}, {} |",
        text("measure"),
        text("goal"),
        text("reached"),
        text("commit"),
        text("start")
    )
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = std::process::Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn commit() -> String {
    let changed = if said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty() {
        ""
    } else {
        "+"
    };
    format!("{}{changed}", said("git", &["rev-parse", "--short", "HEAD"]))
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.unwrap_or_default().trim_start_matches([' ', '\t', ':']);
    let n = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{model}, {n} virtual cores, {}", said("uname", &["-sr"]))
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// The moment, to the second, in UTC.
fn now() -> String {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("a clock");
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (mut year, mut day) = (1970, days);
    let length = |year: u64| {
        if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) {
            366
        } else {
            365
        }
    };
    while day >= length(year) {
        day -= length(year);
        year += 1;
    }
    let february = if length(year) == 366 { 29 } else { 28 };
    let mut month = 1;
    for days_of_month in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < days_of_month {
            break;
        }
        day -= days_of_month;
        month += 1;
    }
    format!(
        "{year}-{month:02}-{:02}T{:02}:{:02}:{:02}Z",
        day + 1,
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}
