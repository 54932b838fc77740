#!/usr/bin/env bash
# From a bare Debian 12 to the built program: packages, LibTorch, configure, build. Safe to repeat; what is
# there already is used, and not downloaded again.
#
#   scripts/setup.sh [--preset NAME] [--no-build] [--target NAME] [--extra PACKAGE]…
#
#   --preset NAME   release (default), debug, asan or cuda
#   --no-build      stop after the packages and LibTorch
#   --target NAME   build this target only
#   --extra PACKAGE install this Debian package too
#
# LibTorch and the compiler cache lie in $SPINFILL_CACHE (default ~/.cache/spinfill).
# LibTorch_ROOT=FOLDER uses another LibTorch 2.11.0 instead.
set -eu -o pipefail
cd "$(dirname "$0")/.."

preset=release; build=1; target=all; extra=()
while [ $# -gt 0 ]; do
  case $1 in
    --preset) preset=${2:?--preset needs a name}; shift 2 ;;
    --target) target=${2:?--target needs a name}; shift 2 ;;
    --extra) extra+=("${2:?--extra needs a package}"); shift 2 ;;
    --no-build) build=0; shift ;;
    -h | --help) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "setup.sh: unknown argument '$1' (see --help)" >&2; exit 2 ;;
  esac
done

cache=${SPINFILL_CACHE:-$HOME/.cache/spinfill}
libtorch=${LibTorch_ROOT:-$cache/libtorch-2.11.0}
export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache}
began=$SECONDS
say() { printf '[setup %3d s] %s\n' $((SECONDS - began)) "$*"; }
die() { echo "setup.sh: $*" >&2; exit 3; }

# Packages.
mapfile -t wanted < <(grep -v '^#' scripts/packages.txt; printf '%s\n' "${extra[@]}")
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | sed -n 's/ installed$//p')
mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}" | grep . | sort -u) <(sort -u <<<"$installed"))
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${#missing[@]} Debian packages (about 2 minutes): ${missing[*]}"
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "needs root or sudo to install: ${missing[*]}"
    as_root=(sudo)
  fi
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -5 "$log" >&2
    die "apt-get failed; the whole log is $log"
  fi
  rm -f "$log"
else
  say 'all Debian packages are installed'
fi

# LibTorch: unpacked in a temporary folder that is renamed when complete; the marker is written before the rename.
if [ -e "$libtorch/torch/lib/libtorch_cpu.so" ] || [ -e "$libtorch/lib/libtorch_cpu.so" ]; then
  say "LibTorch is in $libtorch"
elif [ -n "${LibTorch_ROOT:-}" ]; then
  die "LibTorch_ROOT=$LibTorch_ROOT holds no libtorch_cpu.so"
else
  mkdir -p "$cache"
  free=$(df --output=avail -k "$cache" | tail -1)
  [ "$free" -gt 4000000 ] || die "$cache needs 4 GB for LibTorch, but only $((free / 1000000)) GB are free"
  rm -rf "$cache"/libtorch-2.11.0.tmp-*
  part=$(mktemp -d "$cache/libtorch-2.11.0.tmp-XXXXXX")
  trap 'rm -rf "$part"' EXIT
  say 'downloading LibTorch 2.11.0 (545 MB, about 1 minute)'
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
    --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --require-hashes -r scripts/libtorch.txt \
    -d "$part/wheels" || die 'LibTorch could not be downloaded; see the lines above'
  say 'unpacking LibTorch (about 20 seconds)'
  mkdir "$part/libtorch"
  unzip -q "$part"/wheels/torch-*.whl 'torch/lib/*' 'torch/include/*' '*.dist-info/*' -d "$part/libtorch"
  for wheel in "$part"/wheels/nvidia_*.whl; do unzip -q -o "$wheel" -d "$part/libtorch"; done
  [ -e "$part/libtorch/torch/lib/libtorch_cpu.so" ] || die 'the wheels hold no libtorch_cpu.so'
  sync -f "$part/libtorch"
  mv -T "$part/libtorch" "$libtorch"
  rm -rf "$part"
  trap - EXIT
fi
export LibTorch_ROOT=$libtorch

[ $build = 1 ] || exit 0
say "configuring build/$preset"
log=$(mktemp)
cmake --preset "$preset" -DLibTorch_ROOT="$libtorch" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; die 'cmake failed'; }
rm -f "$log"
say "building build/$preset (the first time 6 to 12 minutes on two cores, as many again with the tests; seconds when the compiler cache is warm)"
NINJA_STATUS='[%f/%t, %e s] ' cmake --build --preset "$preset" --target "$target"
say "done: build/$preset/spinfill"
