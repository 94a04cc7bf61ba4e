//! **Here**: how long an event takes from its delivery to the request at GitHub, where nothing else is going on.
//! **Not here**: many at once (`peers`).
//! **Reads**: the real server, and the stand-in in this process, whose clock is the same.
//! **Source**: our own.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::load::{Connection, quantile_ms};
use crate::process::host_server;
use crate::report::Row;
use crate::standin::StandIn;

/// Between two events: the relay has nothing to do by then.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn idle(folder: &Path, n: usize) -> Row {
    let standin = StandIn::start().await;
    let server = host_server(folder, standin.address(), 1);
    let mut connection = Connection::open(server.address()).await;
    let mut scratch = std::fs::File::create(folder.join("scratch")).expect("a file");
    let mut syncs = Vec::new();
    let (mut from_answer, mut from_delivery) = (Vec::new(), Vec::new());
    for i in 0..n + 20 {
        let begun = Instant::now();
        connection.post(&relay_benches::model_registered(i)).await;
        let accepted = Instant::now();
        standin.wait_for(i + 1, Duration::from_secs(10)).await;
        let came = standin.came(&format!("m{i}")).expect("it came");
        if i >= 20 {
            from_answer.push(came.saturating_duration_since(accepted));
            from_delivery.push(came - begun);
        }
        tokio::time::sleep(PAUSE).await;
        // How the disk is meanwhile: an event has two syncs on its way, one before its 200 and one before its request.
        let begun = Instant::now();
        scratch
            .write_all(&[0; 8_192])
            .and_then(|()| scratch.sync_data())
            .expect("a sync");
        syncs.push(begun.elapsed());
    }
    syncs.sort_unstable();
    from_answer.sort_unstable();
    from_delivery.sort_unstable();
    let p99 = quantile_ms(&from_answer, 0.99);
    let figures = |list: &[Duration]| json!({"p50": quantile_ms(list, 0.5), "p90": quantile_ms(list, 0.9), "p99": quantile_ms(list, 0.99), "max": quantile_ms(list, 1.0)});
    Row {
        measure: "event accepted -> request at GitHub, idle host_server, SQLite, loopback",
        goal: "p99 under 20 ms",
        reached: format!(
            "p99 {p99:.1} ms, p50 {:.1} ms after the 200; p99 {:.1} ms, p50 {:.1} ms from the delivery's first byte; {n} events. One bare sync of the same disk in between: p99 {:.1} ms, p50 {:.1} ms",
            quantile_ms(&from_answer, 0.5),
            quantile_ms(&from_delivery, 0.99),
            quantile_ms(&from_delivery, 0.5),
            quantile_ms(&syncs, 0.99),
            quantile_ms(&syncs, 0.5),
        ),
        is_met: p99 < 20.0,
        figures: json!({"events": n, "after_200_ms": figures(&from_answer), "from_first_byte_ms": figures(&from_delivery), "bare_sync_ms": figures(&syncs)}),
    }
}
