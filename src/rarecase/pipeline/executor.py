"""Who performs the steps: this process, or any executor of `concurrent.futures`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context

from rarecase.pipeline.step import Step, perform

After = Callable[[Step], None]


def run_steps(steps: Sequence[Step], *, executor: Executor | None, after: After) -> None:
    """Perform steps, each when those that it needs are done; call `after` when one is."""
    if executor is None:
        for step in steps:
            perform(step)
            after(step)
        return
    waiting = list(steps)
    names = {step.name for step in steps}
    done: set[str] = set()
    running: dict[Future[None], Step] = {}
    try:
        while waiting or running:
            for step in [s for s in waiting if _needs(s) & names <= done]:
                running[executor.submit(perform, step)] = step
                waiting.remove(step)
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                step = running.pop(future)
                future.result()
                done.add(step.name)
                after(step)
    except BaseException:
        for future in running:
            future.cancel()
        raise


def _needs(step: Step) -> set[str]:
    return {each.name for each in step.inputs} | set(step.reads)


@contextmanager
def pool(processes: int, *, cluster: str | None = None) -> Iterator[Executor | None]:
    """An executor of so many processes; None for one: this process does the work."""
    if processes == 1 and cluster is None:
        yield None
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as executor:
        yield executor
