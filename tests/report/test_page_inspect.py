"""The page of a cohort states an orientation only where a header gives one."""

import numpy as np
import pandas as pd
import pytest

from rarecase.cohort.inspect import Inspection
from rarecase.cohort.thumbnail import Thumbnail
from rarecase.report.page_inspect import report_inspection


@pytest.mark.parametrize(
    ("placed", "said"),
    [((True, True), "Front on top"), ((False, False), "No header says"),
     ((True, False), "in 1 of 2; no header says so of the others")],
)  # fmt: skip
def test_orientation_is_said_where_a_header_gives_it(tmp_path, placed, said):
    shown = {
        str(i): Thumbnail(np.zeros((4, 4), np.uint8), None, slice=0, placed=each, channel="t1")
        for i, each in enumerate(placed)
    }
    cases = pd.DataFrame({"case": [*shown], "label": "a"})
    found = Inspection("volumes", ("image",), {"a": 2}, "a", cases, (), shown)
    report_inspection(found, source="x", place=tmp_path / "sheet.html")
    text = (tmp_path / "sheet.html").read_text()
    assert said in text and ("right on the left" in text) == any(placed)
