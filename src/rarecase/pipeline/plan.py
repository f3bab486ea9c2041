"""Which steps a study consists of; what each depends on is said beside its work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rarecase.cohort import Cohort
from rarecase.errors import SettingError, nearest
from rarecase.experiment.splits import splits_digest
from rarecase.pipeline.designs import make_part
from rarecase.pipeline.run_folder import folds_of
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.cells import Task, cells_step
from rarecase.pipeline.steps.cohort import cohort_step, load_folds, slices_step
from rarecase.pipeline.steps.evidence import evidence_step
from rarecase.pipeline.steps.features import features_step
from rarecase.pipeline.steps.fidelity import fidelity_step
from rarecase.pipeline.steps.pictures import pictures_step
from rarecase.pipeline.steps.pretrain import pretrain_step, seen_before
from rarecase.pipeline.steps.segment import segmenter_step
from rarecase.pipeline.steps.synthetic import Which, synthetic_step
from rarecase.segmenter import refuse_seen

# Commands, in order; each runs up to the last step of its stage.
STAGES = ("segment", "extract", "generate", "classify", "report")


def plan(
    settings: Settings,
    *,
    run: Path,
    cohort: Cohort,
    finish: Callable[[Context, Sequence[Step]], Step],
) -> list[Step]:
    """The steps of a study, each behind those it needs; a fold is finished before the next begins.
    `finish` makes the last step, the report's, of those that it needs."""
    folds = load_folds(settings, cohort)
    if not settings.segmenter.allow_seen:
        # Said now, and again by every fold; not only after hours of pre-training.
        refuse_seen(seen_before(settings), folds.loc[folds["fold"] >= 0, "patient"])
    here = Context(run=run, settings=settings)
    slices = slices_step(here, cohort=cohort)
    split = cohort_step(here, cohort=cohort, folds=folds, slices=slices)
    steps = [slices, split]
    start = pretrain_step(here) if settings.pretrain.cohort else None
    steps += [] if start is None else [start]
    cells: list[Step] = []
    digest = splits_digest(folds[["repeat", "patient", "fold"]].itertuples(index=False))
    for place in folds_of(folds):
        there = replace(here, test_fold=place)
        segmenter = segmenter_step(there, cohort=split, start=start)
        if not cells:
            pictures = pictures_step(there, segmenter=segmenter, start=start)
        fold = _fold(there, segmenter, cohort=cohort, splits=digest)
        steps += [segmenter, *fold]
        cells += [step for step in fold if step.stage == "classify"]
    scored = evidence_step(here, cells=cells)
    like = [step for step in steps if step.stage == "generate"]
    return [*steps, scored, pictures, finish(here, [scored, pictures, *like])]


def up_to(steps: Sequence[Step], until: str) -> list[Step]:
    """The steps up to the end of a stage. Raises `SettingError` for one that there is not."""
    if until not in STAGES:
        raise SettingError(f"until={until!r}: {nearest(until, STAGES)}")
    return [step for step in steps if STAGES.index(step.stage) <= STAGES.index(until)]


def _fold(context: Context, segmenter: Step, *, cohort: Cohort, splits: str) -> list[Step]:
    """Features, synthetic samples and cells of a fold, for every part of the experiment."""
    settings = context.settings
    features, generated = dict[str, Step](), dict[str, Step]()
    rest: list[Step] = []
    checked = False
    for number, said in enumerate(settings.experiment):
        part = make_part(settings, said)
        of = []
        for name in part.sources:
            if name not in features:
                features[name] = features_step(
                    context, source=name, segmenter=segmenter, cohort=cohort
                )
            of.append(features[name])
        for task, arms in part.design.tasks().items():
            mine = []
            for arm in part.generated():
                for seed in part.design.seeds_of(arm) if arm in arms else ():
                    whose = Which(number, arm.name, seed or 0)
                    step = synthetic_step(context, whose, arm=arm, features=of[0])
                    if step.name not in generated:
                        like = fidelity_step(
                            context, whose, arm=arm, features=of[0], synthetic=step
                        )
                        rest += [step, like]
                    mine.append(generated.setdefault(step.name, step))
            # Once a fold: of the first part on vectors that compares anything.
            checks = settings.tuning.checks and task == "arms" and len(arms) > 1 and not checked
            checked = checked or checks
            which = Task(number, task, splits, checks)
            rest.append(cells_step(context, which, features=of, synthetic=mine))
    return [*features.values(), *rest]
