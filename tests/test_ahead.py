"""Reading ahead: in order, no further than asked, and errors where they belong."""

import threading
import time

import pytest

from rarecase.ahead import ahead, readers


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_everything_comes_in_order(workers):
    def slow_first(n):
        time.sleep(0.05 if n == 0 else 0)
        return -n

    assert list(ahead(slow_first, range(7), workers=workers)) == [(n, -n) for n in range(7)]
    assert list(ahead(slow_first, [], workers=workers)) == []


def test_no_more_is_held_than_asked_for():
    begun = []
    for n, _ in ahead(begun.append, range(10), workers=2):
        assert len(begun) <= n + 3
        time.sleep(0.01)
    assert begun == list(range(10))


def test_the_next_is_read_meanwhile():
    second = threading.Event()

    def read(n):
        if n == 1:
            second.set()

    found = ahead(read, [0, 1])
    next(found)
    assert second.wait(10)


def test_an_error_comes_with_its_item_and_ends_the_reading():
    begun = []

    def read(n):
        begun.append(n)
        if n == 2:
            raise ValueError("item 2")
        return n

    got = []
    with pytest.raises(ValueError, match="item 2"):
        for _, found in ahead(read, range(100)):
            got.append(found)
    assert got == [0, 1]
    assert len(begun) < 6


def test_at_least_one_reader():
    assert readers(1) == 1
    assert 1 <= readers(1000) <= 1000
