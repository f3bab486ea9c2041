"""What sources cost that read the cases themselves: tried on one of them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from rarecase.arrays import Bools
from rarecase.cohort import Cohort
from rarecase.cohort.fitting import fit_case
from rarecase.cohort.load import load_groups
from rarecase.features.sources.one_case import case_data
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.sources import source_in
from rarecase.pipeline.step import peak_memory
from rarecase.progress import unsaid
from rarecase.segmenter import Segmenter
from rarecase.segmenter.networks import network_like

LESION = 0.15  # of the slice's side, and of the slices: what the mask of a trial is wide, to a side


def try_sources(
    settings: Settings, cohort: Cohort, names: Sequence[str]
) -> dict[str, tuple[float, int]]:
    """Seconds a case, reading it included, and the bytes of memory that were needed besides, by
    source: measured on the middle one of the cohort, under a mask in its middle."""
    case, chosen = cohort.cases[len(cohort.cases) // 2], settings.slices
    if not all(path.exists() for path in case.files):
        return {}  # a simulated cohort that is not there yet
    began = time.perf_counter()
    with unsaid("rarecase.cohort.load"):
        groups = load_groups(case, cohort.channels, pixel=chosen.pixel)
    reading = time.perf_counter() - began
    fitted = fit_case(
        groups, chosen.size, name=case.case, normalise=chosen.alone, cut=chosen.pixel is not None
    )
    net = network_like(settings.segmenter, in_channels=len(cohort.channels))
    data = case_data(
        case, groups, fitted, _lesion(fitted.masks.shape),
        segmenter=Segmenter(net=net, channels=cohort.channels), channels=cohort.channels,
        fabric=make_fabric(settings.compute, exact=True),
        about={"classes": cohort.classes, "pixel": chosen.pixel, "planes": chosen.planes},
    )  # fmt: skip
    found = {}
    for name in names:
        before, began = peak_memory(), time.perf_counter()
        for _ in source_in(settings, name).batches(data):
            pass
        found[name] = (time.perf_counter() - began + reading, peak_memory() - before)
    return found


def _lesion(shape: tuple[int, ...]) -> Bools:
    """A ball in the middle of slices (n, h, w)."""
    axes = [np.abs(np.linspace(-1, 1, n)) / (2 * LESION) for n in shape]
    grid = np.meshgrid(*axes, indexing="ij")
    return np.asarray(sum(np.square(each) for each in grid) <= 1)
