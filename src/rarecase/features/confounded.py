"""Whether sites and classes are confounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rarecase.arrays import Floats, Ints


def confounded(
    sites: Sequence[Any], labels: ArrayLike, patients: Sequence[Any]
) -> pd.DataFrame | None:
    """Patients by site and class if the effects of sites and of classes are confounded:
    the design (an indicator per site, and per class but the first) lacks rank, since no site links
    some classes with the others. Else None.

    >>> confounded(["A", "A", "B"], [0, 1, 1], [1, 2, 3]) is None
    True
    >>> confounded(["A", "A", "B"], [0, 0, 1], [1, 2, 3]).to_numpy().tolist()
    [[2, 0], [0, 1]]
    """
    rows = {"site": list(sites), "class": np.asarray(labels), "patient": list(patients)}
    single = pd.DataFrame(rows).drop_duplicates()
    table = pd.crosstab(single["site"], single["class"])
    site, label = np.nonzero(table.to_numpy())
    design = np.hstack([indicators(site), indicators(label)[:, 1:]])
    return table if np.linalg.matrix_rank(design) < design.shape[1] else None


def indicators(codes: Ints) -> Floats:
    """A column of 0 and 1 for each of the codes (n,) that occur, in their order, (n, codes)."""
    return np.asarray(codes[:, None] == np.unique(codes), dtype=np.float64)
