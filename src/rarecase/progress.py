"""Progress that lower packages announce and the command line shows.

A module calls `task("fine-tuning", total=30)` and advances it; nothing is shown until somebody
(the command line) installs a reporter with `use`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
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


_reporter: ContextVar[Reporter] = ContextVar("reporter", default=_Silent())  # noqa: B039


def task(name: str, *, total: float) -> AbstractContextManager[Task]:
    """Open a bar of `total` steps with whatever reporter is installed (none: silence)."""
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
