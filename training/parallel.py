"""Several single-threaded processes that train one net together: each takes its part of every batch.

Threads meet after every layer, processes once per step, so on a machine that others use too, processes lose far less. The
gradients are averaged; rank 0 alone keeps the clock, measures and writes files, and tells the others its progress.
"""
import os
import socket
import subprocess
import sys
from typing import Iterable, List, Sequence

import torch
from torch import distributed


class Alone:
    """One process: nothing to agree on."""

    rank, count = 0, 1

    def agree(self, values: Sequence[float]) -> List[float]:
        return list(values)

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        pass

    def finish(self) -> None:
        pass


class Group(Alone):
    """`count` processes on this machine, linked through a local port."""

    def __init__(self, rank: int, count: int, port: int, children: Sequence[subprocess.Popen] = ()):
        self.rank, self.count, self.children = rank, count, children
        distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=count)

    def agree(self, values: Sequence[float]) -> List[float]:
        """Rank 0's values, everywhere."""
        shared = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(shared, 0)
        return shared.tolist()

    @torch.no_grad()
    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """Every tensor becomes its mean over the processes, in place."""
        tensors = list(tensors)
        flat = torch.cat([t.reshape(-1) for t in tensors])
        distributed.all_reduce(flat)
        flat /= self.count
        at = 0
        for t in tensors:
            t.copy_(flat[at:at + t.numel()].view_as(t))
            at += t.numel()

    def finish(self) -> None:
        for child in self.children:
            child.wait(timeout=60)


def start(count: int) -> Alone:
    """Joins the group this process was started for, or starts the others with the same command line."""
    if "TRAIN_RANK" in os.environ:
        return Group(int(os.environ["TRAIN_RANK"]), count, int(os.environ["TRAIN_PORT"]))
    if count <= 1:
        return Alone()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    children = [                    # a session of its own: Ctrl-C reaches rank 0 alone, which then tells the others
        subprocess.Popen([sys.executable, *sys.argv], start_new_session=True,
                         env={**os.environ, "TRAIN_RANK": str(rank), "TRAIN_PORT": str(port)})
        for rank in range(1, count)
    ]
    return Group(0, count, port, children)
