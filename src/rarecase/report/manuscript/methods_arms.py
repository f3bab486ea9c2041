"""Methods: what was done about the imbalance, the generators, the classifiers and their tuning."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from rarecase.evidence.rows import key_of
from rarecase.experiment.arms import REFERENCE, cites_of, describe_arms, make_arms
from rarecase.experiment.classifiers.registry import CLASSIFIERS
from rarecase.generators.registry import KINDS, Kind
from rarecase.report.blocks import counted, joined
from rarecase.report.manuscript.references import OF_FIDELITY, cite, named
from rarecase.report.manuscript.study import Study
from rarecase.report.manuscript.words import decimal, listed
from rarecase.report.run_files import GeneratorFolder
from rarecase.report.section_summary import designs

_SOURCE = re.compile(r" \([^)]*(?:\d{4}|the paper)[^)]*\)")  # which the citation says
NOT_TUNED = ("features", "classifier", "arm", "share", "promised", "weights")


def arms(study: Study) -> str:
    """Every arm with its source, amounts and controls; whether anything was synthetic."""
    described, known = describe_arms(), make_arms()
    each = []
    for name in study.arms:
        if name in (REFERENCE, "auto"):
            continue
        kind = kind_of(study, name)
        text = described.get(name) or (kind.text if kind else "an arm of the authors' own")
        text = _SOURCE.sub("", text).replace("the paper's", "the").replace("`none`, ", "")
        cites = cites_of(known[name]) if name in known else kind.cites if kind else ()
        each.append(f"{named(name)} ({text}){cite(*cites)}")
    if not each:
        return (
            "Nothing was done about the imbalance of classes; no synthetic samples were generated."
        )
    said = [
        f"Against the imbalance of classes {counted(len(each), 'treatment')} "
        f"{'was' if len(each) == 1 else 'were'} compared with none: {'; '.join(each)}.",
        f"What was fitted to what: {'; '.join(map(named, designs(study.evidence)))}.",
    ]
    if not study.synthetic:
        return " ".join([*said, "No synthetic samples were generated."])
    said += [*_trained(study), *_amounts(study)]
    said.append(
        "The control of every synthetic arm added as many copies of real samples of each class as "
        "the arm added synthetic ones, in every fold."
    )
    return " ".join([*said, *_fidelity(study)])


def kind_of(study: Study, arm: str) -> Kind | None:
    """The generator of an arm, by its name or by the card of what was trained for it."""
    if arm in KINDS:
        return KINDS[arm]
    cards = [g.card.get("kind") for g in generators(study) if g.arm == arm]
    return next((kind for kind in KINDS.values() if kind.class_name in cards), None)


def generators(study: Study) -> list[GeneratorFolder]:
    """What was trained to generate."""
    return [] if study.run is None else study.run.generators


def _trained(study: Study) -> list[str]:
    """How the networks that generate were trained, from their cards."""
    said = []
    for arm in dict.fromkeys(g.arm for g in generators(study)):
        settings = next((g.card["settings"] for g in generators(study) if g.arm == arm
                         and g.card.get("settings")), None)  # fmt: skip
        if not settings or "epochs" not in settings:
            continue
        text = f"{named(arm)} was trained for {counted(int(settings['epochs']), 'epoch')}"
        if settings.get("max_steps"):
            text += f", at most {settings['max_steps']:,} steps,"
        if settings.get("batch_size"):
            text += f" in batches of {settings['batch_size']}"
        if settings.get("lr"):
            text += (
                f" with Adam{cite('kingma2015')} at a learning rate of {decimal(settings['lr'])}"
            )
        if settings.get("width"):
            text += f" and a width of {settings['width']}"
        said.append(f"{text}, anew in every fold, from its training patients alone.")
    return said


def _amounts(study: Study) -> list[str]:
    rows = [row for row in study.rows if row["synthetic"]]
    said, counts = [], dict[tuple[str, str], dict[int, bool]]()
    for row in rows:
        key = key_of(row)
        if key.is_count:
            counts.setdefault((key.arm, key.features), {})[int(key.amount)] = bool(row["planned"])
    for (arm, features), amounts in counts.items():
        planned = [decimal(n) for n, fixed in amounts.items() if fixed]
        fixed = f"; {joined(planned)} was fixed beforehand" if planned and len(amounts) > 1 else ""
        said.append(
            f"{named(arm)} on {named(features)} added {joined([decimal(n) for n in amounts])} "
            f"samples in all, equally many of each class{fixed}."
        )
    if any(row["amount"] == "tuned" for row in rows):
        shares = study.told("tuning", "shares", option="amounts")
        given = shares.split(",") if isinstance(shares, str) else shares or []
        times = [decimal(float(share)) for share in given]
        among = f"among {listed(times)} times" if times else "as a share of"
        which = "Otherwise the" if counts else "The"
        lacks = "what a class lacks to be as frequent as the largest"
        said.append(
            f"{which} number of added samples was {times[0]} times {lacks}."
            if len(times) == 1
            else f"{which} number of added samples was chosen on inner folds {among} {lacks}."
        )
    seeds = study.evidence["seeds"]
    if len(seeds) > 1:
        said.append(f"Samplers were fitted from up to {len(seeds)} seeds.")
    return said


def _fidelity(study: Study) -> list[str]:
    tables = [g.fidelity for g in generators(study) if g.fidelity is not None]
    if not tables:
        return []
    measures = [name for name in OF_FIDELITY if name in tables[0]]
    if not measures:
        return []
    each = [f"{OF_FIDELITY[name][0]}{cite(OF_FIDELITY[name][1])}" for name in measures]
    return [
        "Synthetic samples of generators that were trained were set against real ones of test "
        f"patients by {joined(each)}."
    ]


def classifiers(study: Study) -> str:
    """Every classifier, what of it was tuned and how."""
    each = []
    for name in study.classifiers:
        found = CLASSIFIERS.get(name)
        text = f" ({found.text}){cite(*found.cites)}" if found else " (the authors' own)"
        each.append(f"{named(name)}{text}")
    verb = "Classifiers were" if len(each) > 1 else "The classifier was"
    said = [f"{verb} {joined(each)}." if each else ""]
    inner = study.told("tuning", "inner", option="inner")
    folds = f"{inner} inner folds" if inner else "inner folds"
    if tuned := _tuned(study):
        values = "; ".join(
            f"{named(kind)}: {', '.join(f'{p} {listed(v)}' for p, v in found.items())}"
            for kind, found in tuned.items()
        )
        said.append(
            f"Settings of classifiers were chosen by AUC on {folds} of the patients of each "
            f"training part (values that were chosen: {values})."
        )
    if any("threshold" in arm for arm in study.arms) or tuned:
        said.append(
            f"A threshold for the rare class, the one with the best balanced accuracy, was "
            f"tuned on the same {folds}." if tuned else
            f"A threshold for the rare class was tuned on {folds}."
        )  # fmt: skip
    return " ".join([*(s for s in said if s), *_choice(study, folds)])


def _tuned(study: Study) -> dict[str, dict[str, list[str]]]:
    """Classifier → setting → the values that inner folds chose, ascending."""
    found: dict[str, dict[str, set[Any]]] = {}
    for kind, text in study.tuned.items():
        chosen: Mapping[str, Any] = json.loads(str(text)) if isinstance(text, str) else {}
        name = str(chosen.get("classifier", kind))
        for setting, value in chosen.items():
            if setting not in NOT_TUNED and isinstance(value, int | float | str):
                found.setdefault(name, {}).setdefault(setting, set()).add(value)
    return {
        kind: {
            setting.rpartition("__")[2]: [decimal(v) for v in sorted(values, key=_order)]
            for setting, values in settings.items()
        }
        for kind, settings in found.items()
        if kind in study.classifiers
    }


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value


def _choice(study: Study, folds: str) -> list[str]:
    """The rule by which features, classifier and arm are chosen in every fold."""
    said = []
    both = "features, classifiers and treatments" if "auto" in study.arms else ""
    among = both or "features and classifiers"
    if "auto" in study.chosen:
        said.append(
            f"The choice among {among} (auto) was made anew in every test fold, on "
            f"{folds} of its training patients: the cheapest whose AUC was within one standard "
            f"error of the best{cite('breiman1984', 'delong1988')}."
        )
    elif "auto" in study.arms:
        said.append(
            f"The arm auto is the one among all that {folds} of a test fold's training patients "
            f"preferred: the cheapest whose AUC was within one standard error of the "
            f"best{cite('breiman1984', 'delong1988')}."
        )
    if "stack" in study.chosen:
        said.append(
            "The average of all (stack) was weighted on inner folds"
            f"{cite('wolpert1992', 'breiman1996', 'vanderlaan2007')}."
        )
    if said and len(study.classes) > 2:
        said.append(
            "There, AUC was the mean over classes, each against the rest" + cite("hand2001") + "."
        )
    return said
