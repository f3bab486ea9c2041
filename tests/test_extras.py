"""What works without the extras: tables without `imaging`, volumes without `torch`."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

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

sys.exit(max(main(line.split()) for line in sys.argv[1:]))
"""


def without(extras, folder, *lines):
    """Lines of the command line where no package of these extras can be imported. (matplotlib
    needs PIL.)"""
    gone = [name for name, extra in EXTRAS.items() if extra in extras and name != "PIL"]
    program = [sys.executable, "-c", ALONE.format(gone=gone), *lines]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("extras")
    simulate_cohort(found / "data", patients={"HGG": 2, "LGG": 2}, size=32, slices=6)
    return found


def test_a_table_is_compared_and_predicted_without_any_extra(tmp_path):
    rng, rare = np.random.default_rng(0), np.repeat([False, True], [60, 20])
    table = pd.DataFrame(rng.normal(size=(80, 2)) + rare[:, None], columns=["a", "b"])
    table.to_csv(tmp_path / "new.csv", index=False)
    table.assign(grade=np.where(rare, "low", "high")).to_csv(tmp_path / "t.csv", index=False)
    done = without(
        {"imaging", "torch"},
        tmp_path,
        "compare t.csv --label grade --arms smote --repeats 1 --folds 3 --no-checks --out found",
        "predict found new.csv --out results",
        "verify found",
    )
    assert done.returncode == 0, done.stderr
    assert "smote" in done.stdout and any((tmp_path / "results").iterdir())


def test_a_cohort_is_inspected_without_pytorch_and_a_run_says_what_it_needs(folder):
    done = without(
        {"torch"}, folder, "inspect data --html sheet.html", "run data --preset quick --out run"
    )
    assert "2 HGG, 2 LGG" in done.stdout and (folder / "sheet.html").is_file()
    assert done.returncode == 2
    (said,) = done.stderr.strip().splitlines()[-1:]
    assert said.endswith("which the base install leaves out: pip install 'rarecase[torch]'.")


def test_volumes_without_what_reads_them_say_what_they_need(folder):
    done = without({"imaging", "torch"}, folder, "inspect data")
    assert done.returncode == 2 and "pip install 'rarecase[imaging]'" in done.stderr
