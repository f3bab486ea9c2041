"""Progress where it can be seen: bars with time left on a terminal and in a notebook, plain lines
where there is neither."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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

from rarecase.progress import Reporter, in_notebook
from rarecase.shown import cut

LINE_EVERY = 20.0  # seconds between two plain lines of one task
DRAWN_EVERY, QUICK = 0.2, 0.5  # seconds between two pictures; what takes less is not shown
WIDTH = 100  # characters, in a notebook


def reporter_here() -> Reporter:
    """What shows progress best where this process runs."""
    if in_notebook():
        return Notebook()
    error = Console(stderr=True, highlight=False)
    return Bars(error) if error.is_terminal else Lines()


def _columns(console: Console, *, live: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
        console=console,
        transient=live,
        auto_refresh=live,
    )


class _Bar:
    def __init__(self, shown: Progress, number: TaskID) -> None:
        self._shown, self._number = shown, number

    def advance(self, steps: float = 1, *, note: str = "") -> None:
        self._shown.update(self._number, advance=steps, note=cut(note))


class Bars:
    """A rich display: one bar a running task, gone when it ends."""

    def __init__(self, console: Console) -> None:
        self._shown = _columns(console, live=True)

    @contextmanager
    def task(self, name: str, *, total: float) -> Iterator[_Bar]:
        """Open a bar."""
        number = self._shown.add_task(cut(name), total=total, note="")
        if len(self._shown.tasks) == 1:
            self._shown.start()
        try:
            yield _Bar(self._shown, number)
        finally:
            self._shown.remove_task(number)
            if not self._shown.tasks:
                self._shown.stop()


class Notebook:
    """Bars as text in the output of a cell, which is written anew in its place: ipywidgets, which
    rich would need there, is not wanted. The last line of the outermost task stays."""

    def __init__(self) -> None:
        # Not rich's own way of notebooks, which is widgets.
        text = Console(file=io.StringIO(), width=WIDTH, force_jupyter=False, color_system=None)
        self._shown = _columns(text, live=False)
        self._lock = threading.RLock()  # tasks of other processes are heard in threads
        self._handle: Any = None
        self._began = self._drawn = 0.0

    @contextmanager
    def task(self, name: str, *, total: float) -> Iterator[_NotebookBar]:
        """Open a bar."""
        with self._lock:
            if not self._shown.tasks:
                self._handle, self._began = None, time.monotonic()
            number = self._shown.add_task(cut(name), total=total, note="")
        try:
            yield _NotebookBar(self, number)
        finally:
            with self._lock:
                if len(self._shown.tasks) == 1:
                    self.draw(now=True)
                self._shown.remove_task(number)

    def advance(self, number: TaskID, steps: float, note: str) -> None:
        """Move a bar on."""
        with self._lock:
            self._shown.update(number, advance=steps, note=cut(note))
            self.draw()

    def draw(self, *, now: bool = False) -> None:
        """Show how things are, but not too often; `now`: even so."""
        from IPython.display import display

        then = time.monotonic()
        if then - self._began < QUICK or (then - self._drawn < DRAWN_EVERY and not now):
            return
        console = self._shown.console
        with console.capture() as captured:
            console.print(self._shown.get_renderable())
        text = {"text/plain": captured.get().rstrip()}
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)
        self._drawn = then


class _NotebookBar:
    def __init__(self, shown: Notebook, number: TaskID) -> None:
        self._shown, self._number = shown, number

    def advance(self, steps: float = 1, *, note: str = "") -> None:
        self._shown.advance(self._number, steps, note)


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
