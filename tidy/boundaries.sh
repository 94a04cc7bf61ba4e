#!/usr/bin/env bash
# Who may depend on whom: DESIGN section 8, invariants 1 to 3, read off cargo's own tree.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
# forbid LABEL PATTERN CARGO-TREE-ARGUMENTS...: no crate of the normal and build tree matches the pattern.
forbid() {
    local label=$1 pattern=$2
    shift 2
    local tree
    tree=$(cargo tree --edges normal,build --prefix none --format '{p}' "$@" | awk '{print $1}' | sort -u)
    if found=$(grep -xE "$pattern" <<<"$tree"); then
        printf 'boundary broken: %s\n%s\n' "$label" "$found" >&2
        failed=1
    else
        printf 'ok: %s (%s crates)\n' "$label" "$(wc -l <<<"$tree")"
    fi
}

io='tokio|reqwest|hyper|hyper-util|http|async-trait|mio|rusqlite|libsqlite3-sys|url'
forbid "1. eventgrid-schema has no I/O and no async" "$io|futures.*" -p eventgrid-schema
forbid "2a. github-dispatch knows nothing of Azure and the relay" 'aml-.*|eventgrid-schema' -p github-dispatch --all-features
forbid "2b. aml-client knows nothing of GitHub and the relay" 'github-dispatch|aml-relay-.*|eventgrid-schema' -p aml-client --all-features
forbid "3a. bare relay-core has no reqwest, no tokio, no database" 'tokio|reqwest|hyper|rusqlite|libsqlite3-sys|rustls|ring|metrics|opentelemetry.*' -p aml-relay-core --no-default-features
forbid "3b. relay-sqlite has no HTTP client and no TLS" 'reqwest|hyper|rustls|ring|aml-client' -p aml-relay-sqlite
forbid "one crypto provider" 'aws-lc-rs|aws-lc-sys|openssl|openssl-sys' -p relay-examples

# at_most N CRATE: so many crates in the normal tree of its default features.
at_most() {
    local n
    n=$(cargo tree -p "$2" --edges normal --prefix none --format '{p}' | awk '{print $1}' | sort -u | wc -l)
    if [ "$n" -gt "$1" ]; then
        echo "boundary broken: $2 has $n crates in its tree, $1 are allowed" >&2
        failed=1
    else
        echo "ok: $2 has $n crates in its tree, $1 are allowed"
    fi
}

at_most 16 eventgrid-schema
at_most 110 aml-client
exit $failed
