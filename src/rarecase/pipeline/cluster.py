"""Dask: tasks on the machines of a cluster, or on workers of this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError, Executor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from rarecase.errors import RarecaseError, SettingError
from rarecase.pipeline.forwarding import Forwarding, Listener, Message
from rarecase.pipeline.processes import main_left_alone

CONNECT = 20  # seconds to wait for a scheduler


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
        stack.enter_context(main_left_alone())
        client = _connect(where, processes=processes, stack=stack)
        topic, listener = f"rarecase-{uuid4().hex}", Listener()
        client.subscribe_topic(topic, lambda event: listener.hear(event[1]))
        stack.callback(listener.close)
        inner = client.get_executor(pure=False, retries=3, resources=dict(resources))
        try:
            yield Forwarding(inner, send=partial(_say, topic), room=lambda: len(client.nthreads()))
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
    from distributed import Client, LocalCluster

    if where == "local":
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


def _say(topic: str, message: Message) -> None:
    """Called by a task on a worker."""
    from distributed import get_worker

    get_worker().log_event(topic, message)
