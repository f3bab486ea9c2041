"""The question that was asked beforehand: an arm, on which features, with which classifier."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from rarecase.errors import SettingError


class Primary(NamedTuple):
    """What is primary: a family of verdicts, and of its arms the one that is tested first at the
    full level (None: all are corrected for each other)."""

    features: str
    classifier: str
    arm: str | None = None

    @property
    def family(self) -> tuple[str, str]:
        """Features and classifier."""
        return self.features, self.classifier


def read_primary(
    text: str, families: Collection[tuple[str, str]], arms: Collection[str]
) -> Primary:
    """From ARM, ARM@FEATURES or ARM@FEATURES@CLASSIFIER; what is not said is the first that there
    is. `families`: features and classifiers that are compared, the primary one first; `arms`: the
    synthetic ones. Raises `SettingError` for what is not compared.

    >>> there = [("auto", "auto"), ("radiomics", "logistic"), ("radiomics", "lda")]
    >>> read_primary("smote@radiomics", there, ["smote"])
    Primary(features='radiomics', classifier='logistic', arm='smote')
    """
    arm, _, rest = text.partition("@")
    features, _, classifier = rest.partition("@")
    if arm not in arms:
        raise SettingError(
            f"primary={text!r}: expected ARM, ARM@FEATURES or ARM@FEATURES@CLASSIFIER with one of "
            f"the synthetic arms that are compared: {', '.join(arms) or 'there is none'}."
        )
    for name in families:
        if features in ("", name[0]) and classifier in ("", name[1]):
            return Primary(*name, arm)
    there = "; ".join(f"{features} with {classifier}" for features, classifier in families)
    raise SettingError(
        f"primary={text!r}: such features and classifier are not compared; there are {there}."
    )
