"""What is never imported where it need not be, and how pickles are read (the direction of imports
and the sizes of files: tools/structure.py)."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import rarecase

ROOT = Path(rarecase.__file__).parent


@pytest.mark.parametrize(
    "module",
    [
        "rarecase.evidence.evidence",
        "rarecase.evidence.result",
        "rarecase.report.run_page",
        "rarecase.pipeline.compare",
    ],
)
def test_no_pytorch_where_none_is_needed(module):
    code = f"import {module}, sys; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_no_pickle_is_written_or_read():
    forbidden = re.compile(
        r"(import|from) (pickle|joblib|shelve)|torch\.(load|save)\(|allow_pickle=True"
    )
    for path in set(ROOT.rglob("*.py")) - {ROOT / "restricted.py"}:
        assert not forbidden.search(path.read_text()), path


def test_other_peoples_pickles_are_read_in_one_place_and_restricted():
    text = (ROOT / "restricted.py").read_text()
    assert not re.search(r"pickle\.(loads?|dumps?)\(|allow_pickle=True|torch\.save\(f", text)
    assert len(re.findall(r"torch\.load\(", text)) == text.count("weights_only=True)") == 1
