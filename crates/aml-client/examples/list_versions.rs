//! The versions of a model, all of them: `list_versions serve N` is a mock with so many, which prints its endpoint and stays until standard
//! input ends; `list_versions list ENDPOINT N` reads them all by a stream, and fails unless they are N.
//!
//! Prints the processor time and the largest memory of the process, in seconds and KiB, as Linux tells them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a program talks to whoever runs it"
)]

use std::process::ExitCode;
use std::time::Duration;

use aml_client::auth::FixedToken;
use aml_client::mock::MockWorkspace;
use aml_client::ops::VersionsQuery;
use aml_client::{Client, WorkspaceScope};
use futures_util::StreamExt as _;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    match arguments.as_slice() {
        ["serve", n] => runtime.block_on(serve(n.parse().unwrap())),
        ["list", endpoint, n] => runtime.block_on(list(endpoint, n.parse().unwrap())),
        _ => {
            eprintln!("usage: list_versions serve N | list_versions list ENDPOINT N");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn workspace() -> WorkspaceScope {
    WorkspaceScope::new("s", "rg", "wsp").unwrap()
}

async fn serve(n: u32) {
    let mock = MockWorkspace::start(workspace()).await;
    mock.page_size(100);
    for version in 1..=n {
        let tags = [("stage", "prod"), ("metrics", "{\"RMSE\": 0.125, \"R2\": 0.87}")];
        mock.register_model("churn", &version.to_string(), &tags, Duration::ZERO);
    }
    println!("{}", mock.uri());
    // The mock answers on a thread of its own.
    let _ = std::io::read_to_string(std::io::stdin());
}

async fn list(endpoint: &str, n: usize) {
    let client = Client::builder(workspace(), FixedToken::new("t"))
        .with_endpoint(endpoint)
        .build()
        .unwrap();
    let versions = client
        .list_model_versions("churn", &VersionsQuery::default())
        .unwrap();
    let mut items = std::pin::pin!(versions.into_items());
    let (mut found, mut tagged) = (0, 0);
    while let Some(version) = items.next().await {
        found += 1;
        tagged += usize::from(version.unwrap().properties.tag("stage") == Some("prod"));
    }
    assert_eq!((found, tagged), (n, n));
    let (cpu, memory) = used();
    println!("{{\"client\":\"aml-client\",\"versions\":{n},\"cpu_s\":{cpu:.3},\"max_rss_kib\":{memory}}}");
}

/// Processor time and largest memory of this process.
fn used() -> (f64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let memory = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let memory = memory.trim().trim_end_matches(" kB").parse().unwrap();
    // Nanoseconds on a processor, of the one thread there is.
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    let ns: f64 = stat.split_whitespace().next().unwrap().parse().unwrap();
    (ns / 1e9, memory)
}
