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


Columns = dict[str, Any]
"""The columns of one fit's rows: arrays, or one value that all rows have."""
TEXT = ("features", "arm", "classifier", "amount", "control_of", "splits", "chosen", "site")


def selected_rows(fits: Sequence[Columns], *, arm: Arm, selected: str) -> Columns:
    """The rows of the arm `selected` as those of `arm`, which picked it: of several seeds the mean,
    as the deployed model takes it."""
    first = fits[0]
    numbers = ["threshold", *(name for name in first if name.startswith("p_"))]
    mean = {name: np.mean([fit[name] for fit in fits], axis=0) for name in numbers}
    chosen = json.dumps({"arm": selected} | json.loads(first["chosen"]))
    return first | mean | {
        "arm": arm.name, "amount": "tuned", "synthetic": False, "control_of": None,
        "reference": False, "seed": None, "chosen": chosen,
    }  # fmt: skip


def rows_of(fits: Sequence[Columns]) -> pd.DataFrame:
    """The rows of all fits in one table, which is made once: a table for each takes as long as the
    fits do."""
    if not fits:
        return pd.DataFrame()
    sizes = [len(fit["case"]) for fit in fits]
    return pd.DataFrame({name: _column(name, [f[name] for f in fits], sizes) for name in fits[0]})


def _column(name: str, values: Sequence[Any], sizes: Sequence[int]) -> Any:
    """One column of all fits, of the same kind whether some are null or all: as a file has it."""
    if isinstance(values[0], np.ndarray):
        whole = np.concatenate(values)
    else:
        kind = object if name in TEXT or name == "seed" else None
        whole = np.repeat(np.array(values, dtype=kind), sizes)
    if name == "seed":
        return pd.array(whole, dtype="Int64")
    return pd.array(whole, dtype="str") if name in TEXT else whole


def _plain(value: Any) -> Any:
    """What a grid may hold besides numbers and text: NumPy's, and objects by their repr."""
    return value.item() if isinstance(value, np.generic) else repr(value)


def sample_columns(features: FeatureSet, held: Ints) -> Columns:
    """What the rows of the test samples `held` say of these, whatever is fitted."""
    rows = features.rows.iloc[held]
    return {
        "case": rows["case"].to_numpy(),
        "slice": rows["slice"].to_numpy(),
        "patient": np.asarray(features.patients)[features.patient[held]],
        "site": rows["site"].to_numpy(object),
        "label": np.asarray(features.classes)[features.y[held]],
        "predicted": rows["predicted"].to_numpy(),
    }


def fit_columns(
    features: FeatureSet,
    tested: Columns,
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
) -> Columns:
    """A row for each test sample (`tested`, see `sample_columns`) with its probabilities `p` (n,
    classes); columns as `evidence.predictions.COLUMNS`. `seed`: the sampler's, None where nothing
    was drawn; `about`: what else was chosen in this fold."""
    chosen = dict(about) | dict(choice.point)
    if request.name == "tuned":
        chosen["share"] = choice.level
    if not math.isnan(choice.auc):
        chosen["promised"] = round(choice.auc, 4)  # the AUC on inner folds
    columns: Columns = {
        "features": features.name,
        "arm": arm.name,
        "classifier": classifier,
        "amount": request.name,
        "synthetic": arm.synthetic,
        "control_of": arm.control_of,
        "planned": request.planned,
        "reference": arm.name == REFERENCE,
        "splits": place.splits,
        "repeat": place.repeat,
        "fold": place.fold,
        "seed": seed,
        # An arm that moved its threshold has it at one half.
        "threshold": 0.5 if arm.posterior == "threshold" else choice.threshold,
        "requested": request.size,
        "added": added,
        "chosen": json.dumps(chosen, default=_plain),
        **tested,
    }
    chances = {f"p_{name}": p[:, i] for i, name in enumerate(features.classes)}
    return columns | chances
