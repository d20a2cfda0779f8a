"""Augmentation as operations on a whole batch, so that two cores can feed themselves.

Geometry is one affine map per picture, sampled once (crop, scale, turn, mirror together); colour, light, noise and blur
follow at the training size. All randomness comes from the generator passed in.
"""
from dataclasses import dataclass, fields, replace
from typing import Optional, Tuple

import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Augmentation:
    area: Tuple[float, float] = (0.35, 1.0)   # share of the picture's area the crop shows; above 1 shows its surroundings
    ratio: float = 0.75             # crop's aspect ratio lies in [ratio, 1/ratio]
    mirror: bool = True
    rotation: float = 0.0           # degrees, either way
    shear: float = 0.0
    shift: float = 0.0              # of the picture's side, beyond what the crop allows
    background: float = 0.0         # probability of another background (see backgrounds.py)
    brightness: float = 0.0         # factor in [1-b, 1+b]
    contrast: float = 0.0
    saturation: float = 0.0
    temperature: float = 0.0        # red against blue, factor in [1-t, 1+t]
    shade: float = 0.0              # a light gradient across the picture, up to +-shade at its edges
    noise: float = 0.0              # largest standard deviation of Gaussian noise, on a 0..1 scale
    blur: float = 0.0               # probability of a small Gaussian blur
    erase: float = 0.0              # probability of a grey rectangle
    cutmix: float = 0.0             # probability that a batch exchanges rectangles (labels mixed by area)

    def at(self, strength: float) -> "Augmentation":
        """The same, weaker: every magnitude and probability times `strength` in [0, 1], crops nearer to the whole picture."""
        weaker = {f.name: getattr(self, f.name) * strength for f in fields(self)
                  if f.name not in ("area", "ratio", "mirror")}
        area = tuple(1 + (edge - 1) * strength for edge in self.area)
        return replace(self, area=area, ratio=1 + (self.ratio - 1) * strength, **weaker)


def uniform(n: int, low: float, high: float, rng: torch.Generator) -> torch.Tensor:
    return torch.rand(n, generator=rng) * (high - low) + low


def crops(sizes: torch.Tensor, canvas: int, a: Augmentation, rng: torch.Generator) -> torch.Tensor:
    """Affine maps [n,2,3] from the output square to the canvas, both in [-1,1]. `sizes` [n,2] = height, width in pixels."""
    n = len(sizes)
    h, w = sizes[:, 0].float(), sizes[:, 1].float()
    area = h * w * uniform(n, a.area[0], a.area[1], rng)
    edge = torch.log(torch.tensor(1.0 / a.ratio))
    ratio = torch.exp(uniform(n, -1, 1, rng) * edge)
    crop_w, crop_h = (area * ratio).sqrt(), (area / ratio).sqrt()
    if a.area[1] <= 1:
        crop_w, crop_h = torch.minimum(crop_w, w), torch.minimum(crop_h, h)
    free_x, free_y = (w - crop_w).clamp_min(0) / 2 + a.shift * w, (h - crop_h).clamp_min(0) / 2 + a.shift * h
    x, y = uniform(n, -1, 1, rng) * free_x, uniform(n, -1, 1, rng) * free_y
    sx, sy = crop_w / canvas, crop_h / canvas
    if a.mirror:
        sx = sx * ((torch.rand(n, generator=rng) < 0.5).float() * 2 - 1)
    angle = uniform(n, -a.rotation, a.rotation, rng) * (torch.pi / 180)
    shear = uniform(n, -a.shear, a.shear, rng)
    cos, sin = torch.cos(angle), torch.sin(angle)
    maps = torch.empty(n, 2, 3)
    maps[:, 0, 0], maps[:, 0, 1], maps[:, 0, 2] = cos * sx, -sin * sy + shear * sy, 2 * x / canvas
    maps[:, 1, 0], maps[:, 1, 1], maps[:, 1, 2] = sin * sx, cos * sy, 2 * y / canvas
    return maps


def per(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1)


def colour(x: torch.Tensor, a: Augmentation, rng: torch.Generator) -> torch.Tensor:
    """Light and colour of [n,3,H,W] in 0..1: contrast around the mean, brightness, saturation, temperature, shade."""
    n, _, h, w = x.shape
    if a.contrast:
        mean = x.mean((1, 2, 3), keepdim=True)
        x = (x - mean) * per(uniform(n, 1 - a.contrast, 1 + a.contrast, rng)) + mean
    if a.saturation:
        grey = x.mean(1, keepdim=True)
        x = (x - grey) * per(uniform(n, 1 - a.saturation, 1 + a.saturation, rng)) + grey
    if a.brightness:
        x = x * per(uniform(n, 1 - a.brightness, 1 + a.brightness, rng))
    if a.temperature:
        warm = uniform(n, -a.temperature, a.temperature, rng)
        x = x * torch.stack((1 + warm, 1 + 0.1 * warm, 1 - warm), 1).view(n, 3, 1, 1)
    if a.shade:
        xs, ys = torch.linspace(-1, 1, w).view(1, 1, 1, w), torch.linspace(-1, 1, h).view(1, 1, h, 1)
        gx, gy = uniform(n, -a.shade, a.shade, rng), uniform(n, -a.shade, a.shade, rng)
        x = x * (1 + per(gx) * xs + per(gy) * ys)
    return x


def soften(x: torch.Tensor, a: Augmentation, rng: torch.Generator) -> torch.Tensor:
    """Blur, noise and a grey rectangle, each on some pictures of [n,3,H,W]."""
    n, _, h, w = x.shape
    if a.blur:
        kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
        kernel = (kernel[:, None] * kernel[None, :]).expand(3, 1, 5, 5).contiguous()
        chosen = torch.rand(n, generator=rng) < a.blur
        if chosen.any():
            x[chosen] = F.conv2d(F.pad(x[chosen], (2, 2, 2, 2), mode="reflect"), kernel, groups=3)
    if a.noise:
        x = x + torch.randn(x.shape, generator=rng) * per(uniform(n, 0, a.noise, rng))
    if a.erase:
        for i in torch.flatten((torch.rand(n, generator=rng) < a.erase).nonzero()).tolist():
            eh, ew = (int(v) for v in (uniform(2, 0.08, 0.22, rng) * torch.tensor([h, w])))
            y, z = (int(v) for v in torch.rand(2, generator=rng) * torch.tensor([h - eh, w - ew]))
            x[i, :, y:y + eh, z:z + ew] = torch.rand(3, 1, 1, generator=rng)
    return x


def batch(pixels: torch.Tensor, sizes: torch.Tensor, side: int, a: Augmentation, rng: torch.Generator,
          background: Optional["object"] = None) -> torch.Tensor:
    """uint8 canvases [n,S,S,3] -> augmented float pictures [n,3,side,side] in about 0..1."""
    maps = crops(sizes, pixels.shape[1], a, rng)
    x = pixels.permute(0, 3, 1, 2).float().div_(255)
    grid = F.affine_grid(maps, [len(x), 3, side, side], align_corners=False)
    if background is not None and a.background:
        x = background(x, grid, a, rng)
    else:
        x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return soften(colour(x, a, rng), a, rng)


def cutmix(x: torch.Tensor, targets: torch.Tensor, rng: torch.Generator) -> Tuple[torch.Tensor, torch.Tensor]:
    """One rectangle of every picture comes from another one (Yun et al. 2019); `targets` [n,classes] are mixed by area."""
    n, _, h, w = x.shape
    share = float(torch.rand((), generator=rng)) ** 0.5
    eh, ew = max(1, int(h * share)), max(1, int(w * share))
    if share > 0.75:                # more than half would be foreign: keep the picture's own label the larger one
        eh, ew = int(h * 0.7), int(w * 0.7)
    y = int(torch.randint(0, h - eh + 1, (), generator=rng))
    z = int(torch.randint(0, w - ew + 1, (), generator=rng))
    order = torch.randperm(n, generator=rng)
    x = x.clone()
    x[:, :, y:y + eh, z:z + ew] = x[order][:, :, y:y + eh, z:z + ew]
    foreign = eh * ew / (h * w)
    return x, targets * (1 - foreign) + targets[order] * foreign
