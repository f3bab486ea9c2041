"""Everything that is said about the arms, computed from the predictions table alone.

`make_evidence` gives, and evidence.json holds, these entries; what is not defined (AUC without a
rare patient) is null:

* rules (of tests and verdicts: see `verdict.rules`)
* rare, classes, protocol, repeats, seeds, splits (digests), bootstrap {draws, level, seed, unit},
  counts {patients {class: n}, slices {class: n}}, folds [{repeat, fold, patients}]
* primary {features, classifier, arm (asked about first, or null)}; metric (the name of what
  verdicts are about); margin (a difference that counts as none)
* metrics [{name, label, higher_is_better, main}], in the order of tables
* features, null under the paper's own protocol: the references of all sets of features side by
  side, each the mean over classifiers (see `feature_sets`): baseline, choice (what stands for what
  inner folds chose; or null), best (features); sentences; sets {features, auc {value, low, high},
  complete, against {baseline, choice: {difference {value, low, high}, p, adjusted, detectable} or
  null}}
* choices, null where nothing was chosen in every fold: the key of the row that was; folds {repeat,
  fold, features, classifier, arm, promised (AUC on inner folds), auc (in that test fold)}; counts
  {features, classifier, arm: {name: n}}; promised (mean), auc {value, low, high}; sentence; caution
  (null unless the promise was broken, see `choices.broken`)
* rows, one for each features × arm × classifier × amount in the order of the table, grouped by
  features × classifier (a family), the reference first: the key, synthetic, control_of, planned,
  reference, requested, added (means over cells), complete (every test fold of the family is there
  for every seed), counts, slices {scores {name: value}, difference}, patients {scores {name:
  {value, low, high}}, difference the same or null, curves (see `curves.curves_of`; null of
  controls)}
* verdicts, one for each row that is synthetic and planned: the key, primary, answer, p_helps,
  p_harms (adjusted within the family), detectable, needed (rare patients that would decide what is
  inconclusive), possible (1 − AUC of the reference, or what it is
  about), against {reference, control: {difference,
  error, freedom, p_greater, p_less, likeness (rank correlation of both scores within a fold),
  chance (shares of its variance: patients, repeats, seeds)}},
  sentence
* best {the key, auc, of, note}: the row with the largest AUC of those that are no controls
* paper: the key of the row for the paper's Table 3, null without planned counts
* checks, notes [text]; of a run masks, what its masks are worth (see `masks.mask_scores`), and
  untuned, whether features were taken under those of a U-Net that learnt from none of its patients
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from rarecase.arrays import Ints
from rarecase.errors import SettingError, nearest
from rarecase.evidence.choices import chosen_family, make_choices, read_chosen
from rarecase.evidence.family import family_verdicts
from rarecase.evidence.feature_sentences import feature_answer
from rarecase.evidence.feature_sets import Tests
from rarecase.evidence.intervals import DRAWS, LEVEL, Draws, Scorer, make_draws
from rarecase.evidence.metrics import AUC, Metric, metrics_of
from rarecase.evidence.paired import OTHER_FEATURES
from rarecase.evidence.paper import paper_row
from rarecase.evidence.predictions import CELL, KEY, check_predictions, pool_patients
from rarecase.evidence.primary import Primary
from rarecase.evidence.rows import Family, Key, counts, key_of, make_rows, read_families
from rarecase.evidence.scored import comparing, primary_metric
from rarecase.evidence.verdict import MARGIN, rules

PEEKED = (
    "The paper's own protocol was requested: the segmenter's epoch and the amount of synthetic "
    "samples were chosen on the test set, which also has its part in a normalisation over the "
    "cohort, and what the paper reports counts slices. These numbers flatter; set them beside a "
    "sound run's, and do not report them as results."
)
INTERVALS = (
    "Intervals come from resampling patients and seeds. They hold the chance of which patients "
    "were tested, not the chance of training; repeats show that."
)
"""The note that is true of every study."""

UNIT = "patients, stratified by class, and seeds"
SAID = ("name", "label", "higher_is_better", "main")  # of a metric
Found = dict[str, Any]


def make_evidence(
    predictions: pd.DataFrame,
    *,
    rare: str,
    primary: Primary | tuple[str, str] | None = None,
    faithful: bool = False,
    checks: Mapping[str, Any] | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    margin: float = MARGIN,
    metric: str = AUC,
) -> dict[str, Any]:
    """What is said of the arms, for JSON: the entries that stand at the top of this module.

    Parameters
    ----------
    primary
        Features and classifier of the family of verdicts declared beforehand, and the arm that is
        asked about first, if there is one; None: the choice on inner folds, or the first.
    faithful, checks
        The paper's protocol, which chooses on the test set: there are no verdicts then. What the
        self-checks found (`experiment.self_checks`), carried along.
    margin, metric
        A difference that counts as none (see `evidence.verdict`), and what verdicts are about, by
        its name (`metrics.METRICS`); what features know is always told by the AUC.

    Raises `DataError` for a table that cannot be scored (`check_predictions`), `SettingError` for
    an unknown rare class or family.
    """
    classes = _classes(predictions, rare)
    families, pooled, labels = _read(predictions, classes)
    chosen = read_chosen(predictions)
    choice = chosen_family(chosen, families)
    asked = _primary(primary or choice, families)
    facts = _facts(predictions, pooled, classes)
    drawn = make_draws(labels, facts["seeds"], draws=draws, seed=seed)
    metrics, index = metrics_of(classes, rare=rare), classes.index(rare)
    patients, about = facts["counts"]["patients"][rare], primary_metric(metric, metrics)
    scored = {n: make_rows(f, Scorer(drawn, metrics, index), classes) for n, f in families.items()}
    judge = partial(
        family_verdicts, compare=comparing(about, drawn, rare=index), metric=about, rare=rare,
        rare_patients=patients, margin=margin,
    )  # fmt: skip
    answer = partial(feature_answer, choice=choice, rare=rare, rare_patients=patients)
    rows, home = [row for mine in scored.values() for row in mine], choice or asked.family
    declared = {
        "rare": rare, "protocol": "faithful" if faithful else "sound", "margin": margin,
        "primary": asked._asdict(), "metric": metric, "metrics": _about(metrics),
        "bootstrap": {"draws": draws, "level": LEVEL, "seed": seed, "unit": UNIT}, "rules": rules(),
    }  # fmt: skip
    return facts | declared | {
        "features": None if faithful else answer(families, tests=_tests(drawn, metrics, index)),
        "choices": make_choices(chosen, families[home], scored[home], rare=index),
        "rows": rows,
        "verdicts": [] if faithful else _verdicts(families, scored, asked, judge=judge),
        "best": _best(rows),
        "paper": paper_row(rows, primary=asked.family, faithful=faithful),
        "checks": None if checks is None else dict(checks),
        "notes": _notes(rows, primary=asked.family, several=len(families) > 1),
    }  # fmt: skip


def _tests(drawn: Draws, metrics: Sequence[Metric], rare: int) -> Tests:
    """What sets of features are compared by: the AUC."""
    auc = [metric for metric in metrics if metric.name == AUC]
    compare = comparing(auc[0], drawn, rare=rare, learning=OTHER_FEATURES)
    return Tests(compare, Scorer(drawn, auc, rare))


def _verdicts(
    families: Mapping[tuple[str, str], Family], scored: Mapping[tuple[str, str], list[Found]],
    asked: Primary, *, judge: Callable[..., list[Found]],
) -> list[Found]:  # fmt: skip
    """Those of all families."""
    return [
        verdict | {"primary": name == asked.family and asked.arm in (None, verdict["arm"])}
        for name, family in families.items()
        for verdict in judge(
            family, scored[name], full_names=len(families) > 1,
            first=asked.arm if name == asked.family else None,
        )
    ]  # fmt: skip


def _about(metrics: Sequence[Metric]) -> list[Found]:
    return [{name: getattr(metric, name) for name in SAID} for metric in metrics]


def _classes(predictions: pd.DataFrame, rare: str) -> tuple[str, ...]:
    """The classes of a table that can be scored."""
    classes = check_predictions(predictions)
    if rare not in classes:
        raise SettingError(
            f"rare={rare!r} is not a class of the predictions; {nearest(rare, classes)}"
        )
    return classes


def _read(
    predictions: pd.DataFrame, classes: Sequence[str]
) -> tuple[dict[tuple[str, str], Family], pd.DataFrame, Ints]:
    """The families in the order of the table, its slices pooled to patients, and the class of every
    patient (patients,), sorted by name."""
    order = [Key(*map(str, key)) for key in predictions[KEY].drop_duplicates().to_numpy()]
    table = predictions.sort_values([*CELL, "case", "slice"], ignore_index=True)
    pooled = pool_patients(table)
    known = pooled.drop_duplicates("patient").sort_values("patient")
    families = read_families(table, pooled, order, classes=classes, patients=[*known.patient])
    return families, pooled, known["label"].astype(str).map(classes.index).to_numpy(np.int64)


def _facts(predictions: pd.DataFrame, pooled: pd.DataFrame, classes: Sequence[str]) -> Found:
    """What was tested, on which folds."""
    samples = predictions.drop_duplicates(["features", "patient", "case", "slice"])
    # Vectors of patients stand beside maps of slices: those of the finest features count.
    slices = max((part for _, part in samples.groupby("features", sort=False)), key=len)
    tested = pooled.drop_duplicates(["repeat", "fold", "patient"])
    parts: dict[Any, pd.DataFrame] = dict(iter(tested.groupby(["repeat", "fold"])))
    return {
        "classes": list(classes),
        "repeats": int(predictions["repeat"].nunique()),
        "seeds": sorted(int(s) for s in predictions["seed"].dropna().unique()),
        "splits": sorted(predictions["splits"].unique().tolist()),
        "counts": {
            "patients": counts(pooled.drop_duplicates("patient"), classes),
            "slices": counts(slices, classes),
        },
        "folds": [
            {"repeat": int(repeat), "fold": int(fold), "patients": counts(part, classes)}
            for (repeat, fold), part in parts.items()
        ],
    }


def _primary(
    primary: Primary | tuple[str, str] | None, families: Mapping[tuple[str, str], Family]
) -> Primary:
    found = Primary(*(primary or next(iter(families))))
    if found.family not in families:
        there = "; ".join(f"{features} with {classifier}" for features, classifier in families)
        raise SettingError(
            f"primary={found.family}: expected features and classifier of the predictions, "
            f"which have {there}."
        )
    arms = [entry.key.arm for entry in families[found.family] if entry.synthetic]
    if found.arm not in (None, *arms):
        raise SettingError(f"primary={found.arm!r}: {nearest(found.arm or '', arms)}")
    return found


def _best(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The complete row with the largest AUC, plain arms included; looking at all of them and
    picking the best flatters it, and the note says so."""
    scored = [
        row for row in rows
        if row["control_of"] is None and row["complete"]
        and row["patients"]["scores"][AUC]["value"] is not None
    ]  # fmt: skip
    if not scored:
        return None
    best = max(scored, key=lambda row: row["patients"]["scores"][AUC]["value"])
    return {
        **key_of(best)._asdict(),
        "auc": dict(best["patients"]["scores"][AUC]),
        "of": len(scored),
        "note": f"best of {len(scored)}, optimistic",
    }


def _notes(
    rows: Sequence[Mapping[str, Any]], *, primary: tuple[str, str], several: bool
) -> list[str]:
    notes = [INTERVALS]
    if several and any(row["synthetic"] and row["planned"] for row in rows):
        notes.append(
            f"The family declared beforehand is {primary[0]} with {primary[1]}. Verdicts on other "
            "features or classifiers are corrected within their own family and are exploratory."
        )
    partial = [key_of(row).title(full=several) for row in rows if not row["complete"]]
    if partial:
        notes.append(
            f"Not every test fold is there for {', '.join(partial)}; their differences are taken "
            "on the folds both sides have."
        )
    if any(row["patients"]["scores"][AUC]["value"] is None for row in rows):
        notes.append("No test fold holds both rare and other patients: AUC is not defined.")
    return notes
