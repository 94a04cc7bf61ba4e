#!/usr/bin/env bash
# Instructions of one body of N events (default 100) in every way, by callgrind: the difference of 20 and 10 readings.
#   benches/peers/cloudevents/instructions.sh [N]
set -euo pipefail
cd "$(dirname "$0")"
events="${1:-100}"
cargo build -q --release --locked
program="${CARGO_TARGET_DIR:-target}/release/peers-cloudevents"

instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" --events "$events" --only "$1" --times "$2" ${3:-} 2>&1 |
        sed -n 's/.*Collected : //p'
}

table() { # schema flag ways...
    local schema="$1" flag="$2" index=0 skipped=0
    shift 2
    printf '\n%s, %s event(s)\n\n| way | instructions a body | to skipping |\n| --- | --: | --: |\n' "$schema" "$events"
    for way in "$@"; do
        local one
        one=$((($(instructions "$index" 20 "$flag") - $(instructions "$index" 10 "$flag")) / 10))
        [ "$index" -gt 0 ] || skipped="$one"
        printf '| %s | %d | %s |\n' "$way" "$one" "$(awk -v a="$one" -v b="$skipped" 'BEGIN { printf "%.2f", a / b }')"
        index=$((index + 1))
    done
}
table "Event Grid schema" "" "serde_json skips" "ours, view" "ours, typed" "derived structs"
table "CloudEvents" "--cloud" "serde_json skips" "ours, view" "ours, typed" "derived structs" "cloudevents-sdk" "cloudevents-sdk, typed"
