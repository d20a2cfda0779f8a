"""The figures of the model card: one look at `val`, after everything is decided.

    report.py imagenette       reads out/NAME, writes out/NAME/report.json and the measured part of NAME.meta.json
"""
import argparse
import json
from pathlib import Path
from typing import Dict, List

import numpy as np
import torch

from calibrate import Policies, confidences, load_net
from data import load
from model import macs
from recipes import RECIPES, Recipe
from train import answer, top1


def interval(share: float, n: int) -> List[float]:
    """Wilson's 95 % interval of a share counted on n pictures."""
    z = 1.96
    middle, spread = share + z * z / (2 * n), z * ((share * (1 - share) + z * z / (4 * n)) / n) ** 0.5
    return [round((middle - spread) / (1 + z * z / n), 4), round((middle + spread) / (1 + z * z / n), 4)]


def report(net, recipe: Recipe, squares: np.ndarray, labels: np.ndarray, classes: List[str],
           calibration: Dict[str, object]) -> Dict[str, object]:
    logits = answer(net, squares, "cpu", torch.float32)
    counted = macs(net, recipe.size)
    confidence, right = confidences(logits, calibration["temperatures"], labels)
    policies = Policies(confidence, right, counted["exits"], counted["trunk"])
    final = logits[-1].argmax(1)
    at = policies.leaves(calibration["thresholds"])
    policy_right = right[at, np.arange(len(labels))]
    confused: Dict[str, int] = {}
    for truth, said in zip(labels, final):
        if truth != said:
            key = f"{classes[truth]} taken for {classes[said]}"
            confused[key] = confused.get(key, 0) + 1
    return {
        "images": len(labels),
        "trunkMacs": counted["trunk"],
        "exits": [
            {"name": name, "top1": round(t, 5), "interval": interval(t, len(labels)), "macs": m}
            for name, t, m in zip(net.exit_names(), top1(logits, labels), counted["exits"])
        ],
        "policy": policies.judge(calibration["thresholds"]),
        "curve": [policies.judge(p["thresholds"]) for p in calibration["operatingCurve"]],
        "classes": [
            {"label": c, "images": int((labels == i).sum()), "final": round(float(right[-1][labels == i].mean()), 4),
             "policy": round(float(policy_right[labels == i].mean()), 4)}
            for i, c in enumerate(classes)
        ],
        "confused": dict(sorted(confused.items(), key=lambda kv: -kv[1])[:10]),
        "parameters": sum(p.numel() for p in net.parameters()),
    }


def into_meta(meta: Dict[str, object], found: Dict[str, object]) -> Dict[str, object]:
    """The meta file with measured accuracy beside every exit."""
    for exit_, row in zip(meta["exits"], found["exits"]):
        exit_["top1"] = row["top1"]
    meta["final"]["top1"] = found["exits"][-1]["top1"]
    meta["measured"] = {
        "split": "val", "images": found["images"], "policyTop1": round(found["policy"]["top1"], 5),
        "meanMacs": found["policy"]["meanMacs"], "exitShares": found["policy"]["exitShares"],
    }
    return meta


def main() -> None:
    here = Path(__file__).parent
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("name", choices=sorted(RECIPES))
    ask.add_argument("--data", type=Path, default=here / "data")
    ask.add_argument("--out", type=Path)
    ask.add_argument("--cache", type=Path, default=here / "cache")
    o = ask.parse_args()
    recipe = RECIPES[o.name]
    out = o.out or here / "out" / recipe.name
    calibration = json.loads((out / "calibration.json").read_text())
    pictures = load(o.data / recipe.data, "val", recipe.size, o.cache, squares=True)
    found = report(load_net(out / "checkpoint.pt", recipe), recipe, np.asarray(pictures.pixels), pictures.labels,
                   pictures.classes, calibration)
    (out / "report.json").write_text(json.dumps(found, indent=1))
    path = out / f"{recipe.name}.meta.json"
    path.write_text(json.dumps(into_meta(json.loads(path.read_text()), found), indent=1) + "\n")
    for row in found["exits"]:
        print(f"{row['name']}: top-1 {100 * row['top1']:.2f} % of {found['images']}, {row['macs'] / 1e6:.1f} MMAC")
    p = found["policy"]
    print(f"policy: top-1 {100 * p['top1']:.2f} % (loss {100 * p['accuracyLoss']:.2f} points), mean MACs "
          f"{100 * p['meanMacs'] / found['trunkMacs']:.1f} % of the trunk, shares {p['exitShares']}")


if __name__ == "__main__":
    main()
