"""The multi-exit residual network that Roomful ships: one trunk, small classifiers ("exits") on some of its blocks.

The runtime asks for a plain net, because every block output must be a place to cut and every row of it must be
computable from a few rows of the input (see `graph`'s halo rules):

    image [N,3,H,W] -> stem (two 3x3 convolutions of stride 2: H/4)
                    -> stage 1 (H/8) -> stage 2 (H/16) -> stage 3 (H/32), each of basic residual blocks
                    -> mean over (H,W) -> linear -> logits [N,classes]

There is no global operation outside the heads (no squeeze-excite). The shortcut of a strided block is average pooling
and a 1x1 convolution (He et al. 2019, "Bag of Tricks", ResNet-D). Exits are trained jointly with the trunk (BranchyNet,
Teerapittayanon et al. 2016) and taught by the final classifier (Zhang et al. 2019, "Be Your Own Teacher").
"""
from dataclasses import dataclass
from typing import Dict, List, Tuple

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Shape:
    """Widths and depths of one net. `exits` maps an exit's block name to the channels of its two head convolutions."""

    stem: Tuple[int, int]
    widths: Tuple[int, ...]
    blocks: Tuple[int, ...]
    exits: Tuple[Tuple[str, int, int], ...]
    classes: int = 10


class ConvBn(nn.Sequential):
    """Convolution (no bias, same padding) and batch norm; `fold()` on export turns the pair into one convolution."""

    def __init__(self, cin: int, cout: int, kernel: int = 3, stride: int = 1):
        super().__init__(
            nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(cout),
        )


def halve(x: torch.Tensor) -> torch.Tensor:
    """2x2 average pooling, [N,C,H,W] -> [N,C,ceil(H/2),ceil(W/2)], so that it meets a 3x3 stride-2 convolution.

    Odd sizes appear only in training (progressive resizing). An exported graph has even sizes everywhere, and then
    `ceil_mode` stays off, which keeps the pooling's shape and halo rule the simplest one.
    """
    odd = (int(x.shape[2]) % 2 + int(x.shape[3]) % 2) > 0
    return F.avg_pool2d(x, 2, ceil_mode=odd, count_include_pad=False)


class Block(nn.Module):
    """relu(conv(relu(conv(x))) + shortcut(x)); the last batch norm starts at zero, so a new block is the identity."""

    def __init__(self, cin: int, cout: int, stride: int):
        super().__init__()
        self.conv1 = ConvBn(cin, cout, 3, stride)
        self.conv2 = ConvBn(cout, cout)
        self.project = ConvBn(cin, cout, 1) if stride != 1 or cin != cout else None
        self.stride = stride
        nn.init.zeros_(self.conv2[1].weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        if self.stride != 1:
            x = halve(x)
        if self.project is not None:
            x = self.project(x)
        return F.relu(y + x)


class ExitHead(nn.Module):
    """Two strided convolutions, the mean over the picture, a linear layer: [N,C,H,W] -> [N,classes]."""

    def __init__(self, cin: int, mid: int, out: int, classes: int):
        super().__init__()
        self.conv1 = ConvBn(cin, mid, 3, 2)
        self.conv2 = ConvBn(mid, out, 3, 2)
        self.classify = nn.Linear(out, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.classify(x.mean((2, 3)))


class MultiExitNet(nn.Module):
    """forward(image) -> [exit1, exit2, ..., logits], each [N,classes]."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.stem1 = ConvBn(3, shape.stem[0], 3, 2)
        self.stem2 = ConvBn(shape.stem[0], shape.stem[1], 3, 2)
        blocks: Dict[str, nn.Module] = {}
        channels: Dict[str, int] = {}
        cin = shape.stem[1]
        for s, (width, depth) in enumerate(zip(shape.widths, shape.blocks), start=1):
            for b in range(1, depth + 1):
                name = f"stage{s}_block{b}"
                blocks[name] = Block(cin, width, 2 if b == 1 else 1)
                channels[name] = cin = width
        self.blocks = nn.ModuleDict(blocks)
        self.exits = nn.ModuleDict(
            {name: ExitHead(channels[name], mid, out, shape.classes) for name, mid, out in shape.exits}
        )
        self.classify = nn.Linear(cin, shape.classes)
        self.drop = nn.Dropout(0.1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def exit_names(self) -> List[str]:
        """['exit1', ..., 'logits']: the order of forward()'s list and of the ONNX outputs."""
        return [f"exit{i}" for i in range(1, len(self.exits) + 1)] + ["logits"]

    def forward(self, x: torch.Tensor) -> List[torch.Tensor]:
        x = F.relu(self.stem2(F.relu(self.stem1(x))))
        answers = []
        for name, block in self.blocks.items():
            x = block(x)
            if name in self.exits:
                answers.append(self.exits[name](x))
        answers.append(self.classify(self.drop(x.mean((2, 3)))))
        return answers


def macs(net: MultiExitNet, size: int) -> Dict[str, object]:
    """Multiply-accumulates of one size x size picture (convolutions and linear layers; adds and pooling not counted).

    `trunk` is the whole trunk with the final classifier; `heads[i]` is exit i's own head; `exits[i]` is what a picture
    has cost when it leaves at exit i: the trunk so far and every head met on the way.
    """
    counts: Dict[str, int] = {}
    hooks = []

    def watch(name: str, module: nn.Module) -> None:
        def hook(_module, _inputs, output):
            if isinstance(module, nn.Conv2d):
                kernel = module.kernel_size[0] * module.kernel_size[1] * module.in_channels // module.groups
                counts[name] = output.numel() * kernel
            else:
                counts[name] = module.in_features * module.out_features
        hooks.append(module.register_forward_hook(hook))

    for name, module in net.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            watch(name, module)
    was_training = net.training
    net.eval()
    with torch.no_grad():
        net(torch.zeros(1, 3, size, size, device=next(net.parameters()).device))
    net.train(was_training)
    for hook in hooks:
        hook.remove()

    def part(prefix: str) -> int:
        return sum(n for name, n in counts.items() if name == prefix or name.startswith(prefix + "."))

    trunk_so_far = part("stem1") + part("stem2")
    points = {"stem": trunk_so_far}
    heads, exits = [], []
    for name in net.blocks:
        trunk_so_far += part(f"blocks.{name}")
        points[name] = trunk_so_far
        if name in net.exits:
            heads.append(part(f"exits.{name}"))
            exits.append(trunk_so_far + sum(heads))
    trunk = trunk_so_far + part("classify")
    exits.append(trunk + sum(heads))
    return {"trunk": trunk, "points": points, "heads": heads, "exits": exits}
