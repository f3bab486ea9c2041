"""The tutorials' Python is executed, and prints what stands there."""

import doctest
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SESSION = runpy.run_path(str(ROOT / "tools" / "pictures.py"))["session"]


@pytest.mark.parametrize("name", ["table.md"])
def test_a_tutorial_prints_what_stands_there(name):
    code = SESSION(ROOT / "docs" / "tutorials" / name)
    test = doctest.DocTestParser().get_doctest(code, {}, name, name, 0)
    assert len(test.examples) > 10
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert not said, "".join(said)
