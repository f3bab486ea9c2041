"""What the evidence says of features and of choices, as tables and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rarecase.evidence.metrics import AUC
from rarecase.evidence.rows import Key, key_of
from rarecase.evidence.text import cell, p_value, with_interval

Evidence = Mapping[str, Any]
Row = Mapping[str, Any]
BALANCED = "balanced_accuracy"
MOST_CLASSIFIERS = 4  # that have a column each
NOTE = (
    "The classifier of the best AUC was picked after looking at these test patients, which "
    "flatters it; what inner folds chose was not. p: two-sided, corrected over all features and "
    "classifiers that were set against the baseline, of a set the smallest; that of the choice is "
    "one question and is not corrected."
)


def reference_rows(evidence: Evidence) -> list[Row]:
    """The rows on features of the entry `features`, each with its `scores`; what stands for the
    choice first, then by the largest AUC of each set, the best classifier of a set first."""
    found = evidence["features"]
    scores = {key_of(row).family: row["patients"]["scores"] for row in evidence["rows"]
              if row["reference"]}  # fmt: skip
    rows = [row | {"scores": scores[row["features"], row["classifier"]]} for row in found["rows"]]
    best = {row["features"]: _value(row) for row in rows if row["leading"]}
    chosen = found["choice"] and found["choice"]["features"]

    def place(row: Row) -> tuple[bool, float, str, bool, float]:
        name = row["features"]
        return name != chosen, -best[name], name, not row["leading"], -_value(row)

    return sorted(rows, key=place)


def _value(row: Row) -> float:
    value = row["scores"][AUC]["value"]
    return -1.0 if value is None else float(value)


def feature_rows(evidence: Evidence) -> tuple[list[str], list[list[str]]] | None:
    """A line for each set of features: the AUC of the rare class by every classifier, and of the
    best one its interval, its balanced accuracy and what sets it apart from the baseline. None
    where there is nothing to set side by side."""
    if len(families_of(evidence)) < 2:
        return None
    rows, found = reference_rows(evidence), evidence["features"]
    kinds = list(
        dict.fromkeys(r["classifier"] for r in found["rows"] if not is_the(r, found, "choice"))
    )
    lines = []
    for row in (row for row in rows if row["leading"]):
        same = {r["classifier"]: r["scores"][AUC] for r in rows if r["features"] == row["features"]}
        each = {kind: cell(same[kind]["value"]) if kind in same else "" for kind in kinds}
        if len(kinds) > MOST_CLASSIFIERS:
            each = {"classifier": row["classifier"]}
        line = {"features": row["features"], **each, "best (95 % interval)":
                with_interval(row["scores"][AUC]),
                "balanced accuracy": cell(row["scores"][BALANCED]["value"])}  # fmt: skip
        if found["baseline"] is not None:
            same_set = [r for r in rows if r["features"] == row["features"]]
            line |= {
                f"Δ {found['baseline']['features']}": moved_of(row, "baseline"),
                "p": p_of(same_set, "baseline", choice=is_the(row, found, "choice")),
            }
        lines.append(line)
    return [*lines[0]], [[*line.values()] for line in lines]


def is_the(row: Row, found: Mapping[str, Any], what: str) -> bool:
    """Whether a row is the `baseline`, `choice` or `best`."""
    name = found[what]
    return name is not None and all(row[n] == name[n] for n in ("features", "classifier"))


def moved_of(row: Row, other: str) -> str:
    """The difference in AUC against the `baseline` or the `choice`; empty where the row was not set
    against it."""
    against = row["against"][other]
    if against is None:
        return ""
    difference = against["difference"]
    return cell(None if difference is None else difference["value"], change=True)


def p_of(rows: Sequence[Row], other: str, *, choice: bool = False) -> str:
    """The smallest p of `rows` against the `baseline` or the `choice`; that of the choice itself is
    not corrected. Empty where there is none."""
    against = [row["against"][other] for row in rows if row["against"][other] is not None]
    known = [each["p" if choice else "adjusted"] for each in against]
    known = [p for p in known if p is not None]
    return p_value(min(known)).replace("below ", "< ") if known else ""


def families_of(evidence: Evidence) -> list[tuple[str, str]]:
    """Features × classifier that are set side by side; none under the paper's own protocol, or in
    evidence that was written before there was such a question."""
    found = evidence.get("features")
    return [] if found is None else [(r["features"], r["classifier"]) for r in found["rows"]]


def feature_lines(evidence: Evidence) -> list[str]:
    """Which features know the rare class, in sentences."""
    found = evidence.get("features")
    return [] if found is None else list(found["sentences"])


def choice_lines(evidence: Evidence) -> list[str]:
    """What was chosen, what it promised and gave, and a caution where the promise was broken."""
    found = evidence.get("choices")
    if found is None:
        return []
    caution = [f"Caution: {found['caution']}"] if found["caution"] else []
    return [found["sentence"], *caution]


def choice_family(evidence: Evidence) -> tuple[str, str] | None:
    """The features × classifier that stand for what inner folds chose; None where none do."""
    found = evidence.get("features")
    choice = None if found is None else found["choice"]
    return None if choice is None else (choice["features"], choice["classifier"])


def in_front(evidence: Evidence, rows: list[Row]) -> list[Row]:
    """Rows or verdicts, those of the choice first."""
    first = choice_family(evidence)
    return sorted(rows, key=lambda row: key_of(row).family != first)


def verdict_lines(evidence: Evidence) -> tuple[list[str], list[str]]:
    """The verdicts in sentences: those that matter most, and the others. With a choice, those on
    what was chosen; without one there are no others."""
    first = choice_family(evidence)
    mine = [v for v in evidence["verdicts"] if first is None or key_of(v).family == first]
    others = [v for v in evidence["verdicts"] if v not in mine]
    return [v["sentence"] for v in mine], [v["sentence"] for v in others]


def others_line(evidence: Evidence) -> list[str]:
    """How many of the other verdicts came out how; those that say more than that nothing is known
    by name."""
    first = choice_family(evidence)
    others = [v for v in evidence["verdicts"] if first is not None and key_of(v).family != first]
    if not others:
        return []
    names: dict[str, list[Key]] = {}
    for verdict in others:
        names.setdefault(verdict["answer"], []).append(key_of(verdict))
    said = []
    for answer, keys in names.items():
        named = answer in ("helps", "harms") or len(keys) < 3
        who = f" ({', '.join(key.title(full=True) for key in keys)})" if named else ""
        said.append(f"{len(keys)} {answer}{who}")
    return [f"On other features and classifiers, exploratory: {'; '.join(said)}."]
