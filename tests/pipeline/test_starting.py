"""The U-Net of the package as a start, and what becomes of cohorts that it does not know."""

import re

import pytest
import torch

from rarecase import Study, simulate_cohort
from rarecase.errors import DataError
from rarecase.evidence.result import Result
from rarecase.pipeline.steps.starting import with_channels
from rarecase.segmenter import Segmenter, UNet, load_segmenter
from rarecase.segmenter import initial as initial_module
from rarecase.segmenter.model import adapted


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


def judged(tiny, data, run, init, **more):
    settings = {n: v for n, v in tiny.items() if not n.startswith("simulation") and n != "preset"}
    settings |= {"segmenter.init": str(init), "cohort.channels": ["flair"], **more}
    settings["experiment"] = tiny["experiment"][1:]
    return Study(data, out=run, preset="demo", settings=settings).run()


def of_tables(page):
    """The captions of a page's tables."""
    return re.findall(r'<figure class="table".*?<figcaption>(.*?)</figcaption>', page, re.DOTALL)


@pytest.mark.parametrize("drawn", [True, False], ids=["left aside", "not there"])
def test_masks_of_the_network_it_starts_from(drawn, tiny, outlining, elsewhere, tmp_path):
    """Where no mask is used, or there is none: every table says whose masks they are."""
    start = outlining / "repeat-0/fold-0/segmenter"
    if not drawn:
        for path in elsewhere.rglob("*seg*"):
            path.unlink()
    masks = {"tuning.masks": "none"} if drawn else {}
    run = tmp_path / "run"
    judged(tiny, elsewhere, run, start / "model.safetensors", **masks)
    result = Result.read(run)
    found, given = load_segmenter(run / "repeat-0/fold-0/segmenter"), load_segmenter(start)
    assert found.trained_on == given.trained_on
    for name, value in given.net.state_dict().items():
        assert torch.equal(found.net.state_dict()[name], value), name
    assert result.evidence["untuned"] and bool(result.evidence["masks"]) == drawn
    stated = "under masks of the pre-trained U-Net alone"
    assert str(result).count(stated) >= 2
    captions = of_tables((run / "report/index.html").read_text(encoding="utf-8"))
    assert captions and all(stated in caption for caption in captions)


def test_masks_that_trained_it_are_not_called_so(outlining):
    captions = of_tables((outlining / "report/index.html").read_text(encoding="utf-8"))
    assert captions and not any("alone" in caption for caption in captions)


def test_without_masks_and_without_weights_it_says_what_to_do(tiny, elsewhere, tmp_path):
    for path in elsewhere.rglob("*seg*"):
        path.unlink()
    with pytest.raises(DataError, match=r"segmenter\.init=pretrained"):
        judged(tiny, elsewhere, tmp_path / "run", "none")


def test_a_network_of_other_channels_is_given_those_of_the_cohort():
    """What it makes of known ones stays, new ones begin with no say, and are named."""
    torch.manual_seed(1)
    known = Segmenter(UNet(in_channels=2, width=4, depth=1), ("flair", "t1"), missing="zero")
    x, zero = torch.randn(2, 3, 8, 8), torch.zeros(2, 1, 8, 8)
    known.net.eval()
    with torch.no_grad():
        found = adapted(known, ("adc", "t1", "flair"))
        expected = known.net(torch.cat([x[:, 2:3], x[:, 1:2]], dim=1))
        assert torch.allclose(found.net.eval()(x), expected, atol=1e-6)
        alone = adapted(known, ("t1",))
        expected = known.net(torch.cat([zero, x[:, :1]], dim=1))
        assert torch.allclose(alone.net.eval()(x[:, :1]), expected, atol=1e-6)
        nameless = adapted(known, ("ct", "pet"))
        expected = known.net(x[:, :1].repeat(1, 2, 1, 1))
        assert torch.allclose(nameless.net.eval()(x[:, :2]), expected, atol=1e-6)
    assert found.channels == ("adc", "t1", "flair") and found.order(("flair", "t1", "adc"))
    assert found.net.in_channels == 3


def test_channels_that_it_has_not_seen_are_named(caplog):
    known = Segmenter(UNet(in_channels=2, width=4, depth=1), ("flair", "t1"), missing="zero")
    assert with_channels(known, ("flair",)).channels == ("flair",) and not caplog.text
    with_channels(known, ("flair", "adc"))
    assert "knows flair, t1 and has not seen adc" in caplog.text
