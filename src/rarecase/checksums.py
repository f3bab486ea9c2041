"""SHA-256 of every file of a run, a comparison or an exported model: recorded when it is written,
compared when it is opened.

The record of a file is `step.json` in the folder of the step that wrote it, or `checksums.json` in
any other folder: the nearest one above the file. It holds a digest of itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from rarecase.errors import DataError

STEP, CHECKSUMS = "step.json", "checksums.json"
PARTIAL = ".rarecase.partial"  # no name that a user's own file or folder has
Entry = dict[str, Any]  # sha256, bytes; step: who wrote it, where that is not the folder's; by hand


def digest_of(path: Path) -> Entry:
    """SHA-256 and size of a file, read now."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": path.stat().st_size}


def digests(folder: Path) -> dict[str, Entry]:
    """SHA-256 and size of every file below, by its path from `folder`; records aside, and what is
    half written."""
    return {path.relative_to(folder).as_posix(): digest_of(path) for path in files_below(folder)}


def files_below(folder: Path) -> list[Path]:
    """In order; dot files are the system's."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name not in (STEP, CHECKSUMS)
        and not any(p.startswith(".") or PARTIAL in p for p in path.relative_to(folder).parts)
    )


def write_record(path: Path, said: Mapping[str, Any]) -> None:
    """Write a record, its `files` among what it says, with a digest of itself."""
    from rarecase.files import write_text  # which reads through this module

    write_text(path, _sealed({k: v for k, v in said.items() if k != "digest"}))


def _sealed(said: Mapping[str, Any]) -> str:
    """The one text that a record may consist of."""
    mine = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return json.dumps({**said, "digest": mine}, indent=1, allow_nan=False) + "\n"


def read_record(path: Path) -> dict[str, Any] | None:
    """What a record says; None where there is none. Raises `DataError` for one that is damaged."""
    try:
        found = _read(path, *_stamp(path))
    except OSError:
        return None
    if found is None:
        raise _refusal(path, record=path, step=None)
    return found


def _stamp(path: Path) -> tuple[int, int, int]:
    """Size, time of change and inode: what is known of a file holds as long as they stay."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


@lru_cache(maxsize=4096)
def _read(path: Path, *_: int) -> dict[str, Any] | None:
    try:
        text = path.read_text(encoding="utf-8")
        said = json.loads(text)
        whole = _sealed({k: v for k, v in said.items() if k != "digest"}) == text
    except (ValueError, AttributeError):
        return None
    return said if whole and isinstance(said.get("files"), dict) else None


def write_checksums(folder: Path, *, again: str = "") -> None:
    """Record every file below `folder`; `again`: how it is made anew where no command repairs it,
    a sentence."""
    write_record(folder / CHECKSUMS, {"again": again, "files": digests(folder)})


def record_files(
    folder: Path, names: Iterable[str], *, step: str | None = None, by_hand: bool = False
) -> None:
    """Record some files of `folder` (of a folder in it: all files) in its checksums.json, in place
    of what was recorded of them. Who wrote them stays what it was, unless `step` says it."""
    said = read_record(folder / CHECKSUMS) or {"files": {}}
    files = dict(said["files"])
    for name in names:
        old = {n: files.pop(n) for n in list(files) if n == name or n.startswith(f"{name}/")}
        known = step or next((e["step"] for e in old.values() if "step" in e), None)
        about: Entry = {"step": known} if known else {"by_hand": True} if by_hand else {}
        here = folder / name
        for path in files_below(here) if here.is_dir() else [here]:
            files[path.relative_to(folder).as_posix()] = digest_of(path) | about
    write_record(folder / CHECKSUMS, said | {"files": files})


def recorded(path: Path) -> tuple[Path, str] | None:
    """The record that covers a file, and the file's name in it; None where no record does."""
    path = path.absolute()
    for folder in path.parents:
        for name in (STEP, CHECKSUMS):
            if (folder / name).is_file():
                return folder / name, path.relative_to(folder).as_posix()
    return None


def check_file(path: Path) -> None:
    """Compare a file that a record covers with it, once per process as long as its size and time of
    change stay. Raises `DataError` that names the file, the step and the way out."""
    record, name = recorded(path) or (path, "")
    said = (read_record(record) if name else None) or {"files": {}}
    entry = said["files"].get(name)
    if entry is None or not path.is_file():
        return
    stamp = _stamp(path)
    if stamp[0] != entry["bytes"] or _known(path.absolute(), *stamp) != entry["sha256"]:
        step = entry.get("step") or said.get("step")
        raise _refusal(path, record=record, step=step, by_hand="by_hand" in entry)


def refusal(path: Path, why: str) -> DataError:
    """The error for a file that turned out to be damaged while it was read."""
    found = recorded(path)
    said = read_record(found[0]) if found else None
    if found is None or said is None:
        return DataError(f"{path}: damaged ({why}); make it anew.")
    return _refusal(path, record=found[0], step=said.get("step"), why=why)


def _refusal(
    path: Path, *, record: Path, step: str | None, by_hand: bool = False, why: str = ""
) -> DataError:
    folder = record.parent
    if record.name == STEP:
        step = step or folder.name
        parts = step.split("/")
        known = folder.parts[-len(parts) :] == tuple(parts)
        folder = folder.parents[len(parts) - 1] if known else folder
    if by_hand:
        return DataError(
            f"{path}: changed since the results beside it were made. 'rarecase run --out {folder}' "
            "brings them up to it; or put back what it was."
        )
    of, why = f", which step {step} wrote" if step else "", why or "not what was written once"
    said = None if path == record else read_record(record)
    if said and said.get("again"):
        return DataError(f"{path}{of}: damaged ({why}). {said['again']}")
    run = f"'rarecase run --out {folder}'" if step else "the command that made it"
    return DataError(
        f"{path}{of}: damaged ({why}). 'rarecase verify {folder} --repair' removes what was made "
        f"with it, and then {run} makes it anew."
    )


@lru_cache(maxsize=65536)
def _known(path: Path, *_: int) -> str:
    return str(digest_of(path)["sha256"])


def refuse_cut(folder: Path, said: Mapping[str, Any]) -> None:
    """Raise `DataError` for the first file of a record that is missing or of another size; nothing
    is read. Parts that may go (`bulky`) may be missing as a whole."""
    gone = gone_parts(folder, said)
    for name, entry in said["files"].items():
        path = folder / name
        whole = path.is_file() and path.stat().st_size == entry["bytes"]
        if not whole and name.split("/")[0] not in gone:
            raise refusal(path, "missing, or of another size")


def gone_parts(folder: Path, said: Mapping[str, Any]) -> set[str]:
    return {part for part in said.get("bulky", ()) if not (folder / part).exists()}
