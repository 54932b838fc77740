#!/usr/bin/env bash
# Trains on six categories, retrains on the seventh in three ways, and scores each before and after on the new and the
# old ones. 34 minutes on one core.
#
#   experiments/new-category/run.sh [--out DIR] [--sets N] [--steps N]
#
# --sets: old vehicles (default 300; a third as many new ones); --steps: of every training, to try it out.
set -eu -o pipefail
cd "$(dirname "$0")/../.."

out=out/new-category; sets=300; steps=''
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift 2 ;;
    --sets) sets=$2; shift 2 ;;
    --steps) steps=$2; shift 2 ;;
    -h | --help) sed -n '2,8p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown argument '$1' (see --help)" >&2; exit 2 ;;
  esac
done
spinfill=build/release/spinfill
here=experiments/new-category
began=$(date +%s)
stage() { printf '\n== %s (%d s so far)\n' "$1" $(($(date +%s) - began)); }
train() { # NAME KEY=VALUE…
  local name=$1; shift
  "$spinfill" train --config "$here/$name.yaml" --out "$out/$name" ${steps:+--set train.steps=$steps} "${@/#/--set=}"
}
score() { # MODEL NAME
  local data
  for data in new old; do
    "$spinfill" -q evaluate --model "$1" --data "$out/$data" --out "$out/report-$2-$data" >/dev/null
  done
}

mkdir -p "$out"
stage 'Data: six categories, and the seventh'
"$spinfill" synth --out "$out/old" --sets "$sets" --size 64 --height 40 --seed 11 --splits 0.7,0.1,0.2 --no-geometry \
  --categories sedan,suv,hatchback,jeep,pickup,truck
"$spinfill" synth --out "$out/new" --sets $((sets / 3)) --size 64 --height 40 --seed 12 --splits 0.6,0.1,0.3 --no-geometry \
  --categories bus

stage 'The base'
train base "data.path=$out/old"
"$spinfill" export --run "$out/base" --out "$out/base-bundle"
score "$out/base-bundle" base

for kind in full replay lora; do
  stage "Retraining: $kind"
  replay=(); [ $kind = full ] || replay=("data.replay.path=$out/old")
  train $kind "data.path=$out/new" "train.init_from=$out/base-bundle/model.safetensors" "${replay[@]}"
  "$spinfill" export --run "$out/$kind" --out "$out/$kind-bundle"
  score "$out/$kind-bundle" $kind
done

# One number of a report; the first of that name behind the group's: "overall" or a category.
value() { # REPORT GROUP METRIC
  { tr -d ' \n' <"$out/report-$1/metrics.json" | grep -o "\"$2\":{\"images\":[^}]*" || echo "\"$3\":null"; } | head -1 |
    sed -n "s/.*\"$3\":\([-0-9.e]*\|null\).*/\1/p"
}
row() { # TITLE REPORT GROUP
  local metric number digits line="| $1 |"
  for metric in psnr foreground_psnr ssim lpips; do
    number=$(value "$2" "$3" $metric)
    case $metric in psnr | foreground_psnr) digits=2 ;; *) digits=4 ;; esac
    [ "$number" = null ] && line+=' – |' || line+=" $(printf "%.${digits}f" "$number") |"
  done
  echo "$line"
}
stage 'Done'
{
  echo '| | PSNR | foreground | SSIM | LPIPS |'
  echo '| --- | --- | --- | --- | --- |'
  for data in 'new: bus' 'old: all six'; do
    for baseline in nearest mirror-or-prior; do row "*$baseline*, $data" "base-${data%%:*}" "$baseline\":{\"overall"; done
    for kind in base full replay lora; do row "$kind, $data" "$kind-${data%%:*}" overall; done
  done
  for category in sedan suv hatchback jeep pickup truck; do
    for kind in base full replay lora; do row "$kind, $category" $kind-old $category; done
  done
} | tee "$out/table.md"
for kind in full replay lora; do
  if "$spinfill" -q compare "$out/report-base-old/metrics.json" "$out/report-$kind-old/metrics.json" \
    --max-drop psnr=0.1 >"$out/compare-$kind-old.txt"; then
    echo "$kind: the old categories lost at most 0.1 dB"
  else
    echo "$kind: the old categories lost more than 0.1 dB"
  fi
done
