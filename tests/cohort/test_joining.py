"""Labels, patients and sites of tables: whom they are joined to, and what is said."""

import json
import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecase.cohort import inspect_cohort, read_cohort
from rarecase.cohort.case import Case
from rarecase.cohort.layouts.base import case_table
from rarecase.cohort.layouts.joining import Joining
from rarecase.cohort.layouts.label_tables import of_cases
from rarecase.errors import DataError, SettingError


def nfd(text):
    return unicodedata.normalize("NFD", text)


def scans(build, names, folder=""):
    for name in names:
        build.volume(f"{folder}{name}/{name}_flair.nii.gz")
    return list(names)


def table(build, path, head, rows):
    return build.table(path, "\n".join([head, *(",".join(map(str, row)) for row in rows)]))


def kinds(names):
    return {name: "low" if i % 3 else "high" for i, name in enumerate(names)}


# ---- which column names the cases


def test_ages_that_cover_the_numbers_of_cases_are_no_ids(build):
    names = scans(build, [f"GLI-{i:04d}" for i in range(30, 42)])
    rows = [(f"Patient{i}", age, "ab"[i % 2]) for i, age in enumerate(range(41, 29, -1))]
    table(build, "clinical.csv", "who,age,kind", rows)
    with pytest.raises(DataError, match=r"no column there names the cases \(such as GLI-0030\)"):
        read_cohort(build.root, "kind")
    table(build, "clinical.csv", "scan id,age,kind", [(f"G{i}", *row[1:]) for i, row in
                                                      enumerate(rows)])  # fmt: skip
    with pytest.raises(DataError, match=r"clinical.csv has in its column 'scan id' 'G0'"):
        read_cohort(build.root, "kind")
    rows = [(name, *row[1:]) for name, row in zip(names, rows, strict=True)]
    table(build, "clinical.csv", "who,age,kind", rows)  # text that fits needs no name
    assert read_cohort(build.root, "kind").patients == {row[0]: row[2] for row in rows}


@pytest.mark.parametrize("name", ["id", "case_no", "nr"])
def test_a_running_number_beside_words_of_another_kind_is_no_id(build, name):
    cases = scans(build, [f"GLI-{i:03d}" for i in range(1, 9)])
    rows = [(i, f"K{9 - i}x", "ab"[i % 2]) for i in range(1, 9)]
    table(build, "t.csv", f"{name},code,kind", rows)
    with pytest.raises(DataError, match="no column there names the cases"):
        read_cohort(build.root, "kind")
    rows = [(i, cases[8 - i], kind) for i, _, kind in rows]
    table(build, "t.csv", f"{name},code,kind", rows)
    assert read_cohort(build.root, "kind").patients == {case: kind for _, case, kind in rows}


def test_numbers_name_cases_that_are_called_by_numbers(build):
    names = scans(build, [f"{i:03d}" for i in range(1, 9)])
    labels = kinds(names)
    table(build, "t.csv", "nr,age,kind", [(int(n), 40 + int(n) % 3, labels[n]) for n in names])
    assert read_cohort(build.root, "kind").patients == labels
    rows = [(i, int(n), labels[n]) for i, n in enumerate(names[::-1], start=1)]
    table(build, "t.csv", "row,nr,kind", rows)
    assert read_cohort(build.root, "kind").patients == labels
    ages = [(int(n) % 4 + 1, "x", labels[n]) for n in names]
    for head, wrong in (("row,code,kind", [(i, f"K{n}", kind) for i, n, kind in rows]),
                        ("age,note,kind", ages)):  # fmt: skip
        table(build, "t.csv", head, wrong)
        with pytest.raises(DataError, match="no column there names the cases"):
            read_cohort(build.root, "kind")


@pytest.mark.parametrize(
    ("folder", "written", "how"),
    [
        ("{:03d}", "{}.0", "other zeros"),
        ("Set-A-{:04d}", "set_a_{:02d}", "other zeros"),
        ("Set-A-{:04d}", "SET A {:04d}", "other capitals"),
        ("MRI_{:05d}", "{}", "the number at the end"),
    ],
)
def test_ids_in_another_writing_are_joined_and_it_is_said(build, caplog, folder, written, how):
    names = scans(build, [folder.format(i) for i in range(1, 7)])
    labels = kinds(names)
    rows = [(written.format(i), labels[name]) for i, name in enumerate(names, start=1)]
    table(build, "t.csv", "ID,kind", rows[::-1])
    assert read_cohort(build.root).patients == labels
    assert "cases are named by its column 'ID', all" in caplog.text and how in caplog.text


def test_ids_that_could_be_two_cases_name_none(build, caplog):
    scans(build, ["k1", "k01", "k2", "k3", "k4"])
    table(build, "t.csv", "id,kind", [("k001", "a"), ("k2", "a"), ("k3", "b"), ("k4", "b")])
    cohort = read_cohort(build.root)
    assert list(cohort.patients) == ["k2", "k3", "k4"]
    assert "'k001' could be 'k01' or 'k1'; it names none" in caplog.text


def test_folders_of_a_mac_and_tables_of_others(build):
    names = [f"Zürich-{i}" for i in range(4)]
    labels = kinds(names)
    for folders, ids in ((nfd, str), (str, nfd)):
        scans(build, map(folders, names), folder=f"{folders.__name__}/")
        rows = [(ids(name), label) for name, label in labels.items()]
        table(build, f"{folders.__name__}/t.csv", "id,kind", rows)
        cohort = read_cohort(build.root / folders.__name__, exclude=[nfd(names[0])])
        assert cohort.patients == {name: labels[name] for name in names[1:]}


def test_classes_and_sites_are_one_in_any_unicode_form(build):
    names = scans(build, [f"c{i}" for i in range(4)])
    rows = [(n, form("Ödem" if i < 2 else "ohne"), form("Köln")) for i, (n, form) in
            enumerate(zip(names, (nfd, str, nfd, str), strict=True))]  # fmt: skip
    table(build, "t.csv", "id,kind,site", rows)
    cohort = read_cohort(build.root, nfd("kind=Ödem"))
    assert cohort.classes == ("kind=Ödem", "rest") and {c.site for c in cohort.cases} == {"Köln"}


WRITINGS = {
    "{:03d}": ("{}", "{}.0", "sub-{:02d}", "{:05d}", "images/{}.nii.gz"),
    "sub-{:02d}": ("{}", "sub-{}", "SUB_{:03d}", "{:02d}", "Müller {}"),
    "MÜ-{:04d}": ("mü_{}", nfd("MÜ-{:04d}"), "MU-{:04d}", "{}", "{:04d}", "KÖ{}"),
}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_a_table_holds_labels_are_right_or_missing(data):
    folder = data.draw(st.sampled_from(sorted(WRITINGS)))
    numbers = data.draw(st.lists(st.integers(1, 60), min_size=3, max_size=9, unique=True))
    listed = data.draw(st.lists(st.sampled_from(numbers), min_size=1, unique=True))
    written = data.draw(st.sampled_from(WRITINGS[folder]))
    name = data.draw(st.sampled_from(["ID", "case", "Patient_ID", "code"]))
    columns = {
        name: map(written.format, listed),
        "Age": data.draw(st.lists(st.sampled_from(numbers), min_size=len(listed),
                                  max_size=len(listed))),
        "nr": range(1, len(listed) + 1),
        "kind": [f"of {number}" for number in listed],
    }  # fmt: skip
    order = data.draw(st.permutations(sorted(columns)))
    table = pd.DataFrame({name: [*map(str, columns[name])] for name in order})
    cases = [Case(folder.format(n), folder.format(n)) for n in numbers]
    joining = Joining(cases, case_table(cases))
    if not joining.add(Path("t.csv"), table):
        return
    right = {folder.format(n): f"of {n}" for n in listed}
    found = joining.labels.dropna(subset="kind")
    assert right.items() >= {*zip(found["case"], found["kind"], strict=True)}


# ---- what matches none


def test_what_matches_none_is_listed_with_the_nearest(build, caplog):
    names = scans(build, ["alpha1", "beta22", "gamma3", "delta4"])
    rows = [("alpha1", "a"), ("gamma3", "b"), ("delta4", "b"), ("bta22", "a")]
    table(build, "t.csv", "id,kind", rows)
    cohort = read_cohort(build.root)
    assert "1 of its ids name no case: 'bta22' (nearest: 'beta22')" in caplog.text
    assert "1 case(s) are not in it: 'beta22' (nearest: 'bta22')" in caplog.text
    assert [(d.case, d.reason) for d in cohort.dropped] == [
        (names[1], "no label (t.csv has 'bta22')")
    ]
    said = [problem.message for problem in inspect_cohort(cohort).problems]
    assert any("'bta22' (nearest: 'beta22')" in message for message in said)


def test_the_table_and_column_stand_with_every_case(build):
    names = scans(build, [f"c{i}" for i in range(6)])
    table(build, "one.csv", "id,kind", [(n, "a") for n in names[:3]])
    table(build, "two.csv", "scan,Kind", [(n, "b") for n in names[3:5]] + [(names[5], "b")])
    cohort = read_cohort(build.root)
    assert [case.label_from for case in cohort.cases] == [
        *["one.csv: kind, case by id"] * 3, *["two.csv: kind, case by scan"] * 3
    ]  # fmt: skip
    assert inspect_cohort(cohort).to_dict()["labels_from"] == cohort.labels_from
    assert {c.label_from for c in read_cohort(build.root, labels=False).cases} == {None}


# ---- several tables


def test_tables_that_disagree_are_refused_where_it_matters(build):
    names = scans(build, [f"c{i}" for i in range(4)])
    table(build, "copy.csv", "id,kind,note", [(n, "ab"[i % 2], "x") for i, n in enumerate(names)])
    right = table(build, "t.csv", "id,kind,note", [(n, "ab"[i // 2], "y") for i, n in
                                                    enumerate(names)])  # fmt: skip
    message = r"copy.csv and t.csv disagree about 'kind' of 2 case\(s\), such as 'c1': b and a"
    with pytest.raises(DataError, match=message):
        read_cohort(build.root, "kind")
    assert read_cohort(right, "kind").patients == dict(zip(names, "aabb", strict=True))
    right.write_text(right.read_text().replace("c1,a", "c1,b").replace("c2,b", "c2,a"))
    assert len(read_cohort(build.root, "kind").cases) == 4  # notes are of no matter
    table(build, "one.csv", "id,kind", [(names[0], "b")])
    with pytest.raises(DataError, match=r"disagree about 'kind' of 1 case\(s\), such as 'c0'"):
        read_cohort(build.root, "kind")


def test_folders_and_a_table_that_disagree_are_refused(build):
    root = build.rembrandt()
    path = table(build, "t.csv", "id,Grade,center", [("HF000", "LGG", "N"), ("HF001", "HGG", "N"),
                                                     ("LF000", "LGG", "S")])  # fmt: skip
    with pytest.raises(DataError, match=r"the folders and t\.csv disagree about 'grade' of 1"):
        read_cohort(root)
    path.write_text(path.read_text().replace("HF000,LGG", "HF000,HGG"))
    cohort = read_cohort(root)
    assert [case.site for case in cohort.cases] == ["N", "N", None, "S", None]
    path.write_text("id,grade\nHF000,4\nHF001,4\nHF002,3\nLF000,2\nLF001,2\n")
    assert set(read_cohort(root).classes) == {"HGG", "LGG"}  # other words contradict nothing
    assert read_cohort(root, "grade (t.csv)").classes == ("2", "3", "4")


# ---- patients and sites


@pytest.mark.parametrize(
    "name",
    ["patient", "PATIENT", "patient_id", "PatientID", "Patient-ID", "patient no.", "subject",
     "Subject ID", "participant_id", "pid", "MRN", "USUBJID", "study_patient_id"],
)  # fmt: skip
def test_scans_of_a_patient_stay_together(build, name):
    cases = scans(build, [f"s{i}{c}" for i in range(4) for c in "xy"])
    rows = [(case, f"P{case[1]}", "ab"[i // 4]) for i, case in enumerate(cases)]
    table(build, "t.csv", f"scan_id,{name},kind", rows)
    cohort = read_cohort(build.root, "kind")
    assert cohort.patients == {"P0": "a", "P1": "a", "P2": "b", "P3": "b"}
    assert len(cohort.cases) == 8


def test_a_table_by_patient_names_cases_that_begin_with_it(build, caplog):
    scans(build, [f"A{i}_{year}" for i in range(3) for year in (2001, 2004)])
    table(build, "t.csv", "patient,kind", [("A0", "a"), ("A1", "b"), ("A2", "b")])
    assert read_cohort(build.root).patients == {"A0": "a", "A1": "b", "A2": "b"}
    assert "with whose ids they begin; these are their patients" in caplog.text


def test_a_table_by_patient_in_another_writing(build, caplog):
    scans(build, [f"{i:03d}-{visit}" for i in range(1, 4) for visit in "12"])
    table(build, "t.csv", "Patient ID,kind", [(1, "a"), (2, "b"), (3, "b")])
    assert read_cohort(build.root).patients == {"1": "a", "2": "b", "3": "b"}
    assert "all with other zeros (1, 1.0, 001)" in caplog.text


def test_a_column_that_is_the_same_for_all_tells_no_patients(build, caplog):
    names = scans(build, [f"c{i}" for i in range(4)])
    rows = [(name, "ANON", "ab"[i % 2]) for i, name in enumerate(names)]
    table(build, "t.csv", "id,PatientID,kind", rows)
    assert list(read_cohort(build.root).patients) == names
    assert "its column 'PatientID' is the same for all cases, and tells no patients" in caplog.text


def test_two_columns_of_ids_that_differ_are_said(build, caplog):
    names = scans(build, [f"c{i}" for i in range(4)])
    table(build, "t.csv", "case,id,kind", zip(names, names[::-1], "abab", strict=True))
    assert list(read_cohort(build.root, "kind").patients.values()) == [*"abab"]
    assert "by its column 'case'; the column 'id' names other cases in the same" in caplog.text


def test_patients_that_are_not_known_are_not_one(build):
    names = scans(build, [f"c{i}" for i in range(4)])
    rows = zip(names, ["P1", "unknown", "unknown", "?"], "abab", strict=True)
    table(build, "t.csv", "id,patient,kind", rows)
    assert list(read_cohort(build.root).patients) == ["P1", "c1", "c2", "c3"]


def test_padded_ids_in_a_column_without_a_name_are_no_numbers_of_rows(build):
    names = scans(build, ["003", "001", "004", "002"])
    table(build, "t.csv", ",kind", zip(names, "abab", strict=True))
    cohort = read_cohort(build.root)
    assert [(case.case, case.label) for case in cohort.cases] == [
        ("001", "b"), ("002", "b"), ("003", "a"), ("004", "a")
    ]  # fmt: skip
    rows = zip("1234", "abab", strict=True)
    (build.root / "t.csv").write_text(",kind\n" + "".join(f"{i},{k}\n" for i, k in rows))
    with pytest.raises((DataError, SettingError), match="no column there names the cases"):
        read_cohort(build.root)


def test_scans_without_a_patient_beside_others_are_said(build, caplog):
    names = scans(build, [f"c{i}" for i in range(4)])
    table(build, "t.csv", "id,patient,kind", zip(names, ["P1", "", "?", "P1"], "abba", strict=True))
    cohort = read_cohort(build.root)
    assert list(cohort.patients) == ["P1", "c1", "c2"]
    assert any("2 row(s) have no 'patient'" in p.message for p in inspect_cohort(cohort).problems)


@pytest.mark.parametrize("column", ["Patient", "subject_id", "Hospital_patient_ID"])
def test_a_patients_number_that_ends_like_a_case_is_no_other_name_of_it(build, caplog, column):
    names = scans(build, ["001", "002", "003", "004"])
    table(build, "t.csv", f"id,{column},kind", zip(names, ["S1", "S1", "S2", "S2"], "aabb",
                                                   strict=True))  # fmt: skip
    assert list(read_cohort(build.root).patients) == ["S1", "S2"]
    assert "names other cases" not in caplog.text


def test_what_may_be_one_patient_is_said(build, caplog):
    names = scans(build, ["u_visit1", "u_visit2", "v1", "w"])
    table(build, "t.csv", "id,kind", zip(names, "aabb", strict=True))
    cohort = read_cohort(build.root)
    assert "cases 'u_visit1' and 'u_visit2' look like scans of one patient" in caplog.text
    assert any("u_visit2" in p.message for p in inspect_cohort(cohort).problems)
    caplog.clear()
    table(build, "t.csv", "id,patient,kind", zip(names, ["7", "7", "x", "X"], "aabb", strict=True))
    read_cohort(build.root)
    assert "look like" not in caplog.text and "patients 'X' and 'x' are taken for 2" in caplog.text


def test_tables_with_other_patients_are_refused_and_other_names_are_not(build):
    names = scans(build, [f"c{i}" for i in range(4)])
    table(build, "a.csv", "id,patient,kind", zip(names, "PPQR", "aabb", strict=True))
    path = table(build, "b.csv", "id,subject", zip(names, "1123", strict=True))
    assert list(read_cohort(build.root).patients) == ["P", "Q", "R"]
    (build.root / "a.csv").write_text("id,patient,kind\nc0,P,a\nc2,Q,b\nc3,R,b\n")
    assert list(read_cohort(build.root).patients) == ["P", "Q", "R"]  # c1 is P's, who is 1
    (build.root / "a.csv").write_text("id,patient,kind\nc0,P,a\nc1,P,a\nc2,Q,b\nc3,R,b\n")
    path.write_text("id,subject\nc0,1\nc1,2\nc2,3\nc3,4\n")
    with pytest.raises(DataError, match=r"b\.csv: its patients are not those of another table"):
        read_cohort(build.root)


def test_sites_of_a_table_of_labels(build):
    names = scans(build, [f"c{i}" for i in range(4)])
    path = table(build, "t.csv", "id,kind,Centre", zip(names, "abab", "NNS?", strict=True))
    assert [case.site for case in read_cohort(path, "kind").cases] == ["N", "N", "S", None]
    path.write_text(path.read_text() + "c0,a,S\n")
    with pytest.raises(DataError, match=r"'Centre' says 'S' of case 'c0', and another row .* 'N'"):
        read_cohort(path, "kind")


# ---- tables that list the cases


def test_a_manifest_with_columns_under_other_names(build, caplog):
    rows = []
    for i in range(4):
        build.volume(f"{i}.nii.gz")
        rows.append((f"c{i}", f"P{i // 2}", "ab"[i // 2], f"{i}.nii.gz", "NS"[i // 2]))
    path = table(build, "m.csv", "Case ID,subject_id,Label,FLAIR,Centre", rows)
    cohort = read_cohort(path)
    assert cohort.patients == {"P0": "a", "P1": "b"} and cohort.channels == ("flair",)
    assert [case.site for case in cohort.cases] == ["N", "N", "S", "S"]
    assert read_cohort(path, "Centre").classes == ("N", "S")
    assert "column 'subject_id' is taken for 'patient'" in caplog.text
    path.write_text(path.read_text().replace("Centre", "PatientID"))
    with pytest.raises(DataError, match="'subject_id' and 'PatientID' could each be the column"):
        read_cohort(path)
    path.write_text(path.read_text().replace("subject_id", "patient").replace("c1,P0", "c1,P9"))
    read_cohort(path)
    assert "column 'PatientID' has one value for several of them (such as 'P0', 'P9')" in (
        caplog.text
    )


def test_slices_with_a_patient_column_under_another_name(build):
    path = build.slices({"p1": "a", "p2": "b"}) / "slices.csv"
    text = path.read_text()
    path.write_text(text.replace("image,mask,patient", "Image,MASK,Participant"))
    found = read_cohort(build.root)
    path.write_text(text)
    assert found == read_cohort(build.root)


def test_paths_of_windows_and_of_a_mac(build, caplog):
    labels = {"Jürg": "a", "Zoé": "b"}
    rows = []
    for name, label in labels.items():
        build.picture(nfd(f"Bilder/ä/{name}.png"))
        build.picture(nfd(f"Bilder/ä/{name}_m.png"), mask=True)
        rows.append((f"Bilder\\ä\\{name}.png", f"Bilder\\ä\\{name}_m.png", name, label))
    path = table(build, "slices.csv", "image,mask,patient,label", rows)
    cohort = read_cohort(build.root)
    assert all(file.is_file() for case in cohort.cases for file in case.files)
    assert "in 4 path(s), such as Bilder\\ä\\Jürg.png, backslashes are read as slashes" in (
        caplog.text
    )
    path.write_text(path.read_text().replace("Jürg.png", "Joerg.png"))
    with pytest.raises(DataError, match=r"names 1 missing file\(s\): .*Joerg"):
        read_cohort(build.root)


def test_a_backslash_in_a_name_is_its_own(build):
    for name in ("a\\b", "c"):
        build.volume(f"{name}.nii.gz")
    build.volume("a/b.nii.gz")
    rows = [("1", "1", "x", "a\\b.nii.gz"), ("2", "2", "y", "c.nii.gz")]
    table(build, "manifest.csv", "case,patient,label,flair", rows)
    assert read_cohort(build.root).cases[0].images["flair"].name == "a\\b.nii.gz"


# ---- where tables and files lie


def test_a_table_beside_the_folder_is_read_and_said(build, caplog):
    names = scans(build, [f"{i:05d}" for i in range(6)], folder="train/")
    scans(build, [f"{i:05d}" for i in range(6, 9)], folder="test/")
    labels = kinds(names)
    table(build, "train_labels.csv", "scan_id,kind", labels.items())
    table(build, "others.csv", "scan_id,kind", [(names[0], "high"), ("00099", "low")])
    cohort = read_cohort(build.root / "train")
    assert cohort.patients == labels
    assert "train_labels.csv lies beside train/, not in it, and is read" in caplog.text
    with pytest.raises(DataError, match="Put a CSV beside it, in its folder"):
        read_cohort(build.root / "test")
    table(build, "train/own.csv", "scan_id,kind", [(n, "ab"[i % 2]) for i, n in enumerate(names)])
    assert set(read_cohort(build.root / "train").classes) == {"a", "b"}  # goes first


def test_a_table_that_cannot_be_read_is_named_where_labels_lack(build):
    scans(build, ["c1", "c2"])
    (build.root / "labels.xlsx").write_bytes(b"\0PK")
    (build.root / "~$labels.xlsx").write_bytes(b"\0")
    with pytest.raises(DataError, match=r"holds labels\.xlsx \(which cannot be read\), but"):
        read_cohort(build.root)


def test_a_table_beside_the_only_folder_of_scans(build):
    labels = kinds(scans(build, [f"c{i}" for i in range(4)], folder="scans/"))
    table(build, "t.csv", "id,kind", labels.items())
    assert read_cohort(build.root).patients == labels


@pytest.mark.parametrize("slash", ["/", "\\"])
def test_nnunet_cases_from_the_key_dataset(build, slash):
    cases = {}
    for name in ("one", "two", "three"):
        for part in ("f", "t", "m"):
            build.volume(f"elsewhere/{name}{part}.nii.gz", tumour=part == "m")
        files = [f"elsewhere{slash}{name}{part}.nii.gz" for part in "ftm"]
        cases[name] = {"images": files[:2], "label": files[2]}
    cases["three"]["images"][1] = "gone.nii.gz"
    said = {"channel_names": {"0": "FLAIR", "1": "T1"}, "labels": {"background": 0, "tumour": 1},
            "numTraining": 3, "file_ending": ".nii.gz", "dataset": cases}  # fmt: skip
    path = build.table("dataset.json", json.dumps(said))
    table(build, "t.csv", "id,kind", [("one", "a"), ("two", "b")])
    cohort = read_cohort(build.root)
    assert cohort.layout == "nnunet" and cohort.patients == {"one": "a", "two": "b"}
    case = cohort.cases[0]
    assert case.images["t1"].name == "onet.nii.gz" and case.mask.name == "onem.nii.gz"
    assert [(d.case, d.reason) for d in cohort.dropped] == [("three", "gone.nii.gz is missing")]
    (build.root / "imagesTr").mkdir()
    path.write_text(json.dumps(said | {"dataset": {"one": ["x.nii.gz"]}}))
    with pytest.raises(DataError, match="case 'one' was expected to have 'images'"):
        read_cohort(build.root)


# ---- cases that users name


def test_excluded_cases_in_another_writing(build, caplog):
    root = build.rembrandt()
    cohort = read_cohort(root, exclude=["hf001"])
    assert [d.case for d in cohort.dropped] == ["HF001"]
    assert "exclude: cases are read all with other capitals" in caplog.text
    with pytest.raises(SettingError, match="exclude: '1' could be 'HF001' or 'LF001'"):
        read_cohort(root, exclude=["1"])


def test_a_table_for_a_few_scans(build, caplog):
    cases = [Case("scan_7", "scan_7")]
    path = table(build, "t.csv", "age,scan", [(7, "x"), (8, "Scan 07")])
    rows = of_cases(cases, path)
    assert rows["age"].tolist() == ["8"] and "such as 'Scan 07' for 'scan_7'" in caplog.text
    path.write_text("age\n7\n")
    with pytest.raises(DataError, match="no column names the cases"):
        of_cases(cases, path)
