"""Reading what comes next while what is there is used."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")


def ahead(
    read: Callable[[Item], Found], items: Iterable[Item], *, workers: int = 1
) -> Iterator[tuple[Item, Found]]:
    """(item, read(item)) one by one and in order; the next `workers` are read by as many threads
    while this one is used, and no more than those are held. With none, each when it is requested.

    >>> list(ahead(lambda n: n * n, [3, 1, 2], workers=2))
    [(3, 9), (1, 1), (2, 4)]
    """
    if workers == 0:
        for item in items:
            yield item, read(item)
        return
    waiting: deque[tuple[Item, Future[Found]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(read, item)))
                if len(waiting) > workers:
                    first, found = waiting.popleft()
                    yield first, found.result()
            while waiting:
                first, found = waiting.popleft()
                yield first, found.result()
        finally:  # an error, or a caller who has enough: what was not begun is not read
            for _, found in waiting:
                found.cancel()


def usable_cpus() -> int:
    """CPUs that this process may use (affinity respected where the system says so)."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def readers(most: int) -> int:
    """How many threads are worth reading with: one a CPU, at most `most`."""
    return min(most, usable_cpus())
