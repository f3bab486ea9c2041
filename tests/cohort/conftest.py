"""Small cohorts on disk, one builder a layout."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image


class Builder:
    """Writes tiny volumes, pictures and whole cohorts below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rng = np.random.default_rng(0)

    def volume(self, path: str, *, shape=(10, 12, 4), tumour=False, data=None, affine=None) -> Path:
        """A skull-stripped 'brain' (or a mask) with tissue off the border, in RAS."""
        if data is None:
            data = np.zeros(shape, np.int16)
            inner = tuple(slice(2, n - 2) if n > 4 else slice(None) for n in shape[:2])
            size = data[inner].shape
            data[inner] = 1 if tumour else self.rng.integers(80, 120, size)
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(data, np.eye(4) if affine is None else affine), file)
        return file

    def picture(self, path: str, *, size=(16, 16), colour=False, mask=False) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if mask:
            values = np.zeros(size, np.uint8)
            values[4:9, 5:8] = 255
        else:
            shape = (*size, 3) if colour else size
            values = self.rng.integers(0, 255, shape).astype(np.uint8)
        Image.fromarray(values).save(file)
        return file

    def table(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = (line.strip() for line in text.strip().splitlines())
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    def rembrandt(self, high: int = 3, low: int = 2) -> Path:
        for grade, count in (("HGG", high), ("LGG", low)):
            for i in range(count):
                name = f"{grade[0]}F{i:03d}"
                self.volume(f"{grade}/{name}/{name}.nii.gz")
                self.volume(f"{grade}/{name}/{name}_seg.nii.gz", tumour=True)
        return self.root

    def brats_case(self, folder: str, name: str, style: str = "_") -> None:
        names = {
            "_": ("flair", "t1", "t1ce", "t2", "seg"),
            "-": ("t2f", "t1n", "t1c", "t2w", "seg"),
        }
        for suffix in names[style]:
            file = f"{folder}/{name}/{name}{style}{suffix}.nii.gz"
            self.volume(file.lstrip("/"), tumour=suffix == "seg")

    def tcga(self, patients: dict[str, int], slices: int = 3) -> Path:
        """patients: such as {"CS_0001": grade}."""
        rows = ["Patient,grade,site_code"]
        for name, grade in patients.items():
            folder = f"TCGA_{name}_19990101"
            for number in range(1, slices + 1):
                self.picture(f"{folder}/{folder}_{number}.tif", colour=True)
                self.picture(f"{folder}/{folder}_{number}_mask.tif", mask=True)
            rows.append(f"TCGA_{name},{grade if grade else ''},1")
        self.table("data.csv", "\n".join(rows))
        return self.root

    def slices(self, labels: dict[str, str], *, per_patient: int = 2, folds=None) -> Path:
        rows = ["image,mask,patient,label" + (",fold" if folds else "")]
        for patient, label in labels.items():
            for i in range(per_patient):
                self.picture(f"{label}/{patient}_{i}.png")
                self.picture(f"{label}/{patient}_{i}_mask.png", mask=True)
                fold = f",{folds[patient]}" if folds else ""
                stem = f"{label}/{patient}_{i}"
                rows.append(f"{stem}.png,{stem}_mask.png,{patient},{label}{fold}")
        self.table("slices.csv", "\n".join(rows))
        return self.root

    def manifest(self, labels: dict[str, str], *, extra: str = "", values=None) -> Path:
        """One case a patient; `extra` is one more column with `values` by patient."""
        rows = ["case,patient,label,flair,t1,mask" + (f",{extra}" if extra else "")]
        for patient, label in labels.items():
            for channel in ("flair", "t1"):
                self.volume(f"v/{patient}_{channel}.nii.gz")
            self.volume(f"v/{patient}_m.nii.gz", tumour=True)
            files = ",".join(f"v/{patient}_{c}.nii.gz" for c in ("flair", "t1", "m"))
            more = f",{values[patient]}" if extra else ""
            rows.append(f"c-{patient},{patient},{label},{files}{more}")
        self.table("manifest.csv", "\n".join(rows))
        return self.root


@pytest.fixture
def build(tmp_path: Path) -> Builder:
    """A builder below an empty folder."""
    (tmp_path / "data").mkdir()
    return Builder(tmp_path / "data")
