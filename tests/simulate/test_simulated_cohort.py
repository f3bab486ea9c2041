import json

import nibabel
import numpy as np
import pytest

from rarecase.errors import DataError, SettingError
from rarecase.progress import use
from rarecase.seeds import derive
from rarecase.simulate import simulate_cohort, simulate_patient

SETTINGS = {"size": 32, "slices": 6, "seed": 5}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("simulated") / "cohort"
    assert simulate_cohort(out, patients={"HGG": 3, "LGG": 2}, **SETTINGS) == out
    return out


def contents(folder):
    return {f.relative_to(folder): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_the_imbalance_asked_for_in_the_brats_layout(cohort):
    assert sorted(p.name for p in (cohort / "HGG").iterdir()) == [
        "Sim_HGG_001",
        "Sim_HGG_002",
        "Sim_HGG_003",
    ]
    assert len(list((cohort / "LGG").iterdir())) == 2
    names = sorted(p.name for p in (cohort / "LGG" / "Sim_LGG_002").iterdir())
    assert names == [f"Sim_LGG_002_{c}.nii.gz" for c in ("flair", "seg", "t1", "t1ce", "t2")]
    assert not cohort.with_name("cohort.rarecase.partial").exists()


def test_files_hold_what_was_simulated(cohort):
    patient = simulate_patient(
        label="HGG", seed=derive(5, "patient", "HGG", 2), size=32, slices=6
    )  # fmt: skip
    folder = cohort / "HGG" / "Sim_HGG_002"
    for part in ("flair", "t1", "t1ce", "t2", "seg"):
        image = nibabel.load(folder / f"Sim_HGG_002_{part}.nii.gz")
        assert image.get_data_dtype() == np.int16
        assert image.header.get_xyzt_units()[0] == "mm"
        assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
        np.testing.assert_allclose(image.affine, patient.affine, atol=1e-4)
        np.testing.assert_allclose(image.header.get_zooms(), [7.5, 7.5, 140 / 6], rtol=1e-5)
        wanted = patient.mask if part == "seg" else np.rint(patient.images[part])
        np.testing.assert_array_equal(np.asarray(image.dataobj), wanted)


def test_a_patient_does_not_depend_on_how_many_there_are(cohort, tmp_path):
    fewer = simulate_cohort(tmp_path / "fewer", patients={"HGG": 1, "LGG": 2}, **SETTINGS)
    whole = contents(cohort)
    for name, data in contents(fewer).items():
        if name.suffix == ".gz":
            assert whole[name] == data


def test_a_rerun_does_nothing(cohort):
    before = {f: f.stat().st_mtime_ns for f in cohort.rglob("*")}
    simulate_cohort(cohort, patients={"LGG": 2, "HGG": 3}, **SETTINGS)
    assert before == {f: f.stat().st_mtime_ns for f in cohort.rglob("*")}


def test_another_simulation_is_refused_and_nothing_is_lost(cohort):
    before = contents(cohort)
    with pytest.raises(DataError, match="seed is 5 there and 6 here"):
        simulate_cohort(cohort, patients={"HGG": 3, "LGG": 2}, **(SETTINGS | {"seed": 6}))
    assert contents(cohort) == before


def test_a_folder_of_the_users_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="not a simulated cohort"):
        simulate_cohort(tmp_path, patients={"HGG": 1}, **SETTINGS)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(DataError, match="is a file"):
        simulate_cohort(tmp_path / "thesis.txt", patients={"HGG": 1}, **SETTINGS)


def test_a_simulation_with_a_file_gone_is_not_taken_for_whole(tmp_path):
    out = simulate_cohort(tmp_path / "c", patients={"LGG": 1}, **SETTINGS, channels=("flair",))
    gone = out / "LGG" / "Sim_LGG_001" / "Sim_LGG_001_seg.nii.gz"
    gone.unlink()
    with pytest.raises(DataError, match="Sim_LGG_001_seg"):
        simulate_cohort(out, patients={"LGG": 1}, **SETTINGS, channels=("flair",))


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / "simulation.json").write_text("{")
    with pytest.raises(DataError, match=r"simulation\.json: not valid JSON"):
        simulate_cohort(tmp_path, patients={"LGG": 1}, **SETTINGS)
    (tmp_path / "simulation.json").write_text("[]")
    with pytest.raises(DataError, match=r"no settings in its simulation\.json"):
        simulate_cohort(tmp_path, patients={"LGG": 1}, **SETTINGS)


def test_an_empty_folder_is_used(tmp_path):
    out = simulate_cohort(tmp_path, patients={"LGG": 1}, **SETTINGS, channels=("t2",))
    assert (out / "LGG" / "Sim_LGG_001" / "Sim_LGG_001_t2.nii.gz").is_file()


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def broken(*_args):
        raise OSError("disk full")

    monkeypatch.setattr("rarecase.simulate.cohort.write_nifti", broken)
    with pytest.raises(OSError, match="disk full"):
        simulate_cohort(tmp_path / "c", patients={"LGG": 1}, **SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_the_record_tells_settings_and_draws(cohort):
    record = json.loads((cohort / "simulation.json").read_text())
    assert record["settings"]["patients"] == {"HGG": 3, "LGG": 2}
    assert len(record["patients"]) == 5
    assert record["patients"]["Sim_LGG_001"]["label"] == "LGG"
    assert record["patients"]["Sim_HGG_001"]["tumour"]["core_ml"] > 0


def test_progress_is_announced(tmp_path):
    seen = []

    class Bar:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def advance(self, steps=1, *, note=""):
            seen.append(note)

    class Reporter:
        def task(self, name, *, total):
            seen.append((name, total))
            return Bar()

    with use(Reporter()):
        simulate_cohort(
            tmp_path / "c",
            patients={"HGG": 1, "LGG": 1},
            **SETTINGS,
            channels=("t1",),
            prefix="Pre",
        )
    assert seen == [("simulating patients", 2), "Pre_HGG_001", "Pre_LGG_001"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"patients": {}}, "patients is empty"),
        ({"patients": {"HGG": -1}}, "0 or more"),
        ({"patients": {"Lgg": 1}}, "'Lgg' is not simulated; Known: HGG, LGG"),
        ({"prefix": "../up"}, "prefix must be letters"),
        ({"channels": ("t3",)}, "channel 't3' is not simulated"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_writing(tmp_path, wrong, words):
    with pytest.raises(SettingError, match=words):
        simulate_cohort(tmp_path / "c", **({"patients": {"HGG": 1}, **SETTINGS} | wrong))
    assert list(tmp_path.iterdir()) == []
