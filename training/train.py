"""Train one of the shipped nets.

    train.py imagenette --data DATA_ROOT --epochs 100
    train.py handsigns  --data DATA_ROOT --budget-minutes 30 --resume

DATA_ROOT holds the ImageFolder trees that prepare_data.py makes. A checkpoint is written after every epoch, on SIGTERM
and on Ctrl-C; `--resume` goes on from it. Only `train` is read here: a part of it (Recipe.calibration pictures, chosen
by the recipe's seed) is kept aside, watched during the run and used for the thresholds; `val` is never opened.
"""
import argparse
import copy
import dataclasses
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Dict, List

import numpy as np
import torch
from torch.nn import functional as F

import augment
import parallel
from data import centre_squares, load, split_calibration
from model import MultiExitNet, macs
from progress import bar
from recipes import MEAN, RECIPES, STD, Recipe
from schedule import Budget, rate, side_at


def pick_precision(wanted: str, device: str) -> torch.dtype:
    """bfloat16 where the processor multiplies it in hardware (about 2x on such CPUs), else float32."""
    if wanted != "auto":
        return {"bf16": torch.bfloat16, "fp32": torch.float32}[wanted]
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    info = Path("/proc/cpuinfo")
    fast = info.exists() and any(word in info.read_text() for word in ("avx512_bf16", "amx_bf16"))
    return torch.bfloat16 if fast else torch.float32


def normalise(x: torch.Tensor) -> torch.Tensor:
    """[n,3,H,W] in 0..1 -> the net's input, (x - mean) / std per channel."""
    mean, std = (torch.tensor(v, device=x.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (x - mean) / std


def deep_loss(answers: List[torch.Tensor], targets: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """Cross entropy of the final classifier, plus every exit's mix of cross entropy and distillation from the final one.

    `answers`: logits [n,classes] in exit order, the final ones last; `targets`: label distribution [n,classes].
    """
    def entropy(logits: torch.Tensor) -> torch.Tensor:
        return -(targets * F.log_softmax(logits, 1)).sum(1).mean()

    answers = [a.float() for a in answers]
    loss = entropy(answers[-1])
    soft = 2.0                              # distillation temperature
    teacher = F.softmax(answers[-1].detach() / soft, 1)
    for logits in answers[:-1]:
        taught = F.kl_div(F.log_softmax(logits / soft, 1), teacher, reduction="batchmean") * soft * soft
        loss = loss + recipe.exit_weight * ((1 - recipe.distill) * entropy(logits) + recipe.distill * taught)
    return loss


class Average:
    """Exponential moving average of the weights and batch-norm statistics: the net that is measured and exported."""

    def __init__(self, net: MultiExitNet, decay: float):
        self.net = copy.deepcopy(net).eval()
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self, net: MultiExitNet) -> None:
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for mine, theirs in zip(self.net.state_dict().values(), net.state_dict().values()):
            if mine.dtype.is_floating_point:
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)


@torch.no_grad()
def answer(net: MultiExitNet, squares: np.ndarray, device: str, dtype: torch.dtype, batch: int = 100) -> np.ndarray:
    """Logits [exits+1, n, classes] of uint8 squares [n,S,S,3]."""
    parts = []
    for at in range(0, len(squares), batch):
        x = torch.from_numpy(np.ascontiguousarray(squares[at:at + batch])).to(device)
        x = normalise(x.permute(0, 3, 1, 2).float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            parts.append(torch.stack([a.float() for a in net(x)]).cpu().numpy())
    return np.concatenate(parts, 1)


def top1(logits: np.ndarray, labels: np.ndarray) -> List[float]:
    """Accuracy of every exit, in order."""
    return [float(v) for v in (logits.argmax(2) == labels[None]).mean(1)]


class Trainer:
    def __init__(self, recipe: Recipe, data_root: Path, out: Path, cache: Path, budget: Budget, precision: str = "auto",
                 group: parallel.Alone = parallel.Alone()):
        self.recipe, self.out, self.budget, self.group = recipe, out, budget, group
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = pick_precision(precision, self.device)
        torch.manual_seed(recipe.seed)
        pictures = load(data_root / recipe.data, "train", recipe.canvas, cache, squares=False)
        to_train, held = split_calibration(pictures.labels, recipe.calibration, recipe.seed)
        held_pictures = pictures.take(held)
        self.held_squares, self.held_labels = centre_squares(held_pictures, recipe.size), held_pictures.labels
        kept = pictures.take(to_train)
        self.pixels, self.sizes = torch.from_numpy(kept.pixels), torch.from_numpy(kept.sizes)
        self.labels, self.classes = torch.from_numpy(kept.labels), pictures.classes
        self.background = None
        if recipe.augment.background:
            from backgrounds import Backgrounds
            self.background = Backgrounds(kept, seed=recipe.seed)
        self.net = MultiExitNet(recipe.shape).to(self.device, memory_format=torch.channels_last)
        self.average = Average(self.net, recipe.ema)
        decayed = [p for p in self.net.parameters() if p.ndim > 1]
        plain = [p for p in self.net.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.SGD(
            [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=recipe.lr, momentum=0.9, nesterov=True,
        )
        self.epoch = 0
        self.log: List[Dict[str, object]] = []
        self.stop = False

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"

    def save(self) -> None:
        if self.group.rank:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        state = {
            "recipe": self.recipe.name, "shape": dataclasses.asdict(self.recipe.shape), "classes": self.classes,
            "net": self.net.state_dict(), "average": self.average.net.state_dict(), "average_steps": self.average.steps,
            "optimiser": self.optimiser.state_dict(), "budget": self.budget.state(), "epoch": self.epoch, "log": self.log,
        }
        fresh = self.checkpoint.with_suffix(".new")
        torch.save(state, fresh)
        os.replace(fresh, self.checkpoint)
        (self.out / "log.json").write_text(json.dumps(self.log, indent=1))

    def resume(self) -> bool:
        """Goes on from the checkpoint, its schedule included; false when there is none."""
        if not self.checkpoint.exists():
            return False
        state = torch.load(self.checkpoint, map_location=self.device)
        self.net.load_state_dict(state["net"])
        self.average.net.load_state_dict(state["average"])
        self.average.steps = state["average_steps"]
        self.optimiser.load_state_dict(state["optimiser"])
        asked = self.budget
        self.budget = Budget(**state["budget"])
        self.budget.epochs = asked.epochs or self.budget.epochs
        self.budget.minutes = asked.minutes or self.budget.minutes
        self.epoch, self.log = state["epoch"], state["log"]
        return True

    def step(self, index: torch.Tensor, side: int, rng: torch.Generator) -> float:
        recipe = self.recipe
        background = self.background.chooser(index) if self.background else None
        strength = min(1.0, 0.1 + self.budget.progress() / recipe.ramp) if recipe.ramp else 1.0
        x = augment.batch(self.pixels[index], self.sizes[index], side, recipe.augment.at(strength), rng, background)
        targets = F.one_hot(self.labels[index], recipe.shape.classes).float()
        targets = targets * (1 - recipe.smoothing) + recipe.smoothing / recipe.shape.classes
        if float(torch.rand((), generator=rng)) < recipe.augment.cutmix and self.budget.progress() < 0.88:
            x, targets = augment.cutmix(x, targets, rng)
        x = normalise(x).contiguous(memory_format=torch.channels_last).to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = rate(self.budget.progress(), recipe.lr, recipe.warmup)
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            answers = self.net(x)
        loss = deep_loss(answers, targets.to(self.device), recipe)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.group.average(p.grad for p in self.net.parameters())
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.average.update(self.net)
        return float(loss.detach())

    def over(self) -> bool:
        """Whether to stop; all the processes come here together and learn rank 0's clock."""
        self.budget.spent_s, stop = self.group.agree([self.budget.spent_s, self.stop])
        self.stop = bool(stop)
        return self.stop or self.budget.progress() >= 1 - 1e-9

    def run_epoch(self) -> None:
        recipe, began = self.recipe, time.monotonic()
        seed = recipe.seed * 100_003 + self.epoch       # so that a resumed run draws what the uncut one would have drawn
        order = torch.randperm(len(self.labels), generator=torch.Generator().manual_seed(seed))
        rng = torch.Generator().manual_seed(seed * 10 + self.group.rank)
        torch.manual_seed(seed * 10 + self.group.rank)  # dropout draws from the global generator
        batches = order[: max(recipe.batch, len(order) // recipe.batch * recipe.batch)].split(recipe.batch)
        side = side_at(self.budget.progress(), recipe.sizes)
        self.net.train()
        losses, before = [], time.monotonic()
        share = slice(self.group.rank, None, self.group.count)
        steps = bar(batches, f"epoch {self.epoch + 1}") if self.group.rank == 0 else batches
        for index in steps:
            if self.over():
                break
            losses.append(self.step(index[share], side, rng))
            self.budget.done += 1 / len(batches)
            self.budget.spent_s += time.monotonic() - before
            before = time.monotonic()
        self.budget.done = float(round(self.budget.done, 6))
        self.group.average(b for b in self.net.buffers() if b.dtype.is_floating_point)
        self.epoch += 1
        entry: Dict[str, object] = {
            "epoch": self.epoch, "side": side, "loss": round(float(np.mean(losses)), 4),
            "progress": round(self.budget.progress(), 4), "lr": round(self.optimiser.param_groups[0]["lr"], 5),
            "seconds": round(time.monotonic() - began, 1),
        }
        self.log.append(entry)
        if self.group.rank == 0:
            if self.epoch % 4 == 0 or self.budget.progress() >= 1:
                entry["calibration"] = [round(v, 4) for v in self.measure()]
            print(json.dumps(entry), flush=True)

    def measure(self) -> List[float]:
        """Top-1 per exit of the averaged net on the part kept aside, at the export size."""
        return top1(answer(self.average.net, self.held_squares, self.device, self.dtype), self.held_labels)

    def run(self) -> None:
        def stop(_signal, _frame):
            self.stop = True

        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, stop)
        while not self.over():
            began, spent = time.monotonic(), self.budget.spent_s
            self.run_epoch()
            self.save()
            self.budget.spent_s = spent + time.monotonic() - began      # measuring and saving count too
        self.save()
        self.group.finish()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("name", choices=sorted(RECIPES))
    ask.add_argument("--data", type=Path, default=Path(__file__).parent / "data", help="folder of the ImageFolder trees")
    ask.add_argument("--out", type=Path, help="default: training/out/NAME")
    ask.add_argument("--cache", type=Path, default=Path(__file__).parent / "cache", help="decoded pictures")
    ask.add_argument("--epochs", type=int, help="length of the run; the schedule ends with it")
    ask.add_argument("--budget-minutes", type=float, help="instead: wall-clock length of the run")
    ask.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    ask.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto")
    ask.add_argument("--processes", type=int, default=1, help="train with several processes, one core each (CPU only)")
    ask.add_argument("--batch", type=int)
    ask.add_argument("--lr", type=float)
    o = ask.parse_args()
    if not o.epochs and not o.budget_minutes:
        o.epochs = 100
    recipe = RECIPES[o.name]
    changed = {k: v for k, v in (("batch", o.batch), ("lr", o.lr)) if v is not None}
    recipe = dataclasses.replace(recipe, **changed)
    out = o.out or Path(__file__).parent / "out" / recipe.name
    group = parallel.start(o.processes)
    if group.count > 1:
        torch.set_num_threads(1)
    trainer = Trainer(recipe, o.data, out, o.cache, Budget(o.epochs, o.budget_minutes), o.precision, group)
    if o.resume and trainer.resume():
        print(f"resumed at epoch {trainer.epoch}, progress {trainer.budget.progress():.3f}")
    elif trainer.checkpoint.exists() and not o.resume:
        sys.exit(f"{trainer.checkpoint} exists: pass --resume to go on from it, or choose another --out")
    counted = macs(trainer.net, recipe.size)
    if group.rank == 0:
        print(f"{recipe.name}: {counted['trunk'] / 1e6:.1f} MMAC, exits at {[round(e / 1e6, 1) for e in counted['exits']]}, "
              f"{len(trainer.labels)} pictures to train on, {len(trainer.held_labels)} kept aside, {trainer.dtype}")
    trainer.run()


if __name__ == "__main__":
    main()
