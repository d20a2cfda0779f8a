"""Other backgrounds behind a hand.

The hand sign pictures all show a hand on a plain grey or white wall; a camera shows rooms. Skin is warm (red minus blue)
and the wall is not, so a threshold per picture (Otsu 1979 on red minus blue) gives a mask. The mask travels through the
same affine map as the picture, and what it leaves out is filled with a made-up background: smooth noise at several
scales, stripes, boxes, flat colour.
"""
from typing import Callable

import numpy as np
import torch
from torch.nn import functional as F

from augment import Augmentation, per, uniform
from data import Pictures


def otsu(values: np.ndarray) -> float:
    """Threshold of the largest variance between the two classes it makes."""
    counts, edges = np.histogram(values, 128)
    centres = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum().astype(float)
    above = below[-1] - below
    total = (counts * centres).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return float(centres[np.nanargmax(between[:-1])])


def hand_mask(picture: np.ndarray) -> np.ndarray:
    """uint8 [S,S,3] -> uint8 [S,S], 255 on the hand. Soft at the edge."""
    x = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    warm = F.avg_pool2d(F.pad(x[:, :1] - x[:, 2:], (1, 1, 1, 1), mode="replicate"), 3, 1)[0, 0].numpy()
    level = otsu(warm)
    hand, wall = warm[warm >= level].mean(), warm[warm < level].mean()
    soft = np.clip((warm - level) / max(hand - wall, 1.0) * 4 + 0.5, 0, 1)
    closed = torch.from_numpy(soft)[None, None].float()
    closed = -F.max_pool2d(-F.max_pool2d(closed, 3, 1, 1), 3, 1, 1)
    return (closed[0, 0].numpy() * 255).astype(np.uint8)


def smooth_noise(n: int, side: int, rng: torch.Generator) -> torch.Tensor:
    """Coloured noise [n,3,side,side] in 0..1 at several scales: blobs, blur, texture."""
    out = torch.rand(n, 3, 1, 1, generator=rng).expand(n, 3, side, side).clone()
    for cells in (2, 4, 9, 24):
        strength = per(uniform(n, 0, 0.7, rng))
        grey = (torch.rand(n, 1, 1, 1, generator=rng) < 0.5).float()
        noise = torch.rand(n, 3, cells, cells, generator=rng) - 0.5
        noise = noise * (1 - grey) + noise[:, :1] * grey
        out = out + strength * F.interpolate(noise, (side, side), mode="bicubic", align_corners=False)
    return out.clamp(0, 1)


def boxes(out: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Draws up to six rectangles and a grating on about half of the backgrounds: furniture, frames, shelves, blinds."""
    n, _, h, w = out.shape
    xs, ys = torch.arange(w).float().view(1, 1, 1, w), torch.arange(h).float().view(1, 1, h, 1)
    for _ in range(6):
        use = per((torch.rand(n, generator=rng) < 0.35).float())
        x0, y0 = per(uniform(n, -0.3 * w, w, rng)), per(uniform(n, -0.3 * h, h, rng))
        bw, bh = per(uniform(n, 2, 0.7 * w, rng)), per(uniform(n, 2, 0.7 * h, rng))
        tilt = per(uniform(n, -0.3, 0.3, rng))
        u, v = xs - x0 + tilt * ys, ys - y0 - tilt * xs
        inside = ((u > 0) & (u < bw) & (v > 0) & (v < bh)).float() * use
        out = out * (1 - inside) + inside * torch.rand(n, 3, 1, 1, generator=rng)
    use = per((torch.rand(n, generator=rng) < 0.2).float())
    fx, fy, phase = (per(uniform(n, -0.9, 0.9, rng)) for _ in range(3))
    return (out + use * 0.2 * torch.sin(fx * xs + fy * ys + 3 * phase)).clamp(0, 1)


def made_up(n: int, side: int, rng: torch.Generator) -> torch.Tensor:
    """Backgrounds [n,3,side,side] in 0..1, most of them pale: rooms are greyer than noise."""
    out = boxes(smooth_noise(n, side, rng), rng)
    grey = out.mean(1, keepdim=True)
    return grey + (out - grey) * per(torch.rand(n, generator=rng) ** 1.5)


class Backgrounds:
    """Masks of all the training pictures and a bank of backgrounds, made once: drawing them costs more than the net."""

    def __init__(self, pictures: Pictures, count: int = 2000, seed: int = 0):
        self.masks = torch.from_numpy(np.stack([hand_mask(p) for p in pictures.pixels]))
        rng, side = torch.Generator().manual_seed(seed), pictures.pixels.shape[1]
        parts = [made_up(min(100, count - at), side, rng) for at in range(0, count, 100)]
        self.bank = (torch.cat(parts).clamp(0, 1) * 255).byte()

    def draw(self, n: int, side: int, rng: torch.Generator) -> torch.Tensor:
        """Any [n,3,side,side] of the bank, mirrored, turned over and with channels exchanged at random."""
        picked = self.bank[torch.randint(0, len(self.bank), (n,), generator=rng)]
        picked = picked[:, torch.randperm(3, generator=rng)]
        turns = [d for d in (2, 3) if float(torch.rand((), generator=rng)) < 0.5]
        picked = (picked.flip(turns) if turns else picked).float() / 255
        return picked if picked.shape[2] == side else F.interpolate(picked, (side, side), mode="bilinear", align_corners=False)

    def chooser(self, index: torch.Tensor) -> Callable[..., torch.Tensor]:
        """What augment.batch calls for the pictures `index`: canvases [n,3,S,S] and a grid -> pictures [n,3,side,side]."""
        masks = self.masks[index].unsqueeze(1).float() / 255

        def fill(x: torch.Tensor, grid: torch.Tensor, a: Augmentation, rng: torch.Generator) -> torch.Tensor:
            n, side = len(x), grid.shape[1]
            picture = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
            hand = F.grid_sample(masks, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
            use = per((torch.rand(n, generator=rng) < a.background).float())
            gone = use * (1 - hand)
            return picture * (1 - gone) + self.draw(n, side, rng) * gone

        return fill
