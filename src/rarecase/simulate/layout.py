"""How a simulated patient is put on disk. One layout so far: that of BraTS.

`HGG/Sim_HGG_001/Sim_HGG_001_flair.nii.gz` … and `…_seg.nii.gz`, int16, mm, LPS voxel order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rarecase.simulate.patient import SimulatedPatient


class Layout(Protocol):
    """Where a patient's files lie and how they are written."""

    name: str

    def files(self, label: str, patient: str, channels: Sequence[str]) -> list[Path]:
        """Every file of a patient, relative to the cohort's folder."""

    def write(self, out: Path, patient: str, simulated: SimulatedPatient) -> None:
        """Write one patient under the cohort's folder `out`."""


class BratsLayout:
    """One folder a class, one a patient, one compressed NIfTI file a channel."""

    name = "brats"

    def files(self, label: str, patient: str, channels: Sequence[str]) -> list[Path]:
        """Every file of a patient, relative to the cohort's folder.

        >>> [str(f) for f in BratsLayout().files("LGG", "Sim_LGG_001", ["t2"])]
        ['LGG/Sim_LGG_001/Sim_LGG_001_t2.nii.gz', 'LGG/Sim_LGG_001/Sim_LGG_001_seg.nii.gz']
        """
        folder = Path(label) / patient
        return [folder / f"{patient}_{part}.nii.gz" for part in (*channels, "seg")]

    def write(self, out: Path, patient: str, simulated: SimulatedPatient) -> None:
        """Write one patient under the cohort's folder `out`."""
        arrays: list[NDArray] = [*simulated.images.values(), simulated.mask]
        files = self.files(simulated.label, patient, tuple(simulated.images))
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
