"""What is trained: one Recipe per shipped model. Every number a training run depends on is here or on its command line."""
from dataclasses import dataclass, field
from typing import Tuple

from augment import Augmentation
from model import Shape

# Usual per-channel statistics of natural pictures in RGB, on a 0..1 scale.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Recipe:
    name: str
    data: str                       # folder below the data root, an ImageFolder tree with train/ and val/
    size: int                       # picture side the net is exported for, in pixels
    canvas: int                     # side of the square on which training pictures are kept; longer sides are cropped
    shape: Shape
    calibration: int                # pictures of `train` never trained on: thresholds and choices are made on them
    augment: Augmentation
    sizes: Tuple[Tuple[float, int], ...]   # (progress from, picture side): small pictures first
    licence: str
    batch: int = 64
    lr: float = 0.06                # peak, for the batch above (SGD with Nesterov momentum 0.9)
    weight_decay: float = 5e-4
    warmup: float = 0.06            # share of the run
    smoothing: float = 0.1
    exit_weight: float = 0.3        # loss weight of each exit; the final classifier counts 1
    distill: float = 0.5            # share of an exit's loss that is taught by the final classifier
    ema: float = 0.998              # per step
    seed: int = 4
    ramp: float = 0.0               # share of the run over which augmentation grows to its full strength
    max_loss: float = 0.006         # accuracy the default thresholds may cost on the calibration part


IMAGENETTE = Recipe(
    name="imagenette",
    data="imagenette160",
    size=160,
    canvas=160,
    shape=Shape(
        stem=(24, 40),
        widths=(80, 192, 256),
        blocks=(2, 3, 2),
        exits=(
            ("stage1_block1", 96, 128),
            ("stage1_block2", 96, 128),
            ("stage2_block1", 128, 160),
            ("stage2_block3", 128, 160),
        ),
    ),
    calibration=600,
    augment=Augmentation(area=(0.35, 1.0), ratio=0.75, brightness=0.25, contrast=0.25, saturation=0.3, cutmix=0.35),
    sizes=((0.0, 96), (0.32, 112), (0.65, 128), (0.85, 160)),
    licence="MIT for the weights; the training pictures have their own terms, see docs/model-cards/imagenette.md",
)

HANDSIGNS = Recipe(
    name="handsigns",
    data="handsigns96",
    size=96,
    canvas=96,
    shape=Shape(
        stem=(16, 32),
        widths=(64, 128, 192),
        blocks=(2, 2, 1),
        exits=(("stage1_block1", 48, 64), ("stage1_block2", 64, 96), ("stage2_block1", 96, 96)),
    ),
    calibration=160,
    augment=Augmentation(
        area=(0.75, 1.9), ratio=0.8, rotation=25.0, shift=0.1, shear=0.12, background=0.75,
        brightness=0.4, contrast=0.4, saturation=0.5, temperature=0.2, shade=0.35, noise=0.06, blur=0.3, erase=0.1,
    ),
    sizes=((0.0, 96),),
    licence="MIT for the weights; the training pictures have their own terms, see docs/model-cards/handsigns.md",
    batch=64,
    lr=0.05,
    exit_weight=0.5,
    ramp=0.4,
)

RECIPES = {r.name: r for r in (IMAGENETTE, HANDSIGNS)}
