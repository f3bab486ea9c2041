"""Who computes beside this process, and is heard by it: processes of this machine, which end with
it, or the workers of a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError, Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from rarecase.errors import RarecaseError, SettingError
from rarecase.pipeline.forwarding import Forwarding, Listener, Message

CONNECT = 20  # seconds to wait for a scheduler
_messages: Any = None  # in a process of this machine: the queue to the parent


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
        with _main_left_alone():
            # All begin before the first task: Python's pool does not notice, until something else
            # happens, that a process died which was the last to be added.
            for _ in range(processes):
                executor.submit(int)
            yield Forwarding(executor, send=_say_to_parent, room=lambda: processes)
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


def _say_to_parent(message: Message) -> None:
    _messages.put(message)


def _end_with_parent(lifeline: Any) -> None:
    """A process whose study ended, however, must not write on beside the next run."""
    with suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(1)


@contextmanager
def dask_executor(
    where: str, *, processes: int, resources: Mapping[str, float]
) -> Iterator[Executor]:
    """Dask's executor on the cluster `where` (see `executor.pool`), heard by this process.

    A task whose worker is lost goes to another one, and so does one that fails by more than the
    user's doing, three times each; each attempt goes on from the last one's checkpoints.
    """
    try:
        from distributed import KilledWorker
    except ModuleNotFoundError:
        raise SettingError(
            "--cluster needs Dask, which the base install leaves out: "
            "pip install 'rarecase[cluster]', here and on its machines."
        ) from None
    with ExitStack() as stack:
        stack.enter_context(_main_left_alone())
        client = _connect(where, processes=processes, stack=stack)
        topic, listener = f"rarecase-{uuid4().hex}", Listener()
        client.subscribe_topic(topic, lambda event: listener.hear(event[1]))
        stack.callback(listener.close)
        inner = client.get_executor(pure=False, retries=3, resources=dict(resources))
        try:
            yield Forwarding(
                inner, send=partial(_log_event, topic), room=lambda: len(client.nthreads())
            )
        except KilledWorker as error:
            raise RarecaseError(
                f"Workers of the cluster ended again and again at a task, perhaps for want of "
                f"memory ({error}). The same command goes on, as on a cluster with larger workers."
            ) from None
        except CancelledError:
            raise RarecaseError(
                f"--cluster {where}: the scheduler was lost. The same command goes on when it is "
                "back."
            ) from None


def _connect(where: str, *, processes: int, stack: ExitStack) -> Any:
    import dask
    from distributed import Client, LocalCluster

    if where == "local":
        # Dask's environment has memory given back at every turn: training took twice as long.
        stack.enter_context(dask.config.set({"distributed.nanny.pre-spawn-environ": {}}))
        workers = stack.enter_context(
            LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=processes, threads_per_worker=1, memory_limit=0, dashboard_address=None
            )
        )
        return stack.enter_context(Client(workers))  # type: ignore[no-untyped-call]
    if "://" not in where and not Path(where).is_file():
        raise SettingError(
            f"--cluster {where}: expected local, an address such as tcp://host:8786, or a "
            "scheduler file (of dask scheduler --scheduler-file), and there is no such file."
        )
    how = {"address": where} if "://" in where else {"scheduler_file": where}
    try:
        return stack.enter_context(Client(**how, timeout=CONNECT))  # type: ignore[no-untyped-call]
    except (OSError, ValueError, KeyError) as error:  # a TimeoutError is an OSError
        raise SettingError(
            f"--cluster {where}: no Dask scheduler answers there ({error})."
        ) from None


def _log_event(topic: str, message: Message) -> None:
    """Called by a task on a worker."""
    from distributed import get_worker

    get_worker().log_event(topic, message)


@contextmanager
def _main_left_alone() -> Iterator[None]:
    """A new process would run the user's script again to have its functions; it needs none of them,
    and a script without `if __name__ == "__main__"` would start the study once more."""
    main = sys.modules["__main__"]
    kept = {name: vars(main)[name] for name in ("__file__", "__spec__") if name in vars(main)}
    main.__spec__ = None
    if "__file__" in kept:  # None in its place stops `inspect`, and the first import of PyTorch
        del main.__file__
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(main, name, value)
