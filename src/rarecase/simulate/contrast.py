"""From tissues to four MR channels: contrast, bias field, point spread, Rician noise.

Brightness is in units of the patient's normal white matter in that channel. What a scanner does
is drawn per patient and never depends on the label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rarecase.simulate.anatomy import Tissue
from rarecase.simulate.lattice import Array, Axes, axis, resample, smooth_noise
from rarecase.simulate.tumour import Parts

CHANNELS = ("flair", "t1", "t1ce", "t2")


@dataclass(frozen=True)
class Look:
    """Brightness of every tissue in one channel, white matter being 1."""

    grey: float
    csf: float
    oedema: float
    solid: float
    """Non-enhancing tumour."""
    fluid: float
    """Necrosis."""
    enhancing: float
    """Enhancing tumour, before what the contrast agent adds."""
    halo: float
    """Added in white matter beside the ventricles."""
    detail: float
    """Weight of the template's own T1 detail."""


@dataclass(frozen=True)
class Scanner:
    """One patient's examination: looks, and what the machine does to them."""

    tesla: float
    looks: dict[str, Look]
    gain: dict[str, float]
    """Grey value of white matter."""
    noise: dict[str, float]
    """Standard deviation of either part of the complex noise, white matter being 1."""
    blur_mm: float
    """Full width at half maximum of the in-plane point spread."""
    bias: float
    """Standard deviation of the log bias field."""


# ranges (low, high) of uniform draws, per channel, in the order of Look's fields
RANGES: dict[str, tuple[tuple[float, float], ...]] = {
    "t1": (
        (0.68, 0.82), (0.22, 0.36), (0.78, 0.90), (0.60, 0.76),
        (0.32, 0.50), (0.66, 0.82), (-0.06, 0.0), (0.8, 1.1),
    ),
    "t1ce": (
        (0.72, 0.86), (0.24, 0.40), (0.78, 0.90), (0.60, 0.76),
        (0.30, 0.48), (0.75, 0.90), (-0.06, 0.0), (0.6, 0.9),
    ),
    "t2": (
        (1.30, 1.55), (2.3, 3.1), (1.8, 2.3), (1.8, 2.3),
        (2.2, 2.9), (1.6, 2.1), (0.1, 0.6), (-0.9, -0.5),
    ),
    "flair": (
        (1.10, 1.24), (0.14, 0.32), (1.6, 2.0), (1.5, 1.95),
        (0.70, 1.20), (1.4, 1.8), (0.1, 0.7), (-0.4, -0.1),
    ),
}  # fmt: skip


def draw_scanner(rng: np.random.Generator) -> Scanner:
    """Draw a 1.5 or 3 tesla examination: the stronger magnet has less noise and more bias."""
    tesla = 3.0 if rng.random() < 0.5 else 1.5
    looks = {
        channel: Look(*(float(rng.uniform(low, high)) for low, high in RANGES[channel]))
        for channel in CHANNELS
    }
    gain = {channel: float(np.exp(rng.uniform(np.log(180), np.log(700)))) for channel in CHANNELS}
    level = 0.036 if tesla < 2 else 0.022
    noise = {channel: float(level * rng.uniform(0.7, 1.4)) for channel in CHANNELS}
    bias = float(rng.uniform(0.03, 0.07) if tesla < 2 else rng.uniform(0.05, 0.11))
    return Scanner(tesla, looks, gain, noise, float(rng.uniform(1.0, 1.8)), bias)


def paint(tissue: Tissue, parts: Parts, look: Look, *, necrosis: float, enhancement: float,
          heterogeneity: float, around: Array | float = 0.0) -> Array:  # fmt: skip
    """The noiseless channel (x, y, z), white matter being 1, before the scanner.

    `necrosis` 0…1 mixes fluid and solid tumour in the core that does not enhance; `enhancement` is
    what the contrast agent adds (0 in the channels without); `around`: what the head is like
    outside of the brain, and what vessels add.
    """
    healthy = around + (
        tissue.white * (1 + look.halo * tissue.halo)
        + look.grey * tissue.grey
        + look.csf * tissue.csf
        + look.detail * tissue.detail
    )
    inner = necrosis * look.fluid + (1 - necrosis) * look.solid
    uneven = np.exp(np.clip(heterogeneity * parts.texture, -0.4, 0.4))
    bright = look.enhancing + enhancement
    # oedema fades outwards and lets the tissue it soaks show through
    soaked = healthy + (look.oedema - healthy) * (0.8 + 0.1 * np.clip(parts.texture, -1.5, 1.5))
    return np.asarray(
        (1 - parts.whole) * healthy
        + parts.oedema * soaked
        + (parts.inner * inner + parts.enhancing * bright) * uneven,
        np.float32,
    )


def scan(
    rng: np.random.Generator,
    clean: Array,
    scanner: Scanner,
    *,
    channel: str,
    inside: NDArray[np.bool_],
    target: Axes,
) -> Array:
    """What the scanner makes of a clean channel: blur, bias, noise, grey values; 0 outside of
    `inside`.

    Noise is Rician, the magnitude of a complex signal (Gudbjartsson & Patz, MRM 34, 1995). Voxels
    inside are at least 1, so that the background can be told from them.
    """
    spacing = abs(float(target[0][1] - target[0][0]))
    width = scanner.blur_mm / 2.355 / spacing
    blurred = ndimage.gaussian_filter(clean, (width, width, 0), truncate=3)
    signal = blurred[inside] * np.exp(scanner.bias * _bias_field(rng, target))[inside]
    sigma = np.float32(scanner.noise[channel])
    real = signal + sigma * rng.standard_normal(signal.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(signal.shape, dtype=np.float32)
    image = np.zeros(clean.shape, np.float32)
    image[inside] = np.clip(scanner.gain[channel] * np.hypot(real, imaginary), 1, 32767)
    return image


def _bias_field(rng: np.random.Generator, target: Axes) -> Array:
    lattice = (axis(-120, 120, 30), axis(-120, 120, 30), axis(-100, 100, 30))
    shape = (len(lattice[0]), len(lattice[1]), len(lattice[2]))
    return resample(smooth_noise(rng, shape, step=30, length=55), lattice, target)
