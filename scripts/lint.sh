#!/usr/bin/env bash
# clang-tidy over the files named, or over those that differ from main. Needs a configured build/release.
#
#   scripts/lint.sh [FILE.cpp]…
set -eu -o pipefail
cd "$(dirname "$0")/.."
case ${1-} in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
command -v clang-tidy-14 >/dev/null || { echo 'lint.sh: needs clang-tidy-14 (apt-get install clang-tidy-14)' >&2; exit 3; }
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(git diff --name-only --diff-filter=d main -- 'src/*.cpp' 'tests/*.cpp')
[ ${#files[@]} -gt 0 ] || { echo 'lint.sh: no C++ file differs from main'; exit 0; }
# clang cannot read gcc's precompiled header: a copy of the compile commands without it.
lint=build/lint; mkdir -p "$lint"
sed -E 's/-Winvalid-pch//g; s/-include [^ ]*cmake_pch\.hxx//g' build/release/compile_commands.json >"$lint/compile_commands.json"
clang-tidy-14 --quiet -p "$lint" "${files[@]}"
