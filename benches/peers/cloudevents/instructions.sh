#!/usr/bin/env bash
# Instructions that each contender spends on one body, counted by callgrind: a run of 20 readings less a run of 10, by 10.
#   benches/peers/cloudevents/instructions.sh [--check] [EVENTS ...]      bodies of 1, 10, 100 and 1,000 events by default
# --check fails where a view costs more than 1.3 times skipping, or ours-typed not less than derived-text. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")"

checks=no
if [ "${1:-}" = --check ]; then
    checks=yes
    shift
fi
sizes=("$@")
[ ${#sizes[@]} -gt 0 ] || sizes=(1 10 100 1000)

cargo build -q --release --locked
peers="${CARGO_TARGET_DIR:-target}/release/peers"

# run SCHEMA NAME EVENTS TIMES: all instructions of one run.
run() {
    local log
    log=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$peers" --only "$2" --schema "$1" --events "$3" --times "$4" 2>&1) || {
        printf '%s\n' "$log" >&2
        return 1
    }
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' <<<"$log"
}

failed=0
# hold WHAT A B FACTOR: a is at most factor times b.
hold() {
    if awk -v a="$2" -v b="$3" -v f="$4" 'BEGIN { exit !(a <= f * b) }'; then
        printf 'ok: %s (%d to %d)\n' "$1" "$2" "$3" >&2
    else
        printf 'FAILED: %s (%d to %d)\n' "$1" "$2" "$3" >&2
        failed=1
    fi
}

names=$("$peers" --list)
for schema in event-grid cloud-events; do
    for events in "${sizes[@]}"; do
        printf '\n%s, %s event(s):\n\n| contender | instructions/body | instructions/event | to `skip` |\n| --- | --: | --: | --: |\n' \
            "$schema" "$events"
        declare -A spent=()
        while read -r of name; do
            [ "$of" = "$schema" ] || continue
            more=$(run "$schema" "$name" "$events" 20)
            fewer=$(run "$schema" "$name" "$events" 10)
            spent[$name]=$(((more - fewer) / 10))
            awk -v name="$name" -v all="${spent[$name]}" -v n="$events" -v skip="${spent[skip]}" \
                'BEGIN { printf "| `%s` | %d | %.0f | %.2f |\n", name, all, all / n, all / skip }'
        done <<<"$names"
        printf '\n| ratio | instructions |\n| --- | --: |\n'
        for pair in ours-view/skip derived-view/ours-view derived-text/ours-typed derived-instant/ours-typed \
            derived-instant/ours-maps sdk/ours-typed sdk-typed/ours-typed; do
            over=${spent[${pair%/*}]:-} under=${spent[${pair#*/}]:-}
            [ -n "$over" ] && [ -n "$under" ] || continue
            awk -v pair="$pair" -v a="$over" -v b="$under" 'BEGIN { printf "| `%s` | %.2f |\n", pair, a / b }'
        done
        if [ "$checks" = yes ]; then
            hold "$schema, $events: a view is at most 1.3 times skipping" "${spent[ours-view]}" "${spent[skip]}" 1.3
            hold "$schema, $events: ours-typed is below derived-text" "${spent[ours-typed]}" "${spent[derived-text]}" 0.9999
        fi
    done
done
exit $failed
