#!/usr/bin/env bash
# The workflow that we render, in every form, has no finding of zizmor and is what GitHub's schema says a workflow is.
set -euo pipefail
cd "$(dirname "$0")/.."
folder="$(mktemp -d)"
trap 'rm -r "$folder"' EXIT
mkdir -p "$folder/.github/workflows"

render() {
    local name="$1"
    shift
    cargo run -q -p relay-examples --example hack1_2_workflow -- "$@" --output "$folder/.github/workflows/$name.yml" >/dev/null
}
render oidc
render environment --environment production
render secret --login secret

zizmor --offline --no-progress --quiet "$folder/.github/workflows"
check-jsonschema --builtin-schema vendor.github-workflows "$folder/.github/workflows/"*.yml .github/workflows/*.yml
