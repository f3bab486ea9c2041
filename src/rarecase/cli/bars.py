"""Progress on the terminal: bars with time left, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_EVERY = 20.0  # seconds between two plain lines of one task


class _Bar:
    def __init__(self, shown: Progress, number: TaskID) -> None:
        self._shown, self._number = shown, number

    def advance(self, steps: float = 1, *, note: str = "") -> None:
        self._shown.update(self._number, advance=steps, note=note)


class Bars:
    """A rich display: one bar a running task, gone when it ends."""

    def __init__(self, console: Console) -> None:
        self._shown = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=console,
            transient=True,
        )

    @contextmanager
    def task(self, name: str, *, total: float) -> Iterator[_Bar]:
        """Open a bar."""
        number = self._shown.add_task(name, total=total, note="")
        if len(self._shown.tasks) == 1:
            self._shown.start()
        try:
            yield _Bar(self._shown, number)
        finally:
            self._shown.remove_task(number)
            if not self._shown.tasks:
                self._shown.stop()


class _Line:
    def __init__(self, name: str, total: float) -> None:
        self._name, self._total = name, total
        self._done, self._said, self._began = 0.0, time.monotonic(), time.monotonic()

    def advance(self, steps: float = 1, *, note: str = "") -> None:
        self._done += steps
        now = time.monotonic()
        if now - self._said < LINE_EVERY or not self._done:
            return
        self._said = now
        left = (now - self._began) / self._done * max(0.0, self._total - self._done)
        sys.stderr.write(
            f"{self._name}: {self._done:.0f}/{self._total:.0f}, about {left:.0f} s left {note}\n"
        )
        sys.stderr.flush()


class Lines:
    """For logs and pipes: a line now and then."""

    @contextmanager
    def task(self, name: str, *, total: float) -> Iterator[_Line]:
        """Open a task that writes a line every `LINE_EVERY` seconds."""
        yield _Line(name, total)
