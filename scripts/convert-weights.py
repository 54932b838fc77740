#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Public weights of LPIPS, DISTS and ST-LPIPS as the safetensors files that spinfill reads. Needs PyTorch, and nothing else.

  scripts/convert-weights.py lpips squeeze --features squeezenet1_1-*.pth --heads squeeze.pth --out lpips_squeeze.safetensors
  scripts/convert-weights.py dists --features vgg16-*.pth --heads weights.pt --out dists.safetensors
  scripts/convert-weights.py stlpips --weights alex_shift_tolerant.pth --out stlpips_alex.safetensors

--features is the classification net's state dict as torchvision publishes it (squeezenet1_1, alexnet or vgg16; its URL
stands in torchvision's documentation of the weights), --heads what the lpips package (lpips/weights/v0.1/NET.pth) or the
DISTS_pytorch package (weights.pt) carries; --weights what the stlpips_pytorch package does (weights/vST0.0/NET_shift_tolerant.pth). Files are read without running code in them. An LPIPS that was exported as ONNX
needs no conversion: spinfill reads it as it is.
"""
import argparse
import json
import os
import struct
import sys

try:
    import torch
except ImportError:
    sys.exit("convert-weights.py: needs PyTorch (pip install torch)")

# Slices of the lpips package: the first and last layer of the classification net's `features` in each.
LPIPS_SLICES = {
    "squeeze": [(0, 1), (2, 4), (5, 7), (8, 9), (10, 10), (11, 11), (12, 12)],
    "alex": [(0, 1), (2, 4), (5, 7), (8, 9), (10, 11)],
    "vgg": [(0, 3), (4, 8), (9, 15), (16, 22), (23, 29)],
}


def die(message):
    sys.exit(f"convert-weights.py: {message}")


def read(path):
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        die(f"{path}: there is no such file")
    except Exception:  # every kind of damage
        die(f"{path}: not a PyTorch file of tensors, or a damaged one")
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        die(f"{path}: not a state dict")
    return state


def features(state, path, slices, name_of):
    out = {}
    for key, tensor in state.items():
        parts = key.split(".")
        if parts[0] != "features" or not parts[1].isdigit():
            continue
        for number, (first, last) in enumerate(slices, 1):
            if first <= int(parts[1]) <= last:
                out[name_of(number) + "." + ".".join(parts[1:])] = tensor
    if not out:
        die(f"{path}: holds no features.*; give the state dict of the torchvision net")
    return out


def save(tensors, path):
    header, data, at = {}, [], 0
    for key, tensor in sorted(tensors.items()):
        raw = tensor.detach().float().contiguous().numpy().astype("<f4").tobytes()
        header[key] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if os.path.exists(path):
        die(f"{path} exists; remove it or choose another name")
    part = f"{path}.tmp-{os.getpid()}"
    with open(part, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(data))
    os.replace(part, path)
    print(f"written to {path}: {len(tensors)} tensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="metric", required=True)
    lpips = commands.add_parser("lpips", help="LPIPS v0.1 of one net")
    lpips.add_argument("net", choices=sorted(LPIPS_SLICES))
    dists = commands.add_parser("dists", help="DISTS")
    for command in (lpips, dists):
        for option in ("--features", "--heads", "--out"):
            command.add_argument(option, required=True, metavar="FILE")
    stlpips = commands.add_parser("stlpips", help="ST-LPIPS, alex or vgg")
    for option in ("--weights", "--out"):
        stlpips.add_argument(option, required=True, metavar="FILE")
    a = parser.parse_args()
    if a.metric == "stlpips":
        out = {k: t for k, t in read(a.weights).items() if k.startswith(("net.slice", "lin")) and not k.startswith("lins.")}
        if not any(k.endswith(".filt") for k in out):
            die(f"{a.weights}: has no blurred pooling; give the state dict of stlpips_pytorch's shift-tolerant LPIPS")
        save({k: t for k, t in out.items() if not k.endswith(".filt")}, a.out)
        return
    state, heads = read(a.features), read(a.heads)
    if a.metric == "lpips":
        out = features(state, a.features, LPIPS_SLICES[a.net], lambda number: f"net.slice{number}")
        wanted = [f"lin{i}.model.1.weight" for i in range(len(LPIPS_SLICES[a.net]))]
    else:
        out = features(state, a.features, LPIPS_SLICES["vgg"], lambda number: f"stage{number}")
        wanted = ["alpha", "beta"]
    for key in wanted:
        if key not in heads:
            die(f"{a.heads}: lacks {key}; it holds {', '.join(sorted(heads)[:3])} …")
        out[key] = heads[key]
    save(out, a.out)


if __name__ == "__main__":
    main()
