"""Some of the corrupted files of benchmarks/fuzz.py, in this process."""

from pathlib import Path

import numpy as np
import pytest
from fuzz import attempt, corrupted, originals
from fuzz_written import written

from support.written import dicom


@pytest.mark.filterwarnings("ignore")
def test_corrupted_files_of_every_kind_that_is_written_are_too(tmp_path):
    made, bad = tmp_path / "made", tmp_path / "bad"
    made.mkdir()
    bad.mkdir()
    failures = []
    for path, how in corrupted(written(made), bad, files=120, seed=7):
        said, _ = attempt(path)
        if said not in ("read", "refused"):
            failures.append(f"{how}: {said}")
    assert not failures


@pytest.mark.filterwarnings("ignore")
def test_corrupted_files_are_read_or_refused_by_name(tmp_path):
    source, made, bad = (tmp_path / name for name in ("source", "made", "bad"))
    for folder in (made, bad):
        folder.mkdir()
    data = np.random.default_rng(0).integers(0, 99, (12, 10, 1)).astype(np.float32)
    dicom(source, data, np.diag([-1.0, -1, 3, 1]))
    failures = []
    for path, how in corrupted(originals(source, made), bad, files=250, seed=5):
        said, _ = attempt(Path(path))
        if said not in ("read", "refused"):
            failures.append(f"{how}: {said}")
        path.unlink()
    assert not failures
