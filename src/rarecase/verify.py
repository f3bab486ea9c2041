"""What of a run, a comparison or an exported model is not as it was written."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rarecase.checksums import (
    CHECKSUMS,
    PARTIAL,
    STEP,
    digest_of,
    files_below,
    gone_parts,
    read_record,
    recorded,
)
from rarecase.errors import DataError


@dataclass(frozen=True)
class Damage:
    """A file that is not as it was written: `kind` is damaged, missing, foreign (not recorded), or
    changed (one that may be changed by hand). `record`: what it was compared with."""

    path: Path
    kind: str
    record: Path | None = None
    step: str | None = None


def verify_folder(folder: Path) -> list[Damage]:
    """Every file below that is damaged, missing or foreign. Reads every byte.

    Raises
    ------
    DataError
        Where nothing below has a record.
    """
    folder = folder.absolute()
    records = sorted(
        path
        for name in (STEP, CHECKSUMS)
        for path in folder.rglob(name)
        if not any(PARTIAL in part for part in path.relative_to(folder).parts)
    )
    if not records:
        raise DataError(
            f"{folder}: no {STEP} or {CHECKSUMS} in it, so nothing says what should be there. "
            "Expected the folder of a run, of 'rarecase compare --out' or of an exported model."
        )
    found: list[Damage] = []
    covered, unknown = set(records), []
    for record in records:
        try:
            said = read_record(record)
        except DataError:
            name = record.parent.relative_to(folder).as_posix()
            found.append(Damage(record, "damaged", record, name if record.name == STEP else None))
            unknown.append(record.parent)
            continue
        assert said is not None
        gone = gone_parts(record.parent, said)
        for name, entry in said["files"].items():
            path, step = record.parent / name, entry.get("step") or said.get("step")
            covered.add(path)
            if not path.is_file():
                if name.split("/")[0] not in gone:
                    found.append(Damage(path, "missing", record, step))
            elif digest_of(path) != {part: entry[part] for part in ("sha256", "bytes")}:
                kind = "changed" if "by_hand" in entry else "damaged"
                found.append(Damage(path, kind, record, step))
    for path in files_below(folder):
        near = recorded(path)
        working = path.suffix == ".key" and path.with_name(path.stem + PARTIAL).exists()
        if path not in covered and not working and (near is None or near[0].parent not in unknown):
            found.append(Damage(path, "foreign", near[0] if near else None))
    return sorted(found, key=lambda each: each.path)


def repair(damages: Iterable[Damage]) -> list[Path]:
    """Remove what damaged or incomplete steps left: folders with a record of their own, and of the
    files that a folder's checksums.json lists those of the same step. Foreign files and those that
    are changed by hand stay. Returns what was removed."""
    gone: list[Path] = []
    for each in damages:
        if each.record is None or each.kind in ("foreign", "changed"):
            continue
        folder = each.record.parent
        if each.record.name == STEP:
            gone.append(folder)
            continue
        try:
            said = read_record(each.record) or {"files": {}}
        except DataError:
            gone.append(each.record)
            continue
        if said.get("again"):
            continue
        files = said["files"]
        same = {n for n, e in files.items() if e.get("step") == each.step and "by_hand" not in e}
        gone += [folder / name for name in sorted(same)]
        if each.step:
            gone.append(folder / each.step)
        elif len(same) == len(files):
            gone.append(each.record)
    gone = list(dict.fromkeys(gone))
    for path in gone:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return gone
