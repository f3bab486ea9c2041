"""What synthesis adds, the verdicts on all arms of a family taken together: one answer, and a
sentence that says how sure it is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rarecase.evidence.metrics import AUC
from rarecase.evidence.paired import Comparison
from rarecase.evidence.rows import key_of
from rarecase.evidence.tables_features import choice_family
from rarecase.evidence.text import Score, number, p_value, with_interval
from rarecase.evidence.verdict import FEWEST_RARE_PATIENTS, MARGIN
from rarecase.ranking import plain

Evidence = Mapping[str, Any]
Row = Mapping[str, Any]
NOT_ASKED = "not asked"
NAMED = 3  # arms whose changes are said
SAME = " (ranks everybody as before, which proves nothing)"
ORDER = ("helps", "harms", "no difference", "inconclusive", "too few to say", "incomplete")


def asked_verdicts(evidence: Evidence) -> list[Row]:
    """The verdicts that the answer is of: on what was chosen, or on the family that was declared;
    all where these have none. The arm that was asked about first is the first."""
    primary = evidence["primary"]
    first = choice_family(evidence) or (primary["features"], primary["classifier"])
    verdicts = list(evidence["verdicts"])
    mine = [v for v in verdicts if key_of(v).family == first] or verdicts
    return sorted(mine, key=lambda v: v["arm"] != primary["arm"])


def answer_of(verdicts: Sequence[Row]) -> str:
    """One answer for them: whether any helps, else whether any harms; no difference only where that
    is known of all. `NOT_ASKED` without any.

    >>> answer_of([{"answer": "no difference"}, {"answer": "inconclusive"}])
    'inconclusive'
    """
    found = {str(verdict["answer"]) for verdict in verdicts}
    for answer in ("helps", "harms"):
        if answer in found:
            return answer
    if not found:
        return NOT_ASKED
    return found.pop() if len(found) == 1 else "inconclusive"


def moved(verdict: Row, other: str = "reference") -> Score:
    """What an arm moved against the reference or its control, with the 95 % interval of the test
    by which its verdict is; None where that is not known."""
    against = verdict["against"][other]
    if against is None or against["difference"] is None:
        return {"value": None, "low": None, "high": None}
    error, freedom = (math.nan if against[n] is None else against[n] for n in ("error", "freedom"))
    low, high = Comparison(against["difference"], error, freedom).interval(level=0.95)
    return {"value": against["difference"], "low": plain(low), "high": plain(high)}


def nothing_to_gain(evidence: Evidence, verdicts: Sequence[Row]) -> bool:
    """Whether no rise beyond the margin is possible, as the references are as good as that."""
    margin = evidence.get("margin", MARGIN)
    possible = [verdict.get("possible") for verdict in verdicts]
    return bool(possible) and all(p is not None and p < margin for p in possible)


def score_name(evidence: Evidence) -> str:
    """What verdicts are about."""
    about = evidence.get("metric", AUC)
    if about == AUC:
        return "AUC"
    return next(str(m["label"]) for m in evidence["metrics"] if m["name"] == about)


def synthesis_sentence(evidence: Evidence) -> str:
    """Whether any synthetic arm helps, how many of how many, and how sure that is."""
    asked, rare = asked_verdicts(evidence), evidence["rare"]
    count, answer = evidence["counts"]["patients"][rare], answer_of(asked)
    if answer == NOT_ASKED:
        if evidence["protocol"] == "faithful":
            return "The paper's own protocol chooses on the test set, so there is no verdict."
        return "No synthetic arm was planned beforehand, so whether one would help is open."
    if answer == "too few to say":
        return (
            f"{count} patients of class {rare} were tested; at least {FEWEST_RARE_PATIENTS} are "
            "needed to say anything."
        )
    if answer == "incomplete":
        run = "run to its end, in every test fold and with its control"
        return f"{_none(asked, f'was {run}', f'was not {run}')}, so there is no verdict."
    if answer in ("helps", "harms"):
        return _decided(asked, answer, evidence)
    score = score_name(evidence)
    if nothing_to_gain(evidence, asked):
        return (
            f"{_none(asked, 'can help', 'cannot help')}: there was nothing to gain, as the {score} "
            f"is {_reached(asked)} without synthetic samples."
        )
    if answer == "no difference":
        margin = number(evidence.get("margin", MARGIN))
        return (
            f"{_none(asked, 'helps', 'does not help')}: it is known that the {score} changes by "
            f"less than {margin} either way ({_changes(asked)})."
        )
    parts = f" ({_counted(asked)})" if len({v["answer"] for v in asked}) > 1 else ""
    alone = len(asked) == len(evidence["verdicts"])
    where = "" if alone or choice_family(evidence) is None else "to the chosen features "
    return (
        f"{_none(asked, 'is shown to help', 'is not shown to help', where=where)}{parts}, but "
        f"{count} patients of class {rare} are too few to rule it out. Change in {score}: "
        f"{_changes(asked)}.{_elsewhere(evidence, asked)}"
    )


def _decided(asked: Sequence[Row], answer: str, evidence: Evidence) -> str:
    """Of those that help, or harm: how many, and the proof of the first."""
    told = [v for v in asked if v["answer"] == answer]
    rest = [v for v in asked if v["answer"] != answer]
    verb = answer[:-1] if len(told) > 1 else answer
    many = f"{len(told)} of {len(asked)} ways to add synthetic samples {verb}"
    proof = [f"{score_name(evidence)} {with_interval(moved(told[0]), change=True)} against none"]
    if answer == "helps":
        control = moved(told[0], "control")
        proof.append(f"{with_interval(control, change=True)} against copies of real samples")
    proof.append(f"adjusted p {p_value(told[0][f'p_{answer}'])}")
    others = f" Of the others: {_counted(rest)}." if rest else ""
    return (
        f"{many if len(asked) > 1 else f'It {answer}'}: {key_of(told[0]).title(full=False)} "
        f"({', '.join(proof)}).{others}"
    )


def _none(asked: Sequence[Row], does: str, does_not: str, *, where: str = "") -> str:
    """That none does, `where` it was asked; by name where there is only one."""
    if len(asked) == 1:
        return f"{key_of(asked[0]).title(full=False)} {does_not}"
    return f"None of {len(asked)} ways to add synthetic samples {where}{does}"


def _counted(verdicts: Sequence[Row]) -> str:
    """Answers with how many got them, those that say most first."""
    counts = Counter(str(v["answer"]) for v in verdicts)
    said = sorted(counts, key=lambda answer: ORDER.index(answer))
    return ", ".join(f"{answer} for {counts[answer]}" for answer in said)


def _changes(asked: Sequence[Row]) -> str:
    """What arms moved, the largest gain first."""
    known = {key_of(v).title(full=False): moved(v) for v in asked if moved(v)["value"] is not None}
    order = sorted(known, key=lambda name: -(known[name]["value"] or 0.0))
    said = [
        f"{name} {with_interval(known[name], change=True)}"
        + (SAME if known[name]["low"] is None else "")
        for name in order[:NAMED]
    ]
    return "; ".join([*said, *(["…"] if len(order) > NAMED else [])]) or "not known"


def _elsewhere(evidence: Evidence, asked: Sequence[Row]) -> str:
    """The arm that moved most on features and classifiers that the answer is not of."""
    others = [v for v in evidence["verdicts"] if v not in asked and moved(v)["value"] is not None]
    if not others:
        return ""
    most = max(others, key=lambda v: abs(moved(v)["value"] or 0.0))
    name, change = key_of(most).title(full=True), with_interval(moved(most), change=True)
    which = "" if len(others) == 1 else ", the most of any"
    return f" On other features {name} {change}: {most['answer']}{which}."


def _reached(asked: Sequence[Row]) -> str:
    return number(1 - max(v["possible"] for v in asked))
