"""What every layout shares: where to look, what it returns, names of channels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case, Dropped
from rarecase.cohort.roles import squeezed
from rarecase.cohort.tables import read_table
from rarecase.imaging.formats import SUFFIXES

USUAL = ("flair", "t1", "t1gd", "t2")
"""Channels in the order in which they are usually given."""

VOLUME_SUFFIXES = (".nii.gz", *(s for s in SUFFIXES if s not in (".nii.gz", ".tif", ".tiff")))
"""Suffixes by which layouts know a volume. TIFF is left to the layouts of pictures."""


FOLDERS = "the folders"
"""Where a label comes from that no table tells."""

# What may hold labels beside scans; text files and packed ones are anything there.
_TABLES = (".csv", ".tsv", ".tab", ".xlsx", ".xlsm")


@dataclass(frozen=True)
class Source:
    """A folder, and the CSV file in it if the user named one instead of the folder. above: folders
    around it, up to the one that the user named."""

    root: Path
    csv: Path | None = None
    above: tuple[Path, ...] = ()

    @staticmethod
    def of(path: Path) -> Source:
        """The source behind a path to a folder or to a CSV file."""
        return Source(path) if path.is_dir() else Source(path.parent, path)

    def inside(self) -> list[Source]:
        """The sources behind the folders directly in the root."""
        return [Source(folder, above=(self.root, *self.above)) for folder in self.folders()]

    def folders(self) -> list[Path]:
        """Folders directly in the root, sorted, hidden ones and archives' shadows left out."""
        folders = (p for p in self.root.iterdir() if p.is_dir() and p.name != "__MACOSX")
        return _visible(folders)

    def tables(self) -> list[Path]:
        """The table named by the user, or all in the root."""
        return _tables_in(self.root) if self.csv is None else [self.csv]

    def beside(self) -> list[Path]:
        """Tables in the folders around the root up to the one that the user named, or in the one
        around that; none where the user named a table."""
        if self.csv is not None:
            return []
        around = self.above or (self.root.resolve().parent,)
        try:
            return [path for folder in around for path in _tables_in(folder)]
        except OSError:  # a folder of somebody else's
            return []

    def table(self, name: str) -> Path | None:
        """The CSV file named by the user, or that of this name in the root; None: neither."""
        path = self.csv or self.root / name
        return path if path.is_file() else None

    def describe(self) -> str:
        """A few words on what is there, for errors."""
        if self.csv is not None:
            columns = ", ".join(map(str, read_table(self.csv).columns))
            return f"a CSV file with the columns {columns}"
        names = [p.name + ("/" if p.is_dir() else "") for p in _visible(self.root.iterdir())]
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        return f"{', '.join(names[:8])}{more}" if names else "an empty folder"


@dataclass(frozen=True)
class Origin:
    """A table that was joined: the column that names the cases, and by column the cases whose
    values come from it."""

    file: str
    key: str
    cases: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class RawCohort:
    """What a layout reads: cases without labels, and a table of everything that could be one.

    labels: columns 'case', 'patient' and one column a candidate (text, NaN where missing); one
    row per case or slice. own: the candidate that is the layout's own label, if it has one.
    hint: what to add to the error when there are no labels. origins: the tables that values come
    from; disputed: columns in which two of them disagree, and how. notes: what is to be said of the
    joining; unmatched: by table the ids that have no counterpart, in words; near: by case that no
    table names the id there that is most like it.
    """

    layout: str
    channels: tuple[str, ...]
    cases: tuple[Case, ...]
    labels: pd.DataFrame
    own: str | None
    dropped: tuple[Dropped, ...] = ()
    hint: str = ""
    origins: tuple[Origin, ...] = ()
    disputed: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unmatched: Mapping[str, Sequence[str]] = field(default_factory=dict)
    near: Mapping[str, str] = field(default_factory=dict)

    def tells(self, column: str | None) -> bool:
        """Whether a column's values come from a table."""
        return any(origin.cases.get(column or "") for origin in self.origins)

    def origin_of(self, column: str, case: str) -> str | None:
        """The table that a case's value in a column comes from ('labels.csv: grade, case by id'),
        None where it is none."""
        for origin in self.origins:
            if case in origin.cases.get(column, ()):
                return f"{origin.file}: {column}, case by {origin.key}"
        return None


@dataclass(frozen=True)
class Layout:
    """One way in which cohorts lie on disk. looks_for: a line for the error when none fits."""

    name: str
    looks_for: str
    recognise: Callable[[Source], bool]
    read: Callable[[Source], RawCohort]


def case_table(cases: Sequence[Case]) -> pd.DataFrame:
    """Columns case and patient, to which labels are joined."""
    return pd.DataFrame({"case": [c.case for c in cases], "patient": [c.patient for c in cases]})


def listed(
    layout: str,
    table: pd.DataFrame,
    cases: Sequence[Case],
    *,
    channels: tuple[str, ...],
    ours: Sequence[str],
    path: Path,
) -> RawCohort:
    """What the table `path` that lists the cases says: any column but `ours` could be the label."""
    others = [str(name) for name in table.columns if name not in ours]
    labels = table[["case", "patient", *others]]
    everybody = frozenset(case.case for case in cases)
    origin = Origin(path.name, "case", dict.fromkeys(others, everybody))
    own = own_label(labels, ("label",))
    return RawCohort(layout, channels, tuple(cases), labels, own, origins=(origin,))


def own_label(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The column that is the layout's own label: the first of `names`, whatever its capitals."""
    low = {squeezed(str(column)): str(column) for column in reversed(table.columns)}
    return next((low[name] for name in names if name in low), None)


def channels_in(cases: Sequence[Case]) -> tuple[str, ...]:
    """The channels of any case, the usual ones first."""
    found = {name for case in cases for name in case.images}
    return tuple(n for n in USUAL if n in found) + tuple(sorted(found - set(USUAL)))


def volume_named(folder: Path, stem: str) -> Path | None:
    """The volume of that name in a folder, with whatever suffix; NIfTI before others. Capitals are
    no matter, but a name that is written as it should be goes first."""
    files = (folder / f"{stem}{suffix}" for suffix in VOLUME_SUFFIXES)
    exact = next((file for file in files if file.is_file()), None)
    if exact is not None or not folder.is_dir():
        return exact
    low = {file.name.lower(): file for file in sorted(folder.iterdir()) if file.is_file()}
    names = (f"{stem}{suffix}".lower() for suffix in VOLUME_SUFFIXES)
    return next((low[name] for name in names if name in low), None)


_PLANES = r"(ax|axi|axial|tra|trans|sag|cor|obl|3d|2d)?"
# Words as scanners and radiographers write them, sequences that are T1 by nature among them.
_T1 = re.compile(
    _PLANES + r"t1(w|n|wi|we)?(se|tse|fse|ffe|tfe|spgr|vibe|mprage|mpr|space|ax|tra|sag|cor|3d|fs)?"
    r"|mprage|mp2?rage|f?spgr|bravo|vibe"
)
_T2 = re.compile(_PLANES + r"t2(w|wi)?(se|tse|fse|frfse|blade|space|ax|tra|sag|cor|3d|fs)?")
_NOT_T2 = re.compile(r"(^|_)(star|gre|ffe|fl[23]d|hemo\w*|swi|epi|stir)(_|$)")
_COMPUTED = re.compile(
    r"(^|_)(maps?|mapping|sub|subtr\w*|mip|minip|fused|fusion|colou?r|overlay|dce|dsc|dynami\w*)(_|$)"
)
_CONTRAST = re.compile(
    r"(^|_)(c(?!_?sp)|ce|gd|gad\w*|km|mdc|inj\w*|dotarem|magnevist|prohance|multihance|omniscan|"
    r"clariscan|post(?!_?op)(contrast|gad\w*|gd|km|kontrast\w*|inj\w*|c)?|contrast\w*|"
    r"kontrast\w*|enh\w*)(_|$)"
)
_NO_CONTRAST = re.compile(
    r"(^|_)(pre(contrast|gad\w*|gd|km|kontrast\w*|inj\w*|c)?|non?|noncontrast|nonenh\w*|unenh\w*|"
    r"nativ\w*|plain|without|wo|w_o|ohne|vor|sans|sin|senza|avant|before)(_|$)"
)
# C- as radiographers write it beside C+; a hyphen between words is none.
_MINUS = re.compile(
    r"(?<![a-z0-9])(c|ce|gd|km)-(?=$|[\s_)\],;])|(?<=[\s_(])-(c|ce|gd|km)(?![a-z0-9])"
)


def says_no_contrast(name: str) -> bool:
    """Whether a name says that no contrast agent was given (yet).

    >>> [says_no_contrast(n) for n in ("T1 w/o contrast", "T1 C-", "T1 -C", "T1 post", "T1-C")]
    [True, True, True, False, False]
    """
    return bool(_NO_CONTRAST.search(_plain(name)))


def _plain(name: str) -> str:
    """A name in lower case, words joined by underscores."""
    words = _MINUS.sub(" without ", name.lower()).replace("*", " star ")
    return re.sub(r"[^a-z0-9]+", "_", words).strip("_")


def channel_name(name: str) -> str:
    """The usual name of a channel: flair, t1, t1gd, t2, or the name in lower case.

    >>> [channel_name(n) for n in ("T1w", "FLAIR", "T1-Gd", "T1 post contrast", "T2 TSE fs")]
    ['t1', 'flair', 't1gd', 't1gd', 't2']
    >>> [channel_name(n) for n in ("T1 COR", "pre-contrast T1", "T1 FLAIR", "T2*", "ADC")]
    ['t1', 't1', 't1', 't2_star', 'adc']
    >>> [channel_name(n) for n in ("t2_tirm_tra_dark-fluid", "AXT1 +C", "MPRAGE KM", "T1 map")]
    ['flair', 't1gd', 't1gd', 't1_map']
    """
    low = _plain(name)
    if _COMPUTED.search(low):
        return low
    t1 = any(_T1.fullmatch(word) for word in low.split("_"))
    if re.search(r"t1w?(c|ce|gd|km|post)(_|$)", low):
        return "t1gd"
    if t1 and _CONTRAST.search(low) and not says_no_contrast(name):
        return "t1gd"
    if t1:
        return "t1"
    if re.search(r"flair|fluid_?att|dark_?fluid|(^|_)t2f(_|$)", low):
        return "flair"
    if any(_T2.fullmatch(word) for word in low.split("_")) and not _NOT_T2.search(low):
        return "t2"
    return low or "image"


def _tables_in(folder: Path) -> list[Path]:
    return _visible(p for p in folder.iterdir() if p.suffix.lower() in _TABLES and p.is_file())


def _visible(paths: object) -> list[Path]:
    return sorted(p for p in paths if not p.name.startswith((".", "~$")))  # type: ignore[attr-defined]
