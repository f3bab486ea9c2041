"""One place to pick a classifier."""

from __future__ import annotations

from collections.abc import Sequence

from rarecase.errors import SettingError, nearest
from rarecase.experiment.classifiers.cnn import FeatureCNN
from rarecase.experiment.classifiers.linear import LinearClassifier

KINDS = ("auto", "cnn", "linear")


def make_classifier(
    kind: str,
    shape: Sequence[int],
    *,
    epochs: int = 20,
    batch_size: int = 10,
    channels: tuple[int, ...] = (64, 128),
    dense: int = 2048,
    lr: float = 1e-3,
    random_state: int = 0,
) -> FeatureCNN | LinearClassifier:
    """A new classifier for samples of `shape`; 'auto': the CNN for maps, linear for vectors.

    The other settings are the CNN's. Raises `SettingError` on an unknown kind, and on one that
    does not take the shape.

    >>> type(make_classifier("auto", (12,))).__name__
    'LinearClassifier'
    """
    if kind not in KINDS:
        raise SettingError(f"classifier {kind!r} is unknown; {nearest(kind, KINDS)}")
    fitting = {1: "linear", 3: "cnn", 4: "cnn"}.get(len(shape))
    if fitting is None or kind not in ("auto", fitting):
        ways = f"{fitting!r}" if fitting else "maps (c, h, w), (c, d, h, w) or vectors (d,)"
        raise SettingError(f"classifier {kind!r} does not take {tuple(shape)}; use {ways}.")
    if fitting == "linear":
        return LinearClassifier(random_state=random_state)
    return FeatureCNN(
        channels=channels,
        dense=dense,
        lr=lr,
        batch_size=batch_size,
        epochs=epochs,
        random_state=random_state,
    )
