"""Every patient of a run in one table: what each arm said of them, and how their mask came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rarecase.evidence.drawn import decide
from rarecase.evidence.predictions import KEY, pool_patients
from rarecase.evidence.rows import Key, key_of
from rarecase.evidence.text import DASH, cell, number
from rarecase.experiment.arms import SELECTED
from rarecase.imaging.drawing import short
from rarecase.report.blocks import Cell, Table, counted, joined

MOST_ARMS = 8
"""Arms that have a column each."""
_LONGEST = 24  # characters of a class's name below a probability

Evidence = Mapping[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """The rows of the evidence that have a column, in its order, the reference first; and what the
    table says of those without."""

    rows: Sequence[Row]
    note: str = ""

    @property
    def keys(self) -> list[Key]:
        """What identifies them."""
        return [key_of(row) for row in self.rows]

    def title(self, row: Row) -> str:
        """The head of an arm's column: features and classifier where they are not the first's."""
        key = key_of(row)
        if row["control_of"] is not None:
            key = key._replace(arm=f"as many copies as {row['control_of']}")
        return key.title(full=key.family != key_of(self.rows[0]).family)


def arms_shown(evidence: Evidence) -> Shown:
    """What is asked about: of the primary features × classifier the reference, the arm that inner
    folds choose and every planned synthetic one, each with its control where there is room; and the
    row with the largest AUC."""
    primary = evidence["primary"]
    family = (primary["features"], primary["classifier"])
    mine = [row for row in evidence["rows"] if key_of(row).family == family]
    first = [row for row in mine if row["reference"]]
    first += [row for row in mine if row["arm"] == SELECTED]
    planned = [row for row in mine if row["synthetic"] and row["planned"]]
    best = [row for row in evidence["rows"] if evidence["best"] and _same(row, evidence["best"])]
    last = [row for row in best if row not in (*first, *planned)]
    room, notes = MOST_ARMS - len(first) - len(last), []
    arms = [each for row in planned for each in (row, *_controls(row, mine))]
    if len(arms) > room:
        if len(arms) > len(planned):
            notes.append("the controls of synthetic arms")
        if len(planned) > room:
            notes.append(counted(len(planned) - room, "synthetic arm"))
        arms = planned[:room]
    note = f"For want of room without {joined(notes)}." if notes else ""
    return Shown([*first, *arms, *last], note)


def _same(row: Row, other: Row) -> bool:
    return key_of(row) == key_of(other)


def _controls(arm: Row, rows: Sequence[Row]) -> list[Row]:
    """The rows that add as many copies as an arm adds samples."""
    same = [row for row in rows if row["control_of"] == arm["arm"]]
    return [row for row in same if row["amount"] == arm["amount"]]


def patient_calls(
    predictions: pd.DataFrame, keys: Sequence[Key], *, classes: Sequence[str], rare: str
) -> pd.DataFrame:
    """What the arms say of each patient.

    Returns
    -------
    A row per patient and arm of `keys`: `KEY`, patient, label, p (of the rare class, mean over
    repeats and seeds), fits, wrong (of them: the class called at the fold's threshold is not the
    true one), called (the class, where it is the same in all fits; else empty).
    """
    wanted = pd.DataFrame(keys, columns=KEY)
    mine = predictions.merge(wanted, on=KEY, how="inner")
    pooled = pool_patients(mine)
    p = pooled[[f"p_{name}" for name in classes]].to_numpy(dtype=np.float64)
    at = classes.index(rare)
    called = decide(p, rare=at, threshold=pooled["threshold"].to_numpy(dtype=np.float64))
    names = np.array(classes, dtype=object)[called]
    told = pooled.assign(
        p=p[:, at], called=names, wrong=names != pooled["label"].astype(str).to_numpy()
    )
    found = told.groupby([*KEY, "patient"], observed=True).agg(
        label=("label", "first"), p=("p", "mean"), fits=("wrong", "size"), wrong=("wrong", "sum"),
        called=("called", lambda each: each.iloc[0] if each.nunique() == 1 else ""),
    )  # fmt: skip
    return found.reset_index()


def wrong_arms(calls: pd.DataFrame) -> pd.Series:
    """By patient: the arms that call them wrong in more than half of their fits."""
    return (2 * calls["wrong"] > calls["fits"]).groupby(calls["patient"]).sum()


def patients_frame(predictions: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    """A row per patient, those that most arms call wrong first, then by name.

    Columns: patient, cases (their names, sorted), label, folds (the test folds, by repeat), wrong
    (arms).
    """
    rows = predictions[predictions["patient"].isin(calls["patient"])]
    grouped = rows.groupby("patient", observed=True)
    tested = rows.drop_duplicates(["patient", "repeat"]).sort_values("repeat")
    folds = tested.groupby("patient", observed=True)["fold"].agg(list)
    table = pd.DataFrame(
        {
            "cases": grouped["case"].agg(lambda each: sorted({str(name) for name in each})),
            "label": grouped["label"].first().astype(str),
            "folds": folds,
            "wrong": wrong_arms(calls),
        }
    )
    found = table.rename_axis("patient").reset_index()
    return found.sort_values(["wrong", "patient"], ascending=[False, True], ignore_index=True)


def patients_table(
    patients: pd.DataFrame, calls: pd.DataFrame, shown: Shown, *, rare: str, unit: str, said: str
) -> Table:
    """`patients_frame` with what is known of masks and images: columns dice, true, predicted
    (volumes in `unit`, NaN where unknown) and unlike (text), each left out where nothing is there
    of anybody; `said` ends the note."""
    by_arm = {key: _by_patient(calls[_is(calls, key)]) for key in shown.keys}
    several = bool(patients["folds"].map(len).max() > 1)
    masks = [
        (name, title) for name, title in (
            ("dice", "Dice"), ("true", f"True tumour, {unit}"),
            ("predicted", f"Predicted, {unit}"),
        ) if patients[name].notna().any()
    ]  # fmt: skip
    looked = bool((patients["unlike"] != "").any())
    rows: list[list[str | Cell]] = []
    for each in patients.to_dict("records"):
        line: list[str | Cell] = [named(each["cases"]), each["label"]]
        line.append(", ".join(map(str, each["folds"])))
        line.append(f"{each['wrong']} of {len(shown.keys)}")
        line += [cell(each[n]) if n == "dice" else volume(each[n], unit) for n, _ in masks]
        line += [each["unlike"]] * looked
        line += [_said(by_arm[key].get(each["patient"])) for key in shown.keys]
        rows.append(line)
    heads = [f"p({rare}) {shown.title(row)}" for row in shown.rows]
    return Table(
        caption="Every test patient, those that most arms call wrong first",
        columns=["Patient (case)", "True class", "Test fold" + " of each repeat" * several,
                 "Arms wrong", *(title for _, title in masks), *["Unlike"] * looked, *heads],
        rows=rows,
        heads=2,
        note=_note(calls, shown, patients, said),
    )  # fmt: skip


def named(cases: Sequence[str]) -> str:
    """A patient by their cases.

    >>> named(["a"]), named(["a", "b", "c", "d"])
    ('a', 'a, b and 2 more')
    """
    more = len(cases) - 2
    return ", ".join(cases[:2]) + (f" and {more} more" if more > 0 else "")


def _is(calls: pd.DataFrame, key: Key) -> pd.Series:
    return (calls[KEY] == list(key)).all(axis=1)


def _by_patient(calls: pd.DataFrame) -> dict[str, dict[Any, Any]]:
    return {str(call["patient"]): call for call in calls.to_dict("records")}


def _said(call: Mapping[Any, Any] | None) -> str | Cell:
    """The probability, and below it what is called where that is wrong."""
    if call is None:
        return DASH
    p = number(call["p"])
    if not call["wrong"]:
        return p
    if call["wrong"] < call["fits"] or not call["called"]:
        return Cell(p, f"wrong in {call['wrong']} of {call['fits']}")
    return Cell(p, f"wrong: {short(call['called'], most=_LONGEST)}")


def volume(value: float, unit: str) -> str:
    """A volume for a cell or in prose, without its unit.

    >>> volume(1234.5, "pixels"), volume(0.26, "ml"), volume(float("nan"), "ml")
    ('1,234', '0.3', '–')
    """
    return cell(value, digits=1) if unit == "ml" or np.isnan(value) else f"{value:,.0f}"


def _note(calls: pd.DataFrame, shown: Shown, patients: pd.DataFrame, said: str) -> str:
    several = bool((calls["fits"] > 1).any())
    notes = [
        "Each probability is the mean over a patient's slices with a predicted mask, or over all "
        f"where none has one{', and over repeats and seeds' * several}. An arm is wrong that calls "
        "another class at the threshold of the fold"
        f"{', in more than half of these' * several}."
    ]
    if (patients["cases"].map(len) > 1).any():
        notes.append("Of several cases of a patient, Dice and volumes are means.")
    return " ".join([*notes, *(each for each in (said, shown.note) if each)])
