# SPDX-License-Identifier: Apache-2.0
"""Does an embedding network tell cars apart? FOLDER holds a folder of cut-outs (RGBA) for each car; each is cut to its
box, put on white and embedded as spinfill does (fitted into the input, the rest white). Of all pairs of photographs:
how often a pair of one car is more alike than a pair of two (area under the curve), and for each photograph how often
the most alike one of the others is of the same car.

  python tells_cars_apart.py identity.onnx FOLDER       (numpy, onnxruntime, opencv)
"""
import pathlib
import sys

import cv2
import numpy as np
import onnxruntime

SIZE, MEAN, STD = 224, (.485, .456, .406), (.229, .224, .225)


def embedded(session, path):
    rgba = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32) / 255
    y, x = np.where(rgba[..., 3] >= .5)
    rgba = rgba[y.min():y.max() + 1, x.min():x.max() + 1]
    alpha = rgba[..., 3:]
    rgb = (rgba[..., :3] * alpha + 1 - alpha)[..., ::-1]
    scale = SIZE / max(rgb.shape[:2])
    width, height = (max(1, round(n * scale)) for n in rgb.shape[1::-1])
    small = cv2.resize(np.ascontiguousarray(rgb), (width, height), interpolation=cv2.INTER_AREA)
    whole = np.ones((SIZE, SIZE, 3), np.float32)
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    whole[top:top + height, left:left + width] = small
    values = ((whole - MEAN) / STD).astype(np.float32).transpose(2, 0, 1)[None]
    out = session.run(None, {session.get_inputs()[0].name: values})[0].ravel()
    return out / np.linalg.norm(out)


def main():
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    cars = sorted(p for p in pathlib.Path(sys.argv[2]).iterdir() if p.is_dir())
    names, embeddings = [], []
    for car in cars:
        for path in sorted(car.glob("*.png")):
            names.append(car.name)
            embeddings.append(embedded(session, path))
    e, names = np.array(embeddings), np.array(names)
    alike, same = e @ e.T, names[:, None] == names[None]
    upper = np.triu(np.ones_like(same), 1)
    of_one, of_two = alike[same & upper], alike[~same & upper]
    order = np.sort(of_two)
    auc = np.mean((np.searchsorted(order, of_one) + np.searchsorted(order, of_one, side="right")) / 2 / len(order))
    np.fill_diagonal(alike, -2)
    print(f"{len(cars)} cars, {len(e)} photographs: cosine {of_one.mean():.3f} ± {of_one.std():.3f} within a car, "
          f"{of_two.mean():.3f} ± {of_two.std():.3f} between two; area under the curve {auc:.3f}, "
          f"nearest is of the same car {np.mean(names[alike.argmax(1)] == names):.3f}")


if __name__ == "__main__":
    main()
