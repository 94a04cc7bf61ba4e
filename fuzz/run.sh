#!/usr/bin/env bash
# Runs fuzz targets: RUNS executions each, from the committed seeds. What it finds is left in fuzz/artifacts.
#   fuzz/run.sh RUNS [TARGET ...]
# Needs the nightly toolchain and a C++ compiler. The flags are those of cargo-fuzz, without its sanitizer: there is no unsafe code.
set -euo pipefail
cd "$(dirname "$0")"

runs="${1:?how many executions of each target}"
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(parse_bytes parse_event handshake dead_letter)

export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
triple="$(rustc +nightly -vV | sed -n 's/^host: //p')"
cargo +nightly build -q --release --locked --target "$triple"

for target in "${targets[@]}"; do
    found="$(mktemp -d)"
    mkdir -p "artifacts/$target"
    # libFuzzer writes what is new into the first folder; the seeds stay as they are.
    if ! "${CARGO_TARGET_DIR:-target}/$triple/release/$target" "$found" "corpus/$target" ../fixtures/events \
        -runs="$runs" -max_len=1024 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="artifacts/$target/" >"artifacts/$target/log" 2>&1; then
        tail -n 40 "artifacts/$target/log"
        echo "$target: FOUND something" >&2
        exit 1
    fi
    sed -n "s/^stat::/$target /p" "artifacts/$target/log"
    rm -r "$found"
done
