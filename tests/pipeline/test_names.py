"""What headers and the folders above the data say of patients and people is in no output."""

import numpy as np
import pandas as pd
import pydicom
import pytest
import zarr
from PIL import Image

from rarecase import Study, read_cohort, simulate_cohort
from rarecase.cli.main import main
from rarecase.imaging import read_volume
from support.studies import TINY
from support.written import dicom, dicom_seg

ABOVE = "ward_of_dr_quill"
PLANTED = {
    "PatientName": "Zebulon^Quark",
    "PatientBirthDate": "19551212",
    "AccessionNumber": "ACC-31337",
    "InstitutionName": "St Dymphna",
    "ReferringPhysicianName": "Vandemeer^Otto",
    "StudyDate": "20190203",
    "StudyID": "STUDY-8675309",
    "PatientComments": "prefers mornings",
    "StationName": "MRSCANNER55",
}
WORDS = [ABOVE, "MRN-90210", "Zebulon", "Quark", "Vandemeer", *list(PLANTED.values())[1:]]
SETTINGS = {k: v for k, v in TINY.items() if not k.startswith("simulation")} | {
    "preset": "quick",
    "segmenter.init": "none",
    "experiment": [{"features": "tumour", "classifier": "logistic", "arms": ["smote"]}],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A cohort of DICOM series and segmentations, everything planted in their headers."""
    plain = simulate_cohort(
        tmp_path_factory.mktemp("plain") / "c", patients={"HGG": 4, "LGG": 4}, size=32, slices=6,
        seed=2,
    )  # fmt: skip
    root, rows = tmp_path_factory.mktemp("names") / ABOVE / "data", []
    for number, case in enumerate(read_cohort(plain, "grade").cases):
        image, mask = read_volume(case.images["flair"]), read_volume(case.mask)
        folder = root / f"case{number}"
        data, affine = np.flip(image.data, (0, 1)), _turned(image)
        series = dicom(folder / "FLAIR", data, affine, patient=f"MRN-90210-{number}")
        dicom_seg(folder / "SEG" / "seg.dcm", np.flip(mask.data > 0, (0, 1)), series)
        for file in folder.rglob("*.dcm"):
            scan = pydicom.dcmread(file)
            for name, value in PLANTED.items():
                setattr(scan, name, value)
            scan.save_as(file)
        rows.append((folder.name, case.label))
    pd.DataFrame(rows, columns=["case", "grade"]).to_csv(root / "labels.csv", index=False)
    return root


def _turned(volume):
    """The affine of the same voxels with their first two axes turned round."""
    turn = np.diag([-1.0, -1.0, 1.0, 1.0])
    turn[:2, 3] = np.array(volume.data.shape[:2]) - 1
    return volume.grid.affine @ turn


def held(folder):
    """Every file of a folder and what it says, unpacked."""
    for file in folder.rglob("*"):
        if file.is_dir():
            if (file / "zarr.json").is_file():
                yield file, repr(dict(zarr.open(file, mode="r").attrs))
        else:
            text = file.name + file.read_bytes().decode("latin-1")
            if file.suffix == ".parquet":
                text += pd.read_parquet(file).to_csv()
            elif file.suffix == ".png":
                text += repr(Image.open(file).info)
            yield file, text


def test_no_output_of_a_study_names_anybody(data, tmp_path, capsys):
    run = tmp_path / "run"
    Study(data, out=run, settings=SETTINGS).run()
    assert main(["inspect", str(data), "--html", str(tmp_path / "out" / "sheet.html")]) == 0
    assert main(["predict", str(run), str(data), "--out", str(tmp_path / "out" / "new")]) == 0
    said, files = "".join(capsys.readouterr().out), 0
    assert [word for word in WORDS if word in said] == []
    # By its settings a run goes on: they alone say where the data lie.
    for folder in (run, tmp_path / "out"):
        for file, text in held(folder):
            if file == run / "study.yaml":
                continue
            files += 1
            assert [word for word in WORDS if word in text] == [], file
    assert files > 60
