"""A whole simulated cohort in a folder: chosen imbalance, one seed, written once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecase.ahead import ahead, readers
from rarecase.errors import DataError, SettingError, nearest
from rarecase.files import read_json, replacing_directory, write_json, write_text
from rarecase.progress import task
from rarecase.seeds import derive
from rarecase.simulate.contrast import CHANNELS
from rarecase.simulate.lesions import LESIONS
from rarecase.simulate.patient import (
    COVERAGE,
    FIELD_OF_VIEW,
    Simulated,
    check_channels,
    check_grid,
    simulate_patient,
)
from rarecase.simulate.traits import check_label, check_separability
from rarecase.simulate.varied import simulate_varied

RECORD = "simulation.json"
LAYOUT = "brats"
LABELS = "labels.csv"
MOST_AT_ONCE = 16  # patients, a thread each; one of 240x240x50 takes some 300 MB meanwhile
VERSION = 1
"""Goes up when the same settings give other voxels than before."""


def simulate_cohort(
    out: Path,
    *,
    patients: Mapping[str, int],
    size: int = 240,
    slices: int = 50,
    field_of_view: float = FIELD_OF_VIEW,
    coverage: float = COVERAGE,
    channels: tuple[str, ...] = CHANNELS,
    separability: float = 1.0,
    seed: int = 0,
    prefix: str = "Sim",
    varied: bool = False,
) -> Path:
    """Simulate `patients` (class -> number) and write them to `out` in the BraTS layout.

    Patient `Sim_HGG_007` is the same whatever the numbers requested. `simulation.json` holds the
    settings and what was drawn for every patient. Lengths in mm; `prefix` starts every patient's
    name (two cohorts that are used together need two, and two seeds). `varied`: classes are kinds
    of lesions, and contrast, quality, planes and field of view are drawn for every patient (see
    `simulate_varied`); folders of patients lie side by side then, with their classes in labels.csv.

    A folder that holds this very simulation is returned as it is. Raises DataError when `out`
    holds anything else, SettingError for settings that cannot be. Returns `out`.
    """
    settings = {
        "simulator": VERSION, "layout": LAYOUT,
        "patients": {label: int(patients[label]) for label in sorted(patients)},
        "size": int(size), "slices": int(slices), "field_of_view": float(field_of_view),
        "coverage": float(coverage), "channels": list(channels),
        "separability": float(separability), "seed": int(seed), "prefix": prefix,
    }  # fmt: skip
    if varied:
        settings |= {"varied": True}
    _check(settings)
    named = _named(settings)
    if _already_there(out, settings, named):
        return out
    drawn = {}
    with (
        replacing_directory(out) as folder,
        task("simulating patients", total=len(named)) as bar,
    ):

        def write(name: str) -> dict[str, Any]:
            label, index = named[name]
            simulated = _patient(settings, label, index)
            write_patient(folder, name, simulated, graded=not varied)
            return simulated.as_json()

        for name, said in ahead(write, named, workers=readers(MOST_AT_ONCE)):
            drawn[name] = said
            bar.advance(note=name)
        write_json(folder / RECORD, {"settings": settings, "patients": drawn})
        if varied:
            lines = ["case,label", *(f"{name},{label}" for name, (label, _) in named.items())]
            write_text(folder / LABELS, "\n".join(lines) + "\n")
    return out


def _patient(settings: Mapping[str, Any], label: str, index: int) -> Simulated:
    """The patient of that class and number."""
    own = {name: settings[name] for name in ("size", "slices")}
    own |= {"label": label, "channels": tuple(settings["channels"])}
    own["seed"] = derive(settings["seed"], "patient", label, index)
    if settings.get("varied"):
        return simulate_varied(**own)
    others = ("field_of_view", "coverage", "separability")
    return simulate_patient(**own, **{name: settings[name] for name in others})


def _check(settings: Mapping[str, Any]) -> None:
    """SettingError before any work is done."""
    patients, prefix = settings["patients"], settings["prefix"]
    for label, count in patients.items():
        if not settings.get("varied"):
            check_label(label)
        elif label not in LESIONS:
            raise SettingError(f"label {label!r} is not simulated; {nearest(label, LESIONS)}")
        if count < 0:
            raise SettingError(f"patients[{label!r}] must be 0 or more, got {count}.")
    if sum(patients.values()) == 0:
        raise SettingError('patients is empty; give for example {"HGG": 24, "LGG": 12}.')
    check_grid(
        size=settings["size"], slices=settings["slices"], coverage=settings["coverage"],
        field_of_view=settings["field_of_view"],
    )  # fmt: skip
    check_channels(tuple(settings["channels"]))
    check_separability(settings["separability"])
    if not prefix.isidentifier():
        raise SettingError(f"prefix must be letters, digits and underscores, got {prefix!r}.")


def _named(settings: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """Patient name -> class and number within it."""
    return {
        f"{settings['prefix']}_{label}_{index:03d}": (label, index)
        for label, count in settings["patients"].items()
        for index in range(1, count + 1)
    }


def files_of(
    label: str, patient: str, channels: Sequence[str], *, graded: bool = True
) -> list[Path]:
    """Every file of a patient in the BraTS layout, relative to the cohort's folder: one compressed
    NIfTI file per channel, and the mask; `graded`: in a folder of its class.

    >>> [str(f) for f in files_of("LGG", "Sim_LGG_001", ["t2"])]
    ['LGG/Sim_LGG_001/Sim_LGG_001_t2.nii.gz', 'LGG/Sim_LGG_001/Sim_LGG_001_seg.nii.gz']
    """
    folder = Path(label) / patient if graded else Path(patient)
    return [folder / f"{patient}_{part}.nii.gz" for part in (*channels, "seg")]


def write_patient(out: Path, patient: str, simulated: Simulated, *, graded: bool = True) -> None:
    """Write one patient under the cohort's folder `out`, in LPS voxel order."""
    arrays: list[NDArray] = [*simulated.images.values(), simulated.mask]
    files = files_of(simulated.label, patient, tuple(simulated.images), graded=graded)
    for file, array in zip(files, arrays, strict=True):
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        write_nifti(out / file, array, simulated.affine)


def write_nifti(path: Path, array: NDArray, affine: NDArray[np.float64]) -> None:
    """Write a volume as int16 NIfTI-1 in scanner mm; nibabel compresses `.gz` at level 1."""
    import nibabel

    image = nibabel.Nifti1Image(np.rint(array).astype(np.int16), affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    nibabel.save(image, path)


def _already_there(
    out: Path, settings: Mapping[str, Any], named: Mapping[str, tuple[str, int]]
) -> bool:
    """Whether `out` holds this simulation, whole; DataError if it holds anything else."""
    if not out.exists():
        return False
    if not out.is_dir():
        raise DataError(f"{out}: is a file; a simulated cohort needs a folder of its own.")
    if not any(out.iterdir()):
        return False
    if not (out / RECORD).is_file():
        raise DataError(
            f"{out}: holds files that are not a simulated cohort (no {RECORD}); nothing was "
            "written. Choose an empty or new folder."
        )
    record = read_json(out / RECORD)
    there = record.get("settings") if isinstance(record, dict) else None
    if not isinstance(there, dict) or there != settings:
        raise DataError(
            f"{out}: holds another simulation ({_difference(there, settings)}); nothing was "
            "written. Choose another folder, or remove this one first."
        )
    for name, (label, _) in named.items():
        for file in files_of(label, name, settings["channels"], graded=not settings.get("varied")):
            if not (out / file).is_file():
                raise DataError(
                    f"{out / file}: missing from a simulated cohort that should hold it; nothing "
                    "was written. Remove the folder to simulate it again."
                )
    return True


def _difference(there: object, wanted: Mapping[str, Any]) -> str:
    """The settings that differ, in words.

    >>> _difference({"seed": 0, "size": 96}, {"seed": 1, "size": 96})
    'seed is 0 there and 1 here'
    """
    if not isinstance(there, dict):
        return f"no settings in its {RECORD}"
    keys = [key for key in wanted if there.get(key) != wanted[key]]
    return ", ".join(f"{key} is {there.get(key)} there and {wanted[key]} here" for key in keys)
