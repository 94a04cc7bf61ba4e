//! **Here**: [`Trace`]: what happened, as text; its digest always, its lines when somebody wants to read them.
//! **Not here**: what is worth a line.
//! **Reads**: nothing.
//! **Source**: the digest is FNV-1a over 64 bits.

use std::fmt::{Arguments, Write as _};

use crate::time::START_MS;

/// What happened.
#[derive(Debug)]
pub struct Trace {
    digest: u64,
    lines: Option<Vec<String>>,
    line: String,
    n_lines: u64,
}

impl Trace {
    pub(crate) fn new(keep: bool) -> Self {
        Self {
            digest: 0xCBF2_9CE4_8422_2325,
            lines: keep.then(Vec::new),
            line: String::new(),
            n_lines: 0,
        }
    }

    pub(crate) fn line(&mut self, now: i64, what: Arguments<'_>) {
        self.line.clear();
        let seconds = now - START_MS;
        let _ = write!(self.line, "{:>10}.{:03} {what}", seconds / 1_000, seconds % 1_000);
        self.n_lines += 1;
        for byte in self.line.bytes().chain([b'\n']) {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        if let Some(lines) = self.lines.as_mut() {
            lines.push(self.line.clone());
        }
    }

    /// The digest of all lines so far, and how many there were.
    #[must_use]
    pub const fn digest(&self) -> (u64, u64) {
        (self.digest, self.n_lines)
    }

    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }
}
