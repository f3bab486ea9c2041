"""Every classifier by its name, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from rarecase.errors import SettingError, nearest
from rarecase.experiment.classifiers.contract import Classifier

CLASSIFIERS = {
    "logistic": "rarecase.experiment.classifiers.logistic",
    "cnn": "rarecase.experiment.classifiers.cnn",  # needs PyTorch
}
"""Name → module, whose `make()` gives the classifier."""


def make_classifier(
    which: str | Classifier | Any, *, settings: Mapping[str, Any] | None = None
) -> Classifier:
    """A classifier by its name, a `Classifier`, or a scikit-learn estimator (nothing tuned);
    `settings` of its estimator.

    >>> make_classifier("logistic").points[0]
    {'C': 0.1}
    """
    if isinstance(which, Classifier):
        return which
    if not isinstance(which, str):
        return Classifier(type(which).__name__, which)
    if which not in CLASSIFIERS:
        raise SettingError(f"classifier {which!r} is unknown; {nearest(which, CLASSIFIERS)}")
    made: Classifier = import_module(CLASSIFIERS[which]).make()
    made.estimator.set_params(**(settings or {}))
    return made
