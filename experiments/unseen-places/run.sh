#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# base-96 with one, two and fifty steps, everywhere and only where no reference shows the vehicle: run.sh OUT. What is finished is kept.
set -eu
spinfill=${SPINFILL:-build/release/spinfill}
out=$1
[ -e "$out/data" ] || "$spinfill" synth --sets 240 --size 96 --seed 7 --out "$out/data"
score() {
  name=$1
  shift
  [ -e "$out/$name/metrics.json" ] || "$spinfill" evaluate --model models/base-96 --data "$out/data" --split test --limit 8 \
    --set sampler.start=2 --grids 1 --out "$out/$name" "$@"
}
score one --steps 1
score two --steps 2
score unseen --steps 50 --set sampler.places=unseen
score unseen-2 --steps 50 --set sampler.places=unseen --set sampler.seen_steps=2
score everywhere --steps 50
