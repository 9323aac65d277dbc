#!/usr/bin/env bash
# Puts the one doctest header the C++ tests need below the folder given, without root: from the system if it is
# installed, else unpacked from Debian's or Ubuntu's own package. Without either the C++ tests are skipped, visibly.
set -u
target=$1
if [ -n "${SMCTRAIN_DOCTEST_DIR:-}" ] || [ -f /usr/include/doctest/doctest.h ]; then exit 0; fi
if ! command -v apt-get >/dev/null; then echo "doctest not found: the C++ tests will be skipped" >&2; exit 0; fi
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
options=(-qq -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=)
if ! (apt-get "${options[@]}" update && cd "$state" && apt-get "${options[@]}" download doctest-dev) >/dev/null 2>&1; then
  echo "doctest could not be fetched: the C++ tests will be skipped" >&2
  exit 0
fi
dpkg-deb -x "$state"/doctest-dev_*.deb "$target"
