"""How an experiment on tables is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rarecase.errors import SettingError
from rarecase.evidence.metrics import AUC
from rarecase.evidence.verdict import MARGIN, checked_margin
from rarecase.experiment.arm import Arm
from rarecase.experiment.arms import CLOSED_FORM
from rarecase.experiment.classifiers.contract import Classifier
from rarecase.experiment.design import Design, make_design
from rarecase.features.about import about_features
from rarecase.features.feature_set import FeatureSet
from rarecase.features.leaks import Suspicion
from rarecase.features.sources.registry import AMONG, AUTO, STACK
from rarecase.shown import Brief

DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True, repr=False)
class Protocol(Brief):
    """How an experiment on features is made. `compare` has arguments of the same names.

    Parameters
    ----------
    arms
        Names (`rarecase arms` lists them) or arms of one's own; `none` and `duplicates` are always
        among them.
    classifiers
        Names, scikit-learn estimators (nothing tuned) or `Classifier`.
    inner
        Inner folds of real patients, on which everything is tuned.
    amounts
        Shares of what a class lacks to be as frequent as the most frequent one, to choose from.
    generator_seeds
        Fits of every sampler, each from its own seed.
    checks
        Whether to permute labels, look for a leak and a shift.
    combat
        Whether features are harmonised between sites (with `sites`, each of which is left out in
        turn: it is compared, as it is, with the average of the others).
    draws
        Of the bootstrap.
    margin
        A difference that counts as none (see `evidence.verdict`).
    metric
        What verdicts are about: the AUC of the rare class, unless another was declared beforehand
        (`sensitivity_at_90`, `average_precision`, …; see `evidence.metrics`).
    primary
        The one question asked beforehand, ARM, ARM@FEATURES or ARM@FEATURES@CLASSIFIER: it is
        tested first, at the full level, and the others after it.
    features
        Sets of features to compare, where there are several by name (default: each by itself);
        `a+b`: both side by side, with equal weight; `stack` among them: besides the average of all,
        weighted by inner folds, which is then what is deployed.
    impute
        `median`: missing values are filled in within each fold. Without it they are refused, unless
        all classifiers take them as they are and no arm samples.
    categorical
        Columns of DataFrames that are categories (those of dtype category are, anyway).
    accept
        Columns that look like a leak (see `features.leaks`) and are right all the same.
    """

    arms: Sequence[str | Arm] = CLOSED_FORM
    classifiers: Sequence[str | Classifier | Any] = ("logistic",)
    inner: int = 3
    amounts: Sequence[float] = (0.5, 1.0, 2.0)
    generator_seeds: int = 2
    random_state: int = 0
    checks: bool = True
    draws: int = DRAWS
    margin: float = MARGIN
    metric: str = AUC
    primary: str | None = None
    features: Sequence[str] = ()
    impute: Literal["median"] | None = None
    categorical: Sequence[str] = ()
    accept: Sequence[str] = ()
    combat: bool = False

    def __post_init__(self) -> None:
        if self.impute not in (None, "median"):
            raise SettingError(f"impute: expected 'median' or nothing, got {self.impute!r}.")
        checked_margin(self.margin)

    def designs(self) -> list[Design]:
        """A design for each classifier, checked."""
        return [
            make_design(
                self.arms, classifier=classifier, amounts=self.amounts, inner=self.inner,
                seeds=self.generator_seeds, seed=self.random_state,
                combat="unchanged" if self.combat else "none",
            )
            for classifier in self.classifiers
        ]  # fmt: skip

    @property
    def missing(self) -> bool:
        """Whether values may be missing."""
        return self.impute is not None or not any(d.coordinates.fill for d in self.designs())

    @property
    def sets(self) -> list[str]:
        """Sets of features by name, without what stands for others; none: every one by itself."""
        return [name for name in self.features if name not in AMONG]

    @property
    def among(self) -> tuple[str, ...]:
        """What stands for several features × classifiers; the last is what is deployed."""
        return AMONG if STACK in self.features else (AUTO,)

    def about(self, sets: Sequence[FeatureSet], found: Sequence[Suspicion]) -> dict[str, Any]:
        """What is kept of the features (see `about_features`)."""
        return about_features(sets, found, accept=self.accept, impute=self.impute)
