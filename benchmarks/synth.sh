#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Processor time of `spinfill synth` at 96 × 64 px; fails below 200 sets a minute on two cores.
# Usage: benchmarks/synth.sh [PROGRAM] [SETS]
set -eu
program=${1:-build/release/spinfill}
sets=${2:-70}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
wall_before=$(date +%s.%N)
"$program" -q synth --out "$folder/sets" --sets "$sets" --seed 1 --size 96 --threads 2
wall_after=$(date +%s.%N)
# Children's user and system time, "0m1.234s 0m0.123s" on the second line.
times > "$folder/times"
tail -n 1 "$folder/times" | awk -v sets="$sets" -v wall="$(echo "$wall_after $wall_before" | awk '{print $1 - $2}')" '
  { split($1, u, /[ms]/); split($2, s, /[ms]/); cpu = u[1] * 60 + u[2] + s[1] * 60 + s[2];
    rate = 2 * 60 * sets / cpu;
    printf "sets %d, processor seconds %.2f, per view %.1f ms, wall seconds %.2f, sets per minute on two cores %.0f\n",
           sets, cpu, 1000 * cpu / sets / 8, wall, rate;
    exit rate < 200 }'
