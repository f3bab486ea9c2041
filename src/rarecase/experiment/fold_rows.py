"""The rows that a fit leaves in the predictions table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rarecase.arrays import Floats, Ints
from rarecase.experiment.arm import Arm
from rarecase.experiment.arms import REFERENCE
from rarecase.experiment.training_set import Request
from rarecase.experiment.tuning import Choice
from rarecase.features.feature_set import FeatureSet


@dataclass(frozen=True)
class Place:
    """Which fold: `fold_of` (patients,) says who is tested in which (−1: trains only; −2: left
    out), `splits` is the digest of all folds."""

    fold_of: Ints
    repeat: int
    fold: int
    splits: str = ""


def selected_rows(fits: Sequence[pd.DataFrame], *, arm: Arm, selected: str) -> pd.DataFrame:
    """The rows of the arm `selected` as those of `arm`, which picked it: of several seeds the mean,
    as the deployed model takes it."""
    first = fits[0]
    numbers = ["threshold", *(c for c in first.columns if c.startswith("p_"))]
    mean = np.mean([fit[numbers].to_numpy(np.float64) for fit in fits], axis=0)
    chosen = [json.dumps({"arm": selected} | json.loads(text)) for text in first["chosen"]]
    return first.assign(
        arm=arm.name, amount="tuned", synthetic=False, control_of=_text([None] * len(first)),
        reference=False, seed=pd.array([None] * len(first), dtype="Int64"), chosen=chosen,
        **dict(zip(numbers, mean.T, strict=True)),
    )  # fmt: skip


def _text(values: list[str | None]) -> Any:
    """Text or null, of the same kind whether some are null or all: as a file has it."""
    return pd.array(values, dtype="str")


def _plain(value: Any) -> Any:
    """What a grid may hold besides numbers and text: NumPy's, and objects by their repr."""
    return value.item() if isinstance(value, np.generic) else repr(value)


def fit_rows(
    features: FeatureSet,
    held: Ints,
    place: Place,
    p: Floats,
    *,
    arm: Arm,
    classifier: str,
    request: Request,
    added: int,
    choice: Choice,
    seed: int | None,
    about: Mapping[str, str],
) -> pd.DataFrame:
    """A row for each test sample `held` with its probabilities `p` (n, classes); columns as
    `evidence.predictions.COLUMNS`. `seed`: the sampler's, None where nothing was drawn;
    `about`: what else was chosen in this fold."""
    rows, chosen = features.rows.iloc[held], dict(about) | dict(choice.point)
    if request.name == "tuned":
        chosen["share"] = choice.level
    if not math.isnan(choice.auc):
        chosen["promised"] = round(choice.auc, 4)  # the AUC on inner folds
    columns = {
        "features": features.name,
        "arm": arm.name,
        "classifier": classifier,
        "amount": request.name,
        "synthetic": arm.synthetic,
        "control_of": _text([arm.control_of] * len(rows)),
        "planned": request.planned,
        "reference": arm.name == REFERENCE,
        "splits": place.splits,
        "repeat": place.repeat,
        "fold": place.fold,
        "seed": pd.array([seed] * len(rows), dtype="Int64"),
        # An arm that moved its threshold has it at one half.
        "threshold": 0.5 if arm.posterior == "threshold" else choice.threshold,
        "requested": request.size,
        "added": added,
        "chosen": json.dumps(chosen, default=_plain),
        "case": rows["case"].to_numpy(),
        "slice": rows["slice"].to_numpy(),
        "patient": np.asarray(features.patients)[features.patient[held]],
        "site": _text(rows["site"].to_list()),
        "label": np.asarray(features.classes)[features.y[held]],
        "predicted": rows["predicted"].to_numpy(),
    }
    chances = {f"p_{name}": p[:, i] for i, name in enumerate(features.classes)}
    return pd.DataFrame(columns | chances)
