//! The environment changes nothing: a proxy named there gets no request, and so no token.

use std::process::Command;

/// A dispatch that must arrive without any proxy.
const PLAIN: &str = "repository::ok_golden_request_of_the_logic_app";

/// Runs one test of this binary as a child, since a process's own environment is shared by all of its tests.
#[test]
fn ok_proxies_of_the_environment_are_not_used() {
    let nobody = "http://127.0.0.1:9";
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", PLAIN]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        child.env(name, nobody).env(name.to_ascii_lowercase(), nobody);
    }
    // With these a proxy would not be used anyway.
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "no test of this name: {text}");
}
