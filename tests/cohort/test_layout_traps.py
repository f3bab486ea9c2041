"""Ways in which real folders go wrong without a word, each now right or said."""

import numpy as np
import pytest

from rarecase.cohort import read_cohort
from rarecase.cohort.tables import read_table
from rarecase.errors import DataError, SettingError
from rarecase.imaging import binarise


def flat(build, count: int = 8) -> list[str]:
    names = [f"BraTS20_Training_{i:03d}" for i in range(1, count + 1)]
    for each in names:
        build.brats_case("", each, "_")
    return names


def test_row_numbers_of_a_saved_table_are_not_case_ids(build):
    names = flat(build)
    order = names[::-1]  # row 1 is the last case
    grades = {name: "HGG" if i < 5 else "LGG" for i, name in enumerate(names)}
    for header in ("number", ""):
        rows = [f"{i},{grades[name]},{name}" for i, name in enumerate(order, start=1)]
        build.table("name_mapping.csv", "\n".join([f"{header},Grade,BraTS_2020_subject_ID", *rows]))
        assert read_cohort(build.root).patients == grades


def test_a_partial_table_of_labels_labels_whom_it_names(build):
    names = flat(build, 9)
    rows = [f"{name},{'a' if i % 2 else 'b'}" for i, name in enumerate(names[:4])]
    build.table("train_labels.csv", "\n".join(["id,kind", *rows]))
    cohort = read_cohort(build.root)
    assert list(cohort.patients) == names[:4] and len(cohort.dropped) == 5
    assert {each.reason for each in cohort.dropped} == {"no label"}


def test_a_table_by_patient_labels_every_visit(build):
    for patient in range(4):
        for visit in (0, 1):
            build.brats_case("", f"BraTS-GLI-{patient:05d}-00{visit}", "-")
    rows = [f"BraTS-GLI-{p:05d},{'HGG' if p < 2 else 'LGG'}" for p in range(4)]
    build.table("labels.csv", "\n".join(["subject,grade", *rows]))
    cohort = read_cohort(build.root)
    assert len(cohort.cases) == 8 and len(cohort.patients) == 4
    assert set(cohort.patients.values()) == {"HGG", "LGG"}


def test_a_patient_column_joins_the_cases_of_a_patient(build):
    names = flat(build, 6)
    rows = [f"{name},p{i // 2},{'HGG' if i < 4 else 'LGG'}" for i, name in enumerate(names)]
    build.table("labels.csv", "\n".join(["case,patient,grade", *rows]))
    assert read_cohort(build.root).patients == {"p0": "HGG", "p1": "HGG", "p2": "LGG"}


def test_tables_that_cannot_be_read_or_name_nobody_are_left_out_and_said(build):
    flat(build, 4)
    (build.root / "notes.csv").write_bytes("Bemerkung\nfällt aus\n".encode("latin-1"))
    build.table("survival.csv", "id,days\nsomebody,3")
    with pytest.raises(DataError, match=r"no labels.*notes\.csv, survival\.csv, but no column"):
        read_cohort(build.root)


def test_files_derived_from_a_channel_do_not_replace_it(build):
    for grade in ("HGG", "LGG"):
        build.brats_case(grade, f"{grade}_1")
        folder = build.root / grade / f"{grade}_1"
        build.volume(f"{grade}/{grade}_1/{grade}_1_deepmedic_seg.nii.gz")
        build.volume(f"{grade}/{grade}_1/{grade}_1_brain_t1.nii.gz")
        (folder / f"._{grade}_1_flair.nii.gz").write_bytes(b"Mac OS X")
    case = read_cohort(build.root).cases[0]
    assert case.mask is not None and case.mask.name == "HGG_1_seg.nii.gz"
    assert case.images["t1"].name == "HGG_1_t1.nii.gz"
    assert case.images["flair"].name == "HGG_1_flair.nii.gz"


def test_two_files_that_could_be_one_channel_are_named(build):
    for grade in ("HGG", "LGG"):
        build.volume(f"{grade}/case/a_flair.nii.gz")
        build.volume(f"{grade}/case/b_flair.nii.gz")
    with pytest.raises(DataError, match=r"a_flair\.nii\.gz and b_flair\.nii\.gz could be the same"):
        read_cohort(build.root)


@pytest.mark.parametrize(
    "name", ["seg", "tumour_core", "tumor1", "mask_reader2", "expert_seg", "wt-mask", "ROI"]
)
def test_a_manifest_does_not_feed_a_mask_to_the_network(build, name):
    for i in range(2):
        build.volume(f"f{i}.nii.gz")
        build.volume(f"s{i}.nii.gz", tumour=True)
    rows = ["a,a,x,f0.nii.gz,s0.nii.gz", "b,b,y,f1.nii.gz,s1.nii.gz"]
    table = build.table("m.csv", "\n".join([f"case,patient,label,flair,{name}", *rows]))
    with pytest.raises(DataError, match=f"column {name} .*Rename the mask's column to 'mask'"):
        read_cohort(table)


def test_archives_as_they_unpack(build):
    build.root = build.root / "archive" / "outer"
    build.rembrandt()
    (build.root / "__MACOSX" / "HGG").mkdir(parents=True)
    assert read_cohort(build.root.parent.parent).layout == "rembrandt"


def test_several_cohorts_in_one_folder_are_named(build):
    top = build.root
    for name in ("training", "validation"):
        build.root = top / name
        build.rembrandt()
    with pytest.raises(DataError, match=r"several cohorts: name one of .*training, .*validation"):
        read_cohort(top)


def test_a_row_longer_than_the_header_is_refused(build):
    table = build.table("slices.csv", "image,mask,patient,label\na.png,,p0,x,\nb.png,,p1,y,")
    with pytest.raises(DataError, match=r"line 2 has 5 values, the header 4 names"):
        read_cohort(table)


def test_label_masks_keep_every_label_whatever_else_is_in_the_slice():
    both = np.array([[0, 85, 170, 255]], np.float32)
    assert binarise(both).tolist() == [[0, 1, 1, 1]]
    assert binarise(both[:, :2]).tolist() == [[0, 1]]
    soft = np.linspace(0, 255, 64, dtype=np.float32)[None]
    assert binarise(soft).sum() == 32


def test_excluded_cases_are_dropped_with_the_reason(build):
    cohort = read_cohort(build.rembrandt(), exclude=["HF001"])
    assert "HF001" not in cohort.patients
    assert [(d.case, d.reason) for d in cohort.dropped] == [("HF001", "excluded")]
    with pytest.raises(SettingError, match="did you mean 'HF001'"):
        read_cohort(build.root, exclude=["HF0O1"])


def test_masks_alone_need_no_labels(build):
    flat(build, 3)
    cohort = read_cohort(build.root, labels=False)
    assert cohort.classes == ("any",) and len(cohort.cases) == 3 and not cohort.dropped


def test_odd_text_is_not_a_number(build):
    names = flat(build, 4)
    rows = [f"{name},{'1_2' if i % 2 else 'nan?'}" for i, name in enumerate(names)]
    build.table("labels.csv", "\n".join(["case,kind", *rows]))
    assert read_cohort(build.root).classes == ("1_2", "nan?")


def test_padded_row_numbers_do_not_beat_ids_as_written(build):
    names = flat(build)
    grades = {name: "HGG" if i < 5 else "LGG" for i, name in enumerate(names)}
    rows = [f"{i:03d},{grades[name]},{name}" for i, name in enumerate(names[::-1], start=1)]
    build.table("labels.csv", "\n".join(["number,grade,id", *rows]))
    assert read_cohort(build.root).patients == grades


def test_a_table_that_leaves_out_a_visit_does_not_split_the_patient(build):
    names = ["BraTS-GLI-00001-000", "BraTS-GLI-00001-001", "BraTS-GLI-00002-000"]
    names.append("BraTS-GLI-00003-000")
    for name in names:
        build.brats_case("", name, "-")
    rows = [f"{names[0]},P1,a", f"{names[2]},P2,b", f"{names[3]},P3,b"]
    path = build.table("labels.csv", "\n".join(["id,patient,grade", *rows]))
    cohort = read_cohort(build.root)
    assert [case.patient for case in cohort.cases] == ["P1", "P1", "P2", "P3"]
    path.write_text(path.read_text() + f"{names[0]},P9,a\n")
    with pytest.raises(DataError, match="00001-000' is of the patients 'P1' and 'P9'"):
        read_cohort(build.root)


def test_two_derived_files_are_not_chosen_by_their_packing(build):
    for name in flat(build, 2):
        (build.root / name / f"{name}_t1.nii.gz").unlink()
        build.volume(f"{name}/a_t1.nii")
        build.volume(f"{name}/b_t1.nii.gz")
    with pytest.raises(DataError, match=r"a_t1\.nii and b_t1\.nii\.gz could be the same"):
        read_cohort(build.root, labels=False)


def test_a_manifest_beside_its_images_one_folder_down(build):
    for name in "ab":
        build.volume(f"data/{name}_flair.nii.gz")
    rows = "a,a,x,a_flair.nii.gz\nb,b,y,b_flair.nii.gz"
    build.table("data/manifest.csv", f"case,patient,label,flair\n{rows}")
    assert read_cohort(build.root).layout == "manifest"


def test_cohorts_are_not_looked_for_below_a_fork(build):
    top = build.root
    (top / "other").mkdir()
    build.root = top / "archive" / "inner"
    build.rembrandt()
    with pytest.raises(DataError, match="no known layout"):
        read_cohort(top)


def test_a_quoted_separator_after_a_space_is_no_extra_value(build):
    table = build.table("t.csv", 'case,note\na, "small, cystic"\nb, plain')
    assert read_table(table)["note"].tolist() == ["small, cystic", "plain"]
    table.write_text("case,note\na," + "x" * 200_000 + "\n")
    with pytest.raises(DataError, match="not a CSV table"):
        read_table(table)


def test_an_excluded_case_takes_its_label_along(build):
    names = ["BraTS-GLI-00001-000", "BraTS-GLI-00001-001", "BraTS-GLI-00002-000"]
    for name in names:
        build.brats_case("", name, "-")
    (build.root / "empty").mkdir()
    rows = [f"{name},{grade}" for name, grade in zip(names, "abb", strict=True)]
    build.table("labels.csv", "\n".join(["id,grade", *rows]))
    with pytest.raises(DataError, match="more than one label"):
        read_cohort(build.root)
    cohort = read_cohort(build.root, exclude=[names[1], "empty"])
    assert cohort.patients == {"BraTS-GLI-00001": "a", "BraTS-GLI-00002": "b"}
    with pytest.raises(SettingError, match="a list of case ids was expected"):
        read_cohort(build.root, exclude=names[0])
    for labels in (True, False):
        with pytest.raises(DataError, match=r"cohort is empty.*excluded \(3\)"):
            read_cohort(build.root, exclude=names, labels=labels)
