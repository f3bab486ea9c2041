"""Reading a run folder: what must be there, what may be there, nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.checksums import check_file
from rarecase.errors import DataError, SettingError
from rarecase.evidence.result import PREDICTIONS
from rarecase.features.about import FEATURES
from rarecase.files import read_csv, read_json, read_parquet
from rarecase.pipeline import run_folder
from rarecase.yaml_text import load_yaml

COHORT_TABLE, COHORT_FACTS = (f"{run_folder.COHORT}/cohort.{kind}" for kind in ("csv", "json"))
HISTORY, OTHER_COHORT, PARTIAL = "history.csv", "external.json", ".partial"
PARTS = ("train", "validation", "test")
APART = (run_folder.REPORT.split("/")[0], run_folder.MODEL, run_folder.EXTERNAL)
"""What is made of a run that is there, and is no part of what it cost."""


@dataclass(frozen=True)
class SegmenterFolder:
    """The segmenter of a fold, or the pre-trained one; any of its files may be missing."""

    path: Path

    @cached_property
    def history(self) -> pd.DataFrame | None:
        """Loss, Dice and IoU by epoch and part."""
        return read_table(self.path / HISTORY)

    @cached_property
    def card(self) -> dict[str, Any]:
        """model.json, empty when it is missing."""
        return optional_json(self.path / "model.json") or {}

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights were kept."""
        epoch = self.card.get("best_epoch")
        return int(epoch) if isinstance(epoch, int) else None


@dataclass(frozen=True)
class FoldFolder:
    """`repeat-R/fold-F` of a run."""

    repeat: int
    fold: int
    path: Path

    @property
    def name(self) -> str:
        """For tables and legends."""
        return f"repeat {self.repeat}, fold {self.fold}"

    @cached_property
    def segmenter(self) -> SegmenterFolder:
        """Its segmenter."""
        return SegmenterFolder(self.path / run_folder.SEGMENTER)


@dataclass(frozen=True)
class GeneratorFolder:
    """`synthetic/<features>-<arm>-seed<S>` of a fold."""

    fold: FoldFolder
    features: str
    arm: str
    seed: int

    @property
    def path(self) -> Path:
        """Where the generator and its samples lie."""
        return self._in(run_folder.SYNTHETIC)

    @property
    def cell(self) -> str:
        """Fold and seed in words."""
        return f"{self.fold.name}, seed {self.seed}"

    @cached_property
    def history(self) -> pd.DataFrame | None:
        """Its losses, and whatever else it measures, by epoch."""
        return read_table(self.path / HISTORY)

    @cached_property
    def kept(self) -> pd.DataFrame | None:
        """How many samples of each class were generated, and how many the filter kept."""
        return read_table(self.path / "filter.csv")

    @cached_property
    def fidelity(self) -> pd.DataFrame | None:
        """How like the test patients' its samples are."""
        return read_table(self._in(run_folder.FIDELITY) / "fidelity.csv")

    @cached_property
    def card(self) -> dict[str, Any]:
        """generator.json, empty when it is missing."""
        return optional_json(self.path / "generator.json") or {}

    def _in(self, part: str) -> Path:
        return self.fold.path / part / f"{self.features}-{self.arm}-seed{self.seed}"


class RunFiles:
    """The parts of a run folder; each is read when first asked for.

    Raises `DataError` when the cohort or the evidence is missing: without them there is nothing to
    report. Everything else may be missing, as a run may be without masks or generators, and is then
    None or empty.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        for needed in (COHORT_TABLE, COHORT_FACTS, run_folder.EVIDENCE):
            if not (root / needed).is_file():
                raise DataError(
                    f"{root / needed}: no such file. A report needs a run folder whose steps up to "
                    "the evidence are done; finish the run first."
                )

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """evidence.json."""
        return dict(read_json(self.root / run_folder.EVIDENCE))

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """predictions.parquet, empty when it is missing."""
        path = self.root / PREDICTIONS
        return read_parquet(path) if path.is_file() else pd.DataFrame()

    @cached_property
    def features(self) -> dict[str, Any]:
        """features.json, empty when it is missing."""
        return optional_json(self.root / FEATURES) or {}

    @cached_property
    def others(self) -> dict[str, Path]:
        """Folders of other cohorts that the run was judged on, by name."""
        found = sorted((self.root / run_folder.EXTERNAL).glob(f"*/{OTHER_COHORT}"))
        return {path.parent.name: path.parent for path in found}

    @property
    def peeked(self) -> bool:
        """Whether the paper's own protocol was requested, which chooses on the test set."""
        return bool(self.evidence["protocol"] == "faithful")

    @cached_property
    def cohort(self) -> pd.DataFrame:
        """cohort.csv, names as text."""
        texts = ("case", "patient", "label", "site")
        table = read_csv(self.root / COHORT_TABLE, texts=texts)
        return table.assign(site=table["site"].fillna("")) if "site" in table else table

    @cached_property
    def cohort_facts(self) -> dict[str, Any]:
        """cohort.json."""
        return dict(read_json(self.root / COHORT_FACTS))

    @property
    def classes(self) -> list[str]:
        """Class names in the order of the predictions."""
        return [str(c) for c in self.evidence["classes"]]

    @property
    def rare(self) -> str:
        """The rare class."""
        return str(self.evidence["rare"])

    @cached_property
    def settings_text(self) -> str | None:
        """study.yaml as it stands."""
        path = self.root / run_folder.SETTINGS
        check_file(path)
        return path.read_text(encoding="utf-8") if path.is_file() else None

    @cached_property
    def settings(self) -> dict[str, Any]:
        """study.yaml; empty when there is none."""
        try:
            loaded = load_yaml(self.settings_text or "", name=str(self.root / run_folder.SETTINGS))
        except SettingError as error:
            raise DataError(str(error)) from None
        return loaded if isinstance(loaded, dict) else {}

    def setting(self, section: str, name: str) -> Any:
        """One setting, None when it is not there."""
        part = self.settings.get(section)
        return part.get(name) if isinstance(part, dict) else None

    @cached_property
    def folds(self) -> list[FoldFolder]:
        """Every fold folder, in order."""
        found = []
        for path in self.root.glob("repeat-*/fold-*"):
            repeat, fold = (part.split("-", 1)[1] for part in path.parts[-2:])
            if path.is_dir() and repeat.isdigit() and fold.isdigit():
                found.append(FoldFolder(int(repeat), int(fold), path))
        return sorted(found, key=lambda f: (f.repeat, f.fold))

    @cached_property
    def generators(self) -> list[GeneratorFolder]:
        """Every generator's folder, in order of the evidence's arms, of fold and of seed."""
        found = []
        seeds = self.evidence["seeds"] or [0]
        for features, arm in dict.fromkeys(
            (row["features"], row["arm"]) for row in self.evidence["rows"] if row["synthetic"]
        ):
            each = [GeneratorFolder(f, features, arm, s) for f in self.folds for s in seeds]
            found += [generator for generator in each if generator.path.is_dir()]
        return found

    @property
    def sources(self) -> dict[str, list[GeneratorFolder]]:
        """The generators by a name for readers: the arm, and the features where there are more."""
        several = len({generator.features for generator in self.generators}) > 1
        found: dict[str, list[GeneratorFolder]] = {}
        for each in self.generators:
            name = f"{each.arm} ({each.features})" if several else each.arm
            found.setdefault(name, []).append(each)
        return found

    def steps(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(folder relative to the run, its record) of every step, in order of finishing."""
        records = [
            (str(path.parent.relative_to(self.root)), dict(read_json(path)))
            for path in self.root.rglob(run_folder.RECORD)
            if not any(p.endswith(PARTIAL) for p in path.relative_to(self.root).parts)
        ]
        records = [r for r in records if r[0].split("/")[0] not in APART]
        yield from sorted(records, key=lambda record: (str(record[1].get("finished")), record[0]))

    @cached_property
    def volumes(self) -> pd.DataFrame:
        """volumes.csv of every fold together, with columns repeat and fold; empty without masks."""
        parts = [
            table.assign(repeat=fold.repeat, fold=fold.fold)
            for fold in self.folds
            if (table := read_table(fold.segmenter.path / "volumes.csv")) is not None
        ]
        columns = ["case", "patient", "label", "part", "dice", "repeat", "fold"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def mean_dice(volumes: pd.DataFrame) -> dict[str, Any]:
    """Mean Dice per volume of each of `PARTS`, NaN where nothing was scored."""
    return {p: volumes.loc[volumes["part"] == p, "dice"].astype(float).mean() for p in PARTS}


def by_class(table: pd.DataFrame, classes: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each class by its name, and at last all of them."""
    return [*((name, table[table["label"] == name]) for name in classes), ("all", table)]


def read_table(path: Path) -> pd.DataFrame | None:
    """A CSV with names as text, or None when it is missing or has no rows."""
    if not path.is_file():
        return None
    # As they stand: a class may be called 1, True or NA.
    table = read_csv(path, texts=("case", "patient", "label", "class", "part"), missing=("",))
    return table if len(table) else None


def optional_json(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None when the file is missing."""
    return dict(read_json(path)) if path.is_file() else None
