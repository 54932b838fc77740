#!/usr/bin/env python3
"""How well the framing of a photograph is predicted from the others of its set: each of the sets' frames left out, its cue
predicted from the other frames' cues, as geometry/spin/cameras.cpp does. Root mean squares over all frames of: the departures
themselves (none), the errors of a constant and a wave (wave), and of both models by their evidence (both).

    python3 framing.py SET…          (numpy; sets that `spinfill data stabilise` has written cameras for)
"""
import json
import sys

import numpy as np


def wave(a, b):
    return 0.1 + 0.5 * np.cos(a - b)


def symmetric(parity):
    quarters = np.cos if parity > 0 else np.sin
    near = lambda apart: np.exp((np.cos(apart) - 1) / 0.1)
    return lambda a, b: wave(a, b) + quarters(2 * a) * quarters(2 * b) + (near(a - b) + parity * near(a + b)) / 2


def predict(kernel, seen, values, at):
    among = kernel(seen[:, None], seen[None]) + 0.2 * np.eye(len(seen))
    evidence = -len(seen) / 2 * np.log(max(values @ np.linalg.solve(among, values), 1e-12))
    return np.linalg.solve(among, kernel(seen, at)) @ values, evidence - np.linalg.slogdet(among)[1] / 2


def main(folders):
    parts = {"log_scale": 1, "shift_x": -1, "shift_y": 1, "roll_deg": -1}
    errors = {name: {"none": [], "wave": [], "both": []} for name in parts}
    for folder in folders:
        frames = [f for f in json.load(open(f"{folder}/transforms.json"))["frames"] if "cue" in f]
        azimuths = np.deg2rad([f["stated_azimuth_deg"] for f in frames])
        for name, parity in parts.items():
            values = np.array([np.log(f["cue"]["scale"]) if name == "log_scale" else f["cue"][name] for f in frames])
            for i in range(len(frames)):
                rest = np.arange(len(frames)) != i
                plain, of_plain = predict(wave, azimuths[rest], values[rest], azimuths[i])
                both, of_both = predict(symmetric(parity), azimuths[rest], values[rest], azimuths[i])
                share = 1 / (1 + np.exp(of_plain - of_both))
                errors[name]["none"].append(values[i])
                errors[name]["wave"].append(plain - values[i])
                errors[name]["both"].append(share * both + (1 - share) * plain - values[i])
    for name, by_model in errors.items():
        print(name.ljust(10), len(by_model["none"]),
              *(f"{model} {np.sqrt(np.mean(np.square(e))):.4f}" for model, e in by_model.items()))


main(sys.argv[1:])
