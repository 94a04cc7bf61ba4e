//! **Here**: [`SetupReport`]: what a doctor found, in plain words. Pure.
//! **Not here**: asking GitHub (`ops/setup`).
//! **Reads**: findings; a person after it.
//! **Source**: our own.

use std::fmt;

/// How good a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide for each")]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// It cannot be seen from outside.
    NotKnown,
    /// It works, and will hurt one day.
    Warning,
    /// It does not work, or lets strangers in: change it.
    Bad,
}

impl Verdict {
    /// The word of a report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::NotKnown => "not known",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Subject {
    /// Whether the token is accepted, and sees the repository.
    Repository,
    /// Whether the token may dispatch.
    Dispatch,
    /// Whether the token may read runs.
    Runs,
    /// Whether a workflow of the default branch listens to the event type.
    Workflow,
    /// Whether a workflow shows the relay id.
    RelayId,
    /// Whether a concurrency group swallows or cancels deployments.
    Concurrency,
    /// Whether values of the payload reach a shell line.
    Injection,
}

impl Subject {
    /// The word of a report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Dispatch => "right to dispatch",
            Self::Runs => "right to read runs",
            Self::Workflow => "workflow",
            Self::RelayId => "relay id",
            Self::Concurrency => "concurrency",
            Self::Injection => "injection",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at.
    pub subject: Subject,
    /// How good it is.
    pub verdict: Verdict,
    /// In plain words, and what to do.
    pub text: String,
}

/// Everything that was found. Its `Display` is one line for each finding.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SetupReport {
    /// In the order in which a dispatch meets them.
    pub findings: Vec<Finding>,
}

impl SetupReport {
    /// The worst of the verdicts; `Fine` for none.
    #[must_use]
    pub fn worst(&self) -> Verdict {
        self.findings
            .iter()
            .map(|finding| finding.verdict)
            .max()
            .unwrap_or(Verdict::Fine)
    }

    /// Whether nothing was found bad.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.worst() < Verdict::Bad
    }

    #[cfg(feature = "client")]
    pub(crate) fn add(&mut self, subject: Subject, verdict: Verdict, text: impl Into<String>) {
        let text = text.into();
        self.findings.push(Finding {
            subject,
            verdict,
            text,
        });
    }
}

impl fmt::Display for SetupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.findings.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let (verdict, subject) = (finding.verdict.as_str(), finding.subject.as_str());
            write!(f, "{verdict:<9}  {subject}: {}", finding.text)?;
        }
        Ok(())
    }
}
