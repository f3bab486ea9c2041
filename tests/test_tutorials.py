"""The tutorials' Python is executed, and prints what stands there."""

import doctest
import re
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"


def session(page: Path) -> str:
    """The interactive code of a page, in order."""
    text = page.read_text("utf-8")
    return "\n".join(re.findall(r"^```python\n(>>>.*?)^```$", text, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("name", ["table.md"])
def test_a_tutorial_prints_what_stands_there(name):
    code = session(TUTORIALS / name)
    test = doctest.DocTestParser().get_doctest(code, {}, name, name, 0)
    assert len(test.examples) > 10
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert not said, "".join(said)
