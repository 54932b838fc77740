#!/usr/bin/env bash
# Trains each variant with three seeds and scores it on the test vehicles with 1 and 4 steps; then 20 nights of a job that
# compares two checkpoints; then base-96 with 1 to 50 steps. What is finished is kept: the same command goes on.
#
#   SPINFILL_LPIPS_WEIGHTS=lpips_squeeze.safetensors experiments/ablations/run.sh [variants|nights|steps] [FOLDER]
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
what=${1:-all}; out=${2:-$here/out/ablations}
spinfill=$here/build/release/spinfill
mkdir -p "$out/runs" "$out/scores" "$out/nights" "$out/steps"; cd "$out"
say() { printf '%s\n' "$*" >&2; }

[ -e data/splits.json ] || "$spinfill" synth --out data --sets 240 --size 96 --seed 7   # 192 to train, 24 to validate, 24 to test

# train NAME SEED --set …
train() {
  local run=runs/$1-$2 seed=$2; shift 2
  [ -e "$run.done" ] || {
    say "$run"
    if [ -e "$run" ]; then "$spinfill" train --resume --out "$run"; else
      "$spinfill" train --config "$here/experiments/ablations/config.yaml" --set data.path=data --set "seed=$seed" "$@" --out "$run"
    fi > "$run.log" 2>&1
    touch "$run.done"
  }
}
# score OUT MODEL CHECKPOINT DATA STEPS [OPTION …]
score() {
  [ -e "$1/metrics.json" ] && return
  local start=(); [ "$5" -gt 1 ] && start=(--set sampler.start=2)
  local checkpoint=(); [ "$3" != - ] && checkpoint=(--checkpoint "$3")
  "$spinfill" evaluate --model "$2" "${checkpoint[@]}" --data "$4" --split test --steps "$5" "${start[@]}" "${@:6}" --grids 0 --out "$1" > "$1.log" 2>&1
}
variant() {
  train "$@"
  for steps in 1 4; do score "scores/$1-$2-$steps" "runs/$1-$2" latest data "$steps"; done
}
variants() {
  local seed
  for seed in 1 2 3; do
    variant full "$seed"
    variant no-prior-maps "$seed" --set model.use_priors=false
    variant no-prior-image "$seed" --set model.output=edm
    variant no-priors "$seed" --set model.output=edm --set model.use_priors=false
    variant no-mirror "$seed" --set model.prior_image=prior --set data.priors.mirror=false --set data.augment.mirror=0
    variant no-rays "$seed" --set model.use_rays=false
    variant no-reference-attention "$seed" --set model.use_reference_attention=false
    variant no-noise-shift "$seed" --set model.noise_shift=false
  done
}
nights() {
  local night
  train full 1; train full 2
  for night in $(seq 20); do
    [ -e "nights/data-$night/splits.json" ] || "$spinfill" synth --out "nights/data-$night" --sets 12 --size 96 --seed $((1000 + night)) --splits 0,0,1
    score "nights/before-$night" runs/full-1 latest "nights/data-$night" 1
    score "nights/worse-$night" runs/full-1 60 "nights/data-$night" 1       # on purpose: a quarter of the training
    score "nights/seed-$night" runs/full-2 latest "nights/data-$night" 1    # equal but for the seed
  done
}
steps() {
  local n
  for n in 1 2 4 8 16 50; do score "steps/$n" "$here/models/base-96" - data "$n" --limit 8; done
}
case $what in
  variants | nights | steps) "$what" ;;
  all) nights; variants; steps ;;
  *) say "run.sh: unknown part '$what'"; exit 2 ;;
esac
