#!/usr/bin/env bash
# Installs other people's programs that judge us into target/judges, by name and version, where they are not there yet.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    # GitHub's description of its API, and Prism, which holds requests and answers against it. Later ones ask for Node 24.
    @octokit/openapi@23.0.2 @stoplight/prism-cli@5.14.2
    # GitHub's parser of workflow files and evaluator of expressions; and jq, which `gh` has inside.
    @actions/workflow-parser@0.3.61 @actions/expressions@0.3.61 jq-wasm@1.0.1
)
mkdir -p target/judges
cd target/judges
[ -f package.json ] || echo '{ "private": true }' >package.json
missing=()
for package in "${packages[@]}"; do
    found=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "node_modules/${package%@*}/package.json" 2>/dev/null || true)
    [ "$found" = "${package##*@}" ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
npm install --no-audit --no-fund --no-package-lock --ignore-scripts --loglevel=error "${packages[@]}"
# The description comes in many forms of up to 80 MB, of which one is read.
find node_modules/@octokit/openapi/generated -name '*.json' ! -name api.github.com.json -delete
