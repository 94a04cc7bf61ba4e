#!/usr/bin/env bash
# Instructions that the client's process spends on one dispatch, counted by callgrind: a run of 400 less a run of 200, by 200.
#   benches/peers/octocrab/instructions.sh            every contender and both policies
#   benches/peers/octocrab/instructions.sh --check    ours and bare, fresh connections; fails where ours is above 1.1 times bare
# The stand-in is another process, and is not counted. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")"

cargo build -q --release --locked -p peers-octocrab
peers="${CARGO_TARGET_DIR:-target}/release/peers-octocrab"

# run NAME POLICY TIMES: all instructions of one run.
run() {
    local log
    log=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$peers" send "$1" --policy "$2" --times "$3" 2>&1) || {
        printf '%s\n' "$log" >&2
        return 1
    }
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' <<<"$log"
}

# one NAME POLICY: instructions of one dispatch.
one() {
    local more fewer
    more=$(run "$1" "$2" 400)
    fewer=$(run "$1" "$2" 200)
    echo $(((more - fewer) / 200))
}

if [ "${1:-}" = --check ]; then
    ours=$(one ours fresh)
    bare=$(one bare fresh)
    what="a dispatch takes at most 1.1 times the instructions of a bare POST ($ours to $bare)"
    if [ $((ours * 10)) -le $((bare * 11)) ]; then
        printf 'ok: %s\n' "$what"
        exit 0
    fi
    printf 'FAILED: %s\n' "$what" >&2
    exit 1
fi

names=$("$peers" --list | cut -d: -f1)
for policy in fresh kept; do
    printf '\nConnections %s:\n\n| contender | instructions of a dispatch | to `bare` | to `octocrab` |\n| --- | --: | --: | --: |\n' "$policy"
    declare -A spent=()
    for name in $names; do
        spent[$name]=$(one "$name" "$policy")
    done
    for name in $names; do
        awk -v name="$name" -v n="${spent[$name]}" -v bare="${spent[bare]}" -v octocrab="${spent[octocrab]}" \
            'BEGIN { printf "| `%s` | %d | %.2f | %.2f |\n", name, n, n / bare, n / octocrab }'
    done
done
