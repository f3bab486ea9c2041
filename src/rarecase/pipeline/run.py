"""Performing the steps of a study in its run folder, and what is refused before."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from rarecase.checksums import CHECKSUMS, PARTIAL, check_file
from rarecase.errors import DataError
from rarecase.files import locked
from rarecase.pipeline.executor import pool, run_steps
from rarecase.pipeline.resolve import resolve
from rarecase.pipeline.run_folder import EXTERNAL, MODEL, RECORD, SETTINGS
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Step, discard_bulky, unfinished
from rarecase.progress import task

log = logging.getLogger(__name__)


def perform_all(
    steps: Sequence[Step],
    todo: Sequence[Step],
    *,
    whole: Sequence[Step],
    settings: Settings,
    cluster: str | None = None,
    executor: Executor | None = None,
) -> None:
    """Perform the steps `todo` of `steps`; stores that nothing of the `whole` study needs any more
    are removed. `cluster`: where Dask computes (see `executor.pool`); `executor`: who, instead."""
    keep, compute = settings.features.keep, settings.compute
    most = max(1, min(compute.processes or 1, len(todo)))
    with (
        task("all steps", total=len(steps)) as bar,
        nullcontext(executor)
        if executor is not None or not todo
        else pool(most, cluster=cluster, resources=compute.resources) as workers,
    ):
        bar.advance(len(steps) - len(todo))

        def after(step: Step) -> None:
            bar.advance(note=step.name)
            if not keep:
                discard_bulky(whole)

        while todo:  # again: what a step did anew came out otherwise, and others depend on it
            run_steps(todo, executor=workers, after=after)
            todo = unfinished(steps)
    if not keep:
        discard_bulky(whole)  # what a kill left


def perform_in_turn(steps: Sequence[Step], *, name: str) -> None:
    """Perform steps one by one in this process, under a bar of that name."""
    with task(name, total=len(steps)) as bar:
        run_steps(steps, executor=None, after=lambda step: bar.advance(note=step.name))


def settings_of(run: Path) -> Settings:
    """The settings that a run was made with; a file that was changed since is refused."""
    check_file(run / SETTINGS)
    return resolve(preset=None, file=run / SETTINGS)


def check_run_folder(folder: Path) -> None:
    if folder.is_file():
        raise DataError(f"{folder} is a file; --out needs a folder that is new or holds a run.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / SETTINGS).exists():
        # A simulated cohort alone: killed before its first step. Dot files: the system's.
        names = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
        if names - {"simulated", CHECKSUMS}:
            raise DataError(
                f"{folder} is not empty and holds no {SETTINGS}, so it is not a run folder; "
                "nothing in it was touched. Choose a new folder."
            )


def refuse_other_data(earlier: Path, settings: Settings) -> None:
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
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / ".lock", wait=False))
        except BlockingIOError:
            raise DataError(f"{folder}: another process is running this study.") from None
        yield


def prune(run: Path, *, keep: Sequence[Step]) -> None:
    """Remove results of steps that the settings no longer have, so that nothing reads them, and
    products of steps that are to be done again, so that no report pairs new settings with them."""
    names = {step.name for step in keep}
    for record in list(run.glob(f"**/{RECORD}")):
        name = record.parent.relative_to(run).as_posix()
        step = name.removesuffix(PARTIAL)
        own = name.startswith((f"{EXTERNAL}/", f"{MODEL}/"))  # those have keys of their own
        if step not in names and not own:
            log.warning("removing %s: the settings do not have it any more", name)
            shutil.rmtree(record.parent)
    for each in keep:
        if not each.done():
            for product in each.products:
                gone = run / product
                shutil.rmtree(gone) if gone.is_dir() else gone.unlink(missing_ok=True)
