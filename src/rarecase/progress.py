"""Progress that lower packages announce, and that a terminal or a notebook shows.

A module calls `task("fine-tuning", total=30)` and advances it. Notebooks show it; elsewhere nothing
is shown until somebody (the command line) installs a reporter with `use`, or asks with
`show_progress`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from multiprocessing import parent_process
from typing import Protocol


class Task(Protocol):
    """One running bar."""

    def advance(self, steps: float = 1, *, note: str = "") -> None:
        """Move on by `steps`; `note` is a few words shown beside the bar."""


class Reporter(Protocol):
    """Something that shows tasks."""

    def task(self, name: str, *, total: float) -> AbstractContextManager[Task]:
        """Open a bar of `total` steps."""


class _Silent:
    def advance(self, steps: float = 1, *, note: str = "") -> None:
        return None

    def task(self, name: str, *, total: float) -> AbstractContextManager[Task]:
        return nullcontext(self)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, and none that it started."""
    module = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    return hasattr(shell, "kernel") and parent_process() is None


@dataclass
class _Usual:
    """What shows progress where nobody installed anything. `wanted`: None for notebooks alone."""

    wanted: bool | None = None
    made: list[Reporter] = field(default_factory=list)

    def task(self, name: str, *, total: float) -> AbstractContextManager[Task]:
        if not (in_notebook() if self.wanted is None else self.wanted):
            return _Silent().task(name, total=total)
        if not self.made:
            from rarecase.bars import reporter_here

            self.made.append(reporter_here())
        return self.made[0].task(name, total=total)


_usual = _Usual()
_reporter: ContextVar[Reporter] = ContextVar("reporter", default=_usual)


def show_progress(wanted: bool | None = True) -> None:
    """Show bars for what takes time, from now on and wherever this process runs; `False`: none;
    `None`: as it is at first, in notebooks alone. The command line has `--quiet` instead."""
    _usual.wanted = wanted


def task(name: str, *, total: float) -> AbstractContextManager[Task]:
    """Open a bar of `total` steps with whatever reporter is installed."""
    return _reporter.get().task(name, total=total)


@contextmanager
def use(reporter: Reporter) -> Iterator[None]:
    """Show every task opened in this block with `reporter`."""
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


@dataclass
class _Placed:
    reporter: Reporter
    place: str

    def task(self, name: str, *, total: float) -> AbstractContextManager[Task]:
        said = name if "fold" in name or not self.place else f"{self.place}: {name}"
        return self.reporter.task(said, total=total)


def placed(place: str) -> AbstractContextManager[None]:
    """Put `place`, such as "repeat 0, fold 1", before the names of tasks that do not say it."""
    return use(_Placed(_reporter.get(), place))


@contextmanager
def unsaid(name: str) -> Iterator[None]:
    """Without the warnings of this logger."""
    logger = logging.getLogger(name)
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False
