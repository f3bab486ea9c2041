"""A finished run judged on another simulated cohort."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from rarecase.pipeline.study import Study

from rarecase import simulate_cohort
from rarecase.cli.main import main
from rarecase.cohort import read_cohort
from rarecase.errors import DataError, LeakError, SettingError
from rarecase.pipeline.external import ensemble, evaluate_on
from rarecase.report import make_report


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    run = tmp_path_factory.mktemp("external") / "run"
    Study(out=run, settings={**tiny, "compare.generator_seeds": 2}).run()
    return run


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return simulate_cohort(
        tmp_path_factory.mktemp("data") / "elsewhere", patients={"HGG": 4, "LGG": 3}, size=32,
        slices=6, seed=7, prefix="Far",
    )  # fmt: skip


def test_every_patient_elsewhere_is_judged_by_every_folds_arms(finished, elsewhere):
    found = evaluate_on(finished, elsewhere)
    assert found.folder == finished / "external" / "elsewhere"
    table = pd.read_parquet(found.folder / "predictions.parquet")
    everybody = sorted(read_cohort(elsewhere).patients)
    assert {"none", "duplicates", "smote", "duplicates:smote"} <= set(table["arm"])
    for _, part in table.groupby(["arm", "generator_seed"]):
        assert sorted(part["patient"]) == everybody
    members = [
        pd.read_parquet(found.folder / f"repeat-0/fold-{fold}/arms/predictions.parquet")
        for fold in (0, 1)
    ]
    for member in members:
        assert set(member["patient"]) == set(everybody)
    pick = {"arm": "smote", "generator_seed": 1}
    mine = table[(table[list(pick)] == list(pick.values())).all(axis=1)].set_index("patient")
    theirs = [m[(m[list(pick)] == list(pick.values())).all(axis=1)] for m in members]
    mean = np.mean([m.groupby("patient")["p_LGG"].mean() for m in theirs], axis=0)
    np.testing.assert_allclose(mine["p_LGG"].sort_index(), mean)
    assert found.evidence["counts"]["patients"] == {"HGG": 4, "LGG": 3}
    assert found.evidence["verdicts"][0]["answer"] == "too few to say"
    assert len(found.checks["shift_auc"]) == 2
    assert 0 <= found.dice <= 1
    before = {p: p.stat().st_mtime_ns for p in found.folder.rglob("step.json")}
    again = evaluate_on(finished, elsewhere)
    assert again.evidence == found.evidence
    assert {p: p.stat().st_mtime_ns for p in found.folder.rglob("step.json")} == before
    assert Study(out=finished).run().performed == 0  # and the run is as it was
    assert {p: p.stat().st_mtime_ns for p in found.folder.rglob("step.json")} == before
    page = make_report(finished).read_text()
    assert "And on other patients? External cohorts" in page and "elsewhere: every arm" in page


def test_nothing_is_learnt_from_the_other_cohort(finished, elsewhere, tmp_path):
    """With half of its patients gone the others' predictions stay the same bits."""
    whole = evaluate_on(finished, elsewhere).folder
    half = tmp_path / "half"
    shutil.copytree(elsewhere, half)
    for case in [*sorted(half.glob("HGG/*"))[:2], *sorted(half.glob("LGG/*"))[:1]]:
        shutil.rmtree(case)
    fewer = evaluate_on(finished, half, name="fewer").folder
    one, other = (pd.read_parquet(f / "predictions.parquet") for f in (whole, fewer))
    one = one[one["patient"].isin(other["patient"]) & (one["arm"] != "trivial")]
    other = other[other["arm"] != "trivial"]
    chances = ["p_HGG", "p_LGG", "threshold"]
    assert len(one) == len(other) > 0
    np.testing.assert_allclose(one[chances], other[chances], atol=1e-6)


def test_as_a_user_types_it(finished, elsewhere, capsys):
    assert main(["evaluate", str(finished), "--on", str(elsewhere), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "One test set" in said and "Outlines of the other cohort's tumours: mean Dice" in said
    assert "rarecase report" in said
    assert main(["evaluate", str(finished), "--on", str(elsewhere), "--json", "--quiet"]) == 0
    evidence = json.loads(capsys.readouterr().out)
    assert evidence.pop("checks")["permuted_auc"]
    assert evidence == json.loads((finished / "external/elsewhere/evidence.json").read_text())


def test_who_cannot_be_judged_on(finished, elsewhere, tmp_path, tiny):
    with pytest.raises(LeakError, match="in the training and in the test part"):
        evaluate_on(finished, finished / "simulated" / "study")
    with pytest.raises(DataError, match="the run learnt HGG, LGG, and LGG and another"):
        evaluate_on(finished, elsewhere, changes={"cohort.merge": {"high": ["HGG"]}})
    with pytest.raises(DataError, match="nowhere"):
        evaluate_on(finished, tmp_path / "nowhere")
    bare = tmp_path / "bare"
    shutil.copytree(finished, bare)
    text = (bare / "study.yaml").read_text().replace("- smote", "[]")
    (bare / "study.yaml").write_text(text.replace("arms:\n  []", "arms: []"))
    with pytest.raises(SettingError, match="the run compares no arms"):
        evaluate_on(bare, elsewhere)


def test_members_are_pooled_to_patients_before_they_are_averaged():
    def member(chance, slices):
        return pd.DataFrame({
            "arm": "none", "amount": 0, "repeat": 0, "fold": 0, "generator_seed": -1,
            "threshold": chance, "added": 0, "case": "p", "slice": range(slices), "patient": "p",
            "label": "a", "predicted": 1, "p_a": chance, "p_b": 1 - chance,
        })  # fmt: skip

    found = ensemble([member(0.2, 1), member(0.6, 5)])
    assert found["p_a"].tolist() == pytest.approx([0.4])
    assert found["threshold"].tolist() == pytest.approx([0.4])
