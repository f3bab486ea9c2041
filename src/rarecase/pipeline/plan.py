"""Which steps a study consists of, in order, each with a key of all that its result depends on."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.cohort import Cohort
from rarecase.pipeline.grid import (
    ARMS,
    CLASSIFIED,
    FEATURES,
    FIDELITY,
    PICTURES,
    SEGMENTER,
    SYNTHETIC,
    Cell,
    study_cells,
)
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.simulated import PRETRAIN, SIMULATED
from rarecase.pipeline.step import Context, Step, Work, digest
from rarecase.pipeline.steps.arms import arms_work
from rarecase.pipeline.steps.classify import classified_work
from rarecase.pipeline.steps.cohort import (
    COHORT,
    SLICES,
    cohort_work,
    load_folds,
    rare_class,
    slices_work,
)
from rarecase.pipeline.steps.evidence import (
    ARMS_PRODUCTS,
    EVIDENCE,
    PREDICTIONS,
    evidence_work,
    report_work,
)
from rarecase.pipeline.steps.features import (
    SAMPLES,
    features_work,
    samples_work,
    store_path,
    synthetic_work,
)
from rarecase.pipeline.steps.fidelity import fidelity_work
from rarecase.pipeline.steps.pictures import pictures_work
from rarecase.pipeline.steps.segment import load_pretraining, pretrain_work, segmenter_work
from rarecase.segmenter import model_files, read_card, refuse_seen

# Commands, in order; each runs up to the last step of its stage.
STAGES = ("segment", "extract", "generate", "classify", "report")

# Goes up when a step computes something else from the same inputs and settings.
VERSIONS = {
    SLICES: 2,
    COHORT: 1,
    PRETRAIN: 1,
    SEGMENTER: 2,
    FEATURES: 1,
    SYNTHETIC: 1,
    FIDELITY: 1,
    CLASSIFIED: 2,
    ARMS: 2,
    PICTURES: 1,
    "evidence": 3,
    "report": 1,
}


def cohort_facts(cohort: Cohort, *, simulated: bool) -> Any:
    """What the cached slices depend on: every case, its label, and which files are its.

    Files count by path, size and time of change; they are not read.
    """
    facts: list[Any] = [cohort.layout, cohort.channels]
    for case in cohort.cases:
        facts.append((case.case, case.patient, case.label, case.fold, case.site))
        if not simulated:  # its settings say what is in it; a missing one is made anew
            pictures = [(files.number, files.image, files.mask) for files in case.slices]
            files = [(name, case.images.get(name)) for name in cohort.channels]
            facts += [_with_times(each) for each in (*files, ("mask", case.mask), *pictures)]
    return [*facts, [(each.case, each.reason) for each in cohort.dropped]]


def _with_times(parts: Sequence[Any]) -> list[Any]:
    """Paths with their size and time of change; anything else as it is."""
    out: list[Any] = []
    for part in parts:
        if isinstance(part, Path):
            stat = part.stat()
            out += [str(part), stat.st_size, stat.st_mtime_ns]
        else:
            out.append(part)
    return out


class _Steps:
    """Collects steps; every key is a digest of the step's kind, version and needs."""

    def __init__(self, here: Context) -> None:
        self.here, self.steps = here, list[Step]()

    def key_of(self, name: str) -> str:
        """The key of a step that was added."""
        return next(step.key for step in self.steps if step.name == name)

    def add(
        self,
        name: str,
        stage: str,
        work: Work,
        needs: Sequence[Any],
        *,
        context: Context | None = None,
        products: tuple[str, ...] = (),
        bulky: tuple[str, ...] = (),
        remake: Work | None = None,
        reads: tuple[str, ...] = (),
    ) -> str:
        """Add a step, once, behind those there are; returns its key for those that need it."""
        kind = next(part for part in VERSIONS if f"/{part}/" in f"/{name}/")
        key = digest([kind, VERSIONS[kind], *needs])
        if name not in {step.name for step in self.steps}:
            context = context or self.here
            self.steps.append(Step(name, stage, key, work, context, products, bulky, remake, reads))
        return key


def plan(settings: Settings, *, run: Path, cohort: Cohort, until: str = "report") -> list[Step]:
    """The steps up to the end of stage `until`, each behind those it needs.

    A fold is finished before the next begins; a stage by itself leaves out what lies behind it.
    """
    dump = settings.model_dump(mode="json")
    folds = load_folds(settings, cohort)
    if not settings.segmenter.allow_seen:
        # Said now, and again by every fold; not only after hours of pre-training.
        refuse_seen(_seen_before(settings), folds.loc[folds["fold"] >= 0, "patient"])
    collected = _Steps(Context(run=run, settings=settings))
    facts = cohort_facts(cohort, simulated=settings.data is None)
    simulation = [dump["simulation"], settings.seed] if settings.data is None else None
    sliced = collected.add(SLICES, "segment", slices_work, [facts, simulation, dump["slices"]])
    rare = rare_class(settings, cohort)
    split = [dump["split"], dump["protocol"], settings.seed, folds.to_json(), rare]
    cohorted = collected.add(COHORT, "segment", cohort_work, [sliced, split])
    start = _add_pretraining(collected, settings) or _init_facts(settings)
    classified = [
        _add_cell(collected, cell, dump, cohorted=cohorted, start=start)
        for cell in study_cells(settings, folds)
    ]
    compared = [
        collected.key_of(cell.folder(ARMS))
        for cell in study_cells(settings, folds)
        if settings.compare.arms
    ]
    scored = collected.add(
        "steps/evidence",
        "classify",
        evidence_work,
        [classified, compared, dump["sweep"]["headline"]],
        products=(PREDICTIONS, EVIDENCE, *(ARMS_PRODUCTS if compared else ())),
    )
    pictures = _add_pictures(collected, settings, folds, start=start)
    shown = {name: value for name, value in dump.items() if name != "compute"}
    page = ("report/index.html",)
    like = [collected.key_of(cell.folder(FIDELITY)) for cell in study_cells(settings, folds)]
    needs = [scored, like, pictures, shown]
    collected.add("steps/report", "report", report_work, needs, products=page)
    wanted = STAGES[: STAGES.index(until) + 1]
    return [step for step in collected.steps if step.stage in wanted]


def _add_pretraining(collected: _Steps, settings: Settings) -> str | None:
    """The pre-training step, if there is to be one."""
    if not settings.pretrain.cohort:
        return None
    dump = settings.model_dump(mode="json")
    needs = [
        dump["pretrain"],
        _pretraining_facts(settings),
        dump["slices"],
        [dump["segmenter"][name] for name in ("width", "depth", "norm", "dimensions")],
        dump["compute"]["precision"],
        dump["split"]["validation"],
        settings.seed,
    ]
    return collected.add(PRETRAIN, "segment", pretrain_work, needs)


def _add_pictures(
    collected: _Steps, settings: Settings, folds: pd.DataFrame, *, start: str | None
) -> str:
    """What the report shows of the first fold's network."""
    first = study_cells(settings, folds)[0]
    there = dataclasses.replace(collected.here, cell=first)
    segmenter = collected.key_of(first.folder(SEGMENTER))
    return collected.add(PICTURES, "segment", pictures_work, [segmenter, start], context=there)


def _add_cell(
    collected: _Steps, cell: Cell, dump: dict[str, Any], *, cohorted: str, start: str | None
) -> str:
    """The steps of one cell. Segmenter and features are the same for all its generator seeds."""
    there = dataclasses.replace(collected.here, cell=cell)
    generator, amounts = dump["generator"], dump["sweep"]["amounts"]
    training = {key: value for key, value in dump["segmenter"].items() if key != "init"}
    needs = [cohorted, start, training, dump["compute"]["precision"]]
    name = cell.folder(SEGMENTER)
    segmenter = collected.add(name, "segment", segmenter_work, needs, context=there)
    if dump["compare"]["arms"]:
        needs = [segmenter, dump["compare"]]
        collected.add(cell.folder(ARMS), "classify", arms_work, needs, context=there)
    name, needs = cell.folder(FEATURES), [segmenter, dump["features"]["block"]]
    features = collected.add(
        name,
        "extract",
        features_work,
        needs,
        context=there,
        bulky=(store_path(there).name,),
        remake=features_work,
    )
    fitting = {k: v for k, v in generator.items() if k not in ("seeds", "keep", "widths", "images")}
    needs = [features, fitting, cell.width, None if generator["made"] else amounts]
    name = cell.folder(SYNTHETIC)
    synthetic = collected.add(
        name,
        "generate",
        synthetic_work,
        needs,
        context=there,
        bulky=(SAMPLES,),
        remake=samples_work,
        reads=(cell.folder(FEATURES),),
    )
    stores = (cell.folder(FEATURES), cell.folder(SYNTHETIC))
    needs = [synthetic, generator["keep"]]
    name = cell.folder(FIDELITY)
    collected.add(name, "generate", fidelity_work, needs, context=there, reads=stores)
    headline = dump["sweep"]["headline"]
    needs = [synthetic, generator["keep"], dump["classifier"], amounts, headline, cell.first]
    name = cell.folder(CLASSIFIED)
    return collected.add(name, "classify", classified_work, needs, context=there, reads=stores)


def _init_facts(settings: Settings) -> str | None:
    """The initial network by content: moving it elsewhere changes nothing."""
    if not settings.segmenter.init:
        return None
    weights, card = model_files(Path(settings.segmenter.init))
    return digest([hashlib.sha256(path.read_bytes()).hexdigest() for path in (weights, card)])


def _seen_before(settings: Settings) -> set[str]:
    """Patients that the U-Net will have seen before the first fold."""
    if settings.segmenter.init:
        card = read_card(Path(settings.segmenter.init))
        return {*card["trained_on"], *card["validated_on"]}
    if settings.pretrain.cohort and settings.pretrain.cohort != SIMULATED:
        return set(load_pretraining(settings).patients)
    return set()


def _pretraining_facts(settings: Settings) -> Any:
    """The cohort to pre-train on: its files, or what it is simulated from."""
    if settings.pretrain.cohort == SIMULATED:
        return settings.simulation.slices
    return cohort_facts(load_pretraining(settings), simulated=False)
