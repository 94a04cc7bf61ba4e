#!/usr/bin/env bash
# Size of the smallest program that sends one dispatch, by each client, and that it does send it. Crates are in `just peers-octocrab`.
#   benches/peers/octocrab/weight.sh        builds four programs with one profile: about ten minutes on two cores
# The profile `tiny` is opt-level "z", LTO, one codegen unit, abort on panic, stripped.
set -euo pipefail
cd "$(dirname "$0")"

target="${CARGO_TARGET_DIR:-target}"
cargo build -q --release --locked -p peers-octocrab
peers="$target/release/peers-octocrab"
token=$(sed -n 's/.*TOKEN: &str = "\(.*\)";/\1/p' src/payload.rs)

printf '| smallest program | bytes |\n| --- | --: |\n'
for feature in ours bare octocrab-minimal octocrab-default; do
    cargo build -q --profile tiny --locked -p tiny --no-default-features --features "$feature"
    coproc standin { "$peers" serve; }
    # The names of a coprocess vanish when it ends.
    pid=$standin_PID answers=${standin[0]} input=${standin[1]}
    read -r port <&"$answers"
    "$target/tiny/tiny" "http://127.0.0.1:$port" "$token"
    exec {input}>&-
    read -r seen <&"$answers"
    wait "$pid"
    if [ "$seen" != "1 1 0" ]; then
        printf 'FAILED: %s sent what the stand-in counts as "%s", expected "1 1 0"\n' "$feature" "$seen" >&2
        exit 1
    fi
    printf '| `%s` | %d |\n' "$feature" "$(stat -c %s "$target/tiny/tiny")"
done
