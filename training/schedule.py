"""Everything that changes during a run is a function of its progress in [0, 1].

Progress is epochs done / epochs asked for, or, with `--budget-minutes`, training time spent / time allowed: then the
learning rate reaches zero on time however busy the machine is. Both live in the checkpoint, so a resumed run goes on
where the cut-off one stood.
"""
import math
from dataclasses import asdict, dataclass
from typing import Dict, Optional, Tuple


@dataclass
class Budget:
    epochs: Optional[int] = None
    minutes: Optional[float] = None
    done: float = 0.0           # epochs done, fractions count
    spent_s: float = 0.0        # seconds of training, over all the runs resumed

    def progress(self) -> float:
        part = self.spent_s / 60 / self.minutes if self.minutes else self.done / max(self.epochs or 1, 1)
        return min(1.0, part)

    def state(self) -> Dict[str, object]:
        return asdict(self)


def rate(progress: float, peak: float, warmup: float) -> float:
    """Learning rate: linear up to `peak` during `warmup`, then half a cosine down to nearly zero."""
    if progress < warmup:
        return peak * (0.1 + 0.9 * progress / warmup)
    return peak * (0.002 + 0.998 * 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))))


def side_at(progress: float, sizes: Tuple[Tuple[float, int], ...]) -> int:
    """Side of the training pictures, in pixels: the last entry of `sizes` that has begun."""
    return [side for begin, side in sizes if progress >= begin][-1]
