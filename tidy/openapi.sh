#!/usr/bin/env bash
# Every call of the client, and every answer of the mock, held against GitHub's own OpenAPI description by Prism.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tidy/judges.sh
cargo build -q -p github-dispatch --all-features --examples
node tidy/openapi/judge.mjs "${CARGO_TARGET_DIR:-target}/debug/examples"
