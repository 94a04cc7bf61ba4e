//! **Here**: the recorder of numbers, and how they are shown at `/metrics`.
//! **Not here**: which numbers there are (`relay_core::observe`), who may see them (`http`).
//! **Reads**: what the `metrics` facade was told; the journal, for gauges.
//! **Source**: <https://prometheus.io/docs/instrumenting/exposition_formats/>, read 2026-11-27.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use relay_core::Relay;
use relay_core::clock::{Clock, TokioClock};
use tokio::task::JoinHandle;

use crate::fresh::Fresh;

/// How often durations are put into their buckets; until then each of them is kept.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// From half a millisecond, about the time of a sync, to the deadline of a delivery and the long wait for a slot of a budget.
const BUCKETS_S: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 600.0,
];

/// The type that Prometheus reads.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The numbers of this process.
#[derive(Debug)]
pub(crate) struct Numbers {
    handle: Handle,
    shown: Fresh<String>,
}

struct Handle(PrometheusHandle);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrometheusHandle")
    }
}

impl Numbers {
    /// Installs the recorder of the process. Before the first number, or that one is lost.
    pub(crate) fn install() -> Result<Self, String> {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&BUCKETS_S)
            .and_then(PrometheusBuilder::install_recorder);
        let handle =
            recorder.map_err(|error| format!("failed to install the recorder of numbers: {error}"))?;
        relay_core::observe::describe();
        Ok(Self {
            handle: Handle(handle),
            shown: Fresh::default(),
        })
    }

    /// Keeps the recorder small while nobody looks, until it is aborted.
    pub(crate) fn upkeep(&self) -> JoinHandle<()> {
        let handle = self.handle.0.clone();
        tokio::spawn(async move {
            loop {
                TokioClock.sleep(UPKEEP_EVERY).await;
                handle.run_upkeep();
            }
        })
    }

    /// All numbers as text.
    pub(crate) async fn show(&self, relay: &Relay) -> String {
        let text = async {
            relay.measure().await;
            self.handle.0.render()
        };
        self.shown.get(relay, text).await
    }
}
