"""`rarecase inspect` as a user types it: a cohort, a single scan, a quick look."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from rarecase.cli.main import main
from rarecase.cohort import read_cohort
from rarecase.errors import DataError
from support.dicoms import AXIAL, voxels
from support.written import dicom, pages


def call(capsys, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


def nifti(path: Path, data: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(data, np.eye(4)), path)
    return path


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    """BraTS' folders of three and two patients."""
    root = tmp_path_factory.mktemp("cli") / "cohort"
    for seed, name in enumerate(("HGG/H0", "HGG/H1", "HGG/H2", "LGG/L0", "LGG/L1")):
        case = root / name
        case.mkdir(parents=True)
        for place, channel in enumerate(("flair", "t1")):
            data = voxels((32, 32, 6), seed=2 * seed + place)
            nifti(case / f"{case.name}_{channel}.nii.gz", data)
        mask = np.zeros((32, 32, 6), np.uint8)
        mask[8:12, 8:12, 2:4] = 1
        nifti(case / f"{case.name}_seg.nii.gz", mask)
    return root


def picture(path: Path, *, colour: bool = False) -> Path:
    shape = (12, 10, 3) if colour else (12, 10)
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(values).save(path)
    return path


SCANS = {
    "HF001_flair.nii.gz": (lambda p: nifti(p, voxels()), "channels flair", 5),
    "brain.nii": (lambda p: nifti(p, voxels()), "channels image", 5),
    "two.nii.gz": (lambda p: nifti(p, np.stack([voxels(), voxels(seed=1)], axis=-1)),
                   "channels image_1, image_2", 5),
    "stack.tif": (lambda p: pages(p, voxels().astype(np.uint16)), "channels image", 5),
    "one.tif": (picture, "channels image", 1),
    "slice.png": (picture, "channels image", 1),
    "photo.jpeg": (picture, "channels image", 1),
    "colours.png": (lambda p: picture(p, colour=True), "channels red, green, blue", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", SCANS)
def test_a_single_scan_is_a_table_of_one_case(name, tmp_path, capsys):
    write, channels, slices = SCANS[name]
    write(tmp_path / name)
    (tmp_path / "labels.csv").write_text("case,label\na,b\n")  # is no matter of one scan
    page = tmp_path / "sheet.html"
    code, out, err = call(capsys, "inspect", tmp_path / name, "--html", page, "-q")
    assert code == 0, out + err
    first, _, heads, row, *_ = out.splitlines()
    assert first == f"one scan: 1 case, {channels}"
    assert "label" not in heads and name.split(".")[0] in row and "no mask" in row
    assert page.read_text().count("data:image/png;base64,") == 1 and "rare class" not in out
    code, out, _ = call(capsys, "inspect", tmp_path / name, "--json")
    said = json.loads(out)
    assert said["cases"][0]["slices"] == slices and said["cases"][0]["maximum"] > 0
    assert said["classes"] == {} and not [p for p in said["problems"] if p["severity"] == "error"]


def test_a_dicom_file_stands_for_its_series(tmp_path, capsys):
    dicom(tmp_path / "series", voxels(), AXIAL, patient="p")
    file = sorted((tmp_path / "series").iterdir())[2]
    bare = file.rename(file.with_name("I0000003"))
    code, out, _ = call(capsys, "inspect", bare, "-q")
    assert code == 0 and "one scan: 1 case, channels image" in out
    assert "1.00 x 1.00 x 3.00" in out and " 5 " in out


@pytest.mark.parametrize(
    ("name", "spoil", "why"),
    [("a.nii.gz", lambda p: p.write_bytes(p.read_bytes()[:90]), "truncated"),
     ("a.nii.gz", lambda p: nifti(p, np.full((8, 6, 5), np.nan)), "NaN"),
     ("a.nii.gz", lambda p: nifti(p, np.zeros((8, 6, 5))), "every voxel is 0"),
     ("a.png", lambda p: p.write_bytes(b"none"), "a.png"),
     ("a.dcm", lambda p: p.write_bytes(b"none"), "a.dcm")],
)  # fmt: skip
def test_what_is_wrong_with_a_scan_is_listed(name, spoil, why, tmp_path, capsys):
    nifti(tmp_path / "a.nii.gz", voxels())
    spoil(tmp_path / name)
    code, out, _ = call(capsys, "inspect", tmp_path / name, "--html", tmp_path / "s.html", "-q")
    assert code == 1 and why in " ".join(out.split())
    assert out.splitlines()[0].startswith("one scan: 1 case")
    assert (
        "not read" in (tmp_path / "s.html").read_text()
        and str(tmp_path) not in out.split("Page: ")[0]
    )
    code, _, err = call(capsys, "inspect", tmp_path / name, "--label", "Grade")
    assert code == 2 and "has no label" in err


def test_a_scan_is_no_study(tmp_path):
    scan = nifti(tmp_path / "a.nii.gz", voxels())
    with pytest.raises(DataError, match="single scan; name the folder or table of a whole cohort"):
        read_cohort(scan)


def test_fast_finds_what_is_found_without(cohort, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(cohort, data)
    flair, t1 = (sorted(data.glob(f"HGG/*/*_{name}.nii.gz")) for name in ("flair", "t1"))
    t1[0].write_bytes(t1[0].read_bytes()[:300])  # of a channel that is not the first
    sheet = tmp_path / "sheet.html"
    answers = {}
    for words in ((), ("--fast", "--html", sheet)):
        code, out, _ = call(capsys, "inspect", data, "--channels", "flair,t1", "-q", *words)
        assert code == 1 and flair[0].parent.name in out
        answers[words[:1]] = out.partition("Problems")[2].partition("Page: ")[0]
        assert ("intensities" in out) == (not words)
    assert answers[()].strip() == answers["--fast",].strip()
    assert sheet.read_text().count("data:image/png;base64,") == 4


def test_what_does_nothing_here_is_refused(cohort, capsys):
    for words in (("--seed", 3), ("--segmenter.epochs", 3), ("--arms", "smote"), ("--out", "run"),
                  ("--cohort.accept", "age"), ("--preset", "demo")):  # fmt: skip
        code, _, err = call(capsys, "inspect", cohort, *words)
        assert code == 2 and f"{words[0]} changes nothing in 'rarecase inspect'" in err
    code, out, _ = call(capsys, "inspect", cohort, "--rare", "HGG", "--cohort.tumour", "1", "-q")
    assert code == 0 and "rare: HGG" in out
    code, _, err = call(capsys, "inspect", cohort, "--rare", "HG")
    assert code == 2 and "did you mean 'HGG'" in err


def test_counts_stand_with_the_columns_name(cohort, tmp_path, capsys):
    assert "(3 HGG, 2 LGG; rare: LGG)" in call(capsys, "inspect", cohort, "-q")[1]
    data = tmp_path / "data"
    shutil.copytree(cohort, data)
    names = sorted(case.name for case in data.glob("*/*") if case.is_dir())
    rows = "\n".join(f"{name},{'II' if i % 2 else 'III'}" for i, name in enumerate(names))
    (data / "labels.csv").write_text(f"case,WHO\n{rows}\n")
    code, out, err = call(capsys, "inspect", data, "--label", "WHO", "-q")
    assert code == 0, err
    assert "(WHO: 2 II, 3 III; rare: II)" in out


def test_what_is_odd_about_a_table_is_said_once(cohort, tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    for case in cohort.glob("*/*"):
        shutil.copytree(case, data / case.name)
    names = sorted(case.name for case in data.iterdir())
    rows = "\n".join(f"{n},{'None' if i == 1 else 'ab'[i % 2]},{i}" for i, n in enumerate(names))
    (data / "labels.csv").write_text(f"case,MGMT,other\n{rows}\n")
    code, out, err = call(capsys, "inspect", data, "-q")  # which column is meant is asked
    assert code == 1 and "several columns could be the label" in out
    assert err.count("counts as missing in MGMT") == 1


def test_no_number_has_an_exponent(tmp_path, capsys):
    small = nifti(tmp_path / "small.nii.gz", voxels() * 1e-9)
    large = nifti(tmp_path / "large.nii.gz", voxels() * 1e9)
    for scan in (small, large):
        page = scan.with_suffix(".html")
        code, out, _ = call(capsys, "inspect", scan, "--html", page, "-q")
        assert code == 0
        for text in (out, page.read_text()[page.read_text().index('<section id="table"') :]):
            assert "e-0" not in text and "e+" not in text
    assert "0.000000" in call(capsys, "inspect", small)[1]
