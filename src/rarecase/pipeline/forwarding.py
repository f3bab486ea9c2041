"""What tasks in other processes say, log lines and progress, brought to this process.

Messages are plain tuples of text and numbers, so that whatever carries them can: a queue between
processes, or the events of a cluster.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar
from uuid import uuid4

from rarecase import progress
from rarecase.threads import limited

Message = tuple[Any, ...]
Send = Callable[[Message], None]
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(eq=False)
class Forwarding(Executor):
    """An executor whose tasks, performed by `inner`, are heard here. `send` is called where a task
    runs, with a message for `Listener.hear`, and must pickle; `room`: how many tasks run side by
    side, asked again and again."""

    inner: Executor
    send: Send
    room: Callable[[], int]

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        level = logging.getLogger().level
        return self.inner.submit(_heard, self.send, level, fn, args, kwargs)


def _heard(send: Send, level: int, function: Callable[..., T], args: Any, kwargs: Any) -> T:
    """What is done where a task runs."""
    with limited(None), ExitStack() as stack:
        root, handler = logging.getLogger(), _Handler()
        handler.send = send
        stack.callback(root.setLevel, root.level)
        stack.callback(root.removeHandler, handler)
        root.addHandler(handler)
        root.setLevel(level)
        stack.enter_context(progress.use(_Reporter(send)))
        return function(*args, **kwargs)


class _Handler(logging.Handler):
    send: Send

    def emit(self, record: logging.LogRecord) -> None:
        self.send(("log", record.name, record.levelno, self.format(record)))


@dataclass
class _Reporter:
    """Progress that is shown by the process which listens."""

    send: Send

    @contextmanager
    def task(self, name: str, *, total: float) -> Iterator[_Task]:
        number = uuid4().hex
        self.send(("open", number, name, total))
        try:
            yield _Task(self.send, number)
        finally:
            self.send(("close", number))


@dataclass
class _Task:
    send: Send
    number: str

    def advance(self, steps: float = 1, *, note: str = "") -> None:
        self.send(("advance", self.number, steps, note))


class Listener:
    """Shows and logs what tasks say, as the process that made it does for itself."""

    def __init__(self) -> None:
        self._context = copy_context()  # of the thread that has the reporter
        self._bars: dict[str, tuple[str, ExitStack, progress.Task]] = {}

    def hear(self, message: Message) -> None:
        self._context.run(self._hear, *message)

    def _hear(self, kind: str, *said: Any) -> None:
        if kind == "log":
            name, level, text = said
            logging.getLogger(name).log(level, "%s", text)
        elif kind == "open":
            number, name, total = said
            for other, (same, *_) in list(self._bars.items()):
                if same == name:  # of a process that was killed; the task is tried again
                    self._close(other)
            stack = ExitStack()
            self._bars[number] = name, stack, stack.enter_context(progress.task(name, total=total))
        elif said[0] in self._bars and kind == "advance":
            self._bars[said[0]][2].advance(said[1], note=said[2])
        elif said[0] in self._bars:
            self._close(said[0])

    def _close(self, number: str) -> None:
        self._bars.pop(number)[1].close()

    def close(self) -> None:
        """Take the bars away that are still shown."""
        for number in list(self._bars):
            self._context.run(self._close, number)
