"""Curves as SVG, without a plotting library.

    plot.py imagenette --to ../docs/model-cards      NAME-training.svg and NAME-exits.svg from out/NAME/*.json
"""
import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Sequence, Tuple
from xml.sax.saxutils import escape

from recipes import RECIPES

# Okabe and Ito's colours, told apart by colour-blind readers; each series also has its own label.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass
class Series:
    label: str
    points: Sequence[Tuple[float, float]]
    line: bool = True
    dots: bool = False
    notes: Sequence[str] = field(default_factory=list)      # one per point, written beside it


def ticks(low: float, high: float, count: int = 6) -> List[float]:
    """Round numbers that cover [low, high]."""
    raw = (high - low) / max(count - 1, 1)
    unit = 10.0 ** len(str(int(raw))) / 10 if raw >= 1 else 0.001
    step = next(m * u for u in (unit, unit * 10, unit * 100, unit * 1000) for m in (1, 2, 5) if m * u >= raw)
    first = int(low / step) * step
    return [round(first + i * step, 6) for i in range(int((high - first) / step) + 2) if first + i * step <= high + 1e-9]


def chart(title: str, x_label: str, y_label: str, series: Sequence[Series], x_range: Tuple[float, float],
          y_range: Tuple[float, float], bands: Sequence[Tuple[float, str]] = (), size: Tuple[int, int] = (720, 420)) -> str:
    """One chart as an SVG document. `bands`: (x at which a phase begins, its name)."""
    width, height = size
    left, right, top, bottom = 64, 24, 44, 56
    (x0, x1), (y0, y1) = x_range, y_range

    def px(x: float) -> float:
        return left + (x - x0) / (x1 - x0) * (width - left - right)

    def py(y: float) -> float:
        return height - bottom - (y - y0) / (y1 - y0) * (height - top - bottom)

    def text(x: float, y: float, words: str, anchor: str = "middle", colour: str = "#333", extra: str = "") -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" {extra}>{escape(words)}</text>'

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12" role="img"><title>{escape(title)}</title>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>', text(left, 22, title, "start", "#111", 'font-size="15"'),
    ]
    for begin, name in bands:
        out.append(f'<line x1="{px(begin):.1f}" x2="{px(begin):.1f}" y1="{top}" y2="{height - bottom}" '
                   f'stroke="#bbb" stroke-dasharray="3 3"/>')
        out.append(text(px(begin) + 4, top + 12, name, "start", "#777"))
    for y in ticks(y0, y1):
        if y0 <= y <= y1:
            out.append(f'<line x1="{left}" x2="{width - right}" y1="{py(y):.1f}" y2="{py(y):.1f}" stroke="#e5e5e5"/>')
            out.append(text(left - 8, py(y) + 4, f"{y:g}", "end"))
    for x in ticks(x0, x1, 8):
        if x0 <= x <= x1:
            out.append(text(px(x), height - bottom + 18, f"{x:g}"))
    out.append(text((left + width - right) / 2, height - 14, x_label))
    out.append(text(16, (top + height - bottom) / 2, y_label,
                    extra=f'transform="rotate(-90 16 {(top + height - bottom) / 2:.0f})"'))
    for i, s in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        visible = [(x, min(max(y, y0), y1)) for x, y in s.points]
        if s.line and visible:
            path = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in visible)
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if s.dots:
            out += [f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="4" fill="{colour}"/>' for x, y in visible]
        out += [text(px(x) + 7, py(y) + 14, note, "start", colour) for (x, y), note in zip(visible, s.notes)]
        out.append(text(width - right - 6, height - bottom - 12 - 17 * (len(series) - 1 - i), s.label, "end", colour))
    return "\n".join(out) + "\n</svg>\n"


def training_chart(name: str, log: List[Dict[str, object]]) -> str:
    """Accuracy of every exit on the calibration part over the epochs, with the picture sizes as bands."""
    measured = [e for e in log if "calibration" in e]
    count = len(measured[-1]["calibration"])
    labels = [f"exit {i + 1}" for i in range(count - 1)] + ["final"]
    series = [Series(l, [(e["epoch"], 100 * e["calibration"][i]) for e in measured]) for i, l in enumerate(labels)]
    phases = [[e["side"], e["epoch"] - 1, e["epoch"]] for e in log]
    for before, after in zip(phases, phases[1:]):
        if before[0] == after[0]:
            after[1] = before[1]
    ended = [p for p, after in zip(phases, phases[1:] + [[None]]) if p[0] != after[0]]
    bands = [(begin, f"{side} px") for side, begin, end in ended if end - begin > 2]    # shorter ones are cut-off epochs
    low = min(y for s in series for x, y in s.points if x > log[-1]["epoch"] * 0.15)
    return chart(f"{name}: accuracy on the calibration part during training", "epoch", "top-1, %", series,
                 (0, log[-1]["epoch"]), (max(0, int(low / 10) * 10), 100), bands)


def exits_chart(name: str, calibration: Dict[str, object], found: Dict[str, object]) -> str:
    """Operating curve: top-1 against the mean work, on the calibration part and on val."""
    trunk = found["trunkMacs"]

    def line(points: List[Dict[str, object]]) -> List[Tuple[float, float]]:
        return sorted((100 * p["meanMacs"] / trunk, 100 * p["top1"]) for p in points)

    alone = [(100 * e["macs"] / trunk, 100 * e["top1"]) for e in found["exits"]]
    chosen = found["policy"]
    series = [
        Series(f"exits with thresholds, calibration part ({calibration['images']} pictures, each mirrored too)",
               line(calibration["operatingCurve"])),
        Series(f"exits with thresholds, val ({found['images']} pictures)", line(found["curve"])),
        Series("each exit alone, val", alone, line=False, dots=True, notes=[e["name"] for e in found["exits"]]),
        Series("default thresholds, val", [(100 * chosen["meanMacs"] / trunk, 100 * chosen["top1"])], line=False, dots=True),
    ]
    low = min(y for s in series for _, y in s.points)
    return chart(f"{name}: accuracy against work", "mean multiply-accumulates, % of the trunk", "top-1, %", series,
                 (0, 120), (int(low / 5) * 5, 100))


def main() -> None:
    here = Path(__file__).parent
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("name", choices=sorted(RECIPES))
    ask.add_argument("--out", type=Path)
    ask.add_argument("--to", type=Path, default=here.parent / "docs" / "model-cards")
    o = ask.parse_args()
    out = o.out or here / "out" / o.name
    o.to.mkdir(parents=True, exist_ok=True)

    def read(name: str):
        return json.loads((out / name).read_text())

    (o.to / f"{o.name}-training.svg").write_text(training_chart(o.name, read("log.json")))
    if (out / "report.json").exists():
        (o.to / f"{o.name}-exits.svg").write_text(exits_chart(o.name, read("calibration.json"), read("report.json")))


if __name__ == "__main__":
    main()
