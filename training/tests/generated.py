"""A small ImageFolder tree of made-up pictures: class = colour of a disc on noise. Fixed seed, no downloads."""
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from recipes import IMAGENETTE
from model import Shape

SIDE = 64
COLOURS = ((220, 40, 40), (40, 200, 60), (50, 70, 220))


def recipe():
    """The real recipe's code paths on a net and pictures small enough for seconds."""
    return replace(
        IMAGENETTE, name="tiny", data="tiny", size=SIDE, canvas=80, calibration=15, batch=16, lr=0.05, ema=0.9,
        shape=Shape(stem=(8, 8), widths=(12, 16, 24), blocks=(1, 2, 1), classes=len(COLOURS),
                    exits=(("stage1_block1", 8, 8), ("stage2_block1", 8, 8), ("stage2_block2", 8, 8))),
        sizes=((0.0, 32), (0.5, 64)),
    )


def write(root: Path, per_class: int = 32, seed: int = 7) -> Path:
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[0:SIDE, 0:80]
    for split, count in (("train", per_class), ("val", per_class // 4)):
        for label, colour in enumerate(COLOURS):
            folder = root / "tiny" / split / f"{label:02d}-colour_{label}"
            folder.mkdir(parents=True)
            for i in range(count):
                picture = rng.integers(0, 120, (SIDE, 80, 3))
                cy, cx, r = rng.integers(24, 40), rng.integers(28, 52), rng.integers(10, 20)
                picture[(ys - cy) ** 2 + (xs - cx) ** 2 < r * r] = colour
                Image.fromarray(picture.astype(np.uint8)).save(folder / f"{i}.jpg", quality=92)
    return root
