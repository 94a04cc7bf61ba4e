# Every CI step as a recipe: .ci/run and the hosted workflow call these and nothing else.

set shell := ["bash", "-euo", "pipefail", "-c"]

# What there is.
default:
    @just --list

# Everything that CI runs, in its order.
ci: fmt typos test tidy clippy docs features boundaries examples benches (peers "--check") (peers-octocrab "--check") (numbers "--check") fuzz workflows openapi workflow-run azure-clients package crash

# Formatting.
fmt:
    cargo fmt --all -- --check

# Spelling.
typos:
    typos

# The README's test command.
test:
    cargo test --workspace

# House rules: headers, fixtures listed, invariants that name a check, no machine paths.
tidy:
    cargo test -p relay-tidy

# Lints, denied, for every target and the three feature sets.
clippy:
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    cargo clippy -p eventgrid-schema -p aml-client -p github-dispatch -p aml-relay-core --no-default-features --all-targets -- -D warnings

# Documentation, private items included, warnings denied.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --all-features

# Each feature alone builds, and the schema's tests pass with every feature that a user's own crates may give serde_json.
features:
    cargo test -q -p eventgrid-schema --features schemars,serde_json/preserve_order,serde_json/arbitrary_precision,serde_json/unbounded_depth
    cargo test -q -p aml-client --features azure-identity,certificate
    for f in "" client rustls native-tls app provision mock webhooks; do cargo check -q -p github-dispatch --no-default-features --features "$f"; done
    for f in "" aml github metrics tokio testing aml,rustls github,rustls; do cargo check -q -p aml-relay-core --no-default-features --features "$f"; done
    for f in "" rustls native-tls mock certificate certificate,rustls azure-identity; do cargo check -q -p aml-client --no-default-features --features "$f"; done

# Who may depend on whom (DESIGN section 8, invariants 1 to 3).
boundaries:
    bash tidy/boundaries.sh

# Every example runs offline, the credentials of a real service being in the environment all the while.
examples:
    bash tidy/examples.sh

# Benches compile and run once.
benches:
    cargo bench -p relay-benches -- --test

# Packages can be made of the crates that have no unpublished dependency.
package:
    cargo package -q -p eventgrid-schema --allow-dirty --no-verify
    cargo package -q -p github-dispatch --allow-dirty --no-verify
    cargo package -q -p aml-client --allow-dirty --no-verify

# Other people's samples: asserts what is in each, and fails when DIR holds none.
samples DIR:
    cargo run -q -p eventgrid-schema --example samples -- {{DIR}}
    if [ -d {{DIR}}/aml ]; then cargo run -q -p aml-client --example samples -- {{DIR}}/aml; fi

# eventgrid-schema beside cloudevents-sdk and derived structs: time and allocations; --check is what CI runs.
peers *ARGS:
    cargo run -q --release --locked --manifest-path benches/peers/cloudevents/Cargo.toml -- {{ARGS}}

# The same in instructions, counted by callgrind; bodies of 1, 10, 100 and 1,000 events unless EVENTS are named. Needs valgrind.
peers-instructions *ARGS:
    bash benches/peers/cloudevents/instructions.sh {{ARGS}}

# github-dispatch beside octocrab and a bare reqwest: connections, allocations, logs, many dispatches, crates; --check is what CI runs.
peers-octocrab *ARGS:
    cargo run -q --release --locked --manifest-path benches/peers/octocrab/Cargo.toml -p peers-octocrab -- {{ARGS}}

# The same in instructions of one dispatch, counted by callgrind; --check holds ours to 1.1 times a bare POST. Needs valgrind.
peers-octocrab-instructions *ARGS:
    bash benches/peers/octocrab/instructions.sh {{ARGS}}

# Sizes of the smallest programs that send one dispatch: four builds with link-time optimisation.
peers-octocrab-weight:
    bash benches/peers/octocrab/weight.sh

# Listing model versions by aml-client and by Azure's own Python clients, which `tidy/azure-clients/install.sh` installs.
peers-azure-ml PYTHON="target/judges/azure/bin/python":
    bash benches/peers/azure-ml/run.sh {{PYTHON}}

# The numbers of RESULTS.md, ROW by row (durable, webhook, large, idle, peers, backlog, or all); --check is what CI runs.
numbers *ARGS:
    cargo run -q --release -p relay-benches --bin numbers -- {{ARGS}}

# The server that `numbers idle` and `numbers peers` measure, as an operator builds it.
numbers-server:
    cargo build -q --profile dist -p relay-examples --example host_server

# What the Python and the Node webhook of `numbers peers` need, into target/peers. Needs python3, node and npm.
numbers-peers:
    bash benches/peers/webhook-install.sh

# 2,000 dispatches through GitHub's documented limits, in virtual time: a line of JSON for each way to GitHub.
drain *ARGS:
    cargo run -q --release -p github-dispatch --features mock --example drain -- {{ARGS}}

# Dispatches whose answer is lost, CASES of them with this seed.
lost-answers CASES="10000" SEED="1":
    cargo run -q --release -p github-dispatch --features mock --example lost_answers -- {{CASES}} {{SEED}}

# The rendered workflows, judged by zizmor and by the JSON Schema of workflow files. Needs both (`pip install zizmor check-jsonschema`).
workflows:
    bash tidy/workflows.sh

# Other people's programs that `openapi`, `workflow-run` and `azure-clients` call, into target/judges. Needs node, npm and python3.
judges:
    bash tidy/judges.sh
    bash tidy/azure-clients/install.sh

# Every call of the client, and every answer of the mock, held against GitHub's OpenAPI description by Prism, in two API versions.
openapi:
    bash tidy/openapi.sh

# The rendered workflows really run for what the client sends, on GitHub's own parser and evaluator; hostile payloads included.
workflow-run:
    bash tidy/workflow-run.sh

# What we send beside what Microsoft's own Python clients send; and the release flow by their MLClient against our mock.
azure-clients:
    bash tidy/azure-clients.sh

# Fuzz targets, N executions each, where a nightly toolchain is installed.
fuzz N="20000":
    if rustc +nightly --version >/dev/null 2>&1; then bash fuzz/run.sh {{N}}; else echo "no nightly toolchain: not run"; fi

# Licences, sources and bans. Needs cargo-deny (`cargo install cargo-deny`).
deny:
    cargo deny check licenses bans sources

# The long crash run: the real server killed again and again. N kills; CI has a short one in the test suite.
kills N="200" *ARGS:
    cargo build --release -p relay-examples --examples
    cargo run --release -p relay-examples --example kill_run -- {{N}} {{ARGS}}

# The relay over storage that fails: every operation of a scenario, seed after seed; `--large N` takes N operations of a scenario with large deliveries.
storage SEEDS="100" *ARGS:
    cargo run --release -p relay-faults --bin storage_run -- {{SEEDS}} {{ARGS}}

# Mutants of rules, state, retry, intake and tracker, or of FILES; the line goes to RECORD. ARGS may begin with `--sample 0/4`. Needs cargo-mutants and jq.
mutants RECORD="benches/reliability/mutants.jsonl" *ARGS:
    bash tidy/mutants.sh {{RECORD}} {{ARGS}}

# benches/RELIABILITY.md from the lines that the long runs have written (`--record benches/reliability/NAME.jsonl`).
reliability:
    cargo run -q -p relay-tidy --bin reliability

# The relay in virtual time, before a judge: N seeds. A failing seed prints how to see it again; ARGS may be `--record FILE`.
simulation N="100000" *ARGS:
    cargo run --release -p relay-sim -- --seeds {{N}} --threads 2 {{ARGS}}

# The process stops at every step of a run, over journals, policies, lanes and conducts of GitHub; with `--crash-pairs` at any two.
crash *ARGS="--crash":
    cargo run --release -p relay-sim -- --threads 2 {{ARGS}}

# The journal in memory against the model of DESIGN section 6, N sequences of operations. A failing seed prints them; `--seed S --trace` shows any.
journal-model N="1000000" *ARGS:
    cargo run --release -p relay-sim -- --journal-cases {{N}} --threads 2 {{ARGS}}
