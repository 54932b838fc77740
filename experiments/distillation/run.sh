#!/usr/bin/env bash
# Trains a small teacher, distils it to two steps, and scores both against the truth and against the teacher's pictures
# of the same noise by many steps. What is finished is kept: the same command goes on.
#
#   SPINFILL_LPIPS_WEIGHTS=lpips_squeeze.safetensors experiments/distillation/run.sh [FOLDER]
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-$here/out/distillation}
spinfill=$here/build/release/spinfill
mkdir -p "$out"; out=$(cd "$out" && pwd); cd "$out"

[ -e data/splits.json ] || "$spinfill" synth --out data --sets 80 --size 96 --seed 21   # 64 to train, 8 to validate, 8 to test

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
  [ -e "scores/$1/metrics.json" ] || "$spinfill" evaluate --model "$2" --data data --split test --save-predictions --grids 0 "${@:4}" --out "scores/$1" > "scores/$1.log" 2>&1
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
train student-2 teacher.yaml --set train.objective=distill --set distill.teacher=small --set train.steps=300 --set train.validate_every=100 \
  --set optimizer.learning_rate=0.001 --set sampler.solver=euler --set sampler.steps=2
score student-2 student-2 small-33
