//! **Here**: [`Subject`]: the grammar of the subjects that Azure ML writes.
//! **Not here**: what to trust: a payload outranks its subject.
//! **Reads**: a text; `event` offers it.
//! **Source**: Azure ML event schema page and captures: `models/{name}:{version}`, `experiments/{id}/runs/{id}`. Read 2026-11-22.

use crate::id::{ModelName, ModelVersion, RunId};

/// What a subject names.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Subject {
    /// `models/{name}:{version}`; the last colon divides.
    Model {
        /// The model.
        name: ModelName,
        /// Its version.
        version: ModelVersion,
    },
    /// `endpoints/{service}`.
    Endpoint {
        /// The service.
        service: String,
    },
    /// `experiments/{id}/runs/{id}`.
    Run {
        /// The experiment.
        experiment: String,
        /// The run.
        run: RunId,
    },
    /// `datadrift/{id}/run/{id}`, or both words in the plural.
    DataDrift {
        /// The monitor.
        monitor: String,
        /// The run.
        run: RunId,
    },
    /// Anything else, as written.
    Other(String),
}

impl Subject {
    /// Reads a subject; what has another form is [`Other`](Self::Other).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::read(text).unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    fn read(text: &str) -> Option<Self> {
        if let Some(model) = text.strip_prefix("models/") {
            let (name, version) = model.rsplit_once(':')?;
            return Some(Self::Model {
                name: ModelName::parse(name).ok()?,
                version: ModelVersion::parse(version).ok()?,
            });
        }
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["endpoints", service] if !service.is_empty() => Some(Self::Endpoint {
                service: (*service).to_owned(),
            }),
            ["experiments", experiment, "runs", run] => Some(Self::Run {
                experiment: (*experiment).to_owned(),
                run: RunId::parse(run).ok()?,
            }),
            ["datadrift" | "datadrifts", monitor, "run" | "runs", run] => Some(Self::DataDrift {
                monitor: (*monitor).to_owned(),
                run: RunId::parse(run).ok()?,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_the_forms_that_azure_ml_writes() {
        let model = |name: &str, version: &str| Subject::Model {
            name: ModelName::parse(name).unwrap(),
            version: ModelVersion::parse(version).unwrap(),
        };
        let check = |text: &str, expect: Subject| assert_eq!(Subject::parse(text), expect);
        check("models/credit-risk:20", model("credit-risk", "20"));
        check("models/a:b:3", model("a:b", "3"));
        check(
            "endpoints/blue",
            Subject::Endpoint {
                service: "blue".to_owned(),
            },
        );
        let run = RunId::parse("r_1").unwrap();
        check(
            "experiments/e/runs/r_1",
            Subject::Run {
                experiment: "e".to_owned(),
                run: run.clone(),
            },
        );
        check(
            "datadrift/d/run/r_1",
            Subject::DataDrift {
                monitor: "d".to_owned(),
                run: run.clone(),
            },
        );
        check(
            "datadrifts/d/runs/r_1",
            Subject::DataDrift {
                monitor: "d".to_owned(),
                run,
            },
        );
    }

    #[test]
    fn ok_anything_else_is_kept() {
        for text in [
            "",
            "models/a",
            "models/a:",
            "models/:1",
            "endpoints/",
            "experiments/e/runs/",
            "/models/a:1",
            "x",
        ] {
            assert_eq!(Subject::parse(text), Subject::Other(text.to_owned()));
        }
    }
}
