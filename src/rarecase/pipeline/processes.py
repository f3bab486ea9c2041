"""Processes on this machine: heard by this one, and gone with it."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import Any

from rarecase.errors import RarecaseError
from rarecase.pipeline.forwarding import Forwarding, Listener, Message

_messages: Any = None  # in a worker: the queue to the parent


@contextmanager
def local_executor(processes: int) -> Iterator[Executor]:
    """So many processes of this machine. When the block ends by an error or an interrupt, so do
    they, at once. What a process had begun is taken up by the next run."""
    spawn = multiprocessing.get_context("spawn")  # forked threads of OpenMP would hang
    messages, over = spawn.Queue(), threading.Event()
    theirs, ours = spawn.Pipe(duplex=False)
    listener = Listener()
    listening = threading.Thread(target=_listen, args=(messages, listener, over), daemon=True)
    together = spawn.Barrier(processes)
    executor = ProcessPoolExecutor(
        processes, mp_context=spawn, initializer=_begin, initargs=(messages, theirs, together)
    )
    listening.start()
    try:
        with main_left_alone():
            # All begin before the first task: Python's pool does not notice, until something else
            # happens, that a process died which was the last to be added.
            for _ in range(processes):
                executor.submit(int)
            yield Forwarding(executor, send=_say, room=lambda: processes)
            executor.shutdown()  # everything said arrives before a process ends
    except BrokenProcessPool:
        raise RarecaseError(
            "A process was ended from outside, perhaps for want of memory. The same command goes "
            "on; fewer processes (--compute.processes 1, or --jobs 1) need less."
        ) from None
    finally:
        ours.close()  # ends what still runs
        executor.shutdown(cancel_futures=True)
        over.set()
        listening.join()
        listener.close()


def _listen(messages: Any, listener: Listener, over: threading.Event) -> None:
    while True:
        try:  # not without end: a process killed while it wrote keeps the others' queue locked
            listener.hear(messages.get(timeout=0.2))
        except queue.Empty:
            if over.is_set():
                return


def _begin(messages: Any, lifeline: Any, together: Any) -> None:
    """What a new process does first."""
    global _messages
    _messages = messages
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends this one
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    together.wait()


def _say(message: Message) -> None:
    _messages.put(message)


def _end_with_parent(lifeline: Any) -> None:
    """A process whose study ended, however, must not write on beside the next run."""
    with suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(1)


@contextmanager
def main_left_alone() -> Iterator[None]:
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
