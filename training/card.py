"""Puts the measured figures into a model card, between its two marker lines; the prose around them is written by hand.

    card.py imagenette     out/NAME/report.json, calibration.json -> docs/model-cards/NAME.md
"""
import argparse
import json
from pathlib import Path
from typing import Dict, List

from model import MultiExitNet, macs
from recipes import RECIPES

BEGIN, END = "<!-- figures: training/card.py -->", "<!-- end of figures -->"


def percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


def table(head: List[str], rows: List[List[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figures(name: str, found: Dict[str, object], calibration: Dict[str, object], onnx_bytes: int) -> str:
    recipe = RECIPES[name]
    net = MultiExitNet(recipe.shape)
    counted, trunk, n = macs(net, recipe.size), found["trunkMacs"], found["images"]
    blocks = [block for block, _mid, _out in recipe.shape.exits] + ["end of the trunk"]
    policy = found["policy"]
    thresholds = calibration["thresholds"] + [None]
    exits = [
        [e["name"], block, f"{e['macs'] / 1e6:.1f} M", percent(e["macs"] / trunk, 1), percent(e["top1"]),
         f"{100 * e['interval'][0]:.1f}-{100 * e['interval'][1]:.1f}", "-" if t is None else f"{t:g}", percent(s, 1)]
        for e, block, t, s in zip(found["exits"], blocks, thresholds, policy["exitShares"])
    ]
    classes = [[c["label"], str(c["images"]), percent(c["final"], 1), percent(c["policy"], 1)] for c in found["classes"]]
    points = [[tensor, f"{m / 1e6:.1f} M", percent(m / trunk, 1)] for tensor, m in counted["points"].items()]
    confused = "; ".join(f"{k} ({v})" for k, v in list(found["confused"].items())[:6]) or "none"
    return "\n\n".join([
        f"Measured on all {n} pictures of `val`, fp32, at {recipe.size} px, centre square.",
        f"**With the default thresholds: top-1 {percent(policy['top1'])} at {percent(policy['meanMacs'] / trunk, 1)} of the "
        f"trunk's multiply-accumulates** ({policy['meanMacs'] / 1e6:.1f} M of {trunk / 1e6:.1f} M on average), "
        f"{100 * policy['accuracyLoss']:.2f} points below the final classifier.",
        table(["exit", "hangs on", "work until there", "of the trunk", "top-1 alone", "95 % interval", "threshold", "leave here"],
              exits),
        "Work counts convolutions and linear layers of one picture: the trunk so far and every exit head met on the way.",
        f"Parameters {found['parameters'] / 1e6:.2f} M; ONNX file {onnx_bytes / 1e6:.2f} MB in fp32. Calibration: "
        f"{calibration['images']} pictures of `train` that were not trained on, seed {calibration['seed']}; temperatures "
        f"{', '.join(f'{t:g}' for t in calibration['temperatures'])}.",
        "### Per class", table(["class", "pictures", "final", "with exits"], classes),
        f"Most frequent confusions of the final classifier: {confused}.",
        "### Partition points", table(["tensor", "work before it", "of the trunk"], points),
    ])


def main() -> None:
    here = Path(__file__).parent
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("name", choices=sorted(RECIPES))
    ask.add_argument("--out", type=Path)
    ask.add_argument("--to", type=Path, default=here.parent / "docs" / "model-cards")
    o = ask.parse_args()
    out = o.out or here / "out" / o.name
    found, calibration = (json.loads((out / f).read_text()) for f in ("report.json", "calibration.json"))
    card = o.to / f"{o.name}.md"
    before, _, rest = card.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    body = figures(o.name, found, calibration, (out / f"{o.name}.onnx").stat().st_size)
    card.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}")


if __name__ == "__main__":
    main()
