#!/usr/bin/env bash
# Writes the pages in which the program describes itself: docs/commands.md (every command's --help) and
# docs/configuration.md (every key with its default, range and unit). A test fails where they are not what it says today.
#
#   scripts/docs.sh [--program FILE] [--out DIR]
set -eu -o pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
program=$here/build/release/spinfill; out=$here/docs
while [ $# -gt 0 ]; do
  case $1 in
    --program) program=${2:?--program needs a file}; shift 2 ;;
    --out) out=${2:?--out needs a folder}; shift 2 ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "docs.sh: unknown argument '$1' (see --help)" >&2; exit 2 ;;
  esac
done

# The words that name the subcommands in a --help, one a line.
subcommands() { sed -n '/^Subcommands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' <<<"$1"; }

# help COMMAND…: a section for the command and for each of its subcommands.
help() {
  local text sub
  text=$("$program" "$@" --help)
  printf '\n## spinfill%s\n\n```\n%s\n```\n' "${*:+ $*}" "$text"
  for sub in $(subcommands "$text"); do help "$@" "$sub"; done
}

mkdir -p "$out"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
: >"$work/empty.yaml"
{
  printf '# Commands\n\nWhat `--help` says, written by `scripts/docs.sh`.\n'
  help
} >"$work/commands.md"
{
  printf '# Configuration\n\n'
  printf 'Every key of a run with its default, written by `scripts/docs.sh` from `spinfill train --print-config`: help, range and\n'
  printf 'unit stand behind it. [configs/default.yaml](../configs/default.yaml) is the run of the demo.\n\n```yaml\n'
  "$program" train --config "$work/empty.yaml" --print-config
  printf '```\n\nAnd of a run of `spinfill train-autoencoder` ([latents.md](latents.md)):\n\n```yaml\n'
  "$program" train-autoencoder --config "$work/empty.yaml" --print-config
  printf '```\n'
} >"$work/configuration.md"
mv "$work/commands.md" "$work/configuration.md" "$out/"
