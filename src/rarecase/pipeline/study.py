"""A study: data and settings in, a run folder with evidence and report out."""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.ahead import usable_cpus
from rarecase.cohort import Cohort
from rarecase.errors import DataError, SettingError, nearest
from rarecase.files import PARTIAL, read_json
from rarecase.pipeline.compute import fitting_processes, settle_precision
from rarecase.pipeline.disk import refuse_small_disk
from rarecase.pipeline.executor import make_executor
from rarecase.pipeline.grid import MODEL
from rarecase.pipeline.plan import STAGES, plan
from rarecase.pipeline.resolve import resolve, validate, write_settings
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.simulated import planned_cohort, simulate_study, study_folder
from rarecase.pipeline.step import RECORD, Step, discard_bulky, unfinished
from rarecase.pipeline.steps.cohort import load_cohort, load_folds
from rarecase.pipeline.steps.evidence import EVIDENCE
from rarecase.progress import task
from rarecase.segmenter import read_card

if TYPE_CHECKING:
    from rarecase.pipeline.estimate import Estimate

log = logging.getLogger(__name__)
SETTINGS = "study.yaml"


@dataclass(frozen=True)
class Result:
    """What a run left: where, how many steps it performed and found done, and the evidence."""

    run: Path
    performed: int
    found: int
    evidence: dict[str, Any] | None

    @property
    def report(self) -> Path:
        """The report's page, there after stage `report`."""
        return self.run / "report" / "index.html"


class Study:
    """The whole experiment in one object.

    `data`: folder or table of the cohort (None: the simulated cohort). `label`: COLUMN or
    COLUMN=V (see `rarecase.cohort`). `preset`: demo, quick or paper. `out`: the run folder, new or
    of an earlier run, which is gone on with (without data, preset and config: as it was set).
    `settings`: dotted overrides, such as {"segmenter.epochs": 3}; `config`: a YAML file of them.

    Raises `SettingError` for settings that cannot be, `DataError` for data that cannot be used.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        *,
        out: str | Path,
        label: str | None = None,
        preset: str | None = None,
        settings: Mapping[str, Any] | None = None,
        config: str | Path | None = None,
    ) -> None:
        self.run_folder = Path(out).absolute()
        overrides = dict(settings or {})
        if label is not None:
            overrides["cohort.label"] = label
        if data is not None:
            overrides["data"] = str(data)
        file = Path(config) if config else None
        earlier = self.run_folder / SETTINGS
        new = file or preset or {"data", "preset"} & set(overrides)
        if not new and earlier.is_file():
            file = earlier  # the study that this folder holds, perhaps with a setting changed
        settled = _settled(resolve(preset=preset, file=file, overrides=overrides))
        _check_run_folder(self.run_folder)
        _refuse_other_data(earlier, settled)
        self.settings = _with_precision(settled, earlier)

    def cohort(self) -> Cohort:
        """The cohort as the settings choose it; a simulated one is made now if it is not there."""
        if not self.settings.data:
            simulate_study(self.settings, self.run_folder)
        return load_cohort(self.settings, self.run_folder)

    def plan(self, *, until: str = "report") -> list[Step]:
        """The steps up to the end of stage `until`, done or not."""
        return self._plan(self.cohort(), until=until)

    def estimate(self, *, until: str = "report") -> tuple[Cohort, list[Step], Estimate]:
        """What a run would cost, measured on this machine. Writes nothing."""
        from rarecase.pipeline.estimate import estimate

        made = self.settings.data or study_folder(self.run_folder).exists()
        cohort = self.cohort() if made else planned_cohort(self.settings)
        folds = load_folds(self.settings, cohort)
        cost = estimate(self.settings, cohort=cohort, folds=folds, until=until)
        return cohort, self._plan(cohort, until=until), cost

    def _plan(self, cohort: Cohort, *, until: str) -> list[Step]:
        if until not in STAGES:
            raise SettingError(f"until={until!r}: {nearest(until, STAGES)}")
        return plan(self.settings, run=self.run_folder, cohort=cohort, until=until)

    def run(self, *, until: str = "report") -> Result:
        """Perform every step that is not done. The same call goes on where a killed one stopped."""
        self.run_folder.mkdir(parents=True, exist_ok=True)
        with only_one(self.run_folder):
            cohort = self.cohort()
            whole = self._plan(cohort, until=STAGES[-1])
            steps = self._plan(cohort, until=until)
            todo = unfinished(steps)
            refuse_small_disk(self.settings, cohort=cohort, run=self.run_folder, todo=todo)
            write_settings(self.run_folder / SETTINGS, self.settings)
            _prune(self.run_folder, keep=whole)
            self._perform(steps, todo, whole=whole)
        path = self.run_folder / EVIDENCE
        scored = all(step.done() for step in steps if step.name == "steps/evidence")
        finished = scored and STAGES.index(until) >= STAGES.index("classify")
        evidence = read_json(path) if finished else None
        return Result(self.run_folder, len(todo), len(steps) - len(todo), evidence)

    def _perform(self, steps: list[Step], todo: list[Step], *, whole: list[Step]) -> None:
        keep = self.settings.features.keep
        with task("all steps", total=len(steps)) as bar:
            bar.advance(len(steps) - len(todo))

            def after(step: Step) -> None:
                bar.advance(note=step.name)
                if not keep:
                    discard_bulky(whole)

            make_executor(whole, self.settings.compute).run(todo, after=after)
        if not keep:
            discard_bulky(whole)  # what a kill left


def _settled(settings: Settings) -> Settings:
    """Paths absolute, threads and processes counted, so that `study.yaml` repeats the run from
    anywhere."""
    dump = settings.model_dump()
    for section, name in (("", "data"), ("segmenter", "init"), ("pretrain", "cohort")):
        place = dump[section] if section else dump
        if place[name] and place[name] != "simulated":
            path = Path(place[name]).expanduser().absolute()
            if not path.exists():
                raise DataError(
                    f"{section + '.' if section else ''}{name}: no such file or folder: {path}"
                )
            place[name] = str(path)
    dump["compute"]["threads"] = dump["compute"]["threads"] or usable_cpus()
    dump["compute"]["processes"] = dump["compute"]["processes"] or fitting_processes(
        settings, threads=dump["compute"]["threads"]
    )
    if settings.segmenter.dimensions == 3:
        _refuse_flat(settings)
    if dump["segmenter"]["init"]:
        # The network that is given decides its own architecture; the settings then say the truth.
        card = read_card(Path(dump["segmenter"]["init"]))
        names = ("width", "depth", "norm", "dimensions")
        dump["segmenter"] |= {n: v for n, v in card["architecture"].items() if n in names}
    return validate(dump)


def _refuse_flat(settings: Settings) -> None:
    """What works on slices does not go with a U-Net that makes a sample of a whole case."""
    wanted = {
        "features.block=region": settings.features.block == "region",
        "generator.images": settings.generator.images,
    }
    for name, on in wanted.items():
        if on:
            raise SettingError(
                f"{name} works on slices, and segmenter.dimensions=3 makes a sample of a whole "
                "case: take one or the other."
            )


def _with_precision(settings: Settings, earlier: Path) -> Settings:
    """`auto` replaced by what it stands for, measured once a run: a run that goes on keeps it."""
    if settings.compute.precision != "auto":
        return settings
    dump = settings.model_dump()
    before = resolve(preset=None, file=earlier).compute if earlier.is_file() else settings.compute
    known = before.precision != "auto" and before.device == settings.compute.device
    dump["compute"]["precision"] = (
        before.precision
        if known
        else settle_precision(settings.compute, dimensions=settings.segmenter.dimensions)
    )
    return validate(dump)


def _check_run_folder(folder: Path) -> None:
    if folder.is_file():
        raise DataError(f"{folder} is a file; --out needs a folder that is new or holds a run.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / SETTINGS).exists():
        # A simulated cohort alone: killed before its first step. Dot files: the system's.
        names = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
        if names - {"simulated"}:
            raise DataError(
                f"{folder} is not empty and holds no {SETTINGS}, so it is not a run folder; "
                "nothing in it was touched. Choose a new folder."
            )


def _refuse_other_data(earlier: Path, settings: Settings) -> None:
    """Another cohort's results would be removed, perhaps for a slip of the keyboard."""
    if not earlier.is_file():
        return
    before = resolve(preset=None, file=earlier).data
    if before != settings.data:
        here, now = (each or "the simulated cohort" for each in (before, settings.data))
        raise DataError(
            f"{earlier.parent} holds a run on {here}; a run on {now} would remove its results. "
            f"Choose another --out. If the same data have moved, change `data` in {earlier}."
        )


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Around work in a run folder: one process at a time. The lock goes with the process, however
    it ends."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{folder}: another process is running this study.") from None
        yield


def _prune(run: Path, *, keep: list[Step]) -> None:
    """Remove results of steps that the settings no longer have, so that nothing reads them, and
    products of steps that are to be done again, so that no report pairs new settings with them."""
    names = {step.name for step in keep}
    for each in keep:  # where an earlier version was writing when it was stopped
        shutil.rmtree(each.output.with_name(each.output.name + ".partial"), ignore_errors=True)
    for record in list(run.glob(f"**/{RECORD}")):
        name = record.parent.relative_to(run).as_posix()
        step = name.removesuffix(PARTIAL)
        own = name.startswith(("external/", f"{MODEL}/"))  # those have keys of their own
        if step not in names and not own:
            log.warning("removing %s: the settings do not have it any more", name)
            shutil.rmtree(record.parent)
    for each in keep:
        if not each.done():
            for product in each.products:
                (run / product).unlink(missing_ok=True)
