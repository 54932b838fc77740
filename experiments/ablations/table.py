# SPDX-License-Identifier: Apache-2.0
"""The table and the plot of README.md from what run.sh has scored. Per vehicle the difference from `full` of the same
seed on the same images, averaged over the seeds; its mean and 95 % interval (Student) over vehicles. Needs numpy.

  python table.py out/ablations ablations.svg
"""
import json
import math
import pathlib
import sys

import numpy as np

VARIANTS = ["no-prior-maps", "no-prior-image", "no-priors", "no-mirror", "no-rays", "no-reference-attention", "no-noise-shift"]
T95 = {7: 2.365, 23: 2.069}
METRICS = ["psnr", "ssim", "lpips"]


def rows(path):
    report = json.loads(path.read_text())
    return {(r["id"], r["sample"], r["azimuth_deg"]): r for r in report["images"]}


def by_vehicle(before, after, metric):
    assert before.keys() == after.keys()
    sums = {}
    for key, row in after.items():
        sums.setdefault(key[0], []).append(row[metric] - before[key][metric])
    return {vehicle: np.mean(values) for vehicle, values in sums.items()}


def estimate(per_vehicle):
    values = np.array([np.mean(v) for v in per_vehicle.values()])
    half = T95[len(values) - 1] * values.std(ddof=1) / math.sqrt(len(values))
    return values.mean(), half


def main():
    out = pathlib.Path(sys.argv[1])
    told = {}
    for steps in (1, 4):
        seeds = [s for s in (1, 2, 3) if all((out / f"scores/{v}-{s}-{steps}/metrics.json").exists()
                                             for v in VARIANTS + ["full"])]
        print(f"\n{steps} step(s), seeds {seeds}")
        full = {s: rows(out / f"scores/full-{s}-{steps}/metrics.json") for s in seeds}
        print("full", {m: round(float(np.mean([np.mean([r[m] for r in full[s].values()]) for s in seeds])), 4)
                       for m in METRICS},
              {s: round(float(np.mean([r["psnr"] for r in full[s].values()])), 2) for s in seeds})
        for variant in VARIANTS:
            line = []
            for metric in METRICS:
                per_vehicle, of_seeds = {}, []
                for s in seeds:
                    own = by_vehicle(full[s], rows(out / f"scores/{variant}-{s}-{steps}/metrics.json"), metric)
                    of_seeds.append(np.mean(list(own.values())))
                    for vehicle, value in own.items():
                        per_vehicle.setdefault(vehicle, []).append(value)
                mean, half = estimate(per_vehicle)
                told[variant, steps, metric] = mean, half, of_seeds
                digits = 2 if metric == "psnr" else 4
                line.append(f"{mean:+.{digits}f} ± {half:.{digits}f} ({', '.join(f'{v:+.{digits}f}' for v in of_seeds)})")
            print(f"| `{variant}` | " + " | ".join(line) + " |")
    if (out / "steps/50/metrics.json").exists():
        last = rows(out / "steps/50/metrics.json")
        print("\nsteps of base-96, difference from 50")
        for n in (1, 2, 4, 8, 16, 50):
            own = rows(out / f"steps/{n}/metrics.json")
            cells = []
            for metric in METRICS:
                mean, half = estimate({k: [v] for k, v in by_vehicle(last, own, metric).items()})
                value = np.mean([r[metric] for r in own.values()])
                digits = 2 if metric == "psnr" else 4
                cells.append(f"{value:.{digits}f} ({mean:+.{digits}f} ± {half:.{digits}f})")
            print(f"| {n} | " + " | ".join(cells) + " |")
    draw(told, sys.argv[2])


def draw(told, path):
    """Dots and intervals of PSNR, one and four steps; a hollow dot a seed."""
    low = min(min([m - h] + seeds) for (v, s, k), (m, h, seeds) in told.items() if k == "psnr")
    left, right, top, step = 190, 700, 30, 34
    x = lambda value: left + (value - low) / (0.3 - low) * (right - left)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {top + step * len(VARIANTS) + 40}" '
             'font-family="sans-serif" font-size="13">',
             f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{top - 10}" y2="{top + step * len(VARIANTS)}" stroke="#888"/>',
             f'<text x="{x(0):.1f}" y="{top - 14}" text-anchor="middle">full</text>']
    for i, variant in enumerate(VARIANTS):
        y = top + step * i + 14
        parts.append(f'<text x="{left - 10}" y="{y + 5}" text-anchor="end">{variant}</text>')
        for steps, colour, off in ((1, "#1f6fb2", -6), (4, "#c2571a", 6)):
            mean, half, seeds = told[variant, steps, "psnr"]
            parts.append(f'<line x1="{x(mean - half):.1f}" x2="{x(mean + half):.1f}" y1="{y + off}" y2="{y + off}" '
                         f'stroke="{colour}" stroke-width="3"/><circle cx="{x(mean):.1f}" cy="{y + off}" r="5" fill="{colour}"/>')
            parts += [f'<circle cx="{x(value):.1f}" cy="{y + off}" r="3" fill="none" stroke="{colour}"/>' for value in seeds]
    y = top + step * len(VARIANTS) + 8
    for value in range(0, math.floor(low), -2):
        parts.append(f'<text x="{x(value):.1f}" y="{y + 12}" text-anchor="middle">{value} dB</text>')
    parts.append(f'<text x="{left}" y="{y + 28}"><tspan fill="#1f6fb2">one step</tspan>, <tspan fill="#c2571a">four steps'
                 '</tspan>: PSNR less that of full, 95 % over vehicles; hollow: each seed</text></svg>')
    pathlib.Path(path).write_text("\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
