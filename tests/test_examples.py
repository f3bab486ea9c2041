"""Examples run as a reader would run them."""

import json
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize(
    "name", ["acgan_on_a_table.py", "amount_grid_search.py", "monai_features.py"]
)
def test_an_example_runs(name, capsys):
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    assert capsys.readouterr().out


def test_the_network_of_an_nnunet_plan(tmp_path, monkeypatch):
    """The package that plans name is not needed here: one of its form is."""
    (tmp_path / "own_architecture.py").write_text(
        "from torch import nn\n"
        "def Net(*, input_channels, num_classes, deep_supervision, conv_op, norm_op, width):\n"
        "    assert norm_op is None and not deep_supervision\n"
        "    first, last = conv_op(input_channels, width, 3), conv_op(width, num_classes, 1)\n"
        "    return nn.Sequential(first, last)\n"
    )
    plan = {
        "configurations": {"2d": {"architecture": {
            "network_class_name": "own_architecture.Net",
            "arch_kwargs": {"conv_op": "torch.nn.modules.conv.Conv2d", "norm_op": None, "width": 4},
            "_kw_requires_import": ["conv_op", "norm_op"],
        }}}
    }  # fmt: skip
    (tmp_path / "nnUNetPlans.json").write_text(json.dumps(plan))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("NNUNET_PLANS", str(tmp_path / "nnUNetPlans.json"))
    monkeypatch.setenv("NNUNET_CONFIGURATION", "2d")
    monkeypatch.setenv("NNUNET_CHANNELS", "3")
    net = runpy.run_path(str(EXAMPLES / "nnunet_features.py"))["network"]()
    assert net[0].in_channels == 3 and net[1].out_channels == 2
