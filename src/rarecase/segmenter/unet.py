"""The paper's U-Net, with named blocks (arXiv 2209.14097, after Ronneberger et al. 2015).

Four encoder blocks of two 3×3 convolutions with ReLU (64, 128, 256, 512 channels), each followed by
2×2 max pooling, a bottleneck of 1024, four decoder blocks: a 3×3 transposed convolution of stride 2
without activation, concatenation with the skip, two 3×3 convolutions with ReLU; a 1×1 convolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from rarecase.errors import SettingError, nearest
from rarecase.shown import html

Norm = Literal["none", "batch"]
Dimensions = Literal[2, 3]

CONVOLUTION: dict[int, type[nn.Conv2d | nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
BATCH_NORM: dict[int, type[nn.BatchNorm2d | nn.BatchNorm3d]] = {
    2: nn.BatchNorm2d, 3: nn.BatchNorm3d
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    """A named place in the network: its maps have `channels` and are `reduction` times smaller."""

    name: str
    channels: int
    reduction: int


def network_text(net: nn.Module) -> str:
    """A network in a line.

    >>> network_text(UNet(in_channels=4, width=8, depth=2))
    'UNet with 32,737 parameters'
    """
    count = sum(each.numel() for each in net.parameters())
    return f"{type(net).__name__} with {count:,} parameters"


class DoubleConvolution(nn.Sequential):
    """Two 3×3 (3×3×3) convolutions with ReLU, optionally batch-normalised before it."""

    def __init__(self, inputs: int, outputs: int, *, norm: Norm, dimensions: Dimensions) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            convolution = CONVOLUTION[dimensions]
            layers.append(convolution(channels, outputs, 3, padding=1, bias=norm == "none"))
            if norm == "batch":
                layers.append(BATCH_NORM[dimensions](outputs))
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class Upsampling(nn.ConvTranspose2d):
    """3×3 transposed convolution of stride 2 whose output is exactly twice its input.

    TensorFlow's SAME transposed convolution is PyTorch's with `padding=0` and the last row and
    column cropped; another choice shifts imported decoders by a pixel.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, stride=2)

    def forward(self, maps: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        return super().forward(maps, output_size)[..., :-1, :-1]


class Upsampling3d(nn.ConvTranspose3d):
    """The same for volumes."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, stride=2)

    def forward(self, maps: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        return super().forward(maps, output_size)[..., :-1, :-1, :-1]


class UNet(nn.Module):
    """U-Net for a binary mask: images (n, in_channels, h, w) → logits (n, 1, h, w); with
    `dimensions` 3 volumes (n, in_channels, d, h, w) → (n, 1, d, h, w) (Çiçek et al. 2016).

    Every side must be divisible by 2**depth. `width` is the number of channels of the first block
    (the paper: 64) and doubles with every block; `depth` is the number of poolings (the paper: 4).

    >>> net = UNet(in_channels=4, width=8, depth=2)
    >>> [(block.name, block.channels, block.reduction) for block in net.blocks()]
    [('enc1', 8, 1), ('enc2', 16, 2), ('bottleneck', 32, 4), ('dec2', 16, 2), ('dec1', 8, 1)]
    """

    network = "unet"  # its name among `initial.NETWORKS`

    def __init__(
        self,
        *,
        in_channels: int,
        width: int = 64,
        depth: int = 4,
        norm: Norm = "none",
        dimensions: Dimensions = 2,
    ) -> None:
        super().__init__()
        if min(in_channels, width, depth) < 1:
            raise SettingError(
                f"in_channels, width and depth must be at least 1; got {in_channels}, {width}, "
                f"{depth}."
            )
        if norm not in ("none", "batch"):
            raise SettingError(f"norm={norm!r}: {nearest(str(norm), ('none', 'batch'))}")
        if dimensions not in (2, 3):
            raise SettingError(f"dimensions: expected 2 or 3, got {dimensions}.")
        self.in_channels, self.width, self.depth, self.norm = in_channels, width, depth, norm
        self.dimensions: Dimensions = dimensions
        widths = [width * 2**level for level in range(depth + 1)]
        self.encoders = nn.ModuleList(
            DoubleConvolution(inputs, outputs, norm=norm, dimensions=dimensions)
            for inputs, outputs in zip([in_channels, *widths[:-2]], widths[:-1], strict=True)
        )
        self.bottleneck = DoubleConvolution(
            widths[-2], widths[-1], norm=norm, dimensions=dimensions
        )
        pairs = list(zip(widths[1:], widths[:-1], strict=True))
        upsampling = Upsampling if dimensions == 2 else Upsampling3d
        self.upsamplings = nn.ModuleList(upsampling(deep, wide) for deep, wide in pairs)
        self.decoders = nn.ModuleList(
            DoubleConvolution(deep, wide, norm=norm, dimensions=dimensions) for deep, wide in pairs
        )
        self.head = CONVOLUTION[dimensions](width, 1, 1)

    def _repr_html_(self) -> str:
        rows = [[block.name, block.channels, f"1/{block.reduction}"] for block in self.blocks()]
        return html(network_text(self), (["block", "channels", "of the size"], rows))

    def blocks(self) -> list[Block]:
        """Every block from input to output with its channels and reduction."""
        levels = range(1, self.depth + 1)
        encoder = [Block(f"enc{i}", self.width * 2 ** (i - 1), 2 ** (i - 1)) for i in levels]
        bottleneck = Block("bottleneck", self.width * 2**self.depth, 2**self.depth)
        decoder = [Block(f"dec{b.name[3:]}", b.channels, b.reduction) for b in reversed(encoder)]
        return [*encoder, bottleneck, *decoder]

    def stages(self) -> list[nn.ModuleList]:
        """What learns, from input to output: each block with what leads to it, then the head."""
        down = [nn.ModuleList([encoder]) for encoder in (*self.encoders, self.bottleneck)]
        both = zip(reversed(self.upsamplings), reversed(self.decoders), strict=True)
        return [*down, *(nn.ModuleList(pair) for pair in both), nn.ModuleList([self.head])]

    def block(self, name: str) -> Block:
        """The block of this name; an unknown one is an error that lists those there are."""
        known = {block.name: block for block in self.blocks()}
        if name not in known:
            raise SettingError(f"block {name!r}: {nearest(name, known)}")
        return known[name]

    def walk(self, images: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield (name, maps) block by block; what is not requested is not computed."""
        self._check(images)
        maps, skips = images, []
        pool = functional.max_pool2d if self.dimensions == 2 else functional.max_pool3d
        for level, encoder in enumerate(self.encoders, start=1):
            maps = encoder(maps)
            yield f"enc{level}", maps
            skips.append(maps)
            maps = pool(maps, 2)
        maps = self.bottleneck(maps)
        yield "bottleneck", maps
        for level in range(self.depth, 0, -1):
            maps = self.upsamplings[level - 1](maps)
            maps = self.decoders[level - 1](torch.cat([skips[level - 1], maps], dim=1))
            yield f"dec{level}", maps

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images, block="dec1"))  # type: ignore[no-any-return]

    def features(self, images: torch.Tensor, *, block: str) -> torch.Tensor:
        """Maps of one block, computing no further than that block."""
        self.block(block)
        return next(maps for name, maps in self.walk(images) if name == block)

    def channels_last(self) -> UNet:
        """Lay the weights out channels last, in place: what convolutions on this hardware want;
        those on volumes do not."""
        if self.dimensions == 3:
            return self
        # mypy's stubs for Module.to know no memory_format.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def _check(self, images: torch.Tensor) -> None:
        names = ("h", "w") if self.dimensions == 2 else ("d", "h", "w")
        if images.ndim != 2 + self.dimensions or images.shape[1] != self.in_channels:
            raise SettingError(
                f"The U-Net expects images (n, {self.in_channels}, {', '.join(names)}); got "
                f"{tuple(images.shape)}."
            )
        step, sides = 2**self.depth, tuple(images.shape[2:])
        if any(side % step for side in sides):
            fit = (-(-side // step) * step for side in sides)
            raise SettingError(
                f"Every side of an image must be divisible by {step}; got "
                f"{'×'.join(map(str, sides))}. Take {'×'.join(map(str, fit))}, or a smaller depth."
            )
