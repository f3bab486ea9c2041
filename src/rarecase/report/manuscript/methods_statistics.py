"""Methods: who was tested when, how it was scored and tested, and with what it was computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rarecase.evidence.metrics import AUC
from rarecase.evidence.tables_features import families_of
from rarecase.evidence.text import number
from rarecase.report.blocks import counted, joined
from rarecase.report.manuscript.references import OF_LIBRARY, OF_METRIC, cite, named
from rarecase.report.manuscript.study import Study
from rarecase.report.manuscript.words import between, decimal, listed


def splits(study: Study) -> str:
    """Folds, repeats, by patient, and how slices become patients."""
    evidence = study.evidence
    folds, repeats = evidence["folds"], evidence["repeats"]
    per = len({fold["fold"] for fold in folds})
    kind = study.told("split", "kind")
    if study.said.get("site"):
        kind = "site"
    ways = {
        "site": f"one site after the other was left out and tested ({counted(per, 'test fold')})",
        "holdout": "a tenth of each class was set aside for testing",
        "given": f"the folds were given with the data ({counted(per, 'test fold')})",
    }
    drawn = f"{per}-fold cross-validation stratified by class"
    drawn += f", drawn {repeats} times" if repeats > 1 else ""
    way = "one test set was held out" if per * repeats == 1 else drawn
    tested = [sum(fold["patients"].values()) for fold in folds]
    rare = [fold["patients"][study.rare] for fold in folds]
    said = [
        f"Patients, never slices, were split: {ways.get(str(kind), way)}.",
        f"A fold tested {between(tested)} patients, {between(rare)} of them of the rare class.",
    ]
    if study.run is not None and study.run.peeked:
        said.append(
            "The protocol of the original paper was followed, which chooses the segmenter's epoch "
            "and the amount of synthetic samples on the test set: the results are optimistic."
        )
    elif study.told("segmenter", "allow_seen", option="allow_seen"):
        said.append(
            "A network that may have learnt from test patients was accepted by name: the results "
            "may be optimistic."
        )
    else:
        said.append("Whatever judged a fold's test patients was fitted on the others alone.")
    counts = evidence["counts"]
    if sum(counts["slices"].values()) != sum(counts["patients"].values()):
        of = "rows of the table" if study.run is None else "slices"
        said.append(f"Probabilities of {of} were averaged to patients before anything was scored.")
    if study.run is not None and study.run.others:
        said.append(
            f"What each fold had learnt was also applied, unchanged, to other cohorts: "
            f"{listed(study.run.others)}."
        )
    return " ".join(said)


def statistics(study: Study) -> str:
    """The primary metric, intervals, tests, correction, margin; self-checks."""
    evidence = study.evidence
    labels = {m["name"]: str(m["label"]) for m in evidence["metrics"]}
    primary = evidence.get("metric", AUC)
    others = [f"{named(label)}{cite(*_sources(name))}"
              for name, label in labels.items() if name != primary]  # fmt: skip
    boot = evidence["bootstrap"]
    level = decimal(100 * boot["level"])
    said = [
        f"The primary metric was {named(labels[primary])}, computed within each test fold and "
        "averaged over folds, repeats and seeds.",
        f"Also computed: {joined(others)} (tuned: at the threshold that inner folds chose).",
        f"{level} % intervals are percentile intervals of {boot['draws']:,} bootstrap"
        f"{cite('efron1993')} draws of patients within their class, and of seeds; they do not hold "
        "the chance of training.",
    ]
    return " ".join([*said, *_verdicts(study, primary), *_sets(study), *_checks(study)])


def _sources(metric: str) -> tuple[str, ...]:
    key = OF_METRIC.get(metric)
    key = key or next((k for name, k in OF_METRIC.items() if metric.startswith(f"{name}_")), None)
    return (key,) if key else ()


def _verdicts(study: Study, primary: str) -> list[str]:
    """Tests and verdicts on synthetic arms; nothing where there were none."""
    evidence, rules = study.evidence, study.evidence.get("rules") or {}
    verdicts = evidence["verdicts"]
    if not verdicts:
        return ["No verdict on a synthetic arm was sought." if not study.synthetic else
                "No synthetic arm was judged, as none was planned beforehand."]  # fmt: skip
    if primary == AUC:
        test = (
            f"by differences in DeLong's placements{cite('delong1988')} of the same patients, "
            "averaged over repeats and seeds, one-sided, with Student's t and Satterthwaite's "
            f"degrees of freedom{cite('satterthwaite1946')}"
        )
    else:
        test = "by their paired difference and its bootstrap error, one-sided, with Student's t"
    alpha = rules.get("alpha")
    below = f"p below {decimal(alpha)}" if alpha else "significant"
    level = f"{decimal(100 * (1 - 2 * alpha))} % interval" if alpha else "interval"
    asked = evidence["primary"].get("arm")
    first = (
        f"{named(asked)} was asked about first, at the full level, and the others after "
        f"it{cite('dmitrienko2007')}; " if asked else ""
    )  # fmt: skip
    said = [
        f"Each planned synthetic arm was compared with the reference (nothing done) and with its "
        f"control {test}{_learning(rules, evidence, 'arms')}.",
        f"It was said to help where it was better than both ({below}; {first}Holm's "
        f"correction{cite('holm1979')} over the synthetic arms of the same features and "
        "classifier), to harm where it was worse than the reference, and to make no difference "
        f"where the {level} of both differences lay within ±{decimal(evidence['margin'])} (two "
        f"one-sided tests{cite('schuirmann1987')}); all else was called inconclusive.",
    ]
    if fewest := rules.get("fewest"):
        said.append(f"Below {fewest} rare patients no verdict was to be given.")
    families = {(v["features"], v["classifier"]) for v in verdicts}
    if len(families) > 1:
        asked_of = evidence["primary"]
        said.append(
            f"The family declared beforehand was {named(asked_of['features'])} with "
            f"{named(asked_of['classifier'])}; verdicts on the others are exploratory."
        )
    return said


def _learning(rules: Mapping[str, Any], evidence: Mapping[str, Any], what: str) -> str:
    """What the variance was multiplied by for the chance of training."""
    if "learning" not in rules or len(evidence["folds"]) == 1:
        return ""
    times = rules["learning"][what]["repeated" if evidence["repeats"] > 1 else "once"]
    if times == 1:
        return ""
    return f" (variance multiplied by {decimal(times)} for the chance of training)"


def _sets(study: Study) -> list[str]:
    """How sets of features were compared."""
    found = study.evidence.get("features")
    if found is None or len(families_of(study.evidence)) < 2 or found["baseline"] is None:
        return []
    rules = study.evidence.get("rules") or {}
    times = _learning(rules, study.evidence, "features")
    text = (
        f"Sets of features were compared with {named(found['baseline'])} without any treatment of "
        "the imbalance, by the mean AUC over their classifiers and the same "
        f"test{cite('delong1988')}{times}, one-sided, with Holm's correction{cite('holm1979')} "
        "over the sets"
    )
    if found["choice"] is not None:
        text += (
            f"; what inner folds chose ({named(found['choice'])}) was one question, fixed "
            "beforehand"
        )
    return [f"{text}."]


def _checks(study: Study) -> list[str]:
    checks = study.evidence.get("checks")
    if not checks:
        return []
    return [
        f"As checks of the analysis, labels were permuted {len(checks['permuted_auc'])} times "
        f"(mean AUC {number(checks['permuted_mean'], digits=3)}), and the two-sample AUC of "
        "training against test patients by their features was computed."
        if checks.get("permuted_mean") is not None else
        f"As a check of the analysis, labels were permuted {len(checks['permuted_auc'])} times."
    ]  # fmt: skip


def software(study: Study) -> str:
    """Versions, seeds, precision; what was not recorded is said."""
    versions = study.versions
    each = [
        f"{name} {' and '.join(numbers)}{cite(OF_LIBRARY[name]) if name in OF_LIBRARY else ''}"
        for name, numbers in versions.items()
    ]
    if not each:
        said = [
            f"The analysis was made with rarecase{cite('rarecase')}; versions were not recorded."
        ]
    else:
        said = [f"The analysis was made with {joined(each)}."]
        if len(versions) == 1:
            said.append("Versions of other libraries were not recorded.")
    seed = study.said.get("seed") if study.run is None else study.run.settings.get("seed")
    if seed is not None:
        said.append(f"All random numbers derive from the seed {seed}.")
    said.append(f"The bootstrap's seed was {study.evidence['bootstrap']['seed']}.")
    digests = study.evidence["splits"]
    said.append(f"The digest of the splits is {listed(digests)}.")
    precision = study.told("compute", "precision")
    if precision not in (None, "auto"):
        said.append(f"Networks were trained at the precision {named(precision)}.")
    return " ".join(said)
