#!/usr/bin/env bash
# Set-up, then all tests. The second time it needs no network and builds nothing.
#
#   scripts/test.sh [--preset NAME] [ctest arguments]…      for instance: scripts/test.sh -R Safetensors
set -eu -o pipefail
cd "$(dirname "$0")/.."

preset=release
while [ $# -gt 0 ]; do
  case $1 in
    --preset) preset=${2:?--preset needs a name}; shift 2 ;;
    -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) break ;;
  esac
done

scripts/setup.sh --preset "$preset"
echo "[test] running the tests of build/$preset (about 5 minutes on two cores)"
log=$(mktemp); trap 'rm -f "$log"' EXIT
began=$SECONDS; status=0
# Each test runs single-threaded (tests/CMakeLists.txt), so one per core.
ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$(nproc)" "$@" 2>&1 | tee "$log" || status=$?
skipped=$(grep -c '\*\*\*Skipped' "$log" || true)
failed=$(sed -nE 's/.* ([0-9]+) tests? failed out of [0-9]+.*/\1/p' "$log" | tail -1)
total=$(sed -nE 's/.* tests? failed out of ([0-9]+).*/\1/p' "$log" | tail -1)
[ -n "$total" ] || exit "${status/#0/3}"
printf '%d passed, %d failed, %d skipped in %d s\n' $((total - failed - skipped)) "$failed" "$skipped" $((SECONDS - began))
exit "$status"
