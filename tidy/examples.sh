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

run host_function -- --help >/dev/null

# The command line over a stand-in that is a process of its own: delivered, seen again, refused without --live, sent, told, replayed.
folder=$(mktemp -d)
coproc github { cargo run -q -p github-dispatch --features app,mock,provision --example mock_github -- contoso/deploy; }
read -r root <&"${github[0]}"
trap 'rm -rf "$folder"; exec {github[1]}>&-' EXIT
sed -e "s/^repository = .*/repository = \"contoso\/deploy\"/" -e 's|GITHUB_TOKEN|STAND_IN_TOKEN|' -e "s|relay.db|$folder/relay.db|" -e 's|min_interval_ms = 1000|min_interval_ms = 0|' \
    examples/host_server/relay.toml >"$folder/real.toml"
sed -e "s|https://api.github.com|$root|" "$folder/real.toml" >"$folder/relay.toml"
cli() { STAND_IN_TOKEN=stand-in run host_cli -- "$@"; }
event=fixtures/events/own-eg-model-registered.json
ends() { local expected=$1 code=0; shift; "$@" || code=$?; [ "$code" -eq "$expected" ] || { echo "$*: ended with $code, not $expected" >&2; exit 1; }; }
ends 0 cli --config "$folder/relay.toml" deliver "$event"
ends 3 cli --config "$folder/relay.toml" deliver "$event"
ends 1 cli --config "$folder/real.toml" run-due
ends 0 cli --config "$folder/relay.toml" run-due --wait --within 20
ends 0 cli --journal "$folder/relay.db" history | grep dispatched
ends 0 cli --journal "$folder/relay.db" replay 1
ends 0 cli --config "$folder/relay.toml" run-due --wait --within 20
ends 0 cli --journal "$folder/relay.db" show 2

# The function as the Functions host starts it, over the same stand-in and without a journal.
sed '/^\[journal\]/,/^$/d' "$folder/relay.toml" >"$folder/function.toml"
exec {said}< <(RELAY_SECRET=s STAND_IN_TOKEN=stand-in FUNCTIONS_CUSTOMHANDLER_PORT=0 exec cargo run -q -p relay-examples --example host_function -- --config "$folder/function.toml")
handler=$!
read -r _ _ address <&"$said"
exec {tcp}<>"/dev/tcp/127.0.0.1/${address##*:}"
printf 'POST /api/events?code=s HTTP/1.1\r\nhost: function\r\nconnection: close\r\ncontent-length: %s\r\n\r\n' "$(wc -c <"$event")" >&"$tcp"
cat "$event" >&"$tcp"
grep '"outcome":"sent"' <&"$tcp"
kill -TERM "$handler"
wait "$handler"
