#!/usr/bin/env bash
# What we send, beside what Microsoft's own Python clients send for the same calls; and the release flow by their MLClient against our mock.
set -euo pipefail
cd "$(dirname "$0")/.."
# What is asserted is asserted.
unset PYTHONOPTIMIZE
export PYTHONDONTWRITEBYTECODE=1

bash tidy/azure-clients/install.sh
cargo build -q -p aml-client --all-features --examples
examples="${CARGO_TARGET_DIR:-target}/debug/examples"
target/judges/azure/bin/python tidy/azure-clients/judge.py "$examples/every_call"
target/judges/azure/bin/python tidy/azure-clients/release_flow.py "$examples/mock_workspace"
