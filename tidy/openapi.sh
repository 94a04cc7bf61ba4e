#!/usr/bin/env bash
# Every call of the client, and every answer of the mock, held against GitHub's own OpenAPI description by Prism.
set -euo pipefail
cd "$(dirname "$0")/.."

# Prism after 5.14.2 asks for Node 24.
bash tidy/judges.sh @octokit/openapi@23.0.2 @stoplight/prism-cli@5.14.2
cargo build -q -p github-dispatch --all-features --examples
node tidy/openapi/judge.mjs "${CARGO_TARGET_DIR:-target}/debug/examples"
