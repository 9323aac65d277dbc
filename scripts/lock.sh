#!/usr/bin/env bash
# Resolves requirements-dev.in in a fresh environment and writes the exact versions to requirements-dev.txt.
set -eu
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q -r requirements-dev.in
# The local part of torch's version names the build (+cpu); a pin without it admits every build.
"$folder/venv/bin/pip" freeze | sed -E 's/^(torch==[0-9.]+)\+.*/\1/' > requirements-dev.txt
