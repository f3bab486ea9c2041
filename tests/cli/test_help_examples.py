"""The examples in `--help` are commands, as they are printed; the quick ones are run.

`tools/help_examples.py` runs all of them."""

import json
import runpy
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rarecase.cli.arguments import split_settings
from rarecase.cli.main import COMMANDS, build_parser, main
from rarecase.cli.study_options import overrides_of

TOOL = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "help_examples.py"))
EXAMPLES = TOOL["all_examples"]()
QUICK = [
    words for words in EXAMPLES
    if words[0] in ("inspect", "settings", "arms") or (words[0] == "compare" and "--plan" in words)
]  # fmt: skip


def test_every_command_has_examples_of_itself():
    for command in COMMANDS:
        assert any(words[0] == command.name for words in TOOL["examples"](command.epilog)), command


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_every_example_is_a_command(words):
    plain, dotted = split_settings(words)
    args, unknown = build_parser().parse_known_args(plain)
    assert not unknown
    args.rest = dotted
    command = next(each for each in COMMANDS if each.name == args.command)
    assert command.settings or not dotted
    if command.settings:
        overrides_of(args)  # raises for a setting that is none, or that does nothing there


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """What the quick examples name, as small as it can be."""
    import nibabel as nib

    root = tmp_path_factory.mktemp("examples")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(6):
        case = root / "DATA" / ("HGG", "LGG")[number % 2] / f"P{number}"
        case.mkdir(parents=True)
        for name in ("flair", "t1gd", "t1", "t2", "seg"):
            data = rng.uniform(1, 99, (16, 16, 4))
            data = (data > 90).astype(np.uint8) if name == "seg" else data
            nib.save(nib.Nifti1Image(data, np.eye(4)), case / f"{case.name}_{name}.nii.gz")
        rows.append([case.name, 2 + number % 3])
    pd.DataFrame(rows, columns=["case", "Grade"]).to_csv(root / "DATA/labels.csv", index=False)
    shutil.copytree(root / "DATA", root / "cohort")
    shutil.copy(root / "DATA/HGG/P0/P0_flair.nii.gz", root / "scan.nii.gz")
    TOOL["tables"](root)
    return root


@pytest.mark.parametrize("words", QUICK, ids=" ".join)
def test_quick_examples_run_as_printed(words, world, monkeypatch, capsys):
    monkeypatch.chdir(world)
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.strip()
    if "--json" in words:
        json.loads(said)


def test_examples_are_read_as_they_are_printed():
    text = (
        "examples:\n  rarecase run DATA --a 1 \\\n      --b 'x: 1,\n      y: 2'     what it does\n"
        "                    and more of it\n  rarecase arms\nprose about rarecase run"
    )
    assert [*TOOL["examples"](text)] == [
        ["run", "DATA", "--a", "1", "--b", "x: 1, y: 2"], ["arms"]
    ]  # fmt: skip
