"""Pictures as one uint8 array: decoded once, kept on disk as .npy, memory-mapped or loaded by every later run.

A training picture sits in the middle of a black canvas [S,S,3] (what is longer than S is cropped, centred); `sizes` holds
its height and width there. A picture to be measured is the centre square of the shorter side, exactly what the page and
`roomful evaluate` look at ("cover").
"""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

import numpy as np
from PIL import Image

from progress import bar


@dataclass
class Pictures:
    pixels: np.ndarray      # uint8 [n,S,S,3], RGB
    sizes: np.ndarray       # int16 [n,2], height and width of the picture within the canvas
    labels: np.ndarray      # int64 [n]
    classes: List[str]      # readable label per class

    def take(self, index: np.ndarray) -> "Pictures":
        return Pictures(self.pixels[index], self.sizes[index], self.labels[index], self.classes)

    def __len__(self) -> int:
        return len(self.labels)


def label_of(folder: str) -> str:
    """'01-English_springer' -> 'English springer'; a folder without a number keeps its name."""
    head, _, tail = folder.partition("-")
    return (tail if head.isdigit() and tail else folder).replace("_", " ")


def list_folder(root: Path) -> Tuple[List[Path], List[int], List[str]]:
    """Files, label numbers and labels of an ImageFolder tree; classes are numbered in order of their folders' names."""
    folders = sorted(p for p in root.iterdir() if p.is_dir())
    files, labels = [], []
    for label, folder in enumerate(folders):
        for file in sorted(folder.iterdir()):
            if file.suffix.lower() in (".jpg", ".jpeg", ".png"):
                files.append(file)
                labels.append(label)
    if not files:
        raise SystemExit(f"{root}: no pictures; run prepare_data.py first (see training/README.md)")
    return files, labels, [label_of(f.name) for f in folders]


def to_canvas(picture: Image.Image, side: int) -> Tuple[np.ndarray, Tuple[int, int]]:
    """Middle of `picture` in the middle of a black [side,side,3] square, and its (height, width) there."""
    w, h = picture.size
    left, top = max(0, (w - side) // 2), max(0, (h - side) // 2)
    picture = picture.crop((left, top, left + min(w, side), top + min(h, side)))
    w, h = picture.size
    canvas = np.zeros((side, side, 3), np.uint8)
    y, x = (side - h) // 2, (side - w) // 2
    canvas[y:y + h, x:x + w] = np.asarray(picture)
    return canvas, (h, w)


def cover(picture: Image.Image, side: int) -> Image.Image:
    """Shorter side to `side` (antialiased bilinear), then the centre square; no resampling when it already fits."""
    w, h = picture.size
    if min(w, h) != side:
        scale = side / min(w, h)
        w, h = max(side, round(w * scale)), max(side, round(h * scale))
        picture = picture.resize((w, h), Image.BILINEAR)
    left, top = (w - side) // 2, (h - side) // 2
    return picture.crop((left, top, left + side, top + side))


def load(root: Path, split: str, side: int, cache: Path, squares: bool) -> Pictures:
    """Decoded pictures of `root/split`; `squares` gives centre squares for measuring, else canvases for training."""
    form = "square" if squares else "canvas"
    stem = cache / f"{root.name}-{split}-{form}{side}"
    note = stem.with_suffix(".json")
    files, labels, classes = list_folder(root / split)
    key = {"files": len(files), "first": files[0].name, "last": files[-1].name, "classes": classes}
    if note.exists() and json.loads(note.read_text()) == key:
        with np.load(stem.with_suffix(".npz")) as small:
            sizes, kept = small["sizes"], small["labels"]
        return Pictures(np.load(stem.with_suffix(".npy"), mmap_mode="r"), sizes, kept, classes)
    pixels = np.zeros((len(files), side, side, 3), np.uint8)
    sizes = np.zeros((len(files), 2), np.int16)
    for i, file in enumerate(bar(files, f"decode {root.name}/{split}")):
        picture = Image.open(file).convert("RGB")
        pixels[i], sizes[i] = to_canvas(cover(picture, side) if squares else picture, side)
    cache.mkdir(parents=True, exist_ok=True)
    np.save(stem.with_suffix(".npy"), pixels)
    np.savez(stem.with_suffix(".npz"), sizes=sizes, labels=np.array(labels, np.int64))
    note.write_text(json.dumps(key))
    return Pictures(pixels, sizes, np.array(labels, np.int64), classes)


def centre_squares(pictures: Pictures, side: int) -> np.ndarray:
    """Centre squares [n,side,side,3] of canvases whose pictures have `side` as their shorter side (see `cover`)."""
    out = np.zeros((len(pictures), side, side, 3), np.uint8)
    canvas = pictures.pixels.shape[1]
    for i in range(len(pictures)):
        h, w = (int(v) for v in pictures.sizes[i])
        y, x = (canvas - h) // 2, (canvas - w) // 2
        square = cover(Image.fromarray(np.ascontiguousarray(pictures.pixels[i, y:y + h, x:x + w])), side)
        out[i] = np.asarray(square)
    return out


def split_calibration(labels: np.ndarray, count: int, seed: int) -> Tuple[np.ndarray, np.ndarray]:
    """(to train on, kept for calibration): indices; the kept part has the same number of every class, give or take one."""
    rng = np.random.default_rng(seed)
    classes = np.unique(labels)
    kept = []
    for c, label in enumerate(classes):
        of_class = rng.permutation(np.flatnonzero(labels == label))
        kept.append(of_class[: count // len(classes) + (c < count % len(classes))])
    held = np.sort(np.concatenate(kept))
    return np.setdiff1d(np.arange(len(labels)), held), held
