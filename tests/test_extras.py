"""What works without the extras: tables without `imaging`, volumes without `torch`."""

import subprocess
import sys

import numpy as np
import pandas as pd

from rarecase import simulate_cohort
from rarecase.cli.main import EXTRAS

ALONE = """
import sys

class Gone:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {gone!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])

sys.meta_path.insert(0, Gone)
from rarecase.cli.main import main

sys.exit(main(sys.argv[1:]))
"""


def without(extras, folder, *words):
    """The command line where no package of these extras can be imported. (matplotlib needs PIL.)"""
    gone = [name for name, extra in EXTRAS.items() if extra in extras and name != "PIL"]
    program = [sys.executable, "-c", ALONE.format(gone=gone), *words]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True)


def test_a_table_is_compared_and_predicted_without_any_extra(tmp_path):
    rng, rare = np.random.default_rng(0), np.repeat([False, True], [60, 20])
    table = pd.DataFrame(rng.normal(size=(80, 2)) + rare[:, None], columns=["a", "b"])
    table.to_csv(tmp_path / "new.csv", index=False)
    table.assign(grade=np.where(rare, "low", "high")).to_csv(tmp_path / "t.csv", index=False)
    for line in (
        "compare t.csv --label grade --arms smote --repeats 1 --folds 3 --no-checks --out found",
        "predict found new.csv --out results",
        "verify found",
    ):
        done = without({"imaging", "torch"}, tmp_path, *line.split())
        assert done.returncode == 0, done.stderr


def test_a_cohort_is_inspected_without_pytorch(tmp_path):
    simulate_cohort(tmp_path / "data", patients={"HGG": 2, "LGG": 2}, size=32, slices=6)
    done = without({"torch"}, tmp_path, *["inspect", "data", "--html", "sheet.html"])
    assert done.returncode == 0, done.stderr
    assert "2 HGG, 2 LGG" in done.stdout


def test_what_needs_an_extra_says_which(tmp_path):
    simulate_cohort(tmp_path / "data", patients={"HGG": 2, "LGG": 2}, size=32, slices=6)
    done = without({"imaging", "torch"}, tmp_path, "inspect", "data")
    assert done.returncode == 2 and "pip install 'rarecase[imaging]'" in done.stderr
    done = without({"torch"}, tmp_path, *["run", "data", "--preset", "quick", "--out", "run"])
    assert done.returncode == 2 and "pip install 'rarecase[torch]'" in done.stderr
