"""Several folds at a time, a process each: their progress, log lines and errors come here."""

from __future__ import annotations

import logging
import logging.handlers
import multiprocessing
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from rarecase import progress
from rarecase.errors import RarecaseError
from rarecase.pipeline.step import Step, perform

log = logging.getLogger(__name__)
POLL = 1.0  # seconds between two looks at whether the processes are alive


def perform_side_by_side(lanes: Sequence[Sequence[Step]], *, after: Callable[[Step], None]) -> None:
    """Perform the steps of each lane in order, all lanes at once, a process each.

    `after` is called in this process when a step is done. The first error ends all of them and is
    raised here; so does an interrupt. What a process had begun is taken up by the next run.
    """
    if len(lanes) == 1:
        for step in lanes[0]:
            perform(step)
            after(step)
        return
    context = multiprocessing.get_context("spawn")  # forked threads of OpenMP would hang
    messages: Any = context.Queue()
    level = logging.getLogger().level
    workers = [
        context.Process(target=_work, args=(number, list(lane), messages, level), daemon=True)
        for number, lane in enumerate(lanes)
    ]
    try:
        with _main_left_alone():
            for worker in workers:
                worker.start()
        _listen(lanes, workers, messages, after=after)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.terminate()
        for worker in workers:
            if worker.pid is not None:
                worker.join()


@contextmanager
def _main_left_alone() -> Iterator[None]:
    """A new process would run the user's script again to have its functions; it needs none of them,
    and a script without `if __name__ == "__main__"` would start the study once more."""
    main = sys.modules["__main__"]
    kept = {name: vars(main)[name] for name in ("__file__", "__spec__") if name in vars(main)}
    for name in kept:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(main, name, value)


def _listen(
    lanes: Sequence[Sequence[Step]],
    workers: Sequence[BaseProcess],
    messages: Any,
    *,
    after: Callable[[Step], None],
) -> None:
    left = set(range(len(lanes)))
    bars: dict[tuple[int, int], tuple[ExitStack, progress.Task]] = {}
    with ExitStack() as everything:
        while left:
            try:
                lane, kind, *said = messages.get(timeout=POLL)
            except queue.Empty:
                _refuse_dead(workers, left)
                continue
            if kind == "open":
                number, name, total = said
                stack = everything.enter_context(ExitStack())
                bars[lane, number] = (stack, stack.enter_context(progress.task(name, total=total)))
            elif kind == "advance":
                bars[lane, said[0]][1].advance(said[1], note=said[2])
            elif kind == "close":
                bars.pop((lane, said[0]))[0].close()
            elif kind == "log":
                logging.getLogger(said[0].name).handle(said[0])
            elif kind == "done":
                after(lanes[lane][said[0]])
            elif kind == "failed":
                raise said[0]
            elif kind == "end":
                left.discard(lane)


def _refuse_dead(workers: Sequence[BaseProcess], left: set[int]) -> None:
    for number in left:
        code = workers[number].exitcode
        if code is not None:
            raise RarecaseError(
                f"A process that worked on a fold was ended from outside (exit code {code}), "
                "perhaps for want of memory. The same command goes on; compute.processes=1 does "
                "one fold at a time."
            )


class _Forwarding:
    """A reporter whose bars are shown by another process."""

    def __init__(self, lane: int, messages: Any, place: str) -> None:
        self.lane, self.messages, self.place, self.opened = lane, messages, place, 0

    @contextmanager
    def task(self, name: str, *, total: float) -> Iterator[_ForwardedTask]:
        self.opened += 1
        number = self.opened
        said = name if "fold" in name else f"{self.place}: {name}"
        self.messages.put((self.lane, "open", number, said, total))
        try:
            yield _ForwardedTask(self, number)
        finally:
            self.messages.put((self.lane, "close", number))


class _ForwardedTask:
    def __init__(self, reporter: _Forwarding, number: int) -> None:
        self.reporter, self.number = reporter, number

    def advance(self, steps: float = 1, *, note: str = "") -> None:
        self.reporter.messages.put((self.reporter.lane, "advance", self.number, steps, note))


class _LogHandler(logging.handlers.QueueHandler):
    """Sends records in the form that `_listen` knows."""

    def __init__(self, lane: int, messages: Any) -> None:
        super().__init__(messages)
        self.lane, self.messages = lane, messages

    def enqueue(self, record: logging.LogRecord) -> None:
        self.messages.put((self.lane, "log", record))


def _work(lane: int, steps: list[Step], messages: Any, level: int) -> None:
    """What a process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process hears it, and ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.basicConfig(level=level, handlers=[_LogHandler(lane, messages)], force=True)
    from threadpoolctl import threadpool_limits

    place = steps[0].context.where()
    try:
        with (
            threadpool_limits(steps[0].context.settings.compute.threads),
            progress.use(_Forwarding(lane, messages, place)),
        ):
            for number, step in enumerate(steps):
                perform(step)
                messages.put((lane, "done", number))
        messages.put((lane, "end"))
    except BaseException as error:
        if not isinstance(error, (RarecaseError, OSError)):
            error.add_note(traceback.format_exc())
        messages.put((lane, "failed", error))
    messages.close()
    messages.join_thread()  # everything said arrives before the process ends


def _end_with_parent() -> None:
    """A process whose study was killed must not write on beside the next run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
