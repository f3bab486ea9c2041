"""The tutorials are notebooks that run, and print what stands in them."""

import runpy
from pathlib import Path

import pytest

TOOL = runpy.run_path(str(Path(__file__).parents[1] / "tools" / "notebooks.py"))
NAMES = TOOL["names"]()


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_in_a_tutorial_was_executed_from_top_to_bottom(name):
    cells = [cell for cell in TOOL["read"](name).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(cell.outputs for cell in cells)
    assert all(output.output_type != "error" for output in outputs)
    assert any(TOOL["BAR"] in output.get("data", {}).get("text/plain", "") for output in outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert all(output.get("name") != "stderr" for output in outputs)


def test_a_table_gives_what_stands_there():
    kept, found = (TOOL["texts"](TOOL[how]("table")) for how in ("read", "executed"))
    for (code, before), (_, now) in zip(kept, found, strict=True):
        assert now == before, code


@pytest.mark.slow
def test_simulated_patients_give_as_much_as_stands_there():
    """Not the same numbers: networks round otherwise on other processors."""
    kept, found = (
        TOOL["texts"](TOOL["read"]("simulated")),
        TOOL["texts"](TOOL["executed"]("simulated")),
    )
    for (code, before), (_, now) in zip(kept, found, strict=True):
        assert [text.split()[0] for text in now] == [text.split()[0] for text in before], code


def test_the_readmes_picture_is_the_tutorials():
    name, code, place = TOOL["PICTURE"]
    assert place.read_bytes() == TOOL["picture"](TOOL["read"](name), code)
