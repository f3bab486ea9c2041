"""Walking through folders as people have them: with links."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def folders_below(folder: Path) -> Iterator[tuple[Path, list[Path]]]:
    """A folder and those below it, by name, each with its files; hidden ones are left out. Links
    are followed, and what is reached twice is given once."""
    seen: set[str] = set()
    for place, inside, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link to what was there already, or to a folder around it
            inside.clear()
            continue
        seen.add(real)
        inside[:] = sorted(name for name in inside if name[0] != "." and name != "__MACOSX")
        yield Path(place), [Path(place, name) for name in sorted(names) if name[0] != "."]


def packed_below(folder: Path) -> str:
    """A word on files there that are packed one by one, as archives of research keep them, and are
    not read so; empty where there are none."""
    names = (file.name for _, files in folders_below(folder) for file in files)
    packed = [n for n in names if n.lower().endswith((".dcm.gz", ".ima.gz", ".dcm.bz2"))]
    if not packed:
        return ""
    return f"{len(packed)} DICOM file(s) there are packed, such as {packed[0]}: unpack them"
