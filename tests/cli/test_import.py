"""`rarecase import`, as a user types it."""

import json

import numpy as np
import pytest
import torch

from rarecase.cli.main import main
from rarecase.segmenter import UNet, load_segmenter


@pytest.fixture
def weights(tmp_path):
    net = UNet(in_channels=4, width=4, depth=2)
    torch.save(net.state_dict(), tmp_path / "unet.pth")
    return tmp_path / "unet.pth"


def test_a_state_dict_becomes_a_model_that_init_takes(weights, tmp_path, capsys):
    out = tmp_path / "model"
    (tmp_path / "who.txt").write_text("BraTS_1\n\nBraTS_2\n")
    command = ["import", str(weights), "--out", str(out), "--patients", str(tmp_path / "who.txt")]
    assert main([*command, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["width"], said["depth"], said["trained_on"]) == (4, 2, 2)
    loaded = load_segmenter(out)
    assert loaded.channels == ("flair", "t1", "t1gd", "t2")
    assert loaded.seen == {"BraTS_1", "BraTS_2"}
    assert loaded.patients_known
    assert torch.equal(loaded.net.head.bias, torch.load(weights, weights_only=True)["head.bias"])
    assert main(command) == 1
    assert "nothing in it is overwritten" in capsys.readouterr().err


def test_unknown_patients_are_said(weights, tmp_path, capsys):
    assert main(["import", str(weights), "--out", str(tmp_path / "model")]) == 0
    assert "Whom it was trained on is not known" in capsys.readouterr().out
    assert not load_segmenter(tmp_path / "model").patients_known


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--channels", "flair"], "the network takes 4 channels"),
        (["--names", "none.yaml"], "none.yaml: cannot be read"),
        (["--patients", "none.txt"], "none.txt: cannot be read"),
        (["--norm", "batch"], "take another norm"),
        (["--joins", "sideways"], "invalid choice"),
    ],
)
def test_wrong_arguments_are_said(weights, tmp_path, capsys, more, message):
    command = ["import", str(weights), "--out", str(tmp_path / "model"), *more]
    try:
        code = main(command)
    except SystemExit as end:
        code = end.code
    assert code in (1, 2)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_other_files_are_refused(tmp_path, capsys):
    np.savez(tmp_path / "m.npz", params=np.zeros(3))
    assert main(["import", str(tmp_path / "m.npz"), "--out", str(tmp_path / "model")]) == 1
    assert "m.npz" in capsys.readouterr().err
    command = ["import", str(tmp_path / "m.safetensors"), "--out", str(tmp_path / "model")]
    assert main(command) == 2
    assert "needs no import" in capsys.readouterr().err
    command = ["import", str(tmp_path / "m.npz"), "--out", str(tmp_path / "x"), "--norm", "batch"]
    assert main(command) == 2
