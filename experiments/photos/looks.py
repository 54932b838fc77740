#!/usr/bin/env python3
"""Boxes of the segmenter's saliency beside the labelled ones, for one look at each photograph and for means of several.

    python3 looks.py EPFL u2netp.onnx [EVERY]      (numpy, OpenCV; EPFL: the folder with azimuths.tsv; every third photograph)
"""
import sys

import cv2
import numpy as np

MEAN, DEVIATION = [.485, .456, .406], [.229, .224, .225]


def saliency(net, picture):
    small = cv2.resize(picture, (320, 320), interpolation=cv2.INTER_AREA)[:, :, ::-1].astype(np.float32) / 255
    net.setInput(np.ascontiguousarray(((small - MEAN) / DEVIATION).transpose(2, 0, 1)[None].astype(np.float32)))
    return cv2.resize(net.forward()[0, 0], picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def box_of(seen):
    count, _, stats, _ = cv2.connectedComponentsWithStats((seen > .5).astype(np.uint8))
    return tuple(stats[1 + np.argmax(stats[1:, 4]), :4]) if count > 1 else (0, 0, 0, 0)


def window(net, picture, box, margin=.3):
    x, y, w, h = box
    left, top = max(0, int(x - margin * w)), max(0, int(y - margin * h))
    right, bottom = int(x + w + margin * w), int(y + h + margin * h)
    out = np.zeros(picture.shape[:2], np.float32)
    if w > 0:
        out[top:bottom, left:right] = saliency(net, picture[top:bottom, left:right])
    return out


def iou(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(0, width) * max(0, height)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def main(folder, onnx, every=3):
    net, overlaps = cv2.dnn.readNetFromONNX(onnx), {}
    for line in open(f"{folder}/azimuths.tsv").read().splitlines()[1::int(every)]:
        file, _, *labelled = line.split("\t")
        picture = cv2.imread(f"{folder}/{file}")
        once = saliency(net, picture)
        mirrored = saliency(net, np.ascontiguousarray(picture[:, ::-1]))[:, ::-1]
        near = window(net, picture, box_of((once + mirrored) / 2))
        looks = {"once": once, "and mirrored": (once + mirrored) / 2, "and from nearer": (once + mirrored + near) / 3}
        for name, seen in looks.items():
            overlaps.setdefault(name, []).append(iou(box_of(seen), tuple(map(float, labelled))))
    for name, values in overlaps.items():
        print(f"{name:16} median {np.median(values):.4f} mean {np.mean(values):.4f} "
              f"below .85: {sum(v < .85 for v in values)} of {len(values)}")


main(*sys.argv[1:])
