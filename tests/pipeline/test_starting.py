"""The U-Net of the package as a start, and what becomes of cohorts that it does not know."""

import pytest
import torch

from rarecase import Study, simulate_cohort
from rarecase.segmenter import Segmenter, UNet, load_segmenter
from rarecase.segmenter import initial as initial_module


@pytest.fixture
def elsewhere(tmp_path):
    """Patients that nobody has seen."""
    return simulate_cohort(
        tmp_path / "new", patients={"HGG": 4, "LGG": 4}, size=32, slices=6, seed=9, prefix="New"
    )


def started(tiny, data, run, **more):
    settings = {n: v for n, v in tiny.items() if not n.startswith("simulation") and n != "preset"}
    settings |= {"segmenter.init": "pretrained", "cohort.channels": ["flair"], **more}
    Study(data, out=run, preset="demo", settings=settings).run(until="segment")
    return load_segmenter(run / "repeat-0/fold-0/segmenter")


def test_it_starts_from_the_network_of_the_package(
    tiny, outlining, elsewhere, tmp_path, monkeypatch, caplog
):
    shipped = outlining / "repeat-0/fold-0/segmenter"
    monkeypatch.setattr(initial_module, "WEIGHTS", shipped)
    caplog.set_level("INFO", logger="rarecase")
    found = started(tiny, elsewhere, tmp_path / "run")
    assert found.initialised_from == "pretrained" and found.net.width == 8
    assert load_segmenter(shipped).seen < found.seen
    assert "the pre-trained U-Net begins with a Dice of" in caplog.text


def test_a_cohort_that_it_does_not_know_does_without(
    tiny, elsewhere, tmp_path, monkeypatch, caplog
):
    net = UNet(in_channels=1, width=4, depth=2)
    torch.nn.init.constant_(net.head.bias, -9.0)
    (tmp_path / "weights").mkdir()
    Segmenter(net, ("flair",)).save(tmp_path / "weights")
    monkeypatch.setattr(initial_module, "WEIGHTS", tmp_path / "weights")
    found = started(tiny, elsewhere, tmp_path / "run")
    assert found.initialised_from is None
    assert "outlines nothing of what the masks show (Dice 0.00" in caplog.text
