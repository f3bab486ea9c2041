"""What a histogram of intensities or of grey levels is like (IBSI 3.3, 3.4)."""

from __future__ import annotations

import numpy as np

from rarecase.arrays import Floats, Ints


def intensity_features(values: Floats) -> dict[str, float]:
    """Features of intensities (n,), 1 or more."""
    found = _moments(values) | {
        "energy": float((values**2).sum()),
        "root_mean_square": float(np.sqrt((values**2).mean())),
        "quartile_coef_dispersion": _dispersion(values),
    }
    return {f"stat_{name}": value for name, value in found.items()}


def histogram_features(levels: Ints, most: int) -> dict[str, float]:
    """Features of grey levels (n,) of 1 … `most`."""
    counts = np.bincount(levels, minlength=most + 1)[1:]
    p = counts[counts > 0] / counts.sum()
    modes = np.flatnonzero(counts == counts.max()) + 1
    found = _moments(levels.astype(np.float64))
    nearest = modes[np.argmin(np.abs(modes - found["mean"]))]
    found |= {
        "mode": float(nearest),
        "entropy": float(-(p * np.log2(p)).sum()),
        "uniformity": float((p**2).sum()),
    }
    gradient = np.gradient(counts.astype(np.float64)) if most > 1 else np.zeros(1)
    found |= {
        "max_gradient": float(gradient.max()),
        "max_gradient_intensity": float(gradient.argmax() + 1),
        "min_gradient": float(gradient.min()),
        "min_gradient_intensity": float(gradient.argmin() + 1),
    }
    named = {f"int_hist_{name}": value for name, value in found.items()}
    return named | {"int_quartile_coef_dispersion": _dispersion(levels.astype(np.float64))}


def _dispersion(values: Floats) -> float:
    low, high = np.percentile(values, [25, 75])
    return float((high - low) / (high + low)) if high + low else float("nan")


def _moments(values: Floats) -> dict[str, float]:
    """What intensities and grey levels are both described by. Of values that do not vary the
    skewness and kurtosis are 0, as IBSI has it."""
    mean, deviation = float(values.mean()), float(values.std())
    p10, p25, median, p75, p90 = np.percentile(values, [10, 25, 50, 75, 90]).tolist()
    low, high = float(values.min()), float(values.max())
    from_mean = values - mean
    flat = high == low
    middle = values[(values >= p10) & (values <= p90)]  # of two values nothing
    robust = float(np.abs(middle - middle.mean()).mean()) if middle.size else float("nan")
    return {
        "mean": mean,
        "variance": deviation**2,
        "skewness": 0.0 if flat else float((from_mean**3).mean()) / deviation**3,
        "kurtosis": 0.0 if flat else float((from_mean**4).mean()) / deviation**4 - 3,
        "median": median,
        "minimum": low,
        "p10": p10,
        "p90": p90,
        "maximum": high,
        "iqr": p75 - p25,
        "range": high - low,
        "mean_absolute_dev": float(np.abs(from_mean).mean()),
        "robust_mean_absolute_dev": robust,
        "median_absolute_dev": float(np.abs(values - median).mean()),
        "coef_of_variation": deviation / mean if mean else float("nan"),
    }
