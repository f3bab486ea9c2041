"""What the sections on results are written from: of a run, of a comparison, of either on another
cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rarecase.evidence.result import EVIDENCE, PREDICTIONS, Result
from rarecase.evidence.text import number
from rarecase.features.about import FEATURES
from rarecase.files import read_json, read_parquet
from rarecase.pipeline.run_folder import EXTERNAL

if TYPE_CHECKING:
    from rarecase.report.run_files import FoldFolder, GeneratorFolder

COMPARISON, OTHER_COHORT = "compare.json", "external.json"


class Found:
    """Evidence, predictions and what is known of the features; each is read when first asked for.

    A run knows more (`RunFiles`): settings, folds, masks, generators. Here these are empty, so that
    what is said of them is left out.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """evidence.json."""
        return dict(read_json(self.root / EVIDENCE))

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
        """Folders of other cohorts on which it was judged, by name."""
        found = sorted((self.root / EXTERNAL).glob(f"*/{EVIDENCE}"))
        return {path.parent.name: path.parent for path in found}

    @property
    def names(self) -> tuple[str, ...]:
        """Who made it, and what it is called."""
        return "compare", self.root.resolve().name

    @property
    def title(self) -> str:
        """The question of its page."""
        return f"Which features know the rare class {self.rare}, and do synthetic samples help?"

    @property
    def data(self) -> str:
        """The name of the table or cohort; empty where nobody says it."""
        return Path(str((optional_json(self.root / COMPARISON) or {}).get("features", ""))).name

    @property
    def column(self) -> str | None:
        """The column that the classes come from, None where nobody says it."""
        label = (optional_json(self.root / COMPARISON) or {}).get("label")
        return None if label is None else str(label).partition("=")[0].strip()

    @property
    def classes(self) -> list[str]:
        """Class names in the order of the predictions."""
        return [str(c) for c in self.evidence["classes"]]

    @property
    def rare(self) -> str:
        """The rare class."""
        return str(self.evidence["rare"])

    @property
    def peeked(self) -> bool:
        """Whether the paper's own protocol was requested, which chooses on the test set."""
        return bool(self.evidence["protocol"] == "faithful")

    @property
    def sample(self) -> str:
        """What a row of the predictions is of."""
        return "row"

    @property
    def made(self) -> str:
        """What was done in every fold; what was fitted follows."""
        return "In each, classifiers learnt from the features of all other patients:"

    @property
    def elsewhere(self) -> str:
        """How it is judged on another cohort."""
        return (
            "Every arm was fitted once more, to all patients of the table, and predicts those of "
            "the other one, from which nothing is learnt. As there is one training to judge, the "
            "verdicts hold for these training patients, and carry no chance of training."
        )

    @property
    def pooled(self) -> str:
        """Of which samples a patient is the mean, in brackets; empty where of all."""
        return ""

    @property
    def settings(self) -> dict[str, Any]:
        """study.yaml; empty when there is none."""
        return {}

    def setting(self, section: str, name: str) -> Any:
        """One setting, None when it is not there."""
        part = self.settings.get(section)
        return part.get(name) if isinstance(part, dict) else None

    @property
    def folds(self) -> Sequence[FoldFolder]:
        """Every fold folder, in order."""
        return []

    @property
    def sources(self) -> Mapping[str, list[GeneratorFolder]]:
        """Generators by a name for readers."""
        return {}

    @property
    def cohort(self) -> pd.DataFrame:
        """cohort.csv, names as text."""
        return pd.DataFrame()

    @property
    def volumes(self) -> pd.DataFrame:
        """Scores of predicted masks, a row a case and fold."""
        return pd.DataFrame(columns=["case", "part", "dice"])


class Elsewhere(Found):
    """What a run or a comparison, `home`, has learnt, judged on another cohort."""

    def __init__(self, root: Path, home: Found) -> None:
        super().__init__(root)
        self.home = home

    @property
    def names(self) -> tuple[str, ...]:
        """Who made it, and what it is called."""
        return "evaluate", f"{self._home} on {self.data}"

    @property
    def title(self) -> str:
        """The question of its page."""
        return f"Does what {self._home} learnt hold on {self.data}?"

    @property
    def data(self) -> str:
        """The name under which it was judged."""
        return self.root.resolve().name

    @property
    def _home(self) -> str:
        return self.home.root.resolve().name

    @property
    def made(self) -> str:
        """What was learnt, and where."""
        parts = ["None of them was learnt from.", self.home.elsewhere, *dice_line(self.root)]
        return " ".join([*parts, "What was judged:"])


class Held(Found):
    """A result that is in memory, of the table `name`."""

    def __init__(self, result: Result, *, name: str) -> None:
        super().__init__(Path(name))
        self.evidence, self.predictions = result.evidence, result.predictions
        self.features, self.others = result.features or {}, {}


def dice_line(folder: Path) -> list[str]:
    """What the masks of another cohort's tumours are worth; nothing where none is known."""
    dice = (optional_json(folder / OTHER_COHORT) or {}).get("dice")
    return [] if dice is None else [f"Its tumours are outlined with a mean Dice of {number(dice)}."]


def holds_result(folder: Path) -> bool:
    """Whether a folder holds what a result is read from."""
    return all((folder / name).is_file() for name in (PREDICTIONS, EVIDENCE))


def optional_json(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None when the file is missing."""
    return dict(read_json(path)) if path.is_file() else None
