#!/usr/bin/env bash
# Mutants of what decides: each must make a test of relay-core fail. Needs cargo-mutants, which says what they are.
# mutants.sh RECORD [--sample FIRST/EVERY] [FILE...]: without files, all of rules, state, retry, intake and tracker; with a sample, every
# EVERYth mutant of them. All are woven into one copy of the workspace (`src/mutants.rs`), which is compiled once; then each is switched on,
# and the tests that come by it are run, the quick ones first. A run that was interrupted goes on
# where it was when it is started again; with a file `stop` in its folder, it ends and counts what was tried, which is a sample of all.
set -euo pipefail
cd "$(dirname "$0")/.."
record=$1
shift
sample=0/1
if [ "${1:-}" = --sample ]; then
    sample=$2
    shift 2
fi
src=crates/relay-core/src
if [ $# -eq 0 ]; then
    set -- "$src/rules/**/*.rs" "$src/journal/state.rs" "$src/retry.rs" "$src/intake.rs" "$src/tracker.rs"
fi
kept=target/mutants
tree=$kept/tree
id=$( (echo "$sample $*" && git ls-files -z | xargs -0 sha1sum) | sha1sum | cut -c1-12)
out=$kept/$id
mkdir -p "$out" "$tree"
[ -s "$out/start" ] || date -u +%Y-%m-%dT%H:%M:%SZ >"$out/start"
[ -s "$out/revision" ] || git describe --always --dirty --exclude='*' --abbrev=7 >"$out/revision"

# The copy: without the lints, which mutants do not keep; without relay-core's dependency on itself, which would compile it twice; and
# without constant functions (but those of the clock, of which constants are made), since what is chosen at run time is not constant.
if [ "$(cat "$kept/copied" 2>/dev/null)" != "$id" ]; then
    git ls-files -z | while IFS= read -r -d '' file; do
        if ! cmp -s "$file" "$tree/$file"; then
            mkdir -p "$tree/$(dirname "$file")"
            cp "$file" "$tree/$file"
        fi
    done
    sed -i 's/ = "deny"$/ = "allow"/' "$tree/Cargo.toml"
    sed -i '/^aml-relay-core = { path = "\."/d' "$tree/crates/relay-core/Cargo.toml"
    grep -rl --exclude=clock.rs 'const fn ' "$tree/$src" | xargs sed -i 's/\bconst fn /fn /'
    echo "$id" >"$kept/copied"
fi

files=()
for file in "$@"; do files+=(-f "$file"); done
cargo mutants --list --json -p aml-relay-core "${files[@]}" >"$out/list.json"
cargo build -q -p relay-tidy
figures=$(CARGO_TARGET_DIR=$PWD/$kept/target CARGO_PROFILE_DEV_DEBUG=0 \
    target/debug/mutants "$PWD/$tree" "$out/list.json" "$PWD/$out" "$sample" 2)
tried=$(jq '.caught + .missed + .timed_out' <<<"$figures")
figures=$(jq -c --arg files "$*" '. + {files: ($files | gsub("crates/relay-core/src/"; ""))}' <<<"$figures")
target/debug/reliability add "$record" mutants "$(cat "$out/start")" "$tried" "$figures" "$(cat "$out/revision")"
