"""Files that a table or a description names, where they lie."""

from __future__ import annotations

import logging
from pathlib import Path

from rarecase.cohort.ids import same_text

_log = logging.getLogger(__name__)


class Places:
    """Finds the files that the table `path` names, from the table's own folder.

    root: that folder. A path is taken as it is written; where nothing is there, with its
    backslashes as slashes, as Windows writes them, and with names in whichever Unicode form they
    have on disk.
    """

    def __init__(self, path: Path) -> None:
        self.root = path.parent
        self._table = path
        self._names: dict[Path, dict[str, list[str]]] = {}
        self._turned: set[str] = set()

    def find(self, text: str) -> Path:
        """Where the file or folder lies, or would if it were there."""
        written = self.root / text
        if _exists(written):
            return written
        found = self._in_any_form(text)
        if found is None and "\\" in text:
            found = self._in_any_form(text.replace("\\", "/"))
            if found is not None:
                self._turned.add(text)
        return written if found is None else found

    def say(self) -> None:
        """Say how many paths were read otherwise than they are written."""
        if self._turned:
            _log.warning(
                "%s: in %d path(s), such as %s, backslashes are read as slashes; the files are "
                "there", self._table, len(self._turned), min(self._turned),
            )  # fmt: skip

    def _in_any_form(self, text: str) -> Path | None:
        here = self.root
        for part in Path(text).parts:
            if part != ".." and not _exists(here / part):
                known = self._inside(here).get(same_text(part), [])
                if len(known) != 1:
                    return None
                part = known[0]
            here = here / part
        return here

    def _inside(self, folder: Path) -> dict[str, list[str]]:
        if folder not in self._names:
            found: dict[str, list[str]] = {}
            for each in folder.iterdir() if folder.is_dir() else ():
                found.setdefault(same_text(each.name), []).append(each.name)
            self._names[folder] = found
        return self._names[folder]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # longer than any name of a file
        return False
