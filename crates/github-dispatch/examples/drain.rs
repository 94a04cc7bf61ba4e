//! A backlog drained through GitHub's documented limits in virtual time: `drain [DISPATCHES]`, 2,000 by default. Prints a line of JSON for
//! each way to GitHub.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program of tests")]

use std::time::Duration;

#[path = "../tests/it/drain.rs"]
mod drain;

fn main() {
    let n = std::env::args()
        .nth(1)
        .map_or(2_000, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for way_ms in [0, 900] {
        let drained = runtime.block_on(drain::drain(n, Duration::from_millis(way_ms)));
        println!(
            "{{\"dispatches\":{},\"longest_way_ms\":{way_ms},\"took_s\":{},\"permitted_s\":{},\"estimated_s\":{},\"share_percent\":{:.1},\"limit_answers\":{}}}",
            drained.n,
            drained.took.as_secs(),
            drained.permitted.as_secs(),
            drained.estimated.as_secs(),
            100.0 * drained.permitted.as_secs_f64() / drained.took.as_secs_f64(),
            drained.n_refused
        );
    }
}
