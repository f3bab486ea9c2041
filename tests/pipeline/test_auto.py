"""Features and classifier chosen in every fold of a study, and what is deployed of it."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from rarecase import Study, load_model, predict_images
from rarecase.cohort import read_cohort
from rarecase.errors import SettingError
from rarecase.evidence.result import Result
from rarecase.experiment.auto import choose_candidate, fit_auto
from rarecase.experiment.fold_data import Tools
from rarecase.features.store import FeatureStore
from rarecase.files import read_json
from rarecase.pipeline.compare import compare
from rarecase.pipeline.external import evaluate_on
from rarecase.simulate import simulate_cohort
from support.features import candidates, place_of, vectors
from support.studies import OUTLINING

SHORT = {"features": ["tumour", "radiomics", "region+radiomics"], "classifier": ["logistic", "lda"]}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    settings = {name: value for name, value in OUTLINING.items() if name != "preset"}
    settings |= {
        "experiment": [{"features": "tumour", "classifier": "logistic", "arms": ["smote"]}]
    }
    made = Study(
        out=tmp_path_factory.mktemp("auto") / "run", preset="demo", settings=settings, short=SHORT
    )
    made.run()
    return made


def test_every_fold_says_what_was_chosen_and_promised(study):
    table = Result.read(study.run_folder).predictions
    mine = table[table["features"] == "auto"]
    assert set(mine["arm"]) == {"none", "duplicates", "smote", "duplicates:smote", "auto"}
    said = mine["chosen"].map(json.loads)
    assert {each["features"] for each in said} <= set(SHORT["features"])
    assert {each["classifier"] for each in said} <= set(SHORT["classifier"])
    assert mine["classifier"].eq("auto").all() and said.map(lambda each: "promised" in each).all()
    one_a_fold = said.map(lambda s: (s["features"], s["classifier"])).groupby(mine["fold"])
    assert one_a_fold.nunique().eq(1).all()
    assert set(table["features"]) == {"auto", *SHORT["features"]}


def test_what_has_learnt_classes_is_judged_by_inner_folds_that_it_has_not_seen(study):
    cohort = pd.read_csv(study.run_folder / "cohort" / "cohort.csv")
    folders = sorted(study.run_folder.glob("repeat-0/fold-*/features/region"))
    assert len(folders) > 1
    for folder in folders:
        held = read_json(folder / "inner.json")["held"]
        fold = int(folder.parts[-3].removeprefix("fold-"))
        training = cohort.loc[cohort["test_fold_0"] != fold, "patient"]
        assert sorted(name for part in held for name in part) == sorted(training)
        whole = FeatureStore.open(folder / "region.zarr")
        for number, names in enumerate(held):
            inner = FeatureStore.open(folder / f"inner-{number}.zarr")
            learnt = inner.seen - whole.seen
            assert not learnt and (inner.rows["part"] == "test").sum() > len(inner.rows) / 3
            assert inner.rows.drop(columns="part").equals(whole.rows.drop(columns="part"))
            assert not np.array_equal(inner.read_all(), whole.read_all())
            assert set(names) <= whole.seen


def test_the_choice_predicts_as_what_was_chosen(study):
    table = Result.read(study.run_folder).predictions.query("arm == 'none'")
    for fold, rows in table[table["features"] == "auto"].groupby("fold"):
        chosen = json.loads(rows["chosen"].iloc[0])
        same = table[
            (table["features"] == chosen["features"])
            & (table["classifier"] == chosen["classifier"]) & (table["fold"] == fold)
        ]  # fmt: skip
        p = [t.set_index("patient")["p_LGG"].sort_index() for t in (rows, same)]
        np.testing.assert_array_equal(p[0], p[1])


def test_the_model_is_chosen_by_the_same_rule_and_predicts(study, tmp_path):
    model = load_model(study.run_folder)
    chosen = model.card["chosen"]
    assert chosen["features"] == model.card["features"] and model.card["classifier"] != "auto"
    assert model.card["evidence"]["features"] == "auto" and model.card["evidence"]["arm"] == "auto"
    folder = simulate_cohort(tmp_path / "new", patients={"HGG": 1, "LGG": 1}, size=32, slices=6,
                             seed=9, prefix="New")  # fmt: skip
    scans = [case.images["flair"] for case in read_cohort(folder).cases]
    found = list(predict_images(model, scans, out=tmp_path / "out"))
    assert [each.problem for each in found] == [None, None]
    assert all(sum(each.p.values()) == pytest.approx(1) for each in found)


def test_another_cohort_is_judged_by_the_choice(study, tmp_path):
    folder = simulate_cohort(tmp_path / "new", patients={"HGG": 3, "LGG": 3}, size=32, slices=6,
                             seed=9, prefix="New")  # fmt: skip
    found = evaluate_on(study.run_folder, folder)
    rows = {(r["features"], r["arm"]) for r in found.evidence["rows"]}
    assert ("auto", "auto") in rows and ("radiomics", "none") in rows


def test_the_report_is_there(study):
    page = (study.run_folder / "report" / "index.html").read_text()
    said = read_json(study.run_folder / "features.json")
    assert said["sets"]["radiomics"]["columns"][0] in page
    assert {w["kind"] for w in said["warnings"]} <= {"empty"}


def test_dry_run_says_what_each_source_takes(tmp_path):
    folder = simulate_cohort(
        tmp_path / "new", patients={"HGG": 4, "LGG": 4}, size=32, slices=6, seed=9
    )
    settings = {
        n: v for n, v in OUTLINING.items() if not n.startswith("simulation") and n != "preset"
    }
    made = Study(folder, out=tmp_path / "run", preset="quick", settings=settings, short=SHORT)
    _, _, cost = made.estimate()
    lines = {each.step: each for each in cost.costs}
    assert lines["features radiomics"].seconds > 0 and "features tumour" in lines
    assert "clinical" not in {said.features for said in made.settings.experiment}


def test_the_average_is_one_more_part_of_a_run_and_is_deployed(study, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(study.run_folder, run)
    short = SHORT | {"features": [*SHORT["features"], "stack"]}
    evidence = Study(out=run, short=short).run().result.evidence
    rows = [(r["features"], r["classifier"], r["arm"]) for r in evidence["rows"]]
    assert ("stack", "stack", "none") in rows and ("auto", "auto", "auto") in rows
    assert evidence["features"]["choice"] == "auto" and evidence["features"]["baseline"] != "stack"
    model = load_model(run)
    assert model.card["classifier"] == "stack" and model.card["evidence"]["features"] == "stack"
    assert {s.name for s in model.sources} <= {"tumour", "radiomics", "region"}
    folder = simulate_cohort(tmp_path / "new", patients={"HGG": 3, "LGG": 3}, size=32, slices=6,
                             seed=9, prefix="New")  # fmt: skip
    scans = [case.images["flair"] for case in read_cohort(folder).cases]
    found = list(predict_images(model, scans, out=tmp_path / "out"))
    assert all(sum(each.p.values()) == pytest.approx(1) for each in found)
    other = evaluate_on(run, folder).evidence["rows"]
    assert ("stack", "none") in {(r["features"], r["arm"]) for r in other}
    with pytest.raises(SettingError, match="average of several"):
        Study(out=tmp_path / "one", short={"features": ["tumour", "stack"]})


def test_nothing_of_the_test_patients_has_a_say_in_the_choice():
    tried = candidates()
    place = place_of(tried[0].features)
    here = choose_candidate(tried, place, Tools())
    assert here.about["features"] == "signal"
    tested = np.flatnonzero(place.fold_of == place.fold)
    before = fit_auto(tried, place).predictions
    for each in tried:  # another truth, and features that would tell it
        rows = np.isin(each.features.patient, tested)
        each.features.y[rows] = 1 - each.features.y[rows]
        each.features.X[rows] = 100.0 * each.features.y[rows][:, None]
    again = choose_candidate(tried, place, Tools())
    assert again.about == here.about
    after = fit_auto(tried, place).predictions
    assert before["chosen"].tolist() == after["chosen"].tolist()


def test_compare_chooses_among_sets_and_classifiers():
    X, y, groups = vectors((40, 15), d=3, shift=1.5)
    sets = {"noise": np.random.default_rng(0).normal(size=(55, 2)), "signal": X}
    found = compare(
        sets, y, groups=groups, arms=["class-weight"], repeats=1, checks=False, draws=50
    )
    table = found.predictions
    said = table.loc[table["features"] == "auto", "chosen"].map(json.loads)
    assert {each["features"] for each in said} == {"signal"}
    assert isinstance(found.predictions, pd.DataFrame)
