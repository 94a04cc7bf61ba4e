//! Runs the tests of relay-core against mutants that are all woven into one copy of it, one switched on at a time: `tidy/mutants.sh` calls it.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program talks to whoever runs it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use relay_tidy::mutants::{Mutant, SWITCH, mutant_at, weave};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

type Failed = Box<dyn std::error::Error + Send + Sync>;

const PACKAGE: [&str; 4] = ["-p", "aml-relay-core", "--all-features", "--message-format=json"];
const TESTS: [&str; 4] = ["--lib", "--test", "it", "--no-run"];
const USAGE: &str = "usage: mutants TREE LIST OUT FIRST/EVERY JOBS";

/// `TREE` is a copy of the workspace that may be written to, `LIST` what `cargo mutants --list --json` wrote. What is found is kept in `OUT`,
/// so that a run that was stopped goes on. Of the mutants every `EVERY`th is tried, from `FIRST` on. The figures go to stdout.
fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tree, list, out, sample, jobs] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let (first, every) = sample.split_once('/').ok_or(USAGE)?;
    let (first, every): (usize, NonZeroUsize) = (first.parse()?, every.parse()?);
    let all: Vec<Mutant> = serde_json::from_str(&fs::read_to_string(list)?)?;
    let run = Run {
        tree: PathBuf::from(tree),
        out: PathBuf::from(out),
        mutants: all
            .iter()
            .enumerate()
            .filter(|(number, _)| *number % every == first % every)
            .collect(),
        jobs: jobs.parse()?,
    };
    fs::create_dir_all(&run.out)?;
    let woven = run.compile()?;
    let tests = run.tests()?;
    let mut found = run.judge(&woven, &tests)?;
    let known: BTreeSet<usize> = found.iter().map(|found| found.number).collect();
    let alone = run.mutants.iter().copied();
    let alone: Vec<_> = alone
        .filter(|(number, _)| woven.alone.contains(number) && !known.contains(number))
        .collect();
    let mut unviable = woven.refused.len();
    if !alone.is_empty() {
        let (judged, more) = run.judge_alone(&alone, &tests)?;
        found.extend(judged);
        unviable += more;
    }
    let count = |what: Fate| found.iter().filter(|found| found.fate == what).count();
    let (caught, missed, timed_out) = (count(Fate::Caught), count(Fate::Missed), count(Fate::TimedOut));
    for missed in found.iter().filter(|found| found.fate == Fate::Missed) {
        eprintln!("missed: {}", missed.name);
    }
    let tried = caught + missed + timed_out;
    let of_tenths = (1_000 * (caught + timed_out) + tried / 2)
        .checked_div(tried)
        .unwrap_or(0);
    println!(
        "{}",
        json!({ "caught": caught, "missed": missed, "timed_out": timed_out, "unviable": unviable,
            "percent_caught": format!("{}.{}", of_tenths / 10, of_tenths % 10).parse::<f64>()?, "sample_of": all.len() })
    );
    Ok(())
}

struct Run<'a> {
    tree: PathBuf,
    out: PathBuf,
    mutants: Vec<(usize, &'a Mutant)>,
    jobs: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Fate {
    Caught,
    Missed,
    /// A test that never ends does not pass: the mutant was noticed.
    TimedOut,
}

#[derive(Debug, Deserialize, Serialize)]
struct Found {
    number: usize,
    name: String,
    fate: Fate,
    /// The tests among which was the one that failed.
    by: Vec<String>,
}

/// Numbers of mutants that are not woven in: what the compiler refuses, and what is in no function and is compiled alone.
struct Woven {
    refused: BTreeSet<usize>,
    alone: BTreeSet<usize>,
}

/// One test, and what it costs and comes by when nothing is changed.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Test {
    binary: PathBuf,
    name: String,
    milliseconds: u64,
    reaches: BTreeSet<usize>,
}

impl Run<'_> {
    /// Weaves, and leaves out what the compiler refuses, until the rest compiles. The compiler tells types before borrows, so it takes a few rounds.
    fn compile(&self) -> Result<Woven, Failed> {
        let files = self.files();
        let texts = files.iter().map(|file| Ok((*file, self.kept(file)?)));
        let texts: BTreeMap<&str, String> = texts.collect::<Result<_, Failed>>()?;
        let source = self.tree.join("crates/relay-core/src");
        fs::write(source.join("woven.rs"), SWITCH)?;
        let front = self.kept("crates/relay-core/src/lib.rs")?;
        fs::write(source.join("lib.rs"), front + "\nmod woven;\n")?;
        let memory = self.out.join("refused.json");
        let mut refused: BTreeSet<usize> = match fs::read_to_string(&memory) {
            Ok(text) => serde_json::from_str(&text)?,
            Err(_) => BTreeSet::new(),
        };
        let mut alone = BTreeSet::new();
        loop {
            let mut woven: BTreeMap<&str, String> = BTreeMap::new();
            for (file, text) in &texts {
                let (text, left) = self.write_woven(file, text, &refused)?;
                alone.extend(left);
                woven.insert(file, text);
            }
            let checked = self.cargo("check", &["--lib"])?;
            let before = refused.len();
            let mut strange = Vec::new();
            for message in messages(&checked).filter(|message| text(message, "/message/level") == "error") {
                let numbers: Vec<usize> = message
                    .pointer("/message/spans")
                    .map(places)
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|(file, line)| mutant_at(woven.get(file.as_str())?, *line))
                    .collect();
                if numbers.is_empty() {
                    strange.push(text(&message, "/message/rendered").to_owned());
                }
                refused.extend(numbers);
            }
            eprintln!(
                "{} do not compile, {} cannot be woven",
                refused.len(),
                alone.len()
            );
            fs::write(&memory, serde_json::to_string(&refused)?)?;
            if checked.status.success() {
                break;
            }
            if refused.len() == before {
                return Err(strange.concat().into());
            }
        }
        Ok(Woven { refused, alone })
    }

    /// Weaves a file of the copy, and gives it, with the mutants that cannot be woven.
    fn write_woven(
        &self,
        file: &str,
        text: &str,
        refused: &BTreeSet<usize>,
    ) -> Result<(String, Vec<usize>), Failed> {
        let of_file: Vec<_> = self
            .mutants
            .iter()
            .copied()
            .filter(|(number, mutant)| mutant.file == file && !refused.contains(number))
            .collect();
        let woven = weave(text, &of_file);
        self.write(file, &woven.0)?;
        Ok(woven)
    }

    /// Writes a file of the copy, unless it is so already: the compiler goes by the time.
    fn write(&self, file: &str, text: &str) -> Result<(), Failed> {
        let path = self.tree.join(file);
        if !fs::read_to_string(&path).is_ok_and(|old| old == text) {
            fs::write(path, text)?;
        }
        Ok(())
    }

    fn files(&self) -> BTreeSet<&str> {
        let files = self.mutants.iter().map(|(_, mutant)| mutant.file.as_str());
        files.collect()
    }

    /// A file as it was before anything was woven into it.
    fn kept(&self, file: &str) -> Result<String, Failed> {
        let kept = self.out.join("as-it-was").join(file);
        if let (false, Some(folder)) = (kept.exists(), kept.parent()) {
            fs::create_dir_all(folder)?;
            fs::copy(self.tree.join(file), &kept)?;
        }
        Ok(fs::read_to_string(kept)?)
    }

    fn cargo(&self, verb: &str, more: &[&str]) -> Result<Output, Failed> {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.tree).arg(verb).args(PACKAGE).args(more);
        Ok(cargo.stderr(std::process::Stdio::inherit()).output()?)
    }

    /// Every test alone, with nothing changed: it must pass, and says which mutants it comes by.
    fn tests(&self) -> Result<Vec<Test>, Failed> {
        let built = self.cargo("test", &TESTS)?;
        if !built.status.success() {
            return Err("the tests do not compile".into());
        }
        let memory = self.out.join("tests.json");
        if let Ok(text) = fs::read_to_string(&memory) {
            return Ok(serde_json::from_str(&text)?);
        }
        let mut named = Vec::new();
        for message in messages(&built) {
            if let Some(binary) = test_binary(&message) {
                let listed = Command::new(&binary)
                    .args(["--list", "--format", "terse"])
                    .output()?;
                let listed = String::from_utf8(listed.stdout)?;
                named.extend(
                    listed
                        .lines()
                        .filter_map(|line| Some((binary.clone(), line.strip_suffix(": test")?.to_owned()))),
                );
            }
        }
        let tests = self.each(&named, |at, (binary, name)| {
            let trace = self.out.join(format!("trace-{at}"));
            let begun = now();
            let ended = self.run(
                binary,
                &[name],
                600,
                &[("WOVEN_TRACE", trace.as_os_str().to_str().unwrap_or_default())],
            )?;
            if !ended.status.success() {
                return Err(format!(
                    "{name} fails with nothing changed: {}",
                    String::from_utf8_lossy(&ended.stdout)
                )
                .into());
            }
            let milliseconds = u64::try_from(begun.elapsed().as_millis())?;
            let reached = fs::read_to_string(&trace).unwrap_or_default();
            let reaches = reached.lines().map(str::parse).collect::<Result<_, _>>()?;
            Ok(Test {
                binary: binary.clone(),
                name: name.clone(),
                milliseconds,
                reaches,
            })
        })?;
        eprintln!("{} tests pass with nothing changed", tests.len());
        fs::write(&memory, serde_json::to_string(&tests)?)?;
        Ok(tests)
    }

    /// Every mutant that is woven in: the tests that come by it.
    fn judge(&self, woven: &Woven, tests: &[Test]) -> Result<Vec<Found>, Failed> {
        let mut found: Vec<Found> = fs::read_to_string(self.out.join("found.jsonl"))
            .unwrap_or_default()
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        let known: BTreeSet<usize> = found.iter().map(|found| found.number).collect();
        let is_left = |number: &usize| {
            !known.contains(number) && !woven.refused.contains(number) && !woven.alone.contains(number)
        };
        let mut left: Vec<_> = self
            .mutants
            .iter()
            .filter(|(number, _)| is_left(number))
            .collect();
        // In no order of the files, so that what was tried when somebody stops it is a sample of all.
        left.sort_by_key(|(number, _)| number.wrapping_mul(7_919) % 1_009);
        let judged = self.each(&left, |_, (number, mutant)| {
            if self.is_stopped() {
                return Ok(None);
            }
            let come_by = tests.iter().filter(|test| test.reaches.contains(number));
            let found = self.judge_one(*number, mutant, come_by.collect())?;
            self.remember(&found)?;
            Ok(Some(found))
        })?;
        found.extend(judged.into_iter().flatten());
        Ok(found)
    }

    /// Those that are compiled alone, in a copy into which nothing is woven; with all tests, since nobody sees who comes by a constant. The
    /// tests beside the code are quicker to compile than the others. How many of them do not compile comes with it.
    fn judge_alone(&self, alone: &[(usize, &Mutant)], tests: &[Test]) -> Result<(Vec<Found>, usize), Failed> {
        let (mut found, mut unviable) = (Vec::new(), 0);
        for file in &self.files() {
            self.write(file, &self.kept(file)?)?;
        }
        for (number, mutant) in alone {
            if self.is_stopped() {
                break;
            }
            let before = self.kept(&mutant.file)?;
            let changed = mutant
                .apply(&before)
                .ok_or_else(|| format!("{} is nowhere", mutant.name))?;
            self.write(&mutant.file, &changed)?;
            let mut judged = None;
            for kind in [&TESTS[..1], &TESTS[1..3]] {
                let built = self.cargo("test", &[kind, &TESTS[3..]].concat())?;
                if !built.status.success() {
                    break;
                }
                let built = messages(&built)
                    .filter_map(|message| test_binary(&message))
                    .collect::<Vec<_>>();
                let of_kind = tests.iter().filter(|test| built.contains(&test.binary));
                let fate = self.judge_one(*number, mutant, of_kind.collect())?;
                let is_missed = fate.fate == Fate::Missed;
                judged = Some(fate);
                if !is_missed {
                    break;
                }
            }
            if let Some(judged) = &judged {
                self.remember(judged)?;
            }
            unviable += usize::from(judged.is_none());
            found.extend(judged);
            self.write(&mutant.file, &before)?;
        }
        Ok((found, unviable))
    }

    /// One mutant before these tests, those of its own module and the quick ones first, until one fails.
    fn judge_one(&self, number: usize, mutant: &Mutant, mut left: Vec<&Test>) -> Result<Found, Failed> {
        let module = Path::new(&mutant.file)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        left.sort_by_key(|test| {
            let near = test.name.contains(module);
            (test.milliseconds >> (2 * u32::from(near)), &test.name)
        });
        let (mut fate, mut by) = (Fate::Missed, Vec::new());
        // A few at once, since a process costs as much as a quick test; ever more of them, since most are caught by the first.
        let mut budget = 40;
        while let Some(next) = left.first() {
            let binary = next.binary.clone();
            let mut sum = 0;
            let (now, later): (Vec<&Test>, Vec<&Test>) = left.into_iter().partition(|test| {
                let fits = test.binary == binary && (sum == 0 || sum + test.milliseconds <= budget);
                sum += if fits { test.milliseconds.max(1) } else { 0 };
                fits
            });
            let names: Vec<&str> = now.iter().map(|test| test.name.as_str()).collect();
            let ended = self.run(
                &binary,
                &names,
                5 + 3 * sum / 1000,
                &[("WOVEN", &number.to_string())],
            )?;
            if !ended.status.success() {
                let stopped = [9, 24];
                let killed = ended
                    .status
                    .signal()
                    .is_some_and(|signal| stopped.contains(&signal));
                let told = ended
                    .status
                    .code()
                    .is_some_and(|code| stopped.contains(&(code - 128)));
                fate = if killed || told {
                    Fate::TimedOut
                } else {
                    Fate::Caught
                };
                by = names.into_iter().map(str::to_owned).collect();
                break;
            }
            left = later;
            budget *= 2;
        }
        Ok(Found {
            number,
            name: mutant.name.clone(),
            fate,
            by,
        })
    }

    /// Whether somebody has put a file `stop` into the folder: then what was tried so far is counted.
    fn is_stopped(&self) -> bool {
        self.out.join("stop").exists()
    }

    fn remember(&self, found: &Found) -> Result<(), Failed> {
        let mut memory = fs::File::options()
            .create(true)
            .append(true)
            .open(self.out.join("found.jsonl"))?;
        memory.write_all(format!("{}\n", serde_json::to_string(found)?).as_bytes())?;
        Ok(())
    }

    /// These tests, in at most so many seconds of the processor (what else the machine does is no matter), and no more than 4 GiB.
    fn run(
        &self,
        binary: &Path,
        names: &[&str],
        seconds: u64,
        environment: &[(&str, &str)],
    ) -> Result<Output, Failed> {
        let limits = format!("ulimit -t {seconds} -v 4194304 -c 0; exec \"$0\" \"$@\"");
        let mut command = Command::new("timeout");
        command
            .args([
                "-s",
                "KILL",
                &(60 + 20 * seconds).to_string(),
                "bash",
                "-c",
                &limits,
            ])
            .arg(binary)
            .arg("--exact")
            .args(names);
        command
            .args(["--test-threads", "1"])
            .envs(environment.iter().copied());
        command
            .env("PROPTEST_MAX_SHRINK_ITERS", "0")
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1");
        Ok(command
            .current_dir(self.tree.join("crates/relay-core"))
            .output()?)
    }

    /// As many at once as there are jobs; the results in the order of what they are of.
    fn each<T: Sync, R: Send>(
        &self,
        all: &[T],
        act: impl Fn(usize, &T) -> Result<R, Failed> + Sync,
    ) -> Result<Vec<R>, Failed> {
        let next = AtomicUsize::new(0);
        let results = std::thread::scope(|scope| {
            let worker = || {
                let mut results = Vec::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = all.get(at) else {
                        return Ok(results);
                    };
                    results.push((at, act(at, one)?));
                }
            };
            let workers: Vec<_> = (0..self.jobs.max(1)).map(|_| scope.spawn(worker)).collect();
            let joined = workers
                .into_iter()
                .map(|worker| worker.join().map_err(|_| Failed::from("a worker panicked"))?);
            joined.collect::<Result<Vec<Vec<_>>, Failed>>()
        })?;
        let by_place: BTreeMap<usize, R> = results.into_iter().flatten().collect();
        Ok(by_place.into_values().collect())
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a test takes is what is asked")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn messages(output: &Output) -> impl Iterator<Item = Value> {
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
}

/// The program of tests that a message of cargo tells of.
fn test_binary(message: &Value) -> Option<PathBuf> {
    let is_test = message.pointer("/profile/test").and_then(Value::as_bool)?;
    let binary = message.pointer("/executable").and_then(Value::as_str)?;
    is_test.then(|| PathBuf::from(binary))
}

fn text<'a>(message: &'a Value, at: &str) -> &'a str {
    message.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// Files and lines of an error, those of the macro's call included where it is within a macro.
fn places(spans: &Value) -> Vec<(String, usize)> {
    let mut places = Vec::new();
    for span in spans
        .as_array()
        .into_iter()
        .flatten()
        .filter(|span| span["is_primary"] == true)
    {
        let mut span = Some(span);
        while let Some(here) = span.filter(|span| span.is_object()) {
            let line = here["line_start"]
                .as_u64()
                .and_then(|line| usize::try_from(line).ok());
            places.extend(here["file_name"].as_str().map(str::to_owned).zip(line));
            span = here["expansion"].get("span");
        }
    }
    places
}
