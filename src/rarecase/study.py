"""A study: data and settings in, a run folder with evidence and report out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.checksums import check_file, record_files
from rarecase.cohort import Cohort
from rarecase.errors import DataError, SettingError
from rarecase.evidence.result import Result
from rarecase.features.leaks import refuse
from rarecase.files import write_text
from rarecase.pipeline.cell_grid import CellGrid, study_grid
from rarecase.pipeline.clinical import look_at_clinical
from rarecase.pipeline.compute import settled
from rarecase.pipeline.designs import available
from rarecase.pipeline.disk import refuse_small_disk
from rarecase.pipeline.plan import STAGES, plan, up_to
from rarecase.pipeline.readable import refuse_bad_headers, with_names
from rarecase.pipeline.resolve import dump, resolve
from rarecase.pipeline.run import check_run_folder, only_one, perform_all, prune, refuse_other_data
from rarecase.pipeline.run_folder import REPORT, SETTINGS
from rarecase.pipeline.simulated import planned_cohort, simulate, study_folder
from rarecase.pipeline.sites import refuse_small_sites
from rarecase.pipeline.step import Step, unfinished
from rarecase.pipeline.steps.cohort import load_cohort, load_folds
from rarecase.report.step import report_step
from rarecase.shown import Brief

if TYPE_CHECKING:
    from rarecase.pipeline.estimate import Estimate

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class StudyResult(Brief):
    """What a run left: where, how many steps it performed and found done, and what it found (None
    before stage `classify`)."""

    run: Path
    performed: int
    found: int
    result: Result | None

    @property
    def report(self) -> Path:
        """The report's page, there after stage `report`."""
        return self.run / REPORT

    def _about(self) -> dict[str, Any]:
        return {"run": self.run, "steps performed": self.performed, "found done": self.found}

    def __repr__(self) -> str:
        return super().__repr__() + ("" if self.result is None else f"\n{self.result!r}")

    def _repr_html_(self) -> str:
        return super()._repr_html_() + ("" if self.result is None else self.result._repr_html_())


class Study(Brief):
    """The whole experiment in one object.

    `data`: folder or table of the cohort (None: the simulated cohort). `label`: COLUMN or
    COLUMN=V (see `rarecase.cohort`). `preset`: demo, quick or paper. `out`: the run folder, new or
    of an earlier run, which is gone on with (without data, preset and config: as it was set).
    `settings`: dotted overrides, such as {"segmenter.epochs": 3}; `config`: a YAML file of them.
    `short`: the experiment in short, `features`, `classifier`, `arms` (lists of names), `amounts`
    and `planned` (see `pipeline.shortened`).

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
        short: Mapping[str, Any] | None = None,
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
            try:
                check_file(earlier)
            except DataError:
                log.warning("%s has changed since the run; its results follow it", earlier)
        said = resolve(preset=preset, file=file, overrides=overrides, short=short)
        check_run_folder(self.run_folder)
        self.settings = settled(said, earlier)
        refuse_other_data(earlier, self.settings)

    def _about(self) -> dict[str, Any]:
        said, data = self.settings.experiment, self.settings.data
        return {
            "data": Path(data) if data else "the simulated cohort", "out": self.run_folder,
            "features": [*dict.fromkeys(each.features for each in said)],
            "classifiers": [*dict.fromkeys(each.classifier for each in said)],
            "arms": [*dict.fromkeys(arm for each in said for arm in each.arms)],
        }  # fmt: skip

    def cohort(self) -> Cohort:
        """The cohort as the settings choose it; a simulated one is made now if it is not there."""
        if not self.settings.data:
            simulate(self.settings, self.run_folder)
        self.settings = with_names(self.settings, self.run_folder)
        return self._within(load_cohort(self.settings, self.run_folder))

    def _within(self, cohort: Cohort) -> Cohort:
        """The cohort, once the settings have left out what it does not have."""
        self.settings = available(self.settings, cohort)
        refuse(look_at_clinical(self.settings, cohort), self.settings.cohort.accept)
        return cohort

    def plan(self, *, until: str = "report") -> list[Step]:
        """The steps up to the end of stage `until`, done or not."""
        return up_to(self._plan(self.cohort()), until)

    def estimate(self, *, until: str = "report") -> tuple[Cohort, list[Step], Estimate]:
        """What the rest of a run would cost, measured on this machine. Writes nothing."""
        from rarecase.pipeline.estimate import estimate

        cohort = self._cohort_so_far()
        if self.settings.data:
            refuse_bad_headers(self.settings, cohort)
        steps = up_to(self._plan(cohort), until)
        return cohort, steps, estimate(self.settings, cohort=cohort, steps=steps, until=until)

    def _cohort_so_far(self) -> Cohort:
        """The cohort; a simulated one that is not there yet as it will be. Writes nothing."""
        made = self.settings.data or study_folder(self.run_folder).exists()
        return self.cohort() if made else self._within(planned_cohort(self.settings))

    def _plan(self, cohort: Cohort) -> list[Step]:
        refuse_small_sites(self.settings, cohort, load_folds(self.settings, cohort))
        return plan(self.settings, run=self.run_folder, cohort=cohort, finish=report_step)

    @property
    def grid(self) -> CellGrid:
        """Every cell of the experiment, a row each, done or not. Writes nothing."""
        cohort = self._cohort_so_far()
        folds = load_folds(self.settings, cohort)
        return study_grid(self.settings, cohort, folds, run=self.run_folder)

    def run(
        self, *, until: str = "report", cluster: str | None = None, executor: Executor | None = None
    ) -> StudyResult:
        """Perform every step that is not done. The same call goes on where a killed one stopped.

        Parameters
        ----------
        until
            The last stage.
        cluster
            Where Dask computes: `local`, tcp://HOST:PORT or a scheduler file. The run folder and
            the data must lie where all of its machines see them.
        executor
            Any of `concurrent.futures` instead. Processes compute side by side; threads of one
            process take turns.
        """
        if cluster is not None and executor is not None:
            raise SettingError("cluster, executor: one of them says who computes, not both.")
        self.run_folder.mkdir(parents=True, exist_ok=True)
        with only_one(self.run_folder):
            cohort = self.cohort()
            refuse_bad_headers(self.settings, cohort)
            whole = self._plan(cohort)
            steps = up_to(whole, until)
            todo = unfinished(steps)
            refuse_small_disk(self.settings, cohort=cohort, run=self.run_folder, todo=todo)
            write_text(self.run_folder / SETTINGS, dump(self.settings))
            record_files(self.run_folder, [SETTINGS], by_hand=True)
            prune(self.run_folder, keep=whole)
            perform_all(
                steps, todo, whole=whole, settings=self.settings, cluster=cluster, executor=executor
            )
        finished = STAGES.index(until) >= STAGES.index("classify")
        found = Result.read(self.run_folder) if finished else None
        return StudyResult(self.run_folder, len(todo), len(steps) - len(todo), found)
