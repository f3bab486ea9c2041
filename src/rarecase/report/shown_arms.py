"""Which arms charts show, and how each is drawn in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rarecase.evidence.metrics import AUC
from rarecase.evidence.rows import Key, key_of
from rarecase.evidence.synthesis import asked_verdicts
from rarecase.evidence.tables_features import choice_family
from rarecase.imaging.drawing import INK
from rarecase.report.style import OTHERS, RARE

Evidence = Mapping[str, Any]
Row = Mapping[str, Any]
MOST = 2  # synthetic arms that are drawn, beside the deployed one, the reference and a control
LOOKS: tuple[tuple[str, Any, str], ...] = (
    (INK, "solid", "o"), (OTHERS[0], (0, (5, 1.5)), "s"), (RARE, "dashdot", "^"),
    (OTHERS[2], (0, (1, 1)), "v"), (OTHERS[1], (0, (3, 1, 1, 1, 1, 1)), "D"),
)  # fmt: skip
"""Colour, line and mark: they differ in all three."""


@dataclass(frozen=True)
class Shown:
    """A row of the evidence with its name and its look."""

    row: Row
    name: str
    colour: str
    style: Any
    marker: str

    @property
    def key(self) -> Key:
        """Of its row."""
        return key_of(self.row)

    def score(self, metric: str) -> Mapping[str, float | None]:
        """On patients, with its interval."""
        found: Mapping[str, float | None] = self.row["patients"]["scores"][metric]
        return found


def shown_arms(evidence: Evidence) -> list[Shown]:
    """On the features and classifier that stand for the answer: what is deployed, the reference,
    the synthetic arms that moved AUC most, and the control of the first of them."""
    asked, primary = asked_verdicts(evidence), evidence["primary"]
    family = choice_family(evidence) or (primary["features"], primary["classifier"])
    if asked and family not in {key_of(v).family for v in asked}:
        family = key_of(asked[0]).family
    rows = {key_of(row): row for row in evidence["rows"] if key_of(row).family == family}
    choices = evidence.get("choices")
    wanted = [] if choices is None else [key_of(choices)]
    wanted += [key for key, row in rows.items() if row["reference"]]
    arms = sorted(
        (key_of(v) for v in asked if key_of(v) in rows), key=lambda key: -_auc(rows[key])
    )[:MOST]  # fmt: skip
    wanted += arms
    wanted += [k for k, r in rows.items() if arms and r["control_of"] == arms[0].arm
               and k.amount == arms[0].amount]  # fmt: skip
    found = [rows[key] for key in dict.fromkeys(wanted) if key in rows]
    return [
        Shown(row, _name(row), *look) for row, look in zip(found, LOOKS, strict=False)
    ]  # fmt: skip


def _auc(row: Row) -> float:
    value = row["patients"]["scores"][AUC]["value"]
    return 0.0 if value is None else float(value)


def _name(row: Row) -> str:
    if row["control_of"] is not None:
        return f"{row['control_of']}'s control"
    return key_of(row).title(full=False)
