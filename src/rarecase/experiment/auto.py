"""Features and classifier chosen in every fold, on inner folds of its training patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rarecase.errors import SettingError
from rarecase.experiment.arm import Arm
from rarecase.experiment.arms import REFERENCE
from rarecase.experiment.choosing import Option, preferred
from rarecase.experiment.design import Design
from rarecase.experiment.fold import FoldResult, fit_arms
from rarecase.experiment.fold_data import FoldData, Tools
from rarecase.experiment.fold_rows import Place
from rarecase.features.feature_set import FeatureSet
from rarecase.features.sources.registry import AUTO


@dataclass(frozen=True, eq=False)
class Candidate:
    """Features and a design, one of several that could be taken."""

    features: FeatureSet
    design: Design

    def renamed(self, name: str = AUTO) -> Candidate:
        """The same, features and classifier by the name of what they stand for."""
        classifier = replace(self.design.classifier, name=name)
        return Candidate(
            replace(self.features, name=name), replace(self.design, classifier=classifier)
        )


def check_candidates(candidates: Sequence[Candidate]) -> None:
    """Raise `SettingError` for candidates that train for long, or of different patients."""
    if len({each.features.patients for each in candidates}) > 1:
        raise SettingError("auto: the sets of features to take are of different patients.")
    for each in candidates:
        if each.design.classifier.lazy:
            raise SettingError(f"auto: {each.design.classifier.name!r} takes too long to be tried.")


def choose_candidate(candidates: Sequence[Candidate], place: Place, tools: Tools) -> FoldData:
    """The fold's data of the candidate that is taken: of those within one standard error of the
    best, by the AUC of the arm `none` on inner folds, the first; they come cheapest first. The very
    first where inner folds cannot tell of any; one that they cannot tell of is not taken else.

    Raises `SettingError` for candidates that train for long, or of other patients.
    """
    check_candidates(candidates)
    found: list[FoldData] = []
    options: dict[int, Option] = {}
    for number, each in enumerate(candidates):
        about = {"features": each.features.name, "classifier": each.design.classifier.name}
        new = each.renamed()
        found.append(FoldData(new.features, new.design, place, tools, about=about))
        (none,) = (arm for arm in each.design.arms if arm.name == REFERENCE)
        tried = found[-1].tried(none)
        if tried is not None:
            options[number] = Option.of(tried)
    return found[[*options][preferred([*options.values()])] if options else 0]


def fit_auto(
    candidates: Sequence[Candidate],
    place: Place,
    *,
    arms: Sequence[Arm] | None = None,
    tools: Tools | None = None,
) -> FoldResult:
    """`fit_fold` on the candidate that is chosen in this fold; what it was stands in `chosen` of
    every row, beside the AUC that it promised."""
    return fit_arms(choose_candidate(candidates, place, tools or Tools()), arms)
