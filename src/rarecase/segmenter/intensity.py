"""Augmentation of intensities: gamma, contrast, bias field, blur, noise, drawn per sample.

What a scanner may do to a slice without a change in the patient. Drawing the parameters is separate
from applying them, as in `augment`. Slices are normalised ones: background 0, tissue about 1 (see
`imaging.apply_scale`); the background stays 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

_BIAS_POINTS = 4
_TAPS = 7  # of the blurring kernel


@dataclass(frozen=True)
class Intensity:
    """How strongly to augment, each channel by itself.

    `gamma`: deviation of the log exponent. `contrast`: of the log factor of what differs from the
    tissue's mean. `bias`: of the log of a smooth field. `blur`: the largest deviation of a
    Gaussian, pixels, in half of the samples. `noise`: the largest deviation, tissue being 1.
    """

    gamma: float = 0.2
    contrast: float = 0.15
    bias: float = 0.1
    blur: float = 1.0
    noise: float = 0.06


@dataclass(frozen=True)
class DrawnIntensity:
    """Parameters of one batch: `gamma`, `contrast`, `blur`, `noise` (n, c, 1, 1), `bias`
    (n, c, k, k) and the `seed` of the noise itself."""

    gamma: torch.Tensor
    contrast: torch.Tensor
    blur: torch.Tensor
    noise: torch.Tensor
    bias: torch.Tensor
    seed: int


def draw_intensity(
    spec: Intensity, samples: int, channels: int, *, generator: torch.Generator
) -> DrawnIntensity:
    """Draw the parameters for `samples` images of so many channels."""
    shape = (samples, channels, 1, 1)

    def normal(deviation: float, *shape: int) -> torch.Tensor:
        return deviation * torch.randn(*shape, generator=generator)

    def uniform(most: float) -> torch.Tensor:
        return most * torch.rand(*shape, generator=generator)

    gamma, contrast = normal(spec.gamma, *shape).exp(), normal(spec.contrast, *shape).exp()
    blurred = torch.rand(*shape, generator=generator) < 0.5
    blur = uniform(spec.blur) * blurred
    bias = normal(spec.bias, samples, channels, _BIAS_POINTS, _BIAS_POINTS)
    seed = int(torch.randint(2**62, (1,), generator=generator))
    return DrawnIntensity(gamma, contrast, blur, uniform(spec.noise), bias, seed)


def apply_intensity(drawn: DrawnIntensity, images: torch.Tensor) -> torch.Tensor:
    """Images (n, c, h, w) as another examination might have given them, in 0 to 3."""
    inside = images > 0
    size = images.shape[-2:]
    field = functional.interpolate(drawn.bias, size=size, mode="bicubic", align_corners=True).exp()
    found = _blurred(images, drawn.blur)
    found = found.clamp(min=1e-4) ** drawn.gamma
    found = (1 + drawn.contrast * (found - 1)) * field
    generator = torch.Generator().manual_seed(drawn.seed)
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    return ((found + drawn.noise * noise) * inside).clamp(0, 3)


def _blurred(images: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Each channel of each image under a Gaussian of its own."""
    at = torch.arange(_TAPS, device=images.device) - _TAPS // 2
    width = sigma.flatten()[:, None].clamp(min=1e-3)
    kernel = torch.exp(-0.5 * (at / width) ** 2)
    kernel = kernel / kernel.sum(1, keepdim=True)
    flat, count = images.flatten(0, 1)[None], len(kernel)
    for shape, pad in (((count, 1, _TAPS, 1), (0, 0, 3, 3)), ((count, 1, 1, _TAPS), (3, 3, 0, 0))):
        padded = functional.pad(flat, pad, mode="replicate")
        flat = functional.conv2d(padded, kernel.reshape(shape), groups=count)
    return flat.reshape(images.shape)
