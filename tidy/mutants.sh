#!/usr/bin/env bash
# Mutants of what decides, in a copy of the workspace: each must make a test of relay-core fail. Needs cargo-mutants and cargo-nextest.
# mutants.sh RECORD [FILE...]: without files, all of rules, state, retry and intake. Two passes: what the quick tests do not catch is
# given to all of them, crash tests included, which take most of the time.
set -euo pipefail
cd "$(dirname "$0")/.."
record=$1
shift
src=crates/relay-core/src
if [ $# -eq 0 ]; then
    set -- "$src/retry.rs" "$src/journal/state.rs" "$src/intake.rs" "$src/rules/**/*.rs"
fi
out=target/mutants
rm -rf "$out"
mkdir -p "$out"
start=$(date -u +%Y-%m-%dT%H:%M:%SZ)
options=(-p aml-relay-core --all-features --test-tool nextest --timeout 180 --baseline skip)

# run FOLDER ARGUMENTS...: cargo-mutants ends with 2 where mutants were missed, and with 3 where some ran out of time.
run() {
    local folder=$1 ended=0
    shift
    cargo mutants -o "$out/$folder" "${options[@]}" "$@" || ended=$?
    [ "$ended" -eq 0 ] || [ "$ended" -eq 2 ] || [ "$ended" -eq 3 ] || exit "$ended"
}
count() { wc -l <"$out/$1/mutants.out/$2.txt"; }

files=()
for file in "$@"; do files+=(-f "$file"); done
run quick "${files[@]}" -- -E 'not test(/crash::ok_the/)'
caught=$(count quick caught)
timed_out=$(count quick timeout)
missed=0
if [ "$(count quick missed)" -gt 0 ]; then
    # The names hold characters that a regular expression takes for its own.
    escaped=()
    while read -r name; do escaped+=(--re "^$(sed 's/[][().*+?^$|{}\\]/\\&/g' <<<"$name")\$"); done <"$out/quick/mutants.out/missed.txt"
    run full "${files[@]}" "${escaped[@]}"
    caught=$((caught + $(count full caught)))
    timed_out=$((timed_out + $(count full timeout)))
    missed=$(count full missed)
fi
unviable=$(count quick unviable)
tried=$((caught + missed + timed_out))
# One that runs out of time was noticed: a test that never ends does not pass.
percent=$(awk "BEGIN { printf \"%.1f\", 100 * ($caught + $timed_out) / ($tried ? $tried : 1) }")
cargo run -q -p relay-tidy --bin reliability -- add "$record" mutants "$start" "$tried" \
    "{\"caught\":$caught,\"missed\":$missed,\"timed_out\":$timed_out,\"unviable\":$unviable,\"percent_caught\":$percent,\"files\":\"$*\"}"
