"""Temperatures and early-exit thresholds, from the part of `train` that was kept aside.

    calibrate.py imagenette        reads out/NAME/checkpoint.pt, writes out/NAME/calibration.json

1. Temperature (Guo et al. 2017): each exit's logits are divided by the T that minimises its negative log-likelihood.
2. Policy: exit i answers when max softmax(logits_i / T_i) >= threshold_i. For many prices of one unit of work, coordinate
   descent finds the thresholds that minimise  meanMacs / trunkMacs - price * accuracy.  The thresholds come from a coarse
   grid, because fine ones would only fit the few hundred pictures. (Judging by the mean calibrated confidence instead of
   counting was tried: it is smoother, but took exits for better than they are by up to two points.)
3. The policies nobody beats in both accuracy and work form the operating curve. The default is the cheapest policy whose
   loss stays within Recipe.max_loss.

Every picture is seen twice, as it is and mirrored.
"""
import argparse
import json
from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np
import torch

from data import centre_squares, load, split_calibration
from model import MultiExitNet, macs
from recipes import RECIPES, Recipe
from train import answer, top1

GRID = np.array([0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998, 1.0])
"""Thresholds tried; at 1 an exit answers only where rounding makes it certain, so it is as good as unused."""


def softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """T in [0.2, 5] that minimises the mean negative log-likelihood of [n,classes] logits (two-stage grid)."""
    def loss(t: float) -> float:
        return float(-np.log(softmax(logits / t)[np.arange(len(labels)), labels] + 1e-12).mean())

    coarse = min(np.geomspace(0.2, 5, 60), key=loss)
    return float(min(np.linspace(coarse * 0.95, coarse * 1.05, 21), key=loss))


class Policies:
    """Judges threshold vectors on a fixed set of answers. `confidence` and `right`: [exits+1, n]; `cost`: MACs per exit."""

    def __init__(self, confidence: np.ndarray, right: np.ndarray, cost: Sequence[float], trunk: float):
        self.confidence, self.right = confidence, right
        self.cost, self.trunk = np.asarray(cost, float), float(trunk)

    def leaves(self, thresholds: Sequence[float]) -> np.ndarray:
        """Index of the exit at which each picture leaves (the last index is the final classifier)."""
        fires = np.vstack((self.confidence[:-1] >= np.asarray(thresholds)[:, None], np.ones(self.right.shape[1], bool)))
        return fires.argmax(0)

    def judge(self, thresholds: Sequence[float]) -> Dict[str, object]:
        at = self.leaves(thresholds)
        every = np.arange(len(at))
        shares = np.bincount(at, minlength=len(self.cost)) / len(at)
        return {
            "thresholds": [round(float(t), 4) for t in thresholds],
            "top1": float(self.right[at, every].mean()),
            "accuracyLoss": float(self.right[-1].mean() - self.right[at, every].mean()),
            "exitShares": [round(float(s), 4) for s in shares],
            "meanMacs": float(self.cost[at].mean()),
        }

    def search(self, price: float, start: float = 0.9) -> List[float]:
        """Thresholds of least  work - price * accuracy  by coordinate descent over GRID."""
        exits = len(self.cost) - 1
        every = np.arange(self.right.shape[1])
        best = [start] * exits

        def objective(thresholds: List[float]) -> float:
            at = self.leaves(thresholds)
            return float((self.cost[at] / self.trunk - price * self.right[at, every]).mean())

        for _ in range(4):
            before = list(best)
            for i in range(exits):
                best[i] = float(min(GRID, key=lambda t: objective(best[:i] + [float(t)] + best[i + 1:])))
            if best == before:
                break
        return best


def frontier(policies: Policies, points: int = 20) -> List[Dict[str, object]]:
    """About `points` policies, cheapest first, none beaten by another in accuracy and work."""
    exits = len(policies.cost) - 1
    found = [policies.judge(policies.search(float(p), start)) for p in np.geomspace(0.3, 300, 40) for start in (0.7, 0.9, 0.98)]
    found.append(policies.judge([1.0] * exits))
    found.sort(key=lambda p: (p["meanMacs"], p["accuracyLoss"]))
    curve: List[Dict[str, object]] = []
    for policy in found:
        if not curve or policy["accuracyLoss"] < curve[-1]["accuracyLoss"] - 1e-9:
            curve.append(policy)
    if len(curve) > points:
        curve = [curve[i] for i in sorted(set(np.linspace(0, len(curve) - 1, points).round().astype(int)))]
    return curve


def default_policy(curve: List[Dict[str, object]], max_loss: float) -> Dict[str, object]:
    """The cheapest policy within `max_loss`; the most accurate one when none is."""
    fits = [p for p in curve if p["accuracyLoss"] <= max_loss]
    return min(fits or curve[-1:], key=lambda p: p["meanMacs"])


def confidences(logits: np.ndarray, temperatures: Sequence[float], labels: np.ndarray):
    """(max calibrated probability, answer is right), each [exits+1, n]."""
    t = np.asarray(temperatures).reshape(-1, 1, 1)
    return softmax(logits / t).max(2), logits.argmax(2) == labels[None]


def calibrate(net: MultiExitNet, squares: np.ndarray, labels: np.ndarray, recipe: Recipe) -> Dict[str, object]:
    """Everything the export stores: temperatures, the operating curve and its default point."""
    both = [answer(net, s, "cpu", torch.float32) for s in (squares, np.ascontiguousarray(squares[:, :, ::-1]))]
    logits, twice = np.concatenate(both, 1), np.concatenate((labels, labels))
    temperatures = [temperature(l, twice) for l in logits]
    counted = macs(net, recipe.size)
    confidence, right = confidences(logits, temperatures, twice)
    policies = Policies(confidence, right, counted["exits"], counted["trunk"])
    curve = frontier(policies)
    chosen = default_policy(curve, recipe.max_loss)
    return {
        "temperatures": [round(t, 4) for t in temperatures],
        "thresholds": chosen["thresholds"],
        "default": chosen,
        "operatingCurve": curve,
        "exits": [{"top1": v, "macs": m} for v, m in zip(top1(both[0], labels), counted["exits"])],
        "trunkMacs": counted["trunk"],
        "images": len(labels),
        "seed": recipe.seed,
    }


def load_net(checkpoint: Path, recipe: Recipe) -> MultiExitNet:
    """The averaged net of a checkpoint, ready to answer."""
    net = MultiExitNet(recipe.shape)
    net.load_state_dict(torch.load(checkpoint, map_location="cpu")["average"])
    return net.eval()


def kept_aside(recipe: Recipe, data_root: Path, cache: Path):
    """(squares, labels) of the calibration part."""
    pictures = load(data_root / recipe.data, "train", recipe.canvas, cache, squares=False)
    held = pictures.take(split_calibration(pictures.labels, recipe.calibration, recipe.seed)[1])
    return centre_squares(held, recipe.size), held.labels


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
    squares, labels = kept_aside(recipe, o.data, o.cache)
    result = calibrate(load_net(out / "checkpoint.pt", recipe), squares, labels, recipe)
    (out / "calibration.json").write_text(json.dumps(result, indent=1))
    for i, e in enumerate(result["exits"]):
        print(f"exit {i + 1}: top-1 {100 * e['top1']:.2f} % of {len(labels)}, {e['macs'] / 1e6:.1f} MMAC, T {result['temperatures'][i]}")
    d = result["default"]
    print(f"default {d['thresholds']}: top-1 {100 * d['top1']:.2f} % (loss {100 * d['accuracyLoss']:.2f} points), "
          f"mean MACs {100 * d['meanMacs'] / result['trunkMacs']:.1f} % of the trunk, shares {d['exitShares']}")


if __name__ == "__main__":
    main()
