#!/usr/bin/env bash
# Formats the C++ files, or with --check names those that are not formatted and exits 1.
set -eu -o pipefail
cd "$(dirname "$0")/.."
mode=(-i); [ "${1-}" = --check ] && mode=(--dry-run --Werror)
command -v clang-format-14 >/dev/null || { echo 'format.sh: needs clang-format-14 (apt-get install clang-format-14)' >&2; exit 3; }
git ls-files -z -- 'src/*.h' 'src/*.cpp' 'tests/*.h' 'tests/*.cpp' 'benchmarks/*.cpp' |
  xargs -0 -r clang-format-14 --style=file "${mode[@]}"
