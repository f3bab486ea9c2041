"""Everything the report says about the arms, computed from the predictions table alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rarecase.errors import DataError, SettingError, nearest
from rarecase.evidence.fits import Fit
from rarecase.evidence.intervals import DRAWS, LEVEL, make_draws
from rarecase.evidence.paired import PERMUTATIONS, compare_fits
from rarecase.evidence.predictions import (
    CELL,
    CONTROL,
    DUPLICATES,
    TUNED,
    check_predictions,
    is_synthetic,
    pool_patients,
)
from rarecase.evidence.rows import Key, Setting, control_of, counts, fits_by_key, make_rows, plain
from rarecase.evidence.sentence import Change, headline_sentence
from rarecase.evidence.verdict import Contrast, as_json, explain, judge

HEADLINE_ARM = "acgan"
PEEKED = (
    "The paper's own protocol was asked for: the segmenter's epoch and the amount of synthetic "
    "samples were chosen on the test set, which also has its part in a normalisation over the "
    "cohort, and what the paper reports counts slices. These numbers flatter; set them beside a "
    "sound run's, and do not report them as results."
)


def make_evidence(
    predictions: pd.DataFrame,
    *,
    rare: str,
    headline: int | None,
    headline_arm: str = HEADLINE_ARM,
    faithful: bool = False,
    seed: int = 0,
    draws: int = DRAWS,
    permutations: int = PERMUTATIONS,
) -> dict[str, Any]:
    """Scores of every arm and amount on slices and patients, with intervals, ready for JSON.

    `predictions` has the columns of the run folder's predictions.parquet. `rare` names the rare
    class, `headline` the amount of synthetic samples of `headline_arm` fixed before anything was
    scored (None: none was). `faithful`: the headline is instead the arm and amount with the best
    balanced accuracy on test slices, as the paper chose its own; that flatters, and the result
    says so. What is not defined (AUC without a rare patient) is None. The result holds:

    * rare, classes, control, repeats, generator_seeds, bootstrap {draws, level, unit, seed}
    * counts {patients: {class: n}, slices: {class: n}}
    * folds [{repeat, fold, patients: {class: n}}]
    * rows, one for each arm and amount, `none` first: arm, amount, added (what the filter left of
      the amount), complete (every test fold of the control is there), counts, slices {scores
      {name: value}, difference {name: value} or None}, patients {scores {name: {value, low,
      high}}, difference the same or None}
    * verdicts, one for each synthetic arm that chose its own amount or has the headline's: arm,
      amount, answer, p_helps, p_harms (adjusted), detectable, against {none, duplicates}, sentence
    * headline {amount, arm, finding, sentence}; notes [str]; protocol

    Names of scores are those of `scores.score_names`. Raises `DataError` for a table that cannot be
    scored, `SettingError` for an unknown rare class.
    """
    classes = check_predictions(predictions)
    if rare not in classes:
        raise SettingError(
            f"rare={rare!r} is not a class of the predictions; {nearest(rare, classes)}"
        )
    if not (predictions["arm"] == CONTROL).any():
        raise DataError(
            f"predictions: arm {CONTROL!r} is missing, and effects are measured against it."
        )
    predictions = predictions.sort_values([*CELL, "case", "slice"], ignore_index=True)
    pooled = pool_patients(predictions)
    known = pooled.drop_duplicates("patient").sort_values("patient")
    labels = (
        known["label"].astype(str).map({c: i for i, c in enumerate(classes)}).to_numpy(np.int64)
    )
    seeds = _seeds(predictions)
    setting = Setting(
        classes=classes,
        rare=rare,
        patients=tuple(known["patient"]),
        draws=make_draws(labels, seeds, draws=draws, seed=seed),
    )
    fits = fits_by_key(pooled, setting)
    rows = make_rows(predictions, pooled, setting, fits)
    arm, amount = _best_on_test(rows) if faithful else (headline_arm, headline)
    patients = counts(known, classes)
    planned = [key for key in fits if is_synthetic(*key) and key[1] in (TUNED, amount)]
    unique_slices = predictions.drop_duplicates(["patient", "case", "slice"])
    return {
        "rare": rare,
        "classes": list(classes),
        "control": CONTROL,
        "repeats": int(predictions["repeat"].nunique()),
        "generator_seeds": seeds,
        "bootstrap": {
            "draws": draws,
            "level": LEVEL,
            "seed": seed,
            "unit": "patients, stratified by class, and generator seeds",
        },
        "counts": {"patients": patients, "slices": counts(unique_slices, classes)},
        "folds": _folds(pooled, classes),
        "rows": rows,
        "verdicts": _verdicts(
            [] if faithful else planned,
            fits,
            rows,
            setting,
            rare_patients=patients[rare],
            permutations=permutations,
            seed=seed,
        ),
        "headline": _headline(
            rows, arm=arm, headline=amount, rare=rare, rare_patients=patients[rare]
        ),
        "protocol": "faithful" if faithful else "sound",
        "notes": _notes(rows),
    }


def _best_on_test(rows: Sequence[Mapping[str, Any]]) -> tuple[str, int | None]:
    """The arm and amount that the paper would have reported: the best of its sweep on the slices
    of its test set (balanced accuracy; the smaller amount where two are equal)."""
    made = [row for row in rows if is_synthetic(row["arm"], row["amount"])]
    if not made:
        return HEADLINE_ARM, None
    best = max(
        made, key=lambda r: (r["slices"]["scores"]["balanced_accuracy"] or 0.0, -r["amount"])
    )
    return str(best["arm"]), int(best["amount"])


def _verdicts(
    planned: Sequence[Key],
    fits: Mapping[Key, list[Fit]],
    rows: Sequence[Mapping[str, Any]],
    setting: Setting,
    *,
    rare_patients: int,
    permutations: int,
    seed: int,
) -> list[dict[str, Any]]:
    """The verdict on every planned arm and amount; the correction is over all of them."""
    balanced = {
        (row["arm"], row["amount"]): row["patients"]["scores"]["tuned_balanced_accuracy"]["value"]
        for row in rows
    }
    base = next(value for key, value in balanced.items() if key[0] == CONTROL)
    tested: dict[str, Contrast] = {}
    for arm, amount in planned:
        control = fits.get((f"{DUPLICATES}:{arm}", amount))
        against = [
            None if other is None else compare_fits(
                fits[arm, amount], other,
                rare=setting.rare_index, permutations=permutations, seed=seed,
            )
            for other in (control_of(dict(fits)), control)
        ]  # fmt: skip
        mine = balanced[arm, amount]
        moved = math.nan if mine is None or base is None else mine - base
        assert against[0] is not None
        tested[arm] = Contrast(against[0], against[1], balanced=moved)
    found = judge(tested, rare_patients=rare_patients)
    return [
        {
            "arm": arm,
            "amount": amount,
            "answer": found[arm].answer,
            "p_helps": plain(found[arm].p_helps),
            "p_harms": plain(found[arm].p_harms),
            "detectable": plain(found[arm].detectable),
            "against": {
                "none": as_json(tested[arm].none),
                "duplicates": as_json(tested[arm].duplicates),
            },
            "sentence": explain(
                arm, found[arm], tested[arm], rare=setting.rare, rare_patients=rare_patients
            ),
        }
        for arm, amount in planned
    ]


def _seeds(predictions: pd.DataFrame) -> list[int]:
    augmented = predictions[predictions["arm"] != CONTROL]
    of = augmented if len(augmented) else predictions
    return sorted(int(s) for s in of["generator_seed"].dropna().unique())


def _folds(pooled: pd.DataFrame, classes: Sequence[str]) -> list[dict[str, Any]]:
    tested = pooled.drop_duplicates(["repeat", "fold", "patient"])
    parts: dict[Any, pd.DataFrame] = dict(iter(tested.groupby(["repeat", "fold"])))
    return [
        {"repeat": int(repeat), "fold": int(fold), "patients": counts(part, classes)}
        for (repeat, fold), part in parts.items()
    ]


def _change(row: Mapping[str, Any], control: Mapping[str, Any], name: str) -> Change:
    """A score of the headline row against the control, from the rows as reported."""

    def get(value: float | None) -> float:
        return math.nan if value is None else value

    moved = row["patients"]["difference"][name]
    after = get(row["patients"]["scores"][name]["value"])
    before = get(control["patients"]["scores"][name]["value"])
    return Change(before, after, get(moved["value"]), get(moved["low"]), get(moved["high"]))


def _headline(
    rows: list[dict[str, Any]], *, arm: str, headline: int | None, rare: str, rare_patients: int
) -> dict[str, Any]:
    amounts = sorted(r["amount"] for r in rows if r["arm"] == arm)
    result: dict[str, Any] = {"amount": headline, "arm": arm, "finding": "not measured"}
    listed = ", ".join(f"{a:,}" for a in amounts) or "none"
    if headline is None and all(row["amount"] in (0, TUNED) for row in rows):
        return result | {
            "sentence": "Every arm chose its amount on inner folds; the verdicts say what came out."
        }
    if headline is None:
        return result | {
            "sentence": "No headline amount was fixed beforehand, so no single number is singled "
            f"out: choosing the best of the sweep afterwards would flatter it (amounts: {listed})."
        }
    row = next((r for r in rows if (r["arm"], r["amount"]) == (arm, headline)), None)
    if row is None or row["patients"]["difference"] is None:
        return result | {
            "sentence": f"The headline amount of {headline:,} synthetic samples fixed beforehand "
            f"was not reached (amounts scored: {listed}), so there is no headline result."
        }
    control = next(r for r in rows if r["arm"] == CONTROL)
    finding, sentence = headline_sentence(
        amount=headline,
        added=row["added"],
        rare=rare,
        recall=_change(row, control, f"recall_{rare}"),
        auc=_change(row, control, "auc_rare"),
        rare_patients=rare_patients,
    )
    return result | {"finding": finding, "sentence": sentence}


def _notes(rows: list[dict[str, Any]]) -> list[str]:
    notes = [
        "Intervals come from resampling patients and generator seeds. They hold the chance of "
        "which patients were tested, not the chance of training; repeats show that.",
    ]
    partial = [f"{r['arm']} {r['amount']:,}" for r in rows if not r["complete"]]
    if partial:
        notes.append(
            f"Not every test fold is there for {', '.join(partial)}; their differences are taken "
            "on the folds both sides have."
        )
    if any(r["patients"]["scores"]["auc_rare"]["value"] is None for r in rows):
        notes.append("No test fold holds both rare and other patients: AUC is not defined.")
    return notes
