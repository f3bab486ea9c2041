"""One step of a study: what it computes, from what, and where the result lies.

A step writes into a folder beside its place and moves it in when done, with a `step.json` that
holds its key: a digest of everything the result depends on. A step whose key lies there is done;
one whose key differs is done anew; one that was killed finds its checkpoints in the folder beside.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
import logging
import re
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarecase import __version__
from rarecase.checksums import (
    CHECKSUMS,
    digests,
    read_record,
    record_files,
    refuse_cut,
    write_record,
)
from rarecase.errors import DataError
from rarecase.files import partial_path, read_json, replacing_directory, write_text
from rarecase.pipeline.run_folder import CHECKPOINTS, EVERYBODY, NOWHERE, RECORD, TestFold
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.settings_training import Section
from rarecase.shown import Brief
from rarecase.versions import loaded

log = logging.getLogger(__name__)
TIMED = ("history.csv", "cells.csv")  # they say how long things took


@dataclass(frozen=True)
class Context:
    """What a step is told: nothing but paths, settings and its place in the grid, so that it can
    be sent to another process or machine."""

    run: Path
    settings: Settings
    test_fold: TestFold = NOWHERE

    @property
    def fold_folder(self) -> Path:
        return (self.run / self.test_fold.folder(RECORD)).parent

    def where(self) -> str:
        """The place in the grid in words."""
        if self.test_fold.fold == EVERYBODY.fold:
            return "all patients"
        return f"repeat {self.test_fold.repeat}, fold {self.test_fold.fold}"


Work = Callable[[Context, Path], None]


@dataclass(frozen=True, eq=False, repr=False)
class Step(Brief):
    """What a step is, said beside its work.

    Parameters
    ----------
    name, stage
        Also the folder inside the run; the command that runs up to it.
    work, context
        What is done, and where.
    version
        Goes up when the work computes something else from the same inputs and settings.
    facts
        The settings and values that the result depends on (see `digest`).
    sources
        Which files from outside of the run it was made from, and when they changed. Where that
        differs the step is done anew, and the steps behind it only if its result differs then.
    inputs
        The steps whose results it depends on.
    products
        What it writes elsewhere in the run; must be there for the step to count as done.
    bulky, remake
        Parts of the output that may go once every step that `reads` this one is done; `remake`
        makes them anew, into a folder beside, should one of those have to be done again.
    reads
        Names of steps whose bulky parts it reads.
    """

    name: str
    stage: str
    work: Work
    context: Context
    version: int = 1
    facts: Any = None
    sources: Any = None
    inputs: tuple[Step, ...] = ()
    products: tuple[str, ...] = ()
    bulky: tuple[str, ...] = ()
    remake: Work | None = None
    reads: tuple[str, ...] = ()

    def _about(self) -> dict[str, Any]:
        return {"name": self.name, "stage": self.stage, "inputs": [s.name for s in self.inputs]}

    @functools.cached_property
    def key(self) -> str:
        """A digest of everything that the result depends on."""
        kind = re.sub(r"(repeat|fold)-\d+/", "", self.name)
        return digest([kind, self.version, self.facts, [step.key for step in self.inputs]])

    @property
    def output(self) -> Path:
        return self.context.run / self.name

    def done(self) -> bool:
        """Whether the result lies there, made from the same inputs and settings. Raises `DataError`
        where a file of it is missing or cut, or its record damaged."""
        said = read_record(self.output / RECORD)
        if said is None or not self.made(said):
            return False
        refuse_cut(self.output, said)
        return self._products_there()

    def made(self, said: dict[str, Any]) -> bool:
        """Whether a record is of this work on what lies there now."""
        now, before = self.learnt_from(), said["inputs"]
        same = all(before.get(name, result) == result for name, result in now.items())
        return same and said["key"] == self.key and said["sources"] == digest(self.sources)

    def intent(self) -> str:
        """What checkpoints are of: this work on what lies there now."""
        return digest([self.key, self.sources, self.learnt_from()])

    def learnt_from(self) -> dict[str, str]:
        """A digest of the result of every input that is there."""
        said = {step.name: read_record(step.output / RECORD) for step in self.inputs}
        return {name: each["result"] for name, each in said.items() if each is not None}

    def _products_there(self) -> bool:
        run, mine = self.context.run, self.recorded_products()
        if self.products:
            if not mine or not all((run / each).exists() for each in (*self.products, *mine)):
                return False
            refuse_cut(run, {"files": mine})
        return True

    def recorded_products(self) -> dict[str, Any]:
        """What the run folder's record says of the files that it wrote there."""
        known = (read_record(self.context.run / CHECKSUMS) or {"files": {}})["files"]
        return {name: entry for name, entry in known.items() if entry.get("step") == self.name}

    def whole(self) -> bool:
        """Whether all bulky parts are there."""
        return all((self.output / part).exists() for part in self.bulky)


def unfinished(steps: Sequence[Step]) -> list[Step]:
    """The steps to perform: those not done, and done ones whose bulky parts went but are needed."""
    todo: list[Step] = []
    for step in reversed(steps):
        wanted = any(step.name in later.reads for later in todo)
        if not step.done() or (wanted and not step.whole()):
            todo.append(step)
    return todo[::-1]


def discard_bulky(steps: Sequence[Step]) -> None:
    """Remove the bulky parts that no step of `steps`, the whole study, needs any more."""
    for step in steps:
        readers = [each for each in steps if step.name in each.reads]
        if step.bulky and all(_is_made(each, each.output) for each in (step, *readers)):
            for part in step.bulky:
                shutil.rmtree(step.output / part, ignore_errors=True)


def digest(value: Any) -> str:
    """A short stable digest of anything JSON can hold, and of sections of settings.

    >>> digest({"a": 1}) == digest({"a": 1}) != digest({"a": 2})
    True
    """

    def plain(each: Any) -> Any:
        return each.model_dump(mode="json") if isinstance(each, Section) else str(each)

    text = json.dumps(value, sort_keys=True, default=plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def state_of(record: Path) -> list[str]:
    """What a step of another plan was made from, and what came of it."""
    said = read_json(record)
    return [said["key"], said["result"]]


def _is_made(step: Step, folder: Path) -> bool:
    """Whether the step's result lies in a folder, by the folder's record."""
    try:
        said = read_record(folder / RECORD)
    except DataError:
        return False
    return said is not None and step.made(said)


def perform(step: Step) -> None:
    """Do a step, unless it is done; take up its checkpoints if it was killed."""
    if step.done():
        if not step.whole():
            _remake(step)
        return
    beside = partial_path(step.output)
    intent = step.output.with_name(step.output.name + ".key")  # whose work the folder beside is
    if beside.exists() and not (intent.is_file() and intent.read_text() == step.intent()):
        shutil.rmtree(beside)  # left by a run with other settings, or on other files
    log.info("step %s", step.name)
    with replacing_directory(step.output, keep_partial=True) as folder:
        if not _is_made(step, folder):  # else killed between the last write and the move
            write_text(intent, step.intent())
            _clear(folder)
            _work(step, folder)
    intent.unlink(missing_ok=True)


def _remake(step: Step) -> None:
    log.info("step %s: making anew what was removed", step.name)
    assert step.remake is not None, step.name
    beside = step.output / "remade"
    shutil.rmtree(beside, ignore_errors=True)  # left by a kill
    beside.mkdir()
    step.remake(step.context, beside)
    for part in step.bulky:
        shutil.rmtree(step.output / part, ignore_errors=True)
        (beside / part).replace(step.output / part)
    shutil.rmtree(beside)
    said = read_record(step.output / RECORD)
    assert said is not None, step.name
    files = digests(step.output)
    if files != said["files"]:
        log.warning("step %s: what was made anew differs from what was removed", step.name)
        write_record(step.output / RECORD, said | {"files": files})


def _clear(folder: Path) -> None:
    """Remove what a killed attempt half wrote; checkpoints are whole, and what it goes on from."""
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != CHECKPOINTS:
            shutil.rmtree(entry)
        elif entry.is_file():
            entry.unlink()


def _work(step: Step, folder: Path) -> None:
    start = time.perf_counter()
    step.work(step.context, folder)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    if step.products:
        record_files(step.context.run, step.products, step=step.name)
    files = digests(folder)
    result = (step.recorded_products() if step.products else {}) | files
    write_record(
        folder / RECORD,
        {
            "step": step.name,
            "key": step.key,
            "result": digest({n: e["sha256"] for n, e in result.items() if n not in TIMED}),
            "inputs": step.learnt_from(),
            "sources": digest(step.sources),
            "seconds": round(time.perf_counter() - start, 3),
            "peak_memory_mb": round(peak_memory() / 2**20),
            "finished": datetime.datetime.now().isoformat(timespec="seconds"),
            "version": __version__,
            "versions": loaded(),
            "bulky": step.bulky,
            "files": files,
        },
    )


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
