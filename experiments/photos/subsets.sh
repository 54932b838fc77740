#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Five subsets of eight photographs of each car, chosen by hash: subsets.sh EPFL OUT
# EPFL holds a folder for each car and azimuths.tsv (file, azimuth_deg); OUT gets CAR-1 … CAR-5 and a table of its own.
set -eu
from=$1 to=$2
mkdir -p "$to"
printf 'file\tazimuth_deg\n' > "$to/azimuths.tsv"
for car in "$from"/car-*; do
  name=$(basename "$car")
  for number in 1 2 3 4 5; do
    mkdir -p "$to/$name-$number"
    for file in "$car"/*; do
      printf '%s %s/%s' "$number" "$name" "$(basename "$file")" | sha256sum | sed "s|-|$(basename "$file")|"
    done | sort | head -n 8 | while read -r _ file; do
      cp "$car/$file" "$to/$name-$number/"
      awk -F '\t' -v file="$name/$file" -v own="$name-$number/$file" '$1 == file { print own "\t" $2 }' \
        "$from/azimuths.tsv" >> "$to/azimuths.tsv"
    done
  done
done
