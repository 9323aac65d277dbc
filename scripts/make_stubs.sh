#!/usr/bin/env bash
# Writes python/smctrain/_core.pyi and _neural.pyi from the built modules.
set -eu
bin=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$bin/pybind11-stubgen" smctrain._core -o "$out" --ignore-all-errors >/dev/null 2>&1
cp "$out/smctrain/_core.pyi" python/smctrain/_core.pyi
"$bin/python" -c "from smctrain import _load; _load.neural(); import pybind11_stubgen, sys; sys.argv = ['stubgen', 'smctrain._neural', '-o', '$out', '--ignore-all-errors']; pybind11_stubgen.main()" >/dev/null 2>&1
cp "$out/smctrain/_neural.pyi" python/smctrain/_neural.pyi
"$bin/ruff" format -q python/smctrain/_core.pyi python/smctrain/_neural.pyi
