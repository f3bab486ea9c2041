"""Fixtures that several packages share."""

import os
from pathlib import Path

# As the command line sets it: threads that wait for each other do not spin for long.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes side by side: a thread each
    for library in ("OMP", "OPENBLAS"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import pytest
import torch

from support.studies import OUTLINING, TINY

REAL = Path(__file__).parents[1] / "../shared/data"


@pytest.fixture(scope="session", autouse=True)
def _threads() -> None:
    """Two; one where pytest-xdist runs several processes."""
    torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """No test depends on what ran before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny() -> dict:
    """Dotted settings of the smallest whole study."""
    return dict(TINY)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A finished tiny study; tests that change something copy it first."""
    from rarecase import Study

    run = tmp_path_factory.mktemp("study") / "run"
    result = Study(out=run, settings=TINY).run()
    assert result.found == 0 and result.performed > 0
    return run


@pytest.fixture(scope="session")
def outlining(tmp_path_factory) -> Path:
    """A finished study whose U-Net outlines tumours, to predict with."""
    from rarecase import Study

    run = tmp_path_factory.mktemp("outlining") / "run"
    Study(out=run, settings=OUTLINING).run()
    return run
