"""Every layout is recognised by looking and read in full."""

import shutil

import pytest

from rarecase.cohort import read_cohort
from rarecase.cohort.layouts.brats import patient_of
from rarecase.errors import DataError


def test_rembrandt(build):
    cohort = read_cohort(build.rembrandt(high=3, low=2))
    assert cohort.layout == "rembrandt"
    assert cohort.channels == ("flair",)
    assert cohort.patients == {
        "HF000": "HGG", "HF001": "HGG", "HF002": "HGG", "LF000": "LGG", "LF001": "LGG"
    }  # fmt: skip
    assert cohort.rare == "LGG" and cohort.classes == ("HGG", "LGG")
    first = cohort.cases[0]
    assert first.images["flair"].name == "HF000.nii.gz" and first.mask.name == "HF000_seg.nii.gz"


def test_rembrandt_without_a_mask_or_an_image(build):
    root = build.rembrandt()
    (root / "HGG/HF000/HF000_seg.nii.gz").unlink()
    (root / "HGG/HF001/HF001.nii.gz").unlink()
    cohort = read_cohort(root)
    assert not cohort.cases[0].has_mask
    assert [(d.case, d.reason) for d in cohort.dropped] == [
        ("HF001", "no HF001.nii.gz in HGG/HF001")
    ]


@pytest.mark.parametrize(("style", "prefix"), [("_", "Brats18_TCIA02_13"), ("-", "BraTS-GLI-0")])
def test_brats_in_graded_folders(build, style, prefix):
    for i, grade in enumerate(["HGG", "HGG", "LGG"]):
        build.brats_case(grade, f"{prefix}{i}_1" if style == "_" else f"{prefix}{i}-000", style)
    cohort = read_cohort(build.root)
    assert cohort.layout == "brats"
    assert cohort.channels == ("flair", "t1", "t1gd", "t2")
    assert cohort.patients == {f"{prefix}0": "HGG", f"{prefix}1": "HGG", f"{prefix}2": "LGG"}
    assert all(case.has_mask for case in cohort.cases)


def test_brats_2020_with_name_mapping_inside_one_folder(build):
    for i in (1, 2, 3):
        build.brats_case("Training", f"BraTS20_Training_00{i}")
    build.table(
        "Training/name_mapping.csv",
        """Grade,BraTS_2017_subject_ID,BraTS_2020_subject_ID
        HGG,Brats17_A_1,BraTS20_Training_001
        LGG,,BraTS20_Training_002
        HGG,Brats17_C_1,BraTS20_Training_003""",
    )
    build.table(
        "Training/survival_info.csv",
        "Brats20ID,Age\nBraTS20_Training_001,60.5\nBraTS20_Training_003,41",
    )
    odd = build.root / "Training/BraTS20_Training_003"
    (odd / "BraTS20_Training_003_seg.nii.gz").rename(odd / "W39_1998.09.19_Segm.nii.gz")
    cohort = read_cohort(build.root)
    assert cohort.patients == {
        "BraTS20_Training_001": "HGG", "BraTS20_Training_002": "LGG", "BraTS20_Training_003": "HGG"
    }  # fmt: skip
    assert cohort.cases[2].mask.name == "W39_1998.09.19_Segm.nii.gz"


def test_brats_2021_labels_by_number(build):
    for i in (0, 2, 5):
        build.brats_case("", f"BraTS2021_0000{i}")
    path = build.table("labels.csv", "BraTS21ID,MGMT_value\n00000,1\n00002,0\n00005,1\n00009,1")
    expected = {"BraTS2021_00000": "1", "BraTS2021_00002": "0", "BraTS2021_00005": "1"}
    assert read_cohort(build.root, "MGMT_value").patients == expected
    assert read_cohort(path, "MGMT_value").patients == expected


def test_brats_visits_are_one_patient(build):
    for name in ("BraTS-GLI-00005-000", "BraTS-GLI-00005-001", "BraTS-GLI-00006-000"):
        build.brats_case("", name, "-")
    build.table(
        "grades.csv",
        """id,Grade
        BraTS-GLI-00005-000,G4
        BraTS-GLI-00005-001,G4
        BraTS-GLI-00006-000,G2""",
    )
    cohort = read_cohort(build.root)
    assert len(cohort.cases) == 3 and len(cohort.patients) == 2


@pytest.mark.parametrize(
    ("case", "patient"),
    [
        ("Brats18_TCIA02_135_1", "Brats18_TCIA02_135"),
        ("Brats17_2013_2_1", "Brats17_2013_2"),
        ("BraTS20_Training_001", "BraTS20_Training_001"),
        ("BraTS2021_00000", "BraTS2021_00000"),
        ("BraTS-GLI-00005-101", "BraTS-GLI-00005"),
    ],
)
def test_brats_patient(case, patient):
    assert patient_of(case) == patient


def test_brats_channels(build):
    for i, grade in enumerate(["HGG", "HGG", "LGG", "LGG"]):
        build.brats_case(grade, f"p{i}")
    (build.root / "HGG/p0/p0_t1.nii.gz").unlink()
    cohort = read_cohort(build.root)
    assert [(d.case, d.reason) for d in cohort.dropped] == [("p0", "no t1 image")]
    flair = read_cohort(build.root, channels=["T2", "FLAIR"])
    assert flair.channels == ("t2", "flair") and len(flair.cases) == 4
    with pytest.raises(ValueError, match="no 'flare' in this cohort; did you mean 'flair'"):
        read_cohort(build.root, channels=["flare"])


def test_tcga(build):
    root = build.tcga({"CS_0001": 1, "CS_0002": 2, "HT_A61B": 1}, slices=11)
    cohort = read_cohort(root, "grade")
    assert cohort.layout == "tcga-lgg" and cohort.channels == ("t1", "flair", "t1gd")
    case = cohort.cases[2]
    assert (case.case, case.patient, case.site) == ("TCGA_HT_A61B_19990101", "TCGA_HT_A61B", "HT")
    assert [files.number for files in case.slices] == list(range(1, 12))
    assert case.slices[9].mask.name == "TCGA_HT_A61B_19990101_10_mask.tif"
    (root / "data.csv").rename(root / "other.csv")
    assert read_cohort(root / "other.csv", "grade").patients == cohort.patients


def test_slices(build):
    labels = {"007": "a", "08": "b", "9": "b"}
    cohort = read_cohort(build.slices(labels, folds={"007": 1, "08": 2, "9": 1}))
    assert cohort.layout == "slices" and cohort.channels == ("image",)
    assert cohort.patients == labels
    assert [case.fold for case in cohort.cases] == [1, 2, 1]
    assert [files.image.name for files in cohort.cases[0].slices] == ["007_0.png", "007_1.png"]


def test_slices_with_cases_sites_colour_and_no_masks(build):
    for name in "abc":
        build.picture(f"{name}.png", colour=True)
    path = build.table(
        "my table.csv",
        """image;patient;case;site;label
        a.png;p1;x;north;1
        b.png;p1;y;north;1.0
        c.png;p2;z;south;2""",
    )
    cohort = read_cohort(path)
    assert cohort.patients == {"p1": "1", "p2": "2"}
    assert [(c.case, c.site, c.has_mask) for c in cohort.cases] == [
        ("x", "north", False), ("y", "north", False), ("z", "south", False)
    ]  # fmt: skip
    assert cohort.channels == ("red", "green", "blue")


def test_manifest(build):
    root = build.manifest(
        {"p1": "a", "p2": "b", "p3": "b"}, extra="site", values={"p1": "N", "p2": "S", "p3": "N"}
    )
    cohort = read_cohort(root)
    assert cohort.layout == "manifest" and cohort.channels == ("flair", "t1")
    assert [(c.case, c.patient, c.label, c.site) for c in cohort.cases] == [
        ("c-p1", "p1", "a", "N"), ("c-p2", "p2", "b", "S"), ("c-p3", "p3", "b", "N")
    ]  # fmt: skip
    assert read_cohort(shutil.copy(root / "manifest.csv", root / "x.csv")).cases == cohort.cases


def test_frame(build):
    frame = read_cohort(build.slices({"1": "a", "2": "b"}, folds={"1": 0, "2": 1})).to_frame()
    assert frame.to_dict("list") == {
        "case": ["1", "2"], "patient": ["1", "2"], "label": ["a", "b"], "site": [None, None],
        "fold": [0, 1], "has_mask": [True, True], "slices": [2, 2],
    }  # fmt: skip


def test_nothing_recognised_says_what_was_looked_for(build):
    build.picture("scans/a.png")
    build.table("notes.txt", "hello")
    with pytest.raises(DataError) as caught:
        read_cohort(build.root)
    message = str(caught.value)
    for part in ("slices.csv", "manifest.csv", "HGG/<id>", "TCGA_<site>", "_flair", "scans/"):
        assert part in message
    with pytest.raises(DataError, match="no such folder or file"):
        read_cohort(build.root / "nowhere")
    with pytest.raises(DataError, match="found a CSV file with the columns a, b"):
        read_cohort(build.table("t.csv", "a,b\n1,2"))
