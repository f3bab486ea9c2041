"""What may be wrong with a cohort."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from rarecase.cohort.case import Case, Cohort
from rarecase.cohort.layouts.one_scan import ONE_SCAN
from rarecase.cohort.load import CaseArrays
from rarecase.shown import Brief

Severity = Literal["error", "warning", "note"]
# With fewer patients in the rare class than this, intervals will be too wide to say much.
_FEW_PATIENTS = 20
_MOST_COVERED = 0.5  # of the foreground, by a mask


@dataclass(frozen=True, repr=False)
class Problem(Brief):
    """Something to know. severity: 'error' stops a study, 'warning' may spoil it, 'note'."""

    severity: Severity
    case: str | None
    message: str

    def rank(self) -> tuple[int, str]:
        """The worst first, then by case."""
        return get_args(Severity).index(self.severity), self.case or ""


def case_problems(case: Case, groups: Sequence[CaseArrays]) -> Iterable[Problem]:
    """What its voxels say against a case."""
    for group in groups:
        for note in group.notes:
            yield Problem("warning", case.case, note)
    masked = np.concatenate([group.has_mask for group in groups])
    if masked.any() and not masked.all():
        message = f"{int((~masked).sum())} of {masked.size} slices have no mask"
        yield Problem("warning", case.case, message)
    covered = max((_covered(group) for group in groups), default=0.0)
    if covered > _MOST_COVERED:
        message = f"the mask covers {covered:.0%} of what is not background; is it one of tumour?"
        yield Problem("warning", case.case, message)
    if case.has_mask and not any(g.masks is not None and g.masks.any() for g in groups):
        yield Problem("note", case.case, "the mask is empty in every slice")
    if len(groups) > 1:
        sizes = sizes_of([group.images.shape[-2:] for group in groups])
        yield Problem("note", case.case, f"slices of several sizes ({sizes})")


def _covered(group: CaseArrays) -> float:
    """The share of the image's foreground, on slices with a mask, that the masks take."""
    if group.masks is None:
        return 0.0
    first = group.images[:, 0]
    there = (first > first.min()) & group.has_mask[:, None, None]
    return float(group.masks[there].sum() / max(int(there.sum()), 1))


def cohort_problems(cohort: Cohort, *, rare: str) -> Iterable[Problem]:
    """What cases, classes, masks and sites are there, and are not."""
    for note in cohort.notes:
        yield Problem("warning", None, note)
    for dropped in cohort.dropped:
        severity: Severity = "error" if dropped.asks else "warning"
        yield Problem(severity, dropped.case, f"left out: {dropped.reason}")
    for case in cohort.cases:
        for note in case.notes:
            yield Problem("warning", case.case, note)
    if len(cohort.counts) > 1 and cohort.counts[rare] < _FEW_PATIENTS:
        message = f"class {rare!r} has only {cohort.counts[rare]} patients: expect wide intervals"
        yield Problem("warning", None, message)
    without = sum(not case.has_mask for case in cohort.cases)
    if cohort.layout == ONE_SCAN:  # has no mask beside it, and makes no study
        return
    if without == len(cohort.cases):
        message = "no case has a mask: a study takes those that the U-Net it starts from predicts, "
        yield Problem("warning", None, message + "which nothing here can check")
    elif without:
        message = f"{without} of {len(cohort.cases)} cases have no mask: they are classified, but "
        yield Problem("note", None, message + "do not train the segmenter")
    several = sum(n > 1 for n in Counter(case.patient for case in cohort.cases).values())
    if several:
        yield Problem("note", None, f"{several} patients have several cases; they stay together")
    yield from _site_problems(cohort)


def mask_values(masks: Iterable[tuple[Mapping[int, int], Sequence[int]]]) -> Iterable[Problem]:
    """Masks of several values, and which of them count; for each case the values that its mask
    holds with their voxels, and those chosen."""
    found: Counter[int] = Counter()
    chosen: set[int] = set()
    for values, tumour in masks:
        found.update(values)
        chosen.update(tumour)
    if len(found) > 1 or chosen:
        listed = ", ".join(f"{value} ({found[value]:,} voxels)" for value in sorted(found))
        counted = ", ".join(map(str, sorted(chosen or found)))
        message = f"masks hold the values {listed}; as tumour count {counted} (cohort.tumour)"
        yield Problem("note", None, message)


def _site_problems(cohort: Cohort) -> Iterable[Problem]:
    classes: dict[str, set[str]] = defaultdict(set)
    for case in cohort.cases:
        if case.site is not None:
            classes[case.site].add(str(case.label))
    single = sorted(site for site, found in classes.items() if len(found) == 1)
    if len(classes) > 1 and single:
        message = f"site(s) {', '.join(single)} have patients of one class only: a classifier may "
        yield Problem("warning", None, message + "learn the scanner instead of the disease")


def copies(contents: Iterable[list[Case]]) -> Iterable[Problem]:
    """Cases with the same images; each of `contents` lists those."""
    for cases in contents:
        if len(cases) > 1:
            names = ", ".join(case.case for case in cases)
            leak = len({case.patient for case in cases}) > 1
            words = " under different patients, which would leak into the test" if leak else ""
            yield Problem(
                "error" if leak else "warning", cases[0].case, f"same images in {names}{words}"
            )


def sizes_of(sizes: Iterable[tuple[int, ...]]) -> str:
    """Sizes in words: 240x240, 96x96."""
    return ", ".join("x".join(map(str, size)) for size in sizes)
