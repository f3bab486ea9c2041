"""The paper's seven augmentations (Table 1), drawn per sample and applied in one resampling.

Order: horizontal flip, vertical flip, elastic distortion, rotation, shift, shear, zoom. Each maps
output coordinates to input coordinates, so the chain is composed from the last to the first and
image and mask are resampled once, together. Drawing the parameters is separate from applying them,
so that they can be recorded and replayed. What comes in from outside is 0: background.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from rarecase.errors import SettingError

# Table 1 gives α = 720 and σ = 24 for images of this size; both scale with the image.
REFERENCE_SIZE = 240


@dataclass(frozen=True)
class Augmentation:
    """How strongly to augment; the defaults are the paper's Table 1.

    `flip_horizontal`, `flip_vertical`: probabilities. `elastic_alpha`, `elastic_sigma`: pixels at
    240×240. `rotation`: degrees either way. `shift`, `shear`, `zoom`: fractions either way; shift
    and zoom are drawn for each axis.
    """

    flip_horizontal: float = 0.5
    flip_vertical: float = 0.5
    elastic_alpha: float = 720.0
    elastic_sigma: float = 24.0
    rotation: float = 20.0
    shift: float = 0.10
    shear: float = 0.05
    zoom: float = 0.10

    def scaled(self, strength: float) -> Augmentation:
        """Everything but the flips this many times as strong.

        >>> Augmentation().scaled(0.5).rotation, Augmentation().scaled(0.5).flip_vertical
        (10.0, 0.5)
        """
        names = ("elastic_alpha", "rotation", "shift", "shear", "zoom")
        return replace(self, **{name: getattr(self, name) * strength for name in names})

    def elastic_deviation(self) -> float:
        """Standard deviation of the displacement in pixels at 240×240 (Table 1: about 4.9).

        α times the deviation of uniform noise on (−1, 1) after a Gaussian filter of σ.

        >>> round(Augmentation().elastic_deviation(), 1)
        4.9
        """
        if self.elastic_sigma == 0:
            return 0.0
        return self.elastic_alpha / math.sqrt(3) / (2 * self.elastic_sigma * math.sqrt(math.pi))


@dataclass(frozen=True)
class Drawn:
    """Parameters of one batch: `matrix` (n, 2, 3) from output to input coordinates without the
    elastic part, `flip` (n, 2) of ±1 (x, y), `elastic` (n, 2, k, k) displacements (x, y) on a
    coarse grid. All in units in which the image spans −1 … 1."""

    matrix: torch.Tensor
    flip: torch.Tensor
    elastic: torch.Tensor


def draw(spec: Augmentation, samples: int, *, generator: torch.Generator) -> Drawn:
    """Draw the parameters for `samples` images; independent of the image's size."""

    def uniform(*shape: int, reach: float) -> torch.Tensor:
        return (torch.rand(samples, *shape, generator=generator) * 2 - 1) * reach

    chance = torch.rand(samples, 2, generator=generator)
    flips = chance < torch.tensor([spec.flip_horizontal, spec.flip_vertical])
    elastic = _draw_elastic(spec, samples, generator=generator)
    angle = uniform(reach=math.radians(spec.rotation))
    shift = uniform(2, reach=2 * spec.shift)  # the image spans 2 units
    shear = uniform(reach=spec.shear)
    zoom = 1 / (1 + uniform(2, reach=spec.zoom))

    zero, one = torch.zeros(samples), torch.ones(samples)

    def affine(*rows: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
        full = (*rows, (zero, zero, one))
        return torch.stack([torch.stack(row, dim=-1) for row in full], dim=-2)

    cosine, sine = angle.cos(), angle.sin()
    rotate = affine((cosine, -sine, zero), (sine, cosine, zero))
    move = affine((one, zero, shift[:, 0]), (zero, one, shift[:, 1]))
    lean = affine((one, shear, zero), (zero, one, zero))
    scale = affine((zoom[:, 0], zero, zero), (zero, zoom[:, 1], zero))
    matrix = (rotate @ move @ lean @ scale)[:, :2]
    return Drawn(matrix=matrix, flip=1.0 - 2.0 * flips.float(), elastic=elastic)


def _draw_elastic(spec: Augmentation, samples: int, *, generator: torch.Generator) -> torch.Tensor:
    """Gaussian-filtered noise on a grid two points a σ: smooth between them by construction."""
    if spec.elastic_sigma <= 0 or spec.elastic_alpha == 0:
        return torch.zeros(samples, 2, 2, 2)
    deviation = 2.0  # σ in grid points
    points = max(2, math.ceil(REFERENCE_SIZE / spec.elastic_sigma * deviation) + 1)
    radius = int(4 * deviation)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / deviation) ** 2)
    kernel /= kernel.square().sum().sqrt()  # unit variance along each axis after filtering
    side = points + 2 * radius  # margins, so that the field is as strong at the border as inside
    noise = torch.randn(samples * 2, 1, side, side, generator=generator)
    smooth = functional.conv2d(noise, kernel.view(1, 1, -1, 1))
    smooth = functional.conv2d(smooth, kernel.view(1, 1, 1, -1))
    scale = spec.elastic_deviation() * 2 / REFERENCE_SIZE
    return smooth.view(samples, 2, points, points) * scale


def sampling_grid(drawn: Drawn, *, height: int, width: int) -> torch.Tensor:
    """Where every output pixel comes from: (n, h, w, 2) in the units of `grid_sample`."""
    if height != width:
        raise SettingError(
            f"Augmentation needs square images (a rotation would squeeze others); got "
            f"{height}×{width}. Fit the slices to a square size first."
        )
    samples = drawn.matrix.shape[0]
    grid = functional.affine_grid(drawn.matrix, [samples, 1, height, width], align_corners=False)
    shift = functional.grid_sample(
        drawn.elastic, grid, mode="bilinear", padding_mode="border", align_corners=True
    )
    grid = grid + shift.permute(0, 2, 3, 1)
    return grid * drawn.flip.view(samples, 1, 1, 2)


def apply(
    drawn: Drawn, images: torch.Tensor, masks: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Resample `images` (n, c, h, w) and 0/1 `masks` (n, 1, h, w) once, together.

    Bilinear; masks are cut at one half. What comes from outside the image is 0. The slices of a
    volume (n, c, d, h, w) all move alike.
    """
    planes = [each.flatten(1, -3) for each in (images, masks.to(images.dtype))]
    grid = sampling_grid(drawn, height=images.shape[-2], width=images.shape[-1])
    moved = functional.grid_sample(
        torch.cat(planes, dim=1), grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    channels = planes[0].shape[1]
    cut = (moved[:, channels:] >= 0.5).to(masks.dtype)
    return moved[:, :channels].reshape(images.shape), cut.reshape(masks.shape)
