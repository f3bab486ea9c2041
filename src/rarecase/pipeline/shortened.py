"""The experiment in short: features, classifiers, arms and amounts said of the whole of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rarecase.errors import SettingError
from rarecase.experiment.classifiers.registry import takes_of
from rarecase.features.sources.registry import AMONG, AUTO, STACK, is_baseline, kind_of
from rarecase.pipeline.presets import CLASSIFIERS, FEATURES, auto_part, part_of, stack_part

Nested = dict[str, Any]


def shortened(experiment: Sequence[Nested], short: Mapping[str, Any]) -> list[Nested]:
    """The parts of an experiment after what was said in short: `features`, `classifier`, `arms`,
    `amounts`, `planned`.

    Features or classifiers make parts anew, all pairs that go together; `auto` among them stands
    for the usual ones, `stack` for the average of all pairs on vectors. Of several such pairs the
    better one is chosen in every fold, and that choice, the first part, has the arms; pairs have
    them where arms were named. Arms and amounts come from what was said, or from the first part of
    that classifier that compares any. Arms alone replace those of every part that compares any;
    amounts and `planned` those of parts that have some.

    >>> quick = [{"features": "tumour", "classifier": "logistic", "arms": ["smote"]}]
    >>> shortened(quick, {"arms": ["mixup"]})
    [{'features': 'tumour', 'classifier': 'logistic', 'arms': ['mixup']}]
    >>> [part["features"] for part in shortened(quick, {"features": ["region", "tumour"]})]
    ['auto', 'region', 'tumour']
    """
    given = {name: value for name, value in short.items() if value is not None}
    counts: Nested = {name: given[name] for name in ("amounts", "planned") if name in given}
    if "amounts" in counts and "planned" not in counts and counts["amounts"]:
        counts["planned"] = counts["amounts"][0]
    if not {"features", "classifier"} & set(given):
        return [
            said
            | ({"arms": given["arms"]} if "arms" in given and said["arms"] != ["none"] else {})
            | (counts if said.get("amounts") else {})
            for said in experiment
        ]
    features = given.get("features", [experiment[0]["features"]])
    stacks = STACK in features
    pairs = _pairs([n for n in features if n != STACK] or [AUTO], given.get("classifier"))
    several = sum(_is_candidate(each) for each in pairs) > 1
    if stacks and not several:
        raise SettingError(
            f"features {STACK!r}: is the average of several; name more features or classifiers."
        )
    found = []
    for pair in pairs:
        like = _like(experiment, pair["classifier"])
        arms = ["none"] if several and _is_candidate(pair) else like["arms"]
        part = like | pair | {"arms": given.get("arms", arms)}
        found.append(part | (counts if part.get("amounts") else {}))
    if several:
        arms = given["arms"] if "arms" in given else _like(experiment, "logistic")["arms"]
        return [auto_part(arms), *found, *([stack_part()] if stacks else [])]
    return found


def _pairs(features: Sequence[str], classifiers: Sequence[str] | None) -> list[Nested]:
    """Features and the classifiers that take them; `auto` stands for the usual ones of either."""
    sets = {name: name not in features for name in features if name != AUTO}
    if AUTO in features:
        sets |= {name: True for name in FEATURES if name not in sets}
    if classifiers is None and AUTO in features:
        classifiers = CLASSIFIERS
    found = []
    for name, optional in sets.items():
        usual = ["logistic"] if kind_of(name) == "vectors" else ["cnn"]
        kinds = usual if classifiers is None else _expanded(classifiers)
        for kind in kinds:
            # A classifier of maps is for those that are, unless it is the only one that was named.
            if takes_of(kind) == "maps" and usual != ["cnn"] and len(kinds) > 1:
                continue
            found.append(part_of(name, kind, optional=optional))
    return found


def _expanded(classifiers: Sequence[str]) -> list[str]:
    each = [CLASSIFIERS if name == AUTO else (name,) for name in classifiers]
    return list(dict.fromkeys(name for names in each for name in names))


def _is_candidate(part: Nested) -> bool:
    return takes_of(part["classifier"]) == "vectors" and not is_baseline(part["features"])


def _like(experiment: Sequence[Nested], classifier: str) -> Nested:
    """The part to take arms and amounts from: of the same classifier, else of vectors."""
    compares = [part for part in experiment if part["arms"] != ["none"]]
    same = [part for part in compares if part["classifier"] == classifier]
    if takes_of(classifier) == "vectors":
        same += [
            p
            for p in compares
            if p["classifier"] in AMONG or takes_of(p["classifier"]) == "vectors"
        ]
    return {**same[0]} if same else {"arms": ["none"]}
