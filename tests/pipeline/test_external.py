"""A finished run judged on another simulated cohort."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from rarecase import Study, simulate_cohort
from rarecase.cli.main import main
from rarecase.cohort import read_cohort
from rarecase.errors import DataError, LeakError, SettingError
from rarecase.pipeline.external import ensemble, evaluate_on
from rarecase.report import make_report
from support.pages import page_words
from support.predictions import make_predictions
from support.studies import copied, stamps


@pytest.fixture(scope="module")
def mine(finished, tmp_path_factory):
    """A finished run of our own, to be judged elsewhere; of two generators a fold."""
    run = copied(finished, tmp_path_factory.mktemp("external"))
    Study(out=run, settings={"tuning.seeds": 2}).run(until="classify")
    return run


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return simulate_cohort(
        tmp_path_factory.mktemp("data") / "elsewhere", patients={"HGG": 4, "LGG": 3}, size=32,
        slices=6, seed=7, prefix="Far",
    )  # fmt: skip


def test_every_patient_elsewhere_is_judged_by_every_folds_arms(mine, elsewhere):
    found = evaluate_on(mine, elsewhere)
    assert found.folder == mine / "external" / "elsewhere"
    table = pd.read_parquet(found.folder / "predictions.parquet")
    everybody = sorted(read_cohort(elsewhere).patients)
    assert {"none", "duplicates", "smote", "duplicates:smote"} <= set(table["arm"])
    for _, part in table.groupby(["features", "arm", "seed"], dropna=False):
        assert sorted(part["patient"]) == everybody
    members = [
        pd.read_parquet(found.folder / f"repeat-0/fold-{fold}/cells/predictions.parquet")
        for fold in (0, 1)
    ]
    for member in members:
        assert set(member["patient"]) == set(everybody)
    pick = {"features": "tumour", "arm": "smote", "seed": 1}
    averaged = table[(table[list(pick)] == list(pick.values())).all(axis=1)].set_index("patient")
    theirs = [m[(m[list(pick)] == list(pick.values())).all(axis=1)] for m in members]
    mean = np.mean([m.groupby("patient")["p_LGG"].mean() for m in theirs], axis=0)
    np.testing.assert_allclose(averaged["p_LGG"].sort_index(), mean)
    assert found.evidence["counts"]["patients"] == {"HGG": 4, "LGG": 3}
    assert found.evidence["verdicts"][0]["answer"] == "too few to say"
    assert len(found.evidence["checks"]["shift_auc"]) == 2
    assert 0 <= found.dice <= 1
    before = stamps(found.folder)
    again = evaluate_on(mine, elsewhere)
    assert again.evidence == found.evidence and stamps(found.folder) == before
    assert Study(out=mine).run(until="classify").performed == 0  # and the run is as it was
    assert stamps(found.folder) == before
    page = make_report(mine).read_text()
    assert "And on other patients? External cohorts" in page and "elsewhere" in page


def test_nothing_is_learnt_from_the_other_cohort(mine, elsewhere, tmp_path):
    """With half of its patients gone the others' predictions stay the same bits."""
    whole = evaluate_on(mine, elsewhere).folder
    half = tmp_path / "half"
    shutil.copytree(elsewhere, half)
    for case in [*sorted(half.glob("HGG/*"))[:2], *sorted(half.glob("LGG/*"))[:1]]:
        shutil.rmtree(case)
    fewer = evaluate_on(mine, half, name="fewer").folder
    one, other = (pd.read_parquet(f / "predictions.parquet") for f in (whole, fewer))
    one = one[one["patient"].isin(other["patient"])]
    chances = ["p_HGG", "p_LGG", "threshold"]
    assert len(one) == len(other) > 0
    np.testing.assert_allclose(one[chances], other[chances], atol=1e-6)


def test_as_a_user_types_it(mine, elsewhere, capsys):
    words = ["evaluate", str(mine), "--on", str(elsewhere), "--quiet"]
    assert main([*words, "--no-html"]) == 0
    said = capsys.readouterr().out
    assert "One test set" in said and "mean Dice" in said
    assert "rarecase report" in said
    assert main([*words, "--json"]) == 0
    evidence = json.loads(capsys.readouterr().out)
    folder = mine / "external" / "elsewhere"
    page = folder / "report" / "index.html"
    assert evidence.pop("page") == str(page)
    assert evidence == json.loads((folder / "evidence.json").read_text())
    words = page_words(page, above=mine)
    assert "learnt hold on elsewhere?" in words and "Its tumours are outlined with a mean" in words
    assert "Each fold's U-Net and arms" in words and "4 HGG and 3 LGG" in words
    assert "Far" not in words  # no patient's name
    assert main(["verify", str(folder)]) == 0


def test_who_cannot_be_judged_on(mine, elsewhere, tmp_path, tiny):
    with pytest.raises(LeakError, match="in the training and in the test part"):
        evaluate_on(mine, mine / "simulated" / "study")
    with pytest.raises(DataError, match="the run learnt HGG, LGG, and LGG and another"):
        evaluate_on(mine, elsewhere, changes={"cohort.merge": {"high": ["HGG"]}})
    with pytest.raises(DataError, match="nowhere"):
        evaluate_on(mine, tmp_path / "nowhere")
    with pytest.raises(SettingError, match="no part of its experiment is on vectors"):
        Study(out=tmp_path / "maps", settings={**tiny, "experiment": tiny["experiment"][:1]}).run(
            until="segment"
        )
        evaluate_on(tmp_path / "maps", elsewhere)


def test_members_are_pooled_to_patients_before_they_are_averaged():
    def member(chance, slices):
        table = make_predictions(arms={"none": {}}, n=(1, 1), slices=slices, folds=1)
        return table.assign(p_A=chance, p_B=1 - chance, threshold=chance)

    found = ensemble([member(0.2, 1), member(0.6, 5)])
    assert len(found) == 2 and set(found["patient"]) == {"p00", "p01"}
    np.testing.assert_allclose(found["p_A"], 0.4)
    np.testing.assert_allclose(found["threshold"], 0.4)
