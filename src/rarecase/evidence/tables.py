"""A comparison as a table: for people (text) and for programs (DataFrame)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rarecase.evidence.predictions import CONTROL, DUPLICATES
from rarecase.evidence.text import number, signed
from rarecase.experiment.arms import make_arms

Evidence = Mapping[str, Any]


def to_frame(evidence: Evidence) -> pd.DataFrame:
    """One row an arm and amount: added, every score with low and high, AUC moved against `none`.

    For synthetic arms also the verdict, its adjusted p and the smallest rise that would have been
    found.
    """
    verdicts = {(v["arm"], v["amount"]): v for v in evidence["verdicts"]}
    rows = []
    for row in evidence["rows"]:
        found: dict[str, Any] = {"arm": row["arm"], "amount": row["amount"], "added": row["added"]}
        for name, score in row["patients"]["scores"].items():
            found[name] = score["value"]
            found[f"{name}_low"], found[f"{name}_high"] = score["low"], score["high"]
        moved = (row["patients"]["difference"] or {}).get("auc_rare", {})
        found["auc_moved"] = moved.get("value")
        found["auc_moved_low"], found["auc_moved_high"] = moved.get("low"), moved.get("high")
        verdict = verdicts.get((row["arm"], row["amount"]), {})
        found["verdict"] = verdict.get("answer")
        found["p"] = verdict.get("p_helps")
        found["detectable"] = verdict.get("detectable")
        rows.append(found)
    return pd.DataFrame(rows)


def main_rows(evidence: Evidence) -> list[Mapping[str, Any]]:
    """The rows of arms, in the order of the registry; the controls that are matched to one arm each
    are left to the verdicts."""
    known = [*make_arms()]
    rows = [row for row in evidence["rows"] if not row["arm"].startswith(f"{DUPLICATES}:")]
    return sorted(rows, key=lambda r: known.index(r["arm"]) if r["arm"] in known else len(known))


TABLE_NAMES = ("auc_rare", "balanced_accuracy", "tuned_balanced_accuracy", "recall_{rare}",
               "tuned_recall_{rare}")  # fmt: skip
"""Scores of the table, `{rare}` for the rare class."""

HEADS = ("arm", "added", "AUC (95 % interval)", "moved", "bal. acc.", "tuned", "recall", "tuned",
         "verdict")  # fmt: skip


def table_rows(evidence: Evidence) -> list[tuple[str, ...]]:
    """The cells of the table under `HEADS`: AUC of the rare class, its change against `none`,
    balanced accuracy and recall of the rare class at the default and at the tuned threshold."""
    answers = {(v["arm"], v["amount"]): v["answer"] for v in evidence["verdicts"]}
    recall = f"recall_{evidence['rare']}"
    found = []
    for row in main_rows(evidence):
        scores = row["patients"]["scores"]
        moved = (row["patients"]["difference"] or {}).get("auc_rare")
        found.append(
            (
                row["arm"],
                f"{row['added']:,.0f}",
                _with_interval(scores["auc_rare"]),
                "" if moved is None or moved["value"] is None else signed(moved["value"]),
                *(
                    _plain(scores[name]["value"])
                    for name in ("balanced_accuracy", "tuned_balanced_accuracy",
                                 recall, f"tuned_{recall}")
                ),
                answers.get((row["arm"], row["amount"]), ""),
            )
        )  # fmt: skip
    return found


def curve_rows(curve: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of a scarcity curve (`scarcity_curve`): arms by k, the AUC of the rare class
    and in brackets what it moved against `none`."""
    known = [*make_arms()]
    arms = [a for a in curve["arm"].unique() if not a.startswith(f"{DUPLICATES}:")]
    arms.sort(key=lambda a: known.index(a) if a in known else len(known))
    found: list[dict[str, Any]] = [
        {str(k): v for k, v in row.items()} for row in curve.to_dict("records")
    ]
    cells = {(row["arm"], row["k"]): row for row in found}
    ks = sorted(curve["k"].unique())

    def cell(arm: str, k: int) -> str:
        row = cells.get((arm, k))
        if row is None or pd.isna(row["auc_rare"]):
            return ""
        moved = "" if pd.isna(row["auc_moved"]) else f" ({signed(row['auc_moved'])})"
        said = f" {row['verdict']}" if row["verdict"] in ("helps", "harms") else ""
        return f"{number(row['auc_rare'])}{moved}{said}"

    return ["arm", *(str(k) for k in ks)], [[arm, *(cell(arm, k) for k in ks)] for arm in arms]


def as_text(evidence: Evidence, checks: Mapping[str, Any] | None = None) -> str:
    """The table, the verdicts in sentences, and what the self-checks say."""
    lines = [counts_line(evidence), "", *_aligned([HEADS, *table_rows(evidence)]), ""]
    lines += said_below(evidence)
    if checks is not None:
        lines += ["", *check_lines(checks)]
    return "\n".join(lines)


def said_below(evidence: Evidence) -> list[str]:
    """The verdicts in sentences, and what is particular about these folds."""
    general = 1  # the first note is true of every study
    return [*(v["sentence"] for v in evidence["verdicts"]), *evidence["notes"][general:]]


def check_lines(checks: Mapping[str, Any], *, unit: str = "rows") -> list[str]:
    """What the self-checks found, in sentences; `unit`: what a row is called."""
    mean, error = checks["permuted_mean"], checks["permuted_error"]
    lines = []
    if mean is not None and error is not None:
        odd = checks["suspicious"]
        said = (
            "look for a leak; without one it is so far from 0.5 once in 130 studies"
            if odd else "as chance has it"
        )  # fmt: skip
        lines.append(
            f"Labels permuted {len(checks['permuted_auc'])} times: AUC {number(mean, digits=3)} ± "
            f"{number(error, digits=3)}, {said}."
        )
    leak = checks["leak"] or {}
    if None not in leak.values() and leak:
        lines.append(
            f"Had {unit} been split instead of patients, the AUC on {unit} would read "
            f"{number(leak['rows split'])} instead of {number(leak['patients split'])}."
        )
    shift = checks["shift_mean"]
    if shift is None:
        lines.append(
            "Whether test patients can be told from training patients by their features: too few "
            "in a fold to say."
        )
    else:
        lines.append(
            f"Test patients can be told from training patients by their features with an AUC of "
            f"{number(shift)} (0.50: not at all)."
        )
    return lines


def counts_line(evidence: Evidence) -> str:
    """Who was compared, and on how many folds."""
    patients = ", ".join(f"{n} {name}" for name, n in evidence["counts"]["patients"].items())
    return (
        f"Patients: {patients}; rare class {evidence['rare']}. {_folds(evidence)}; every number is "
        f"on patients that the arm never saw, and moves are against {CONTROL}."
    )


def _folds(evidence: Evidence) -> str:
    folds = len({fold["fold"] for fold in evidence["folds"]})
    if folds * evidence["repeats"] == 1:
        return "One test set"
    return f"{evidence['repeats']} × {folds} test folds"


def _with_interval(score: Mapping[str, float | None]) -> str:
    if score["value"] is None or score["low"] is None or score["high"] is None:
        return _plain(score["value"])
    return f"{number(score['value'])} ({number(score['low'])} to {number(score['high'])})"


def _plain(value: float | None) -> str:
    return "not defined" if value is None else number(value)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width: the first to the left, the last to the left, the others centred on
    their right edge."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(w) if i in (0, last) else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
