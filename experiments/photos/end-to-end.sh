#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A photograph hidden, generated, compared on the vehicle's box with its own mask: end-to-end.sh OUT MODEL CAR…
# CAR: a folder of photographs as they come (cut out already or not). `complete --photos` cuts out, finds azimuths and chooses; the
# photographs that it used, under the azimuths that it found, become a view set; `evaluate` hides each in turn. Cars of which not
# all eight primary views were found are named and left out. Needs jq.
set -eu
here=$(dirname "$0")
spinfill=${SPINFILL:-build/release/spinfill}
out=$1 model=$2
shift 2
mkdir -p "$out/sets"
ids=
for car in "$@"; do
  id=$(basename "$car")
  "$spinfill" complete --photos "$car" --model "$model" --deliver given --steps 1 --out "$out/spins/$id" --replace
  set=$out/sets/$id
  if [ "$(jq '[.frames[] | select(.generated | not)] | length' "$out/spins/$id/transforms.json")" != 8 ]; then
    echo "$id: left out, not all eight views were found"
    continue
  fi
  mkdir -p "$set"
  jq '{id, category: "unknown", w, h, frames: [.frames[] | {file_path, azimuth_deg: (.stated_azimuth_deg // .azimuth_deg)}]}' \
    "$out/spins/$id/transforms.json" > "$set/transforms.json"
  for file in $(jq -r '.frames[].file_path' "$set/transforms.json"); do cp "$out/spins/$id/$file" "$set/"; done
  ids="$ids\"$id\","
done
printf '{"test": [%s]}\n' "${ids%,}" > "$out/sets/splits.json"
"$spinfill" evaluate --model "$model" --data "$out/sets" --protocol "$here/hidden.yaml" --grids 0 --replace --out "$out/report"
