"""Who performs the steps: this process, or any executor of `concurrent.futures`."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager

from rarecase.ahead import usable_cpus
from rarecase.errors import DataError, SettingError
from rarecase.files import locked
from rarecase.pipeline.forwarding import Forwarding
from rarecase.pipeline.step import Step, perform
from rarecase.pipeline.workers import dask_executor, local_executor
from rarecase.progress import placed
from rarecase.threads import limited

After = Callable[[Step], None]
LOOK = 60.0  # seconds until a cluster that has grown is given more


def run_steps(steps: Sequence[Step], *, executor: Executor | None, after: After) -> None:
    """Perform steps, each when those that it needs are done; call `after` when one is.

    Earlier ones first, and no more at a time than the executor has room for: a fold is finished,
    and its stores of features go, before others are begun. The first error cancels the rest and is
    raised.
    """
    if executor is None:
        for step in steps:
            _perform(step)
            after(step)
        return
    waiting, names = list(steps), {step.name for step in steps}
    done: set[str] = set()
    running: dict[Future[None], Step] = {}
    try:
        while waiting or running:
            room = getattr(executor, "_max_workers", None) or len(steps)  # as far as it says
            if isinstance(executor, Forwarding):
                room = max(1, executor.room())
            free = room - len(running)
            needs = {s: {*(each.name for each in s.inputs), *s.reads} & names for s in waiting}
            for step in [s for s in waiting if needs[s] <= done][: max(free, 0)]:
                running[executor.submit(_perform, step)] = step
                waiting.remove(step)
            for future in wait(running, timeout=LOOK, return_when=FIRST_COMPLETED).done:
                step = running.pop(future)
                future.result()
                done.add(step.name)
                after(step)
    finally:
        for future in running:
            future.cancel()


def _perform(step: Step) -> None:
    """What is done where a step runs. A second worker may come for the same step, when the first
    was given up but is alive: it waits, and finds the step done."""
    run = step.context.run
    if not run.is_dir():
        raise DataError(
            f"{run} is not there on {socket.gethostname()}: a run on a cluster needs a folder that "
            "all of its machines see under the same name."
        )
    place = step.context.where() if step.name.startswith("repeat-") else ""
    with (
        limited(step.context.settings.compute.threads),
        locked(step.output.with_name(f"{step.output.name}.lock")),
        placed(place),
    ):
        perform(step)


@contextmanager
def pool(
    processes: int, *, cluster: str | None = None, resources: Mapping[str, float] | None = None
) -> Iterator[Executor | None]:
    """An executor of so many processes, whose progress and log lines are shown by this one.

    Parameters
    ----------
    processes
        On this machine; −1: one for each CPU.
    cluster
        Dask instead: `local`, the address of a scheduler or a scheduler file.
    resources
        What each task needs of a Dask worker, such as {"GPU": 1}.

    Yields
    ------
    Executor or None
        None for one process: this one does the work.
    """
    if processes == 0 or processes < -1:
        raise SettingError(f"processes: expected 1 or more, or -1 for all CPUs, got {processes}.")
    count = usable_cpus() if processes == -1 else processes
    if cluster is not None:
        with dask_executor(cluster, processes=count, resources=resources or {}) as executor:
            yield executor
    elif count == 1:
        yield None
    else:
        with local_executor(count) as executor:
            yield executor
