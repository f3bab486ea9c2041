"""Which steps a study consists of, in order, each with a key of all that its result depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rarecase.cohort import Cohort
from rarecase.study.grid import (
    CLASSIFIED,
    FEATURES,
    SEGMENTER,
    SYNTHETIC,
    cells_of,
    folds_of,
)
from rarecase.study.settings import Settings
from rarecase.study.step import Context, Step, Work, digest
from rarecase.study.steps.classify import classified_work
from rarecase.study.steps.evidence import EVIDENCE, PREDICTIONS, evidence_work, report_work
from rarecase.study.steps.features import features_work, synthetic_work
from rarecase.study.steps.prepare import (
    COHORT,
    SLICES,
    cohort_work,
    load_folds,
    rare_class,
    slices_work,
)
from rarecase.study.steps.segment import PRETRAIN, SIMULATED, pretrain_work, segmenter_work

# Commands, in order; each runs up to the last step of its stage.
STAGES = ("segment", "extract", "generate", "classify", "report")

# Goes up when a step computes something else from the same inputs and settings.
VERSIONS = {
    SLICES: 1,
    COHORT: 1,
    PRETRAIN: 1,
    SEGMENTER: 1,
    FEATURES: 1,
    SYNTHETIC: 1,
    CLASSIFIED: 1,
    "evidence": 1,
    "report": 1,
}


def fingerprint(paths: Iterable[Path]) -> str:
    """A digest of files' names, sizes and times, without reading them."""
    facts = []
    for path in sorted(paths):
        stat = path.stat()
        facts.append((path.name, stat.st_size, stat.st_mtime_ns))
    return digest(facts)


def cohort_facts(cohort: Cohort, *, simulated: bool) -> Any:
    """What the cached slices depend on: every case, its label, and its files."""
    who = [(case.case, case.patient, case.label, case.fold, case.site) for case in cohort.cases]
    # A simulated cohort is made anew when it is missing; its settings say what is in it.
    files = "" if simulated else fingerprint(f for case in cohort.cases for f in case.files)
    return [cohort.layout, cohort.channels, who, files]


def plan(settings: Settings, *, run: Path, cohort: Cohort, until: str = "report") -> list[Step]:
    """The steps up to the end of stage `until`, each behind those it needs."""
    dump = settings.model_dump(mode="json")
    steps: list[Step] = []

    def add(
        name: str,
        stage: str,
        work: Work,
        *needs: Any,
        context: Context,
        products: tuple[str, ...] = (),
    ) -> str:
        kind = next(part for part in VERSIONS if f"/{part}/" in f"/{name}/")
        key = digest([kind, VERSIONS[kind], *needs])
        steps.append(Step(name, stage, key, work, context, products))
        return key

    here = Context(run=run, settings=settings)
    facts = cohort_facts(cohort, simulated=settings.data is None)
    simulation = [dump["simulation"], settings.seed] if settings.data is None else None
    sliced = add(
        SLICES, "segment", slices_work, facts, simulation, dump["slices"], context=here
    )  # fmt: skip
    folds = load_folds(settings, cohort)
    split = [dump["split"], settings.seed, folds.to_json()]
    cohorted = add(
        COHORT, "segment", cohort_work, sliced, split, rare_class(settings, cohort), context=here
    )  # fmt: skip
    start: Any = _init_facts(settings)
    shape = [dump["segmenter"][name] for name in ("width", "depth", "norm")]
    precision = dump["compute"]["precision"]
    if settings.pretrain.cohort:
        simulated = settings.pretrain.cohort == SIMULATED
        other = (
            dump["simulation"]["slices"] if simulated else _folder_facts(settings.pretrain.cohort)
        )
        start = add(
            PRETRAIN, "segment", pretrain_work, dump["pretrain"], other, dump["slices"], shape, precision,
            dump["split"]["validation"], settings.seed, context=here,
        )  # fmt: skip

    classified = []
    for cell in cells_of(folds_of(folds), seeds=settings.generator.seeds):
        there = dataclasses.replace(
            here, repeat=cell.repeat, fold=cell.fold, generator_seed=cell.generator_seed
        )
        if cell.generator_seed == 0:
            segmented = add(
                cell.folder(SEGMENTER), "segment", segmenter_work, cohorted, start,
                dump["segmenter"], precision, context=there,
            )  # fmt: skip
            extracted = add(
                cell.folder(FEATURES), "extract", features_work, segmented, dump["features"],
                context=there,
            )  # fmt: skip
        synthetic = add(
            cell.folder(SYNTHETIC), "generate", synthetic_work, extracted,
            {**dump["generator"], "seeds": None, "keep": None}, dump["sweep"]["amounts"],
            context=there,
        )  # fmt: skip
        classified.append(
            add(
                cell.folder(CLASSIFIED), "classify", classified_work, synthetic,
                dump["generator"]["keep"], dump["classifier"], dump["sweep"]["amounts"],
                context=there,
            )
        )  # fmt: skip
    shown = {name: value for name, value in dump.items() if name != "compute"}
    scored = add(
        "steps/evidence", "classify", evidence_work, classified, dump["sweep"]["headline"],
        context=here, products=(PREDICTIONS, EVIDENCE),
    )  # fmt: skip
    add(
        "steps/report", "report", report_work, scored, shown, context=here,
        products=("report/index.html",),
    )  # fmt: skip
    wanted = STAGES[: STAGES.index(until) + 1]
    # Fold by fold is how a run goes; a stage by itself leaves out what lies behind it.
    return [step for step in steps if step.stage in wanted]


def _init_facts(settings: Settings) -> Any:
    if not settings.segmenter.init:
        return None
    path = Path(settings.segmenter.init)
    return fingerprint([path / "model.safetensors" if path.is_dir() else path])


def _folder_facts(folder: str | None) -> str:
    root = Path(str(folder))
    return fingerprint(path for path in root.rglob("*") if path.is_file())
