#!/usr/bin/env bash
# clang-tidy over the files named, or over those that differ from main. Needs scripts/setup.sh before it.
#
#   scripts/lint.sh [FILE.cpp]…
set -eu -o pipefail
cd "$(dirname "$0")/.."
case ${1-} in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
command -v clang-tidy-14 >/dev/null || { echo 'lint.sh: needs clang-tidy-14 (apt-get install clang-tidy-14)' >&2; exit 3; }
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(git diff --name-only --diff-filter=d main -- 'src/*.cpp' 'tests/*.cpp')
[ ${#files[@]} -gt 0 ] || { echo 'lint.sh: no C++ file differs from main'; exit 0; }
# Compile commands of single files, without gcc's precompiled header, which clang cannot read.
cmake --preset release -B build/lint -DSPINFILL_UNITY=OFF -DSPINFILL_PCH=OFF >/dev/null
clang-tidy-14 --quiet -p build/lint "${files[@]}"
