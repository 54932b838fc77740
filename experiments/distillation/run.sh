#!/usr/bin/env bash
# Trains a small teacher, distils it and base-96 to few steps, and scores teachers and students against the truth and
# against the teacher's pictures of the same noise by many steps. What is finished is kept: the same command goes on.
#
#   SPINFILL_LPIPS_WEIGHTS=lpips_squeeze.safetensors experiments/distillation/run.sh [FOLDER]
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-$here/out/distillation}
spinfill=$here/build/release/spinfill
mkdir -p "$out"; out=$(cd "$out" && pwd); cd "$out"

[ -e data/splits.json ] || "$spinfill" synth --out data --sets 80 --size 96 --seed 21   # 64 to train, 8 to validate, 8 to test
ln -sfn "$here/models" models

# train NAME CONFIG [OPTION …]
train() {
  [ -e "$1.done" ] && return
  if [ -e "$1/config.yaml" ]; then "$spinfill" train --resume --out "$1"; else
    "$spinfill" train --config "$here/experiments/distillation/$2" --set data.path=data "${@:3}" --out "$1"
  fi > "$1.log" 2>&1
  touch "$1.done"
}
# score NAME MODEL TEACHER-BY-MANY-STEPS [OPTION …]: a row of the table
score() {
  [ -e "scores/$1/metrics.json" ] || "$spinfill" evaluate --model "$2" --data data --split test --save-predictions --grids 0 "${@:4}" --out "scores/$1" > "$1.log" 2>&1
  local picture flat=scores/$1.pictures
  mkdir -p "$flat"
  for picture in "scores/$1/predictions"/*/[0-9]*.png; do
    ln -sf "$out/$picture" "$flat/$(basename "$(dirname "$picture")")-$(basename "$picture")"
  done
  "$spinfill" metrics "$flat" "scores/$3.pictures" --json > "scores/$1.json"
  python3 - "$1" << 'PY'
import json, sys
truth, teacher = (json.load(open(f"scores/{sys.argv[1]}{end}"))["overall"] for end in ("/metrics.json", ".json"))
print("| {} | {:.2f} | {:.4f} | {:.4f} | {:.2f} | {:.4f} |".format(
    sys.argv[1], truth["psnr"], truth["ssim"], truth["lpips"], teacher["psnr"], teacher["lpips"]), flush=True)
PY
}

mkdir -p scores
# A teacher that needs many steps.
train small teacher.yaml
score small-33 small small-33 --steps 33
for n in 2 3 4 5 9; do score "small-$n" small small-33 --steps "$n"; done
for n in 2 3; do
  level=(); [ "$n" = 3 ] && level=(--set sampler.sigma_min=0.35)
  train "student-$n" teacher.yaml --set train.objective=distill --set distill.teacher=small --set distill.teacher_steps=8 --set train.steps=300 --set train.validate_every=100 \
    --set optimizer.learning_rate=0.001 --set sampler.solver=euler --set "sampler.steps=$n" "${level[@]}"
  score "student-$n" "student-$n" small-33
done
# base-96, whose second step is the last that it needs.
train base-96-student base-96.yaml --set distill.teacher_steps=8
score base-96-17 models/base-96 base-96-17 --set sampler.start=2 --steps 17
for n in 2 4; do score "base-96-$n" models/base-96 base-96-17 --set sampler.start=2 --steps "$n"; done
score base-96-student base-96-student base-96-17
