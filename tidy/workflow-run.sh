#!/usr/bin/env bash
# The workflow that we render, in every form, really run: GitHub's own packages parse and evaluate it, bash runs its scripts, and the
# dispatches are what our client sends.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tidy/judges.sh @actions/workflow-parser@0.3.61 @actions/expressions@0.3.61 jq-wasm@1.0.1
cargo build -q -p github-dispatch --examples
cargo build -q -p relay-examples --example hack1_2_workflow
programs="${CARGO_TARGET_DIR:-target}/debug/examples"

folder="$(mktemp -d)"
trap 'rm -r "$folder"' EXIT
render() {
    local name="$1"
    shift
    "$programs/hack1_2_workflow" --resource-group rg-1 --workspace ws-1 --endpoint endpoint-1 --deployment blue "$@" >"$folder/$name.yml"
}
render oidc
render environment --environment production
render secret --login secret

node tidy/workflow-run/judge.mjs "$programs" "$folder"/*.yml
