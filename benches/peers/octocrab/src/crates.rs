//! **Here**: how many crates the smallest program of each client has in its tree, as cargo itself says.
//! **Not here**: how large that program is (`weight.sh`).
//! **Reads**: the package `tiny`; it is not built.
//! **Source**: `cargo tree`, normal and build dependencies on Linux, each version of a crate counted one time, `tiny` itself not.

use std::collections::BTreeSet;
use std::process::Command;

/// The features of `tiny`, in the order of the table.
pub(crate) const FEATURES: [&str; 4] = ["ours", "bare", "octocrab-minimal", "octocrab-default"];

/// Crates in the tree of `tiny` with this feature.
pub(crate) fn count(feature: &str) -> usize {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Command::new("cargo")
        .args(["tree", "--locked", "--manifest-path", manifest, "-p", "tiny"])
        .args([
            "--no-default-features",
            "--features",
            feature,
            "--edges",
            "normal,build",
        ])
        .args([
            "--target",
            "x86_64-unknown-linux-gnu",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .output()
        .expect("cargo");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    // What follows the version is where a crate of ours lies, or that it was shown before.
    let text = String::from_utf8_lossy(&output.stdout);
    let named = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    let crates: BTreeSet<_> = text.lines().filter_map(named).collect();
    crates.iter().filter(|(name, _)| name != "tiny").count()
}
