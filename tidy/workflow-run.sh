#!/usr/bin/env bash
# The workflow that we render, in every form, really run: GitHub's own packages parse and evaluate it, bash runs its scripts, and the
# dispatches are what our client sends.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tidy/judges.sh
# With all features, as `openapi.sh` has it, so that nothing is built twice.
cargo build -q -p github-dispatch --all-features --examples
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
