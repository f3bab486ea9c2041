"""Every classifier by its name, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from rarecase.errors import SettingError, nearest
from rarecase.experiment.classifiers.contract import Classifier, Takes
from rarecase.named import load_named, make_named


class Listed(NamedTuple):
    """A classifier, imported when it is needed."""

    name: str  # its module beside this one, whose `make()` gives it
    takes: Takes
    text: str  # what it is
    cites: tuple[str, ...]  # keys of its sources in report/manuscript/references.bib


CLASSIFIERS = {
    each.name: each
    for each in (
        Listed("logistic", "vectors", "logistic regression with a quadratic penalty",
               ("lecessie1992",)),
        Listed("lda", "vectors", "linear discriminant analysis with a shrunken covariance",
               ("fisher1936", "ledoit2004")),
        Listed("forest", "vectors", "a random forest", ("breiman2001",)),
        Listed("boosting", "vectors", "gradient boosting of histograms",
               ("friedman2001", "ke2017")),
        Listed("svm", "vectors", "a support vector machine with a Gaussian kernel, its distances "
               "made probabilities by a sigmoid", ("cortes1995", "platt1999")),
        Listed("cnn", "maps", "a convolutional network of feature maps",  # needs PyTorch
               ("mehra2022", "srivastava2014")),
    )
}  # fmt: skip
"""By name, cheapest first."""


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
    return CLASSIFIERS[name].takes


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
    made: Classifier = import_module(f"rarecase.experiment.classifiers.{which}").make()
    made.estimator.set_params(**(settings or {}))
    return made
