#!/usr/bin/env bash
# Installs what the Python and the Node webhook need into target/peers, by name and version, where it is not there yet. Needs python3, node, npm.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p target/peers
own=benches/peers
# Written at the end, so that an installation that was cut off is made anew.
if ! cmp -s "$own/webhook-python/requirements.txt" target/peers/python/installed.txt; then
    rm -rf target/peers/python
    python3 -m venv target/peers/python
    target/peers/python/bin/python -m pip install -q --disable-pip-version-check -r "$own/webhook-python/requirements.txt"
    cp "$own/webhook-python/requirements.txt" target/peers/python/installed.txt
fi
if ! cmp -s "$own/webhook-node/package-lock.json" target/peers/node/installed.json; then
    rm -rf target/peers/node
    mkdir -p target/peers/node
    cp "$own/webhook-node/package.json" "$own/webhook-node/package-lock.json" target/peers/node/
    (cd target/peers/node && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
    cp "$own/webhook-node/package-lock.json" target/peers/node/installed.json
fi
# Beside its modules, where Node looks for them.
cp "$own/webhook-node/app.mjs" target/peers/node/
