"""Checkpoint + calibration -> NAME.onnx and NAME.meta.json.

    export.py imagenette [--copy-to FOLDER]

`roomful prepare NAME.onnx --meta NAME.meta.json --out public/models/NAME` turns the pair into a model package. The file
is run again and compared with PyTorch before it is kept: the largest difference must stay below 1e-4.
"""
import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Dict, List

import numpy as np
import onnx
import torch

import onnx_run
from calibrate import calibrate, kept_aside, load_net
from model import MultiExitNet
from onnx_build import build
from recipes import MEAN, RECIPES, STD, Recipe

TOLERANCE = 1e-4


def meta(recipe: Recipe, classes: List[str], calibration: Dict[str, object]) -> Dict[str, object]:
    temperatures, thresholds = calibration["temperatures"], calibration["thresholds"]
    exits = [
        {"name": f"exit{i + 1}", "from": block, "output": f"exit{i + 1}",
         "temperature": temperatures[i], "threshold": thresholds[i]}
        for i, (block, _mid, _out) in enumerate(recipe.shape.exits)
    ]
    curve = [
        {k: (round(v, 6) if isinstance(v, float) else v) for k, v in p.items()}
        for p in calibration["operatingCurve"]
    ]
    return {
        "name": recipe.name,
        "version": 1,
        "license": recipe.licence,
        "input": {
            "tensor": "input", "width": recipe.size, "height": recipe.size, "channels": "RGB", "layout": "NCHW",
            "scale": 1 / 255, "mean": list(MEAN), "std": list(STD), "resize": "cover",
        },
        "labels": classes,
        "exits": exits,
        "final": {"output": "logits", "temperature": temperatures[-1]},
        "confidence": "max-softmax",
        "operatingCurve": curve,
        "calibration": {"images": calibration["images"], "seed": calibration["seed"], "source": "part of train"},
    }


def difference(net: MultiExitNet, path: Path, size: int, seed: int = 0) -> Dict[str, object]:
    """Largest |ONNX - PyTorch| over all the outputs, on one picture of noise."""
    x = np.random.default_rng(seed).standard_normal((1, 3, size, size)).astype(np.float32)
    with torch.no_grad():
        expected = dict(zip(net.exit_names(), net(torch.from_numpy(x))))
    way, got = onnx_run.run(path, x)
    worst = max(float(np.abs(got[k] - v.numpy()).max()) for k, v in expected.items())
    return {"by": way, "largest": worst}


def export(net: MultiExitNet, recipe: Recipe, classes: List[str], calibration: Dict[str, object], out: Path) -> Path:
    """Writes and verifies out/NAME.onnx and its meta file; a file that differs from PyTorch is removed."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{recipe.name}.onnx"
    onnx.save(build(net, recipe.size, recipe.name), str(path))
    found = difference(net, path, recipe.size)
    if found["largest"] > TOLERANCE:
        path.unlink()
        raise SystemExit(f"{path.name} differs from PyTorch by {found['largest']:.2e} (run by {found['by']})")
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, differs from PyTorch by {found['largest']:.1e} ({found['by']})")
    (out / f"{recipe.name}.meta.json").write_text(json.dumps(meta(recipe, classes, calibration), indent=1) + "\n")
    return path


def main() -> None:
    here = Path(__file__).parent
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("name", choices=sorted(RECIPES))
    ask.add_argument("--data", type=Path, default=here / "data")
    ask.add_argument("--out", type=Path)
    ask.add_argument("--cache", type=Path, default=here / "cache")
    ask.add_argument("--copy-to", type=Path, help="also put the pair there")
    o = ask.parse_args()
    recipe = RECIPES[o.name]
    out = o.out or here / "out" / recipe.name
    checkpoint = out / "checkpoint.pt"
    if not checkpoint.exists():
        sys.exit(f"{checkpoint}: no checkpoint; run train.py {recipe.name} first")
    net = load_net(checkpoint, recipe)
    classes = torch.load(checkpoint, map_location="cpu")["classes"]
    stored = out / "calibration.json"
    if stored.exists() and stored.stat().st_mtime >= checkpoint.stat().st_mtime:
        calibration = json.loads(stored.read_text())
    else:
        squares, labels = kept_aside(recipe, o.data, o.cache)
        calibration = calibrate(net, squares, labels, recipe)
        stored.write_text(json.dumps(calibration, indent=1))
    path = export(net, recipe, classes, calibration, out)
    if o.copy_to:
        o.copy_to.mkdir(parents=True, exist_ok=True)
        for file in (path, out / f"{recipe.name}.meta.json"):
            shutil.copy(file, o.copy_to / file.name)


if __name__ == "__main__":
    main()
