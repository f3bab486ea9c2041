"""What the evidence says of features and of choices, as tables and lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rarecase.evidence.metrics import AUC
from rarecase.evidence.rows import Key, key_of
from rarecase.evidence.text import cell, p_value, with_interval

Evidence = Mapping[str, Any]
Row = Mapping[str, Any]
MOST_CLASSIFIERS = 4  # that have a column each
NOTE = (
    "A set of features counts by the mean over its classifiers (those that other sets have too), "
    "so that none is picked after seeing test patients. p: one-sided, for more than the baseline; "
    "corrected over the sets, but not that of what inner folds chose, which is one question."
)


def sorted_sets(evidence: Evidence) -> list[Row]:
    """The sets of features of the entry `features`: what stands for the choice first, then by
    AUC, the largest first."""
    found = evidence["features"]

    def place(each: Row) -> tuple[bool, float]:
        value = each["auc"]["value"]
        return each["features"] != found["choice"], 0.0 if value is None else -value

    return sorted(found["sets"], key=place)


def reference_rows(evidence: Evidence) -> list[Row]:
    """The references of the evidence, in the order of `sorted_sets`, of each the largest AUC
    first."""
    order = [each["features"] for each in sorted_sets(evidence)]
    rows = [row for row in evidence["rows"] if row["reference"]]

    def place(row: Row) -> tuple[int, float]:
        value = row["patients"]["scores"][AUC]["value"]
        return order.index(row["features"]), 0.0 if value is None else -value

    return sorted(rows, key=place)


def feature_rows(evidence: Evidence) -> tuple[list[str], list[list[str]]] | None:
    """A line for each set of features: the AUC of the rare class by every classifier, their mean
    with its interval, and what sets it apart from the baseline. None where there is nothing to set
    side by side."""
    if len(families_of(evidence)) < 2:
        return None
    found, choice = evidence["features"], choice_family(evidence)
    cells = {(row["features"], row["classifier"]): cell(row["patients"]["scores"][AUC]["value"])
             for row in evidence["rows"] if row["reference"]}  # fmt: skip
    kinds = list(dict.fromkeys(family[1] for family in cells if family != choice))
    lines = []
    for each in sorted_sets(evidence):
        name = each["features"]
        columns = kinds if len(kinds) <= MOST_CLASSIFIERS else []
        line = {"features": name} | {kind: cells.get((name, kind), "") for kind in columns}
        line["mean (95 % interval)"] = with_interval(each["auc"])
        if found["baseline"] is not None:
            against = each["against"]["baseline"]
            moved = None if against is None else against["difference"]
            line[f"Δ {found['baseline']} (95 % interval)"] = (
                "" if against is None else with_interval(moved, change=True)
            )
            line["p"] = p_cell(against)
        lines.append(line)
    return [*lines[0]], [[*line.values()] for line in lines]


def p_cell(against: Mapping[str, Any] | None) -> str:
    """The corrected p of a comparison for a table; empty where there is none."""
    p = None if against is None else against["adjusted"]
    return "" if p is None else p_value(p)


def families_of(evidence: Evidence) -> list[tuple[str, str]]:
    """Features × classifier that are set side by side; none under the paper's own protocol, or in
    evidence that was written before there was such a question."""
    if evidence.get("features") is None:
        return []
    return list(dict.fromkeys(key_of(row).family for row in evidence["rows"]))


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
    return next((f for f in families_of(evidence) if f[0] == choice), None)


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


CHANCE = {
    "patients": "who the patients are",
    "repeats": "folds and what is learnt on them",
    "seeds": "the seeds of generators",
}
MORE = {"patients": "more patients", "repeats": "more repeats", "seeds": "more generator seeds"}
SOME = 0.2  # share of the variance from which more of a thing would be felt


def chance_shares(evidence: Evidence) -> dict[str, float]:
    """The parts of the chance in the verdicts that matter most, as means over their differences to
    the reference; empty where none is known."""
    first = choice_family(evidence)
    each = [
        verdict["against"]["reference"].get("chance")
        for verdict in evidence["verdicts"]
        if first is None or key_of(verdict).family == first
    ]
    known = [shares for shares in each if shares]
    return {
        name: sum(shares.get(name, 0.0) for shares in known) / len(known)
        for name in CHANCE if any(name in shares for shares in known)
    }  # fmt: skip


def chance_line(evidence: Evidence) -> list[str]:
    """What the chance in the verdicts that matter most comes from, and what would narrow it.
    Nothing where it is not known apart."""
    mean = chance_shares(evidence)
    said = [f"{100 * share:.0f} % is due to {CHANCE[name]}" for name, share in mean.items()]
    if len(said) < 2:
        return []
    helps = [MORE[name] for name, share in mean.items() if share >= SOME]
    return [
        f"Of the variance of these differences {', '.join(said)}: {' and '.join(helps)} would "
        "narrow them."
    ]
