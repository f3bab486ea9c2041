"""Who performs the steps: one after another here; a cluster engine has the same interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from rarecase.errors import SettingError, nearest
from rarecase.study.step import Step, perform


class Executor(Protocol):
    """Performs steps. They come in an order in which each stands behind those it needs."""

    def run(self, steps: Sequence[Step], *, after: Callable[[Step], None]) -> None:
        """Perform every step; call `after` when one is done."""


class SerialExecutor:
    """In this process, one after another."""

    def run(self, steps: Sequence[Step], *, after: Callable[[Step], None]) -> None:
        for step in steps:
            perform(step)
            after(step)


_EXECUTORS: dict[str, Callable[[], Executor]] = {"serial": SerialExecutor}


def make_executor(name: str) -> Executor:
    """The executor of this name."""
    if name not in _EXECUTORS:
        raise SettingError(f"compute.executor={name!r}: {nearest(name, _EXECUTORS)}")
    return _EXECUTORS[name]()
