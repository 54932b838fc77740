"""Pictures of view sets at a model's width, premultiplied and averaged over areas: python shrink.py SPINS OUT WIDTH."""
import sys
from pathlib import Path

import numpy as np
from PIL import Image

spins, out, width = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
out.mkdir(parents=True, exist_ok=True)
for path in sorted(spins.glob("*/*.png")):
    rgba = np.asarray(Image.open(path).convert("RGBA")).astype(np.float32) / 255
    rgba = np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], -1)
    h, w = rgba.shape[:2]
    size = (width, round(h * width / w))
    how = Image.BOX if w % size[0] == 0 and h % size[1] == 0 else Image.LANCZOS
    small = np.stack([np.asarray(Image.fromarray(rgba[..., c]).resize(size, how)) for c in range(4)], -1).clip(0, 1)
    alpha = small[..., 3:]
    small[..., :3] = np.where(alpha > 0, small[..., :3] / np.maximum(alpha, 1e-6), 0)
    Image.fromarray((small.clip(0, 1) * 255 + 0.5).astype(np.uint8)).save(out / f"{path.parent.name}-{path.name}")
