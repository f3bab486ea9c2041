"""Toy steps that say who did them, and ways to go wrong. Workers import them by name."""

import logging
import os
import signal
import time

from rarecase import progress
from rarecase.errors import DataError
from rarecase.pipeline.run_folder import TestFold
from rarecase.pipeline.settings import ComputeSettings, Settings
from rarecase.pipeline.step import Context, Step

SETTINGS = Settings(compute=ComputeSettings(threads=1, processes=2))


def toy_step(run, name, work, *, inputs=(), reads=()):
    """A step that needs `inputs`, and reads those named."""
    return Step(
        name=f"repeat-0/fold-1/{name}", stage="segment", version=1, facts=None, inputs=inputs,
        work=work, reads=reads,
        context=Context(run=run, settings=SETTINGS, test_fold=TestFold(0, 1)),
    )  # fmt: skip


def write(context, folder):
    """Say so: by a file, a bar and a log line."""
    with progress.task("writing", total=1) as bar:
        (folder / "pid").write_text(str(os.getpid()))
        bar.advance()
    logging.getLogger("rarecase.toys").warning("%s is written", folder.name.split(".")[0])


def fail(context, folder):
    raise DataError("a mask is missing")


def crash(context, folder):
    raise KeyError("a bug")


def vanish(context, folder):
    os.kill(os.getpid(), signal.SIGKILL)


def vanish_once(context, folder):
    """Killed at the first attempt; the second one writes."""
    mark = context.run / "vanished"
    if not mark.exists():
        mark.touch()
        (folder / "half.csv").touch()
        vanish(context, folder)
    write(context, folder)


def wait(context, folder):
    time.sleep(60)


class Heard:
    """A reporter that keeps the names of its tasks."""

    def __init__(self):
        self.opened, self.closed = [], []

    def task(self, name, *, total):
        return _Heard(self, name)


class _Heard:
    def __init__(self, heard, name):
        self.heard, self.name = heard, name

    def __enter__(self):
        self.heard.opened.append(self.name)
        return self

    def __exit__(self, *error):
        self.heard.closed.append(self.name)

    def advance(self, steps=1, *, note=""):
        pass
