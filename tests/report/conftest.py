import pytest

from rarecase.report import make_report
from support.fake_run import fake_run

KINDS = {
    "two": {},
    "three": {
        "classes": ("glioma", "pituitary", "men <b>&$x$"), "patients": (12, 9, 8),
        "pretrain": False, "repeats": 2, "seeds": (0, 1), "folds": 3, "shape": (24,),
        "arms": ("acgan", "wgan"),
    },
    "bare": {"masks": False, "pretrain": False, "keep": False, "dropped": False},
    "unaugmented": {
        "generator": False, "features": False, "pretrain": False, "tuned": False,
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """name → (run folder, page's text) of every kind of run."""
    made = {}
    for name, kind in KINDS.items():
        run = fake_run(tmp_path_factory.mktemp(name), **kind)
        made[name] = (run, make_report(run).read_text(encoding="utf-8"))
    return made
