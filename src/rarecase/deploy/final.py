"""The classifier that is deployed, and how it lies on disk: no pickle, nothing that runs when it is
opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import __version__ as SKLEARN

from rarecase.arrays import Floats, Ints
from rarecase.bounds import check_archive, check_regular
from rarecase.checksums import check_file
from rarecase.errors import DataError, plain
from rarecase.evidence.text import number
from rarecase.experiment.classifiers.contract import Fitted
from rarecase.features.columns import Columns, Encoder
from rarecase.features.combat import Combat
from rarecase.features.standardise import Space
from rarecase.files import replacing_file
from rarecase.shown import Brief

TRUSTED = ("sklearn.", "rarecase.", "numpy.", "scipy.")
"""Modules whose classes a file may hold."""


@dataclass(frozen=True, eq=False, repr=False)
class Final(Brief):
    """Fitted classifiers of class indices, one for each seed, whose probabilities are averaged.

    Parameters
    ----------
    space
        From plain features to the coordinates that they have learnt in. It bounds them, so that a
        feature which hardly varied among those learnt from cannot decide alone on somebody else.
    models
        Fitted scikit-learn estimators.
    classes
        How many classes there are.
    columns
        What the features are.
    chosen
        What inner folds chose: features, classifier, arm, grid point, share of synthetic samples,
        and the AUC that they promised.
    """

    space: Space
    models: tuple[Any, ...]
    classes: int
    columns: Columns
    chosen: dict[str, Any]

    def __call__(self, X: Floats) -> Floats:
        """Rows (n, d) to probabilities (n, classes)."""
        rows = self.space(X)
        return np.asarray(
            np.mean([Fitted(model, self.classes)(rows) for model in self.models], axis=0)
        )

    def of_patient(self, X: Floats) -> Floats:
        """The samples (n, d) of one patient to the patient's probabilities (classes,)."""
        return np.asarray(self(X).mean(axis=0))


@dataclass(frozen=True, eq=False, repr=False)
class Average(Brief):
    """Classifiers of different features, whose probabilities are averaged.

    Parameters
    ----------
    finals
        Each by itself.
    places
        Of each the columns that it takes.
    weights
        How much each counts (k,); they add up to 1.
    columns
        What the columns of all are, side by side.
    chosen
        The weights by name, what they promised, and the features.
    """

    finals: tuple[Final, ...]
    places: tuple[Ints, ...]
    weights: Floats
    columns: Columns
    chosen: dict[str, Any]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return self.finals[0].classes

    def __call__(self, X: Floats) -> Floats:
        """Rows (n, d) to probabilities (n, classes)."""
        each = [final(X[:, at]) for final, at in zip(self.finals, self.places, strict=True)]
        return self._mean(each)

    def of_patient(self, X: Floats) -> Floats:
        """The samples (n, d) of one patient to the patient's probabilities (classes,). Features
        that some of them have not say what they say of the others, as in every fold."""
        each = []
        for final, at in zip(self.finals, self.places, strict=True):
            there = ~np.isnan(X[:, at]).all(axis=1)
            each.append(final.of_patient(X[there if there.any() else slice(None)][:, at]))
        return self._mean(each)

    def _mean(self, each: list[Floats]) -> Floats:
        # Weights may add up to more than 1 by a rounding error.
        return np.clip(np.tensordot(self.weights, np.stack(each), axes=1), 0, 1)


def chosen_text(chosen: dict[str, Any]) -> str:
    """What was chosen on inner folds, or what was averaged, in words."""
    if "weights" in chosen:
        weights = "; ".join(
            f"{name}: {number(weight)}" for name, weight in chosen["weights"].items()
        )
        return f"It is an average ({weights}), weighted on inner folds"
    return f"Features, classifier and arm (`{chosen['arm']}`) were chosen on inner folds"


def card_facts(card: Mapping[str, Any]) -> dict[str, Any]:
    """What the card of a deployed model says of it, in few words."""
    chosen = card["chosen"]
    return {
        "calls": f"{card['rare']} from a probability of {number(card['threshold'])} on",
        "features": chosen.get("features", card.get("features")),
        "classifier": chosen.get("classifier", card.get("classifier")),
        "arm": chosen.get("arm", card.get("arm")),
        "classes": card["classes"],
    }  # fmt: skip


def save_final(path: Path, final: Final | Average) -> None:
    """Write a classifier to one file. Raises `DataError` for an estimator that cannot be held
    without a pickle, or would not be trusted when it is read."""
    import skops.io  # which imports PyTorch where it is installed

    said = {"sklearn": SKLEARN} | _said(final)
    try:
        data = skops.io.dumps(said)
        strange = _strange(data)
    except Exception as error:  # somebody's estimator may hold anything at all
        raise DataError(
            f"{path}: the classifier cannot be written without a pickle ({error}). Deploy one of "
            "scikit-learn's."
        ) from error
    if strange:
        raise DataError(
            f"{path}: the classifier holds {', '.join(strange)}, which whoever opens the file "
            "would have to trust. Deploy one of scikit-learn's."
        )
    with replacing_file(path) as beside:
        beside.write_bytes(data)


def _said(final: Final | Average) -> dict[str, Any]:
    """What a file holds of a classifier; `load_final` makes it of that."""
    about = {"columns": final.columns.as_json(), "chosen": final.chosen}
    if isinstance(final, Average):
        parts = [_said(each) for each in final.finals]
        return about | {"parts": parts, "places": [*final.places], "weights": final.weights}
    space, encoder = final.space, final.space.encoder
    return about | {
        "classes": final.classes,
        "space": {n: getattr(space, n) for n in ("mean", "scale", "reach", "axes")},
        "encoder": {n: getattr(encoder, n) for n in ("numeric", "fill", "flags", "part")}
        | {"categories": np.array(encoder.categories, dtype=np.int64).reshape(-1, 2)},
        "models": list(final.models),
        "combat": None if space.combat is None else space.combat.arrays(),
        "sites": [] if space.combat is None else list(space.combat.sites),
    }


def load_final(path: Path) -> Final | Average:
    """Read what `save_final` wrote. Raises `DataError` for anything else, and for a file that holds
    classes of other packages: opening it would run their code."""
    import skops.io

    check_regular(path)
    check_file(path)
    try:
        check_archive(path)
        data = path.read_bytes()
        strange = _strange(data)
        trusted = skops.io.get_untrusted_types(data=data)
        if not strange:
            return _made_of(skops.io.loads(data, trusted=trusted))
    except DataError:
        raise
    except Exception as error:  # a file from anywhere
        raise DataError(
            f"{path}: cannot be read as a classifier by scikit-learn {SKLEARN} "
            f"({type(error).__name__}: {plain(error)}). Make the model anew from its run."
        ) from None
    raise DataError(
        f"{path}: holds {plain(', '.join(strange))}, which are neither scikit-learn's nor ours; it "
        "was not opened."
    )


def _made_of(said: dict[str, Any]) -> Final | Average:
    if "parts" not in said:
        return _read(said)
    return Average(
        tuple(_read(part) for part in said["parts"]), tuple(said["places"]), said["weights"],
        Columns.from_json(said["columns"]), said["chosen"],
    )  # fmt: skip


def _read(said: dict[str, Any]) -> Final:
    columns, encoder = Columns.from_json(said["columns"]), said["encoder"]
    pairs = tuple((int(i), int(code)) for i, code in encoder.pop("categories"))
    combat = None if said["combat"] is None else Combat.of(said["combat"], said["sites"])
    return Final(
        Space(Encoder(**encoder, categories=pairs), **said["space"], combat=combat),
        tuple(said["models"]), said["classes"], columns, said["chosen"],
    )  # fmt: skip


def _strange(data: bytes) -> list[str]:
    """Classes of the file that are of no module we trust."""
    import skops.io

    names = skops.io.get_untrusted_types(data=data)
    return [name for name in names if not name.startswith(TRUSTED)]
