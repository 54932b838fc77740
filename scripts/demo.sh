#!/usr/bin/env bash
# Set-up, then the main job at small size: synthetic vehicles, training, scores beside the baselines, export, and the
# completion of spins with three views missing, one of them at 768 px by a stored model. Takes about 10 minutes on two
# cores after the build.
#
#   scripts/demo.sh [--out DIR] [--sets N] [--steps N]
#
# DIR is emptied first if an earlier demo made it; any other folder that is not empty is refused.
set -eu -o pipefail
cd "$(dirname "$0")/.."

out=out/demo; sets=240; steps=''
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=${2:?--out needs a folder}; shift 2 ;;
    --sets) sets=${2:?--sets needs a number}; shift 2 ;;
    --steps) steps=${2:?--steps needs a number}; shift 2 ;;
    -h | --help) sed -n '2,8p' "$0"; exit 0 ;;
    *) echo "demo.sh: unknown argument '$1' (see --help)" >&2; exit 2 ;;
  esac
done

. scripts/own-folder.sh
own_folder demo.sh "$out"
scripts/setup.sh --target spinfill  # without the tests
spinfill=build/release/spinfill
real=${SPINFILL_TEST_DATA:-../shared/data}
lpips=${SPINFILL_LPIPS_WEIGHTS:-}
if [ -z "$lpips" ] && [ -f "$real/lpips/lpips_squeeze.safetensors" ]; then
  export SPINFILL_LPIPS_WEIGHTS=$real/lpips/lpips_squeeze.safetensors
fi

began=$(date +%s)
stage() { printf '\n== %s (%d s so far; %s left)\n' "$1" $(($(date +%s) - began)) "$2"; }

stage "Synthetic vehicles: $sets eight-view sets" 'about 8 min'
"$spinfill" synth --out "$out/data" --sets "$sets" --size 96 --seed 7

stage 'Training the small default model' 'about 7 min'
"$spinfill" train --config configs/default.yaml --out "$out/run" --set data.path="$out/data" ${steps:+--set train.steps=$steps}

stage 'Scores on held-out vehicles, beside the baselines' 'about 1 min'
"$spinfill" evaluate --model "$out/run" --data "$out/data" --split test --out "$out/report"

stage 'Export, verified by reloading' 'less than 1 min'
"$spinfill" export --run "$out/run" --out "$out/bundle"

stage 'A spin with three views missing' 'less than 1 min'
set=$(sed -n 's/.*"test": *\[ *"\([^"]*\)".*/\1/p' <(tr -d '\n' <"$out/data/splits.json"))
"$spinfill" complete --model "$out/bundle" --input "$out/data/$set" --hide 90,180,315 --out "$out/spin"

if [ -d models/base-96 ]; then
  stage 'The stored model base-96 on the same held-out vehicles' 'less than 1 min'
  "$spinfill" evaluate --model models/base-96 --data "$out/data" --split test --out "$out/report-base-96"
fi

# The model for photographs, on pictures far larger than its own: what is delivered is as sharp as they are.
model=$out/bundle
for stored in hand-held-96 photo-96; do
  [ -d "models/$stored" ] && model=models/$stored
done
stage 'A sharp spin: a vehicle it has never seen, 768 px, three views missing' 'about 1 min'
if [ -d "$real/meshes/gazebo" ]; then
  "$spinfill" synth --out "$out/sharp-data" --meshes "$real/meshes/gazebo" --size 768 --seed 3 --splits 0,0,1 --no-geometry --skip-bad --licence 'CC BY 3.0, Nathan Koenig'
else
  "$spinfill" synth --out "$out/sharp-data" --sets 1 --size 768 --seed 4711 --look photo --splits 0,0,1 --no-geometry
fi
set=$(find "$out/sharp-data" -mindepth 1 -maxdepth 1 -type d | sort | tail -1)
"$spinfill" complete --model "$model" --input "$set" --hide 90,180,315 --out "$out/sharp-spin"

if [ -d "$real/spins" ]; then
  stage "Real cars from $real/spins, cameras from their masks, completed and scored at their own size with $model" 'about 1 min'
  "$spinfill" evaluate --at photo --model "$model" --data "$real/spins" --split test --subsets 1 --out "$out/report-real"
  car=$(find "$real/spins" -mindepth 1 -maxdepth 1 -type d | sort | head -1)
  "$spinfill" complete --model "$model" --input "$car" --hide 90,180,315 --out "$out/real-spin"
else
  echo "No real eight-view sets found (set SPINFILL_TEST_DATA to score some); the synthetic ones above stand alone."
fi

printf '\nDone in %d s. Look at:\n' $(($(date +%s) - began))
printf '  %-30s %s\n' "$out/spin/spin.html" 'the completed turntable (drag it)' \
  "$out/spin/contact_sheet.png" 'its eight frames, given and generated' \
  "$out/report/metrics.json" 'scores of the model and the baselines' \
  "$out/report/" 'picture grids: references, generated, truth, error' \
  "$out/sharp-spin/spin.html" 'a vehicle at 768 px, completed from its own pixels' \
  "$out/run/samples/" 'how the pictures became better in training' \
  "$out/bundle/" 'the exported model'
[ -d "$out/real-spin" ] && printf '  %-30s %s\n' "$out/real-spin/spin.html" 'a real car, completed'
exit 0
