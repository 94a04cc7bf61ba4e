#!/usr/bin/env bash
# Runs a command where no network but loopback exists, if the system can make such a place (Linux: a network namespace).
# What passes there has left loopback in nothing (DESIGN section 8, invariant 11).
set -euo pipefail

if unshare --net --map-root-user ip link set lo up 2>/dev/null; then
    echo "only loopback is there"
    exec unshare --net --map-root-user bash -c 'ip link set lo up; exec "$@"' bash "$@"
fi
echo "this system makes no network namespace; the network is there" >&2
exec "$@"
