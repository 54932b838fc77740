#!/usr/bin/env bash
# Does a GPU train, score, generate and export here what the processor does, and how fast? One line per check, tables of
# rates and memory, and exit code 1 if a check did not hold. With --device cpu about 15 minutes on two cores.
#
#   scripts/gpu-check.sh [--program FILE] [--device cuda|cpu] [--out DIR] [--quick]
#
#   --program FILE  default build/cuda/spinfill (scripts/setup.sh --preset cuda builds it)
#   --device cpu    tries the script itself where there is no GPU
#   --quick         no rates
set -eu -o pipefail
cd "$(dirname "$0")/.."

program=build/cuda/spinfill; device=cuda; out=out/gpu-check; quick=0
while [ $# -gt 0 ]; do
  case $1 in
    --program) program=${2:?--program needs a file}; shift 2 ;;
    --device) device=${2:?--device needs cuda or cpu}; shift 2 ;;
    --out) out=${2:?--out needs a folder}; shift 2 ;;
    --quick) quick=1; shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "gpu-check.sh: unknown argument '$1' (see --help)" >&2; exit 2 ;;
  esac
done
[ "$device" = cuda ] || [ "$device" = cpu ] || { echo "gpu-check.sh: --device $device: must be cuda or cpu" >&2; exit 2; }
[ -x "$program" ] || { echo "gpu-check.sh: no program $program (scripts/setup.sh --preset cuda builds it)" >&2; exit 2; }

version=$("$program" --version 2>&1) || { echo "gpu-check.sh: $program does not run here: $version" >&2; exit 2; }
. scripts/own-folder.sh
own_folder gpu-check.sh "$out"
echo "$version" >"$out/log"
failed=0
# check TEXT COMMAND…: what the command prints lands in the log.
check() {
  local text=$1 began=$SECONDS; shift
  if "$@" >>"$out/log" 2>&1; then
    printf '[ok]   %s (%d s)\n' "$text" $((SECONDS - began))
  else
    failed=1
    printf '[FAIL] %s (%d s); the end of %s/log:\n' "$text" $((SECONDS - began)) "$out"
    tail -5 "$out/log" | sed 's/^/       /'
  fi
}
# needed: the same, and nothing can be checked without it.
needed() {
  check "$@"
  [ "$failed" = 0 ] || exit 1
}
train() { # NAME DEVICE KEY=VALUE…
  local name=$1 on=$2 sets=() set; shift 2
  for set in "$@"; do sets+=(--set "$set"); done
  "$program" train --config configs/default.yaml --out "$out/$name" --set data.path="$out/data" --set train.steps=60 \
    --set train.validate_every=60 --set train.checkpoint_every=60 --set train.device="$on" "${sets[@]}"
}
evaluate() { # RUN DEVICE
  "$program" evaluate --replace --model "$out/$1" --data "$out/data" --split train --limit 12 --device "$2" --out "$out/$1-on-$2"
}
alike() { # A B DROPS: neither is worse than the other by more
  "$program" compare "$out/$1/metrics.json" "$out/$2/metrics.json" --limits-alone --max-drop "$3" &&
    "$program" compare "$out/$2/metrics.json" "$out/$1/metrics.json" --limits-alone --max-drop "$3"
}

needed 'synthetic vehicles' "$program" synth --out "$out/data" --sets 40 --size 96 --seed 7
needed "a run on $device" train run "$device"
needed 'the same on the processor' train cpu-run cpu
check 'its scores, by the processor' evaluate run cpu
check "its scores, by $device" evaluate run "$device"
check 'both score it alike' alike run-on-cpu "run-on-$device" psnr=0.02,ssim=0.0005
check 'scores of the run on the processor' evaluate cpu-run cpu
check 'both runs score alike' alike cpu-run-on-cpu run-on-cpu psnr=0.2,ssim=0.003
variants=('bf16 train.precision=bf16'
  'checkpointing train.precision=bf16 train.gradient_checkpointing=true train.channels_last=true')
[ "$device" = cpu ] && variants=('checkpointing train.gradient_checkpointing=true train.channels_last=true')
[ "$device" = cuda ] && variants+=('graphs train.cuda_graphs=true' 'bf16-graphs train.precision=bf16 train.cuda_graphs=true')
for variant in "${variants[@]}"; do
  read -r name sets <<<"$variant"
  # shellcheck disable=SC2086
  check "a run with $sets" train "$name" "$device" $sets
  check '  its scores' evaluate "$name" "$device"
  check '  are alike' alike "run-on-$device" "$name-on-$device" psnr=0.3,ssim=0.005
done
check 'export, verified by reloading' "$program" export --run "$out/run" --out "$out/bundle"
set=$(find "$out/data" -mindepth 1 -maxdepth 1 -type d | sort | head -1)
check 'a spin with three views missing' "$program" complete --model "$out/bundle" --input "$set" --hide 90,180,315 --out "$out/spin"

# Latents: an autoencoder from random weights, a model on it that says where pixels are from.
check "an autoencoder, trained on $device" "$program" train-autoencoder --config configs/taesd-decoder.yaml --out "$out/vae" \
  --set data.path="$out/data" --set data.crop=64 --set model.autoencoder=kl --set 'model.block_out_channels=[16,32,32,32]' \
  --set model.norm_num_groups=8 --set train.part=all --set loss.lpips=0 --set loss.discriminator=0.5 --set train.steps=40 \
  --set train.validate_every=40 --set train.checkpoint_every=40 --set train.device="$device"
check "a latent model's run on it" train latent "$device" model.autoencoder=kl model.autoencoder_channels=4 \
  model.autoencoder_factor=8 model.autoencoder_from="$out/vae/autoencoder.safetensors" model.output=sources model.prior_image=prior
check '  its scores, by the processor' evaluate latent cpu
check "  its scores, by $device" evaluate latent "$device"
check '  are alike' alike latent-on-cpu "latent-on-$device" psnr=0.05,ssim=0.001
check '  exported, verified by reloading' "$program" export --run "$out/latent" --out "$out/latent-bundle"

# Normals beside the pictures.
check 'a run that generates normals, too' train normals "$device" model.normals=true data.normals=true
check '  its scores, by the processor' evaluate normals cpu
check "  its scores, by $device" evaluate normals "$device"
check '  are alike' alike normals-on-cpu "normals-on-$device" psnr=0.05,ssim=0.001,normal_error=0.1

# Many noise levels, no references, a student of few steps.
check 'a run with all noise levels, sometimes without references' train diffusion "$device" loss.mode=mixed train.regression_share=0 \
  'data.references=[0,5]' model.dropout.priors=0.1 sampler.steps=4
check '  its student of 2 steps' train student "$device" train.objective=distill distill.teacher="$out/diffusion" \
  distill.teacher_steps=4 model.dropout.priors=0.1 'data.references=[5]' sampler.steps=2
check '  vehicles out of noise' "$program" sample --model "$out/diffusion" --count 2 --out "$out/sample" --device "$device"
spin() { # NAME OPTION…
  local name=$1; shift
  "$program" complete --model "$out/diffusion" --input "$set" --hide 90,180,315 --device "$device" --out "$out/spin-$name" "$@"
}
check '  guided by view, within an interval of noise' spin guided --steps 4 --sampler guidance=2 guidance_far=3 guidance_min=0.1
check '  only where no reference shows the vehicle' spin unseen --steps 4 --sampler places=unseen
check '  three draws and their spread' spin draws --steps 4 --draws 3
check '  in bfloat16' spin bf16 --precision bf16
check '  one view after the other' spin sequential --sampler mode=sequential
check '  24 views' spin views --views 24

rate() { # NAME CONFIG KEY=VALUE…
  local name=$1 config=$2 sets=() set; shift 2
  for set in "$@"; do sets+=(--set "$set"); done
  local report=$out/bench-$name.txt
  if ! "$program" bench train --config "$config" --steps 20 --set data.path="$out/data" --set train.device="$device" \
    "${sets[@]}" >"$report" 2>>"$out/log"; then
    failed=1
    printf '%-34s failed; the end of %s/log: %s\n' "$name" "$out" "$(tail -1 "$out/log")"
    return
  fi
  local planned
  planned=$("$program" plan --config "$config" --set data.path="$out/data" --set train.device="$device" "${sets[@]}" --json 2>>"$out/log" |
    sed -n 's/.*"tensors_bytes": *\([0-9]*\).*/\1/p' | head -1)
  awk -v name="$name" -v planned="${planned:-0}" '
    { value[$1] = $2 }
    END {
      printf "%-34s %9.1f %10.4f %7.1f %7s %7.2f %8.2f %8.1f\n", name, value["views_per_second"], value["seconds_per_step"],
        100 * value["peak_share"], ("sheet_share" in value) ? sprintf("%.1f", 100 * value["sheet_share"]) : "-",
        value["peak_tensor_bytes"] / 2^30, planned / value["peak_tensor_bytes"], 100 * value["waiting_share"]
    }' "$report"
}
generate_rate() { # NAME CONFIG OPTION OF bench sample…
  local name=$1 config=$2 options=() steps=4; shift 2
  local report=$out/bench-sample-$name.txt sets=() missing=1 precision=fp32
  while [ $# -gt 0 ]; do
    case $1 in
      --set) sets+=(--set "$2") ;;
      --missing) missing=$2 ;;
      --precision) precision=$2 ;;
      --steps) steps=$2 ;;
      *) options+=("$1" "$2") ;;
    esac
    shift 2
  done
  sets+=(--set data.path="$out/data" --set train.device="$device" --set sampler.steps="$steps")
  if ! "$program" bench sample --config "$config" --missing "$missing" --precision "$precision" --steps "$steps" "${options[@]}" \
    "${sets[@]}" >"$report" 2>>"$out/log"; then
    failed=1
    printf '%-34s failed; the end of %s/log: %s\n' "$name" "$out" "$(tail -1 "$out/log")"
    return
  fi
  local planned
  planned=$("$program" plan --config "$config" --generate "$missing" --precision "$precision" "${sets[@]}" --json 2>>"$out/log" |
    sed -n 's/.*"tensors_bytes": *\([0-9]*\).*/\1/p' | head -1)
  awk -v name="$name" -v planned="${planned:-0}" '
    { value[$1] = $2 }
    END {
      printf "%-34s %9.1f %10.4f %10.2f %7.2f %8.2f\n", name, value["views_per_second"], value["seconds_per_step"],
        value["joint_over_cached"], value["peak_tensor_bytes"] / 2^30, planned / value["peak_tensor_bytes"]
    }' "$report"
}
# Stable Diffusion's own latents, of an autoencoder of its size.
sd_latents=(model.autoencoder=kl model.autoencoder_channels=4 model.autoencoder_factor=8)
if [ "$quick" = 0 ]; then
  printf '\n%-34s %9s %10s %7s %7s %7s %8s %8s\n' "bench train on $device" views/s 's a step' '% peak' '% sheet' GiB plan/GiB '% wait'
  rate default configs/default.yaml
  rate default,batch-of-32 configs/default.yaml train.batch_sets=32 train.micro_batch_sets=32
  if [ "$device" = cuda ]; then
    rate default,one-shape configs/default.yaml 'data.missing=[2]'
    rate default,one-shape,graphs configs/default.yaml 'data.missing=[2]' train.cuda_graphs=true
    rate default,bf16,batch-of-32 configs/default.yaml train.batch_sets=32 train.micro_batch_sets=32 train.precision=bf16
    large=(train.batch_sets=8 train.micro_batch_sets=8 data.loader.threads=14)
    rate large,bf16 configs/large.yaml "${large[@]}"
    rate large,bf16,one-shape,graphs configs/large.yaml "${large[@]}" 'data.missing=[2]' train.cuda_graphs=true
    rate large,bf16,checkpointing configs/large.yaml "${large[@]}" train.gradient_checkpointing=true
    stable=(train.batch_sets=2 train.micro_batch_sets=2 data.loader.threads=14 "${sd_latents[@]}")
    rate sd15-512 configs/sd15-512.yaml "${stable[@]}"
    rate sd15-1024 configs/sd15-512.yaml "${stable[@]}" train.batch_sets=1 train.micro_batch_sets=1 data.width=1024 data.height=1024
  fi
  printf '\n%-34s %9s %10s %10s %7s %8s\n' "bench sample on $device" views/s 's a pass' joint/cach. GiB plan/GiB
  generate_rate default configs/default.yaml --missing 3 --steps 4
  if [ "$device" = cuda ]; then
    generate_rate large,bf16 configs/large.yaml --missing 3 --steps 8 --precision bf16
    for side in 512 1024; do
      generate_rate "sd15-$side,bf16" configs/sd15-512.yaml --missing 3 --steps 4 --precision bf16 --repeats 1 \
        $(printf -- '--set %s ' "${sd_latents[@]}" data.width=$side data.height=$side)
    done
  fi
fi
[ "$failed" = 0 ] && printf '\nall checks hold\n' || printf '\nchecks failed: see %s/log\n' "$out"
exit "$failed"
