#!/usr/bin/env bash
# Every example runs offline and checks itself. Credentials that look real are in the environment: nothing may use them
# without --live (DESIGN section 8, invariant 11).
set -euo pipefail
cd "$(dirname "$0")/.."
export GITHUB_TOKEN=ghp_this_must_never_be_used HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9

cargo build -q -p relay-examples --examples
run() {
    echo "--- $*" >&2
    cargo run -q -p relay-examples --example "$@"
}
run quickstart
run hack1_1_credentials
printf '{"clientId": "<GUID>"}' | { run hack1_1_credentials -- --credentials - 2>&1 && exit 1 || true; } | grep -q 'clientId is empty, or a placeholder'
run hack1_2_workflow >/dev/null
run hack1_2_workflow -- --put contoso/deploy
run hack1_3_dispatch
run hack2_1_subscribe
run hack2_1_subscribe -- --schema event-grid
run hack2_2_parse -- fixtures/events/*.json --table >/dev/null
run hack2_2_parse -- fixtures/events/*dead-letter*.json --strict --dead-letters --originals | run hack2_2_parse -- - --strict --to-cloud-events |
    run hack2_2_parse -- - --strict --schema cloud-events --table
cargo run -q -p eventgrid-schema --example receive
cargo run -q -p eventgrid-schema --example replay_dead_letter
run hack2_3_relay
run hack2_4_verify
run host_server -- --help >/dev/null
env -u RELAY_SECRET bash -c 'cargo run -q -p relay-examples --example host_server -- --config examples/host_server/relay.toml --check 2>&1 | grep -q RELAY_SECRET'
RELAY_SECRET=x cargo run -q -p relay-examples --example host_server -- --config examples/host_server/relay.toml --check
