"""Predictions for new patients: masks, probabilities, pictures, each case in turn."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning_fabric
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from rarecase.cohort.case import Case
from rarecase.cohort.fitting import unfit
from rarecase.cohort.ids import begins
from rarecase.cohort.load import from_axial
from rarecase.cohort.unreadable import BROKEN, reason_of, within
from rarecase.compute import DEVICES, make_fabric
from rarecase.deploy.inputs import cases_named, file_name, with_clinical
from rarecase.deploy.model import Deployed, Found
from rarecase.errors import DataError, SettingError, nearest
from rarecase.files import replacing_file, write_json, write_table
from rarecase.imaging.drawing import Overlay, overlay_figure, png
from rarecase.imaging.formats import is_dicom, suffix_of
from rarecase.imaging.formats.base import refusing
from rarecase.imaging.grid import Grid, resample
from rarecase.imaging.shown import shown_channel, spread_over
from rarecase.imaging.writing import write_dicom_seg, write_nifti_mask
from rarecase.progress import task
from rarecase.shown import Brief

log = logging.getLogger(__name__)
SHOWN = 6  # slices of an overlay
RESEARCH = "For research alone; nothing here may decide on a patient."


@dataclass(frozen=True, repr=False)
class Predicted(Brief):
    """A case's result.

    Parameters
    ----------
    p, call
        Probability by class; the class called.
    tumour_ml
        None for pictures.
    unlike
        What speaks against the scan being of the kind that was learnt from.
    problem
        Why it could not be read; the rest is empty then.
    notes
        What was odd about its files, and settled, such as voxel sizes that had to be assumed.
    source
        The file or folder of its first channel, within the folder that was named.
    """

    case: str
    p: dict[str, float]
    call: str | None
    tumour_ml: float | None
    tumour_slices: int
    mask: Path | None
    overlay: Path | None
    unlike: tuple[str, ...] = ()
    problem: str | None = None
    notes: tuple[str, ...] = ()
    source: str | None = None

    def row(self) -> dict[str, Any]:
        """One line of predictions.csv."""
        return {
            "case": self.case, "call": self.call, **{f"p_{n}": v for n, v in self.p.items()},
            "tumour_ml": self.tumour_ml, "tumour_slices": self.tumour_slices,
            "mask": None if self.mask is None else self.mask.name,
            "unlike": "; ".join(self.unlike), "notes": "; ".join(self.notes),
            "problem": self.problem, "source": self.source,
        }  # fmt: skip


def predict_images(
    model: Deployed,
    images: Sequence[str | Path],
    *,
    out: str | Path,
    device: str = "auto",
    clinical: str | Path | None = None,
) -> Iterator[Predicted]:
    """Predict every case behind `images` (see `cases_named`) and write into the new or empty folder
    `out`: CASE_mask.nii.gz on the grid of the case's own first file (for DICOM also CASE_seg.dcm;
    for pictures a folder of masks), CASE_overlay.png, predictions.csv and predictions.json.

    `clinical`: a table that names the cases, of which the columns are taken that the model has
    learnt to read (`model.clinical`); of a cohort its own table is read without being named. What
    is missing is imputed, which is said of every case.

    A case that cannot be read is a line with its problem, and the others go on. Cases come out as
    they are done.
    """
    out = Path(out)
    if isinstance(images, str | Path):
        images = [images]
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is not an empty folder and was not touched; choose a new one.")
    if device not in DEVICES:
        raise SettingError(f"device {device!r}: {nearest(device, DEVICES)}")
    cases, dropped = cases_named(
        [str(each) for each in images], model.channels, clinical=model.clinical
    )
    if clinical is not None:
        if not model.clinical:
            raise SettingError("clinical: the model has learnt from images alone; leave it out.")
        cases = with_clinical(cases, Path(clinical), model.clinical)
    if not cases and not dropped:
        raise SettingError("IMAGE is missing: a scan, a folder of one, or a cohort.")
    # The classifier's features must not depend on what the machine does fastest.
    fabric = make_fabric(device=device, precision="32-true")
    roots = tuple(Path(str(each)) for each in images if Path(str(each)).is_dir())
    failed = [_failed(each.case, within(each.reason, *roots)) for each in dropped]
    return _walk(model, cases, failed, out=out, fabric=fabric, roots=roots)


def _walk(
    model: Deployed,
    cases: Sequence[Case],
    failed: Sequence[Predicted],
    *,
    out: Path,
    fabric: lightning_fabric.Fabric,
    roots: tuple[Path, ...],
) -> Iterator[Predicted]:
    out.mkdir(parents=True, exist_ok=True)
    done = [*failed]
    _write_table(model, done, out)
    yield from failed
    with task("cases", total=len(cases)) as bar:
        for case in cases:
            above = (*roots, *(file.parent for file in case.files))
            try:
                found = model.predict(case, fabric=fabric)
                done.append(_without_folders(_write(model, found, out), above))
            except BROKEN as error:
                done.append(_failed(case.case, within(reason_of(error, None), *above)))
            _write_table(model, done, out)
            bar.advance(note=case.case)
            yield done[-1]


def _without_folders(found: Predicted, above: tuple[Path, ...]) -> Predicted:
    """A result that says of no folder above the data where they lie."""
    source = Path(str(found.source))
    places = [source.relative_to(each) for each in above if source.is_relative_to(each)]
    inside = [str(place) for place in places if place.parts]
    return replace(
        found, source=max(inside, key=len, default=source.name),
        notes=tuple(within(note, *above) for note in found.notes),
    )  # fmt: skip


def _failed(case: str, problem: str) -> Predicted:
    return Predicted(case, {}, None, None, 0, None, None, problem=problem)


def _write(model: Deployed, found: Found, out: Path) -> Predicted:
    name = file_name(found.case.case)
    drawn = found.outline(found.chances).any(axis=(1, 2))
    unlike = list(found.unlike)
    if _seen(found.case, model.segmenter.seen):
        unlike.append("the model has learnt from this patient: this says nothing of new ones")
    millilitres, notes = None, [n for g in found.groups for n in (*found.case.notes, *g.notes)]
    if found.case.slices:
        source = found.case.slices[0].image.parent
        if len(found.case.planes) > 1:
            notes.append(f"the planes of its pictures are taken as {', '.join(found.case.planes)}")
        mask = out / f"{name}_masks"
        _write_picture_masks(found, mask)
    else:
        values, grid = _mask_on_file(found)
        mask = out / f"{name}_mask.nii.gz"
        source = found.case.images[model.channels[0]]
        nifti = suffix_of(source) in (".nii", ".nii.gz")
        write_nifti_mask(mask, values, grid, like=source if nifti else None)
        if is_dicom(source):
            unlike += _seg(out / f"{name}_seg.dcm", values, source, case=found.case.case)
        millilitres = round(float(values.sum() * np.prod(grid.spacing)) / 1000, 2)
    overlay = out / f"{name}_overlay.png"
    with replacing_file(overlay) as beside:
        beside.write_bytes(_overlay(found, model.channels))
    return Predicted(
        found.case.case, found.p, found.call, millilitres, int(drawn.sum()), mask, overlay,
        tuple(unlike), notes=tuple(dict.fromkeys(notes)), source=str(source),
    )  # fmt: skip


def _mask_on_file(found: Found) -> tuple[NDArray[np.uint8], Grid]:
    """The predicted mask (i, j, k) of a volume case, in the order of its first channel's file."""
    group = found.groups[0]
    assert group.grid is not None and group.source is not None
    number = {int(n): i for i, n in enumerate(group.numbers)}
    size = found.chances.shape[-1]
    whole = np.zeros((len(group.images), size, size), dtype=np.float32)
    whole[[number[n] for n, _, _ in found.fitted.rows]] = found.chances
    slices = unfit(whole, *group.images.shape[-2:], cut=found.cut)
    chances = resample(from_axial(slices), group.grid, group.source)
    return found.outline(chances), group.source


def _write_picture_masks(found: Found, folder: Path) -> None:
    """The predicted mask of each picture of a case, at the picture's own size, 0 and 255."""
    folder.mkdir(exist_ok=True)
    size = {int(n): g.images.shape[-2:] for g in found.groups for n in g.numbers}
    files = {each.number: each for each in found.case.slices}
    for (number, _, _), chance in zip(found.fitted.rows, found.chances, strict=True):
        drawn = unfit(chance[None], *size[number], cut=found.cut)[0]
        stem = f"{number:04d}_{files[number].image.stem}"
        Image.fromarray(found.outline(drawn) * 255).save(folder / f"{stem}_mask.png")


def _seen(case: Case, seen: Sequence[str]) -> bool:
    """Whether a case is of a patient learnt from; a file may bear the patient's name and more."""
    return any(begins(case.patient, name) for name in seen)


def _seg(path: Path, values: Any, source: Path, *, case: str) -> list[str]:
    """Write a DICOM-SEG; returns what to say where the scan's own tags do not allow one."""
    try:
        with refusing(source, "no DICOM-SEG can be made of its tags", ""):
            write_dicom_seg(path, values, source, case=case)
    except DataError as error:
        log.warning("%s", error)
        return ["no DICOM-SEG could be written from its tags; the NIfTI mask is there"]
    return []


def _overlay(found: Found, channels: Sequence[str]) -> bytes:
    """Slices from one end of the predicted tumour to the other, the largest among them; without
    any, slices of the whole case."""
    area = found.outline(found.chances).sum(axis=(1, 2))
    channel = shown_channel(channels)
    largest = int(area.argmax()) if area.any() else None
    shown = [
        Overlay(
            title=f"slice {found.fitted.rows[i][0]}, {channels[channel]}"
            + (", largest" if i == largest else ""),
            case=found.case.case, image=found.fitted.images[i, channel],
            predicted=found.outline(found.chances[i]),
        )
        for i in spread_over(area, SHOWN)
    ]  # fmt: skip
    return png(overlay_figure(shown))


def _write_table(model: Deployed, done: Sequence[Predicted], out: Path) -> None:
    rows = [each.row() for each in done]
    # The columns of the fullest line: one with a problem has no probabilities.
    columns = max((list(row) for row in rows), key=len, default=[])
    write_table(out / "predictions.csv", pd.DataFrame(rows, columns=columns))
    card = model.card
    write_json(
        out / "predictions.json",
        {
            "note": RESEARCH,
            "model": {n: card[n] for n in ("version", "classes", "rare", "threshold", "arm",
                                           "channels", "learnt_from", "evidence")},
            "cases": [row | {"unlike": list(each.unlike), "notes": list(each.notes)}
                      for row, each in zip(rows, done, strict=True)],
        },
    )  # fmt: skip
