#!/usr/bin/env python3
"""Photographs as people take them: a data set's pictures scaled by up to 10 %, shifted by up to 5 % of the width, rolled by
up to 2 degrees, on a larger canvas, with stated azimuths off by up to 5 degrees (within their primary view).

    python3 perturb.py SPINS OUT SEED          (numpy, Pillow)
"""
import json
import os
import sys

import numpy as np
from PIL import Image


def perturbed(picture, width, height, rng):
    rgba = np.asarray(picture.convert("RGBA")).astype(np.float32) / 255
    rgba[..., :3] *= rgba[..., 3:]
    scale = 1 + 0.1 * rng.uniform(-1, 1)
    dx, dy = 0.05 * picture.width * rng.uniform(-1, 1, 2)
    roll = np.deg2rad(2 * rng.uniform(-1, 1))
    c, s = np.cos(roll) / scale, np.sin(roll) / scale
    cx, cy = width / 2 + dx, height / 2 + dy
    back = (c, -s, picture.width / 2 - c * cx + s * cy, s, c, picture.height / 2 - s * cx - c * cy)
    planes = [np.asarray(Image.fromarray(rgba[..., k]).transform((width, height), Image.AFFINE, back, Image.BICUBIC))
              for k in range(4)]
    out = np.stack(planes, -1).clip(0, 1)
    alpha = out[..., 3:]
    colour = np.where(alpha > 1e-3, out[..., :3] / np.maximum(alpha, 1e-3), 0).clip(0, 1)
    return Image.fromarray((np.concatenate([colour, alpha], -1) * 255 + 0.5).astype(np.uint8))


def main(source, target, seed):
    rng = np.random.default_rng(seed)
    for name in sorted(os.listdir(source)):
        path = f"{source}/{name}/transforms.json"
        if not os.path.exists(path):
            continue
        root = json.load(open(path))
        os.makedirs(f"{target}/{name}", exist_ok=True)
        width, height = int(root["w"] * 1.3), int(root["h"] * 1.5)
        for frame in root["frames"]:
            picture = Image.open(f"{source}/{name}/{frame['file_path']}")
            perturbed(picture, width, height, rng).save(f"{target}/{name}/{frame['file_path']}")
            slot = round(frame["azimuth_deg"] / 45) % 8
            stated = (frame["azimuth_deg"] + 5 * rng.uniform(-1, 1)) % 360
            if round(stated / 45) % 8 == slot:
                frame["azimuth_deg"] = round(stated, 2)
        root["w"], root["h"] = width, height
        json.dump(root, open(f"{target}/{name}/transforms.json", "w"), indent=1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
