use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Mutex, OnceLock};

/// Is this mutant the one that `WOVEN` names? With `WOVEN_TRACE`, its number is written into that file, once.
pub(crate) fn on(number: usize) -> bool {
    static ON: OnceLock<Option<usize>> = OnceLock::new();
    static TRACE: OnceLock<Option<Mutex<(File, BTreeSet<usize>)>>> = OnceLock::new();
    let trace = TRACE.get_or_init(|| {
        let path = std::env::var_os("WOVEN_TRACE")?;
        let file = File::options().create(true).append(true).open(path).expect("the trace can be written");
        Some(Mutex::new((file, BTreeSet::new())))
    });
    if let Some(trace) = trace {
        let mut trace = trace.lock().expect("nobody panics here");
        if trace.1.insert(number) {
            writeln!(trace.0, "{number}").expect("the trace can be written");
        }
    }
    let on = ON.get_or_init(|| Some(std::env::var("WOVEN").ok()?.parse().expect("a number")));
    *on == Some(number)
}
