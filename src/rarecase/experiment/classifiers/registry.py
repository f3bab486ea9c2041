"""Every classifier by its name, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from rarecase.errors import SettingError, nearest
from rarecase.experiment.classifiers.contract import Classifier, Takes
from rarecase.named import load_named, make_named

CLASSIFIERS: dict[str, tuple[str, Takes]] = {
    "logistic": ("rarecase.experiment.classifiers.logistic", "vectors"),
    "lda": ("rarecase.experiment.classifiers.lda", "vectors"),
    "forest": ("rarecase.experiment.classifiers.forest", "vectors"),
    "boosting": ("rarecase.experiment.classifiers.boosting", "vectors"),
    "svm": ("rarecase.experiment.classifiers.svm", "vectors"),
    "cnn": ("rarecase.experiment.classifiers.cnn", "maps"),  # needs PyTorch
}
"""Name → module, whose `make()` gives the classifier, and what that takes; cheapest first."""


def takes_of(name: str) -> Takes:
    """What the classifier of that name takes, without importing it; `SettingError` for an unknown
    one.

    >>> takes_of("cnn")
    'maps'
    """
    if ":" in name:
        return "vectors"  # an estimator of scikit-learn's kind
    if name not in CLASSIFIERS:
        raise SettingError(f"classifier {name!r} is unknown; {nearest(name, CLASSIFIERS)}")
    return CLASSIFIERS[name][1]


def make_classifier(
    which: str | Classifier | Any, *, settings: Mapping[str, Any] | None = None
) -> Classifier:
    """A classifier by its name, a `Classifier`, or a scikit-learn estimator (nothing tuned), which
    may be named as module:factory; `settings` of its estimator.

    >>> make_classifier("logistic").points[0]
    {'C': 0.1}
    """
    if isinstance(which, Classifier):
        return which
    if not isinstance(which, str):
        return Classifier(type(which).__name__, which)
    takes_of(which)
    if ":" in which:
        about = {"what": "classifier", "example": "sklearn.ensemble:ExtraTreesClassifier"}
        factory = load_named(which, **about)
        return make_classifier(make_named(factory, which, what="classifier"))
    made: Classifier = import_module(CLASSIFIERS[which][0]).make()
    made.estimator.set_params(**(settings or {}))
    return made
