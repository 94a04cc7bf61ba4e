#!/usr/bin/env bash
# Installs npm packages by name and version into target/judges, where they are not there yet: other people's programs that judge us.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p target/judges
cd target/judges
[ -f package.json ] || echo '{ "private": true }' >package.json

missing=()
for package in "$@"; do
    name=${package%@*}
    found=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "node_modules/$name/package.json" 2>/dev/null || true)
    [ "$found" = "${package##*@}" ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    npm install --no-audit --no-fund --ignore-scripts --loglevel=error "${missing[@]}"
    # GitHub's description comes in many forms of up to 80 MB; one is read.
    find node_modules/@octokit/openapi/generated -name '*.json' ! -name api.github.com.json -delete 2>/dev/null || true
fi
