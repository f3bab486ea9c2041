"""Cases whose files cannot be read: all of them are named, with why, and no other is stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from rarecase.errors import DataError

UNREADABLE = "unreadable"
"""Among the case ids to leave out: all of these, whoever they are."""
BROKEN = (DataError, OSError, MemoryError)
"""What a damaged, missing or hostile file of a case may end in."""
SHOWN = 20  # cases that a refusal lists with their reasons

Found = TypeVar("Found")


def within(text: str, *roots: Path | None) -> str:
    """Text without the folders that lie above the data, wherever paths stand in it.

    >>> within("/home/me/data/a/b.nii: damaged", Path("/home/me/data"))
    'a/b.nii: damaged'
    """
    known = {str(each) for root in roots if root is not None for each in (root, root.absolute())}
    for root in sorted(known - {".", "/"}, key=len, reverse=True):
        text = text.replace(f"{root}/", "")
    return text


def reason_of(error: BaseException, root: Path | None) -> str:
    """Why a case could not be read, with paths relative to the data."""
    if isinstance(error, MemoryError):
        return "takes more memory than there is."
    if isinstance(error, OSError) and error.filename is not None:
        return within(f"{error.filename}: {error.strerror}.", root)
    return within(str(error), root)


def attempt(read: Callable[[], Found], root: Path | None) -> tuple[Found | None, str | None]:
    """What a case is read to, or why it could not be."""
    try:
        return read(), None
    except BROKEN as error:
        return None, reason_of(error, root)


def refuse_unreadable(reasons: Mapping[str, str], *, cases: int) -> None:
    """Raise `DataError` that lists the cases that cannot be read, each with its reason; nothing
    where there are none."""
    if not reasons:
        return
    if len(reasons) == 1:
        raise DataError(next(iter(reasons.values())))
    lines = [
        why if f"Case {case!r}" in why else f"Case {case!r}: {why}"
        for case, why in list(reasons.items())[:SHOWN]
    ]
    more = [f"… and {len(reasons) - SHOWN} more."] if len(reasons) > SHOWN else []
    raise DataError(
        "\n".join([
            f"{len(reasons)} of {cases} cases cannot be read, and nothing was learnt from the "
            "others:", *lines, *more,
            f"Mend them, or leave them out: --cohort.exclude {','.join(reasons)} (or "
            f"--cohort.exclude {UNREADABLE}, whoever they are).",
        ])
    )  # fmt: skip
