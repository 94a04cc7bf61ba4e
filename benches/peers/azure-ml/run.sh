#!/usr/bin/env bash
# Lists 1,000 and 10,000 model versions, 100 to the page, by aml-client and by Azure's own Python client, from the same mock on loopback.
#   benches/peers/azure-ml/run.sh [PYTHON]     a Python that has what tidy/azure-clients/install.sh installs, as target/judges/azure/bin/python is
set -euo pipefail
cd "$(dirname "$0")/../../.."
python=${1:-target/judges/azure/bin/python}
cargo build -q --release -p aml-client --features mock --example list_versions
ours="${CARGO_TARGET_DIR:-target}/release/examples/list_versions"
for n in 1000 10000; do
    coproc mock { "$ours" serve "$n"; }
    read -r endpoint <&"${mock[0]}"
    for _ in 1 2 3; do
        "$ours" list "$endpoint" "$n"
        "$python" benches/peers/azure-ml/list_versions.py "$endpoint" "$n"
        "$python" benches/peers/azure-ml/list_models.py "$endpoint" "$n"
    done
    exec {mock[1]}>&-
    wait
done
