#!/usr/bin/env bash
# Installs Microsoft's own Python clients into target/judges/azure, by name and version, where they are not there yet. Needs python3.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(
    # The management package, whose newest release without a mark (1.0.1) knows workspaces only; and Event Grid's.
    azure-mgmt-machinelearningservices==2.0.0b2 azure-mgmt-eventgrid==10.4.0
    # MLClient, and the clients inside it.
    azure-ai-ml==1.35.2
    # What all of them send by, and poll by.
    azure-core==1.41.0 azure-mgmt-core==1.6.0 msrest==0.7.1
)
mkdir -p target/judges
cd target/judges
printf '%s\n' "${packages[@]}" >azure.txt
# Written at the end, so that an installation that was cut off is made anew.
! cmp -s azure.txt azure/installed.txt || exit 0
rm -rf azure
python3 -m venv azure
azure/bin/python -m pip install -q --disable-pip-version-check -r azure.txt
cp azure.txt azure/installed.txt
