"""So many threads for a task, and no other task in the same process meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_turn = threading.RLock()


@contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """Let BLAS and OpenMP have `threads` in this block (None: as many as they have).

    Tasks in threads of one process take turns: the number of threads, and PyTorch's random state,
    are the whole process's, and what one task sets another would compute with.
    """
    # A library that is loaded later would not be limited.
    import sklearn.utils  # noqa: F401

    with _turn, threadpool_limits(threads):
        yield
