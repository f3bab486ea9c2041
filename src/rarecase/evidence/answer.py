"""The answer in three findings for somebody who has never heard of the study, read from the
evidence alone: the best classifier, which features know the rare class, what synthesis adds. And
what would do better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rarecase.evidence.explain import roughly
from rarecase.evidence.feature_sentences import SIZE
from rarecase.evidence.metrics import AUC
from rarecase.evidence.rows import key_of
from rarecase.evidence.synthesis import (
    NOT_ASKED,
    answer_of,
    asked_verdicts,
    moved,
    nothing_to_gain,
    synthesis_sentence,
)
from rarecase.evidence.tables_features import (
    MORE,
    SOME,
    chance_shares,
    sorted_sets,
)
from rarecase.evidence.text import cell, number, percent, with_interval
from rarecase.evidence.verdict import ALPHA, FEWEST_RARE_PATIENTS

Evidence = Mapping[str, Any]
Row = Mapping[str, Any]
NAMED = 3  # sets of features that are named
COIN = "0.50 is a coin toss, 1.00 perfect."
FLAT = "All were ranked right here, which does not prove it perfect."


@dataclass(frozen=True)
class Finding:
    """One line of the answer: what it is about, the finding in a few words, and a sentence.
    `answer`: of a question that has one of the answers of verdicts, or `NOT_ASKED`; its `value`
    is shown as a badge then."""

    title: str
    value: str
    text: str
    answer: str = ""


def findings(evidence: Evidence) -> list[Finding]:
    """The three of them."""
    return [best_finding(evidence), features_finding(evidence), synthesis_finding(evidence)]


def best_finding(evidence: Evidence) -> Finding:
    """What inner folds chose, which no test patient had a say in and which is deployed; without a
    choice the row with the largest AUC, which flatters it where there are several."""
    title, rare, found = "Best classifier", evidence["rare"], evidence.get("choices")
    best = evidence["best"]
    if found is None and best is None:
        why = f"No test fold holds patients of class {rare} and others, so nothing can be ranked."
        return Finding(title, "not known", why)
    row = _row(evidence, found or best)
    patients, score = row["counts"]["patients"], row["patients"]["scores"][AUC]
    if found is not None:
        how = f"{_mostly(found)}, chosen without a look at its test patients (nested)"
    else:
        how = key_of(best).title(full=True)
        if best["of"] > 1:
            how += f", the best of {best['of']} that were looked at, which flatters it"
    others = sum(patients.values()) - patients[rare]
    flat = f" {FLAT}" if score["low"] is not None and score["low"] == score["high"] else ""
    who = f"{patients[rare]:,} of class {rare}, {others:,} others"
    said = with_interval(score).replace("(", "(95 % interval ")
    return Finding(title, f"AUC {said}", f"{how}: {who}. {COIN}{flat}")


def features_finding(evidence: Evidence) -> Finding:
    """Which sets of features are shown to know more than the baseline, the best first; else
    whether the baseline is shown to know anything."""
    title, found = f"Features that know class {evidence['rare']}", evidence.get("features")
    if found is None:
        return Finding(title, NOT_ASKED, "The paper's own protocol chooses on the test set.")
    if few := _few(evidence):
        return Finding(title, "too few to say", few)
    order = sorted_sets(evidence)
    sets = {s["features"]: s for s in order if s["features"] != found["choice"]}
    sets = sets or {s["features"]: s for s in order}
    base = found["baseline"] if found["baseline"] in sets else next(iter(sets))
    said = {name: f"AUC {with_interval(each['auc'])}" for name, each in sets.items()}
    against = {n: s["against"]["baseline"] for n, s in sets.items() if n != base}
    shown = [
        n for n, a in against.items()
        if a is not None and a["adjusted"] is not None and a["adjusted"] < ALPHA
    ]  # fmt: skip
    if shown:
        first = shown[0]
        more = cell(against[first]["difference"]["value"], change=True)
        also = "".join(f"; {name}: {said[name]}" for name in shown[1:NAMED])
        text = f"{first}: {said[first]}, {more} against {_name(base)}, {said[base]}{also}."
        return Finding(title, _listed(shown), text)
    low = sets[base]["auc"]["low"]
    chance = low is None or low <= 0.5
    text = f"{_name(base)}: {said[base]}{', which chance could give' if chance else ''}."
    if against:
        best = next(iter(against))
        text += (
            f" No other set is shown to know more; of {len(against)} {best} has the largest, "
            f"{said[best]}."
        )
    return Finding(title, "none shown" if chance else base, text)


def synthesis_finding(evidence: Evidence) -> Finding:
    """What synthetic samples add: the answer of the verdicts that matter most together."""
    asked = asked_verdicts(evidence)
    answer = answer_of(asked)
    open_ = answer == "inconclusive" and nothing_to_gain(evidence, asked)
    value = "nothing to gain" if open_ else answer
    return Finding("Does synthesis help?", value, synthesis_sentence(evidence), answer)


def what_would_help(evidence: Evidence) -> str:
    """What would do better, in a sentence or two; from how much features move the score and how
    much synthesis does, from what the chance is due to and from how much there is to gain."""
    asked, said = asked_verdicts(evidence), []
    sets = (evidence.get("features") or {"sets": []})["sets"]
    known = {s["features"]: v for s in sets if (v := s["auc"]["value"]) is not None}
    gains = [abs(m) for v in evidence["verdicts"] if (m := moved(v)["value"]) is not None]
    if asked and nothing_to_gain(evidence, asked):
        return (
            "Nothing done to training samples: there is no room. Patients elsewhere would say more."
        )
    best, worst = (f(known, key=known.__getitem__, default="") for f in (max, min))
    if gains and len(known) > 1 and known[best] - known[worst] > 2 * max(gains):
        said.append(
            f"Better features: {best} has an AUC {number(known[best] - known[worst])} above that "
            f"of {worst}; synthetic samples moved it by {number(max(gains))} at most"
        )
    if answer_of(asked) in ("inconclusive", "too few to say") if asked else _few(evidence):
        said.append(_more(evidence, asked))
    return ". ".join(said) + "." if said else ""


def _more(evidence: Evidence, asked: Sequence[Row]) -> str:
    """More of what the chance in the differences is due to, and how many patients would do."""
    shares = chance_shares(evidence) or {"patients": 1.0}
    names = [name for name in MORE if shares.get(name, 0.0) >= SOME]
    words = " and ".join(
        f"{MORE[n]}{f' ({percent(shares[n])} of the chance)' if len(names) > 1 else ''}"
        for n in names
    )
    needed = {
        key_of(v).title(full=False): v["needed"] for v in asked if v.get("needed") is not None
    }
    many = ""
    if needed and "patients" in names:
        which = (
            " and ".join(needed) if len(needed) < NAMED else f"{len(needed)} of {len(asked)} arms"
        )
        total = f"about {roughly(max(needed.values()))} patients of class {evidence['rare']} in all"
        many = f": {total} would decide whether {which} {'help' if len(needed) > 1 else 'helps'}"
    return f"{words[0].upper()}{words[1:]}{many}"


def _row(evidence: Evidence, key: Row) -> Row:
    found: Row = next(row for row in evidence["rows"] if key_of(row) == key_of(key))
    return found


def _few(evidence: Evidence) -> str:
    count = evidence["counts"]["patients"][evidence["rare"]]
    if count >= FEWEST_RARE_PATIENTS:
        return ""
    return (
        f"{count} patients of class {evidence['rare']} were tested; at least "
        f"{FEWEST_RARE_PATIENTS} are needed to say anything."
    )


def _mostly(choices: Row) -> str:
    """The features and the classifier that were chosen most often."""
    counts = [choices["counts"][name] for name in ("features", "classifier")]
    names = [max(each, key=lambda name: each[name]) for each in counts]
    always = all(len(each) == 1 for each in counts)
    return f"{'' if always else 'mostly '}{' with '.join(names)}"


def _name(features: str) -> str:
    return "outline_size (the size of the mask)" if features == SIZE else features


def _listed(names: Sequence[str]) -> str:
    if len(names) > NAMED:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return " and ".join([*([", ".join(names[:-1])] if names[:-1] else []), names[-1]])
