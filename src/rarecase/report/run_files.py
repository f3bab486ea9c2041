"""Reading a run folder: what must be there, what may be there, nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from rarecase.errors import DataError
from rarecase.files import read_json

EXTERNAL = "external"


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


@dataclass(frozen=True)
class GeneratorFolder:
    """`synthetic/<arm>-seedS` of a fold."""

    fold: FoldFolder
    seed: int
    path: Path

    @property
    def arm(self) -> str:
        """The arm that its samples make."""
        return self.path.name.rsplit("-seed", 1)[0]

    def beside(self, part: str) -> Path:
        """Where another part of the same generator lies, as `fidelity/<arm>-seedS`."""
        return self.fold.path / part / self.path.name


class RunFiles:
    """The parts of a run folder; each is read when first asked for.

    Raises `DataError` when the cohort or the evidence is missing: without them there is nothing to
    report. Everything else may be missing and is then None or empty.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        for needed in ("cohort/cohort.csv", "cohort/cohort.json", "evidence.json"):
            if not (root / needed).is_file():
                raise DataError(
                    f"{root / needed}: no such file. A report needs a run folder whose steps up to "
                    "the evidence are done; finish the run first."
                )

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """evidence.json."""
        return dict(read_json(self.root / "evidence.json"))

    @cached_property
    def arms_evidence(self) -> dict[str, Any]:
        """arms.json; empty when no arms were compared."""
        path = self.root / "arms.json"
        return dict(read_json(path)) if path.is_file() else {}

    @cached_property
    def arms_checks(self) -> dict[str, Any]:
        """arms-checks.json; empty when no self-checks were made."""
        return optional_json(self.root / "arms-checks.json") or {}

    @cached_property
    def others(self) -> dict[str, Path]:
        """Folders of other cohorts that the run was judged on, by name."""
        found = sorted((self.root / EXTERNAL).glob("*/external.json"))
        return {path.parent.name: path.parent for path in found}

    @property
    def peeked(self) -> bool:
        """Whether the paper's own protocol was asked for, which chooses on the test set."""
        return self.evidence.get("protocol") == "faithful"

    @cached_property
    def cohort(self) -> pd.DataFrame:
        """cohort.csv, names as text."""
        names = {"case": str, "patient": str, "label": str, "site": str}
        table = pd.read_csv(self.root / "cohort" / "cohort.csv", dtype=names, keep_default_na=True)
        return table.assign(site=table["site"].fillna("")) if "site" in table else table

    @cached_property
    def cohort_facts(self) -> dict[str, Any]:
        """cohort.json."""
        return dict(read_json(self.root / "cohort" / "cohort.json"))

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
        path = self.root / "study.yaml"
        return path.read_text(encoding="utf-8") if path.is_file() else None

    @cached_property
    def settings(self) -> dict[str, Any]:
        """study.yaml; empty when there is none."""
        try:
            loaded = yaml.safe_load(self.settings_text or "")
        except yaml.YAMLError as error:
            raise DataError(f"{self.root / 'study.yaml'}: not valid YAML ({error}).") from None
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
        """Every generator's folder, in order of fold and seed."""
        found = []
        for fold in self.folds:
            for path in fold.path.glob("synthetic/*-seed*"):
                seed = path.name.rsplit("-seed", 1)[1]
                if path.is_dir() and seed.isdigit():
                    found.append(GeneratorFolder(fold, int(seed), path))
        return sorted(found, key=lambda g: (_width(g.arm), g.fold.repeat, g.fold.fold, g.seed))

    @property
    def arms(self) -> list[str]:
        """The generators' arms, the narrowest network first."""
        return list(dict.fromkeys(generator.arm for generator in self.generators))

    def width(self, arm: str) -> int | None:
        """Width of an arm's convolutional networks, where its generator says so."""
        for generator in self.generators:
            said = optional_json(generator.path / "generator.json") or {}
            if generator.arm == arm and "width" in said.get("settings", {}):
                return int(said["settings"]["width"])
        return None

    @staticmethod
    def card(segmenter: Path) -> dict[str, Any]:
        """model.json of a segmenter's folder, empty when it is missing."""
        return optional_json(segmenter / "model.json") or {}

    def steps(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(folder relative to the run, step.json) of every step, in order of finishing."""
        records = [
            (str(path.parent.relative_to(self.root)), dict(read_json(path)))
            for path in self.root.rglob("step.json")
            if not any(part.endswith(".partial") for part in path.relative_to(self.root).parts)
        ]
        records = [r for r in records if r[0].split("/")[0] not in ("report", "model", EXTERNAL)]
        yield from sorted(records, key=lambda record: (str(record[1].get("finished")), record[0]))

    def volumes(self) -> pd.DataFrame:
        """volumes.csv of every fold together, with columns repeat and fold; empty without masks."""
        parts = []
        for fold in self.folds:
            table = read_table(fold.path / "segmenter" / "volumes.csv")
            if table is not None:
                parts.append(table.assign(repeat=fold.repeat, fold=fold.fold))
        columns = ["case", "patient", "label", "part", "dice", "repeat", "fold"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _width(arm: str) -> tuple[int, str]:
    """Sorts `acgan-64` before `acgan-512`."""
    width = arm.rpartition("-")[2]
    return (int(width) if width.isdigit() else 0, arm)


def read_table(path: Path) -> pd.DataFrame | None:
    """A CSV with names as text, or None when it is missing or has no rows."""
    if not path.is_file():
        return None
    try:
        # As they stand: a class may be called 1, True or NA.
        names = dict.fromkeys(("case", "patient", "label", "class", "part"), str)
        table = pd.read_csv(path, dtype=names, keep_default_na=False, na_values=[""])
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: not a CSV table ({error}). Do the step that wrote it again."
        ) from None
    return table if len(table) else None


def optional_json(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None when the file is missing."""
    return dict(read_json(path)) if path.is_file() else None
