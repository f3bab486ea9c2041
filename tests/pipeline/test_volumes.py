"""A study whose U-Net looks at whole cases, from files to a prediction for the next patient."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rarecase import Study, predict_images, read_cohort, simulate_cohort
from rarecase.errors import SettingError
from rarecase.features import FeatureStore
from rarecase.pipeline.models import load_model


@pytest.fixture(scope="module")
def shape(tiny):
    return {
        **tiny, "segmenter.dimensions": 3, "slices.planes": 4, "segmenter.batch": 2,
        "segmenter.epochs": 12, "segmenter.learning_rate": 1e-2, "cohort.channels": ["flair"],
        "generator.batch": 4, "features.keep": True,
        "experiment": [
            {**tiny["experiment"][0], "amounts": ["100%"], "planned": "100%"},
            *tiny["experiment"][1:],
        ], "simulation.patients": {"HGG": 8, "LGG": 6},
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(shape, tmp_path_factory):
    return Study(out=tmp_path_factory.mktemp("volumes") / "run", settings=shape).run().run


def test_a_case_is_a_sample(run):
    store = FeatureStore.open(run / "repeat-0/fold-0/features/bottleneck/bottleneck.zarr")
    assert len(store) == 14 and store.shape == (16, 1, 8, 8)
    slices = pd.read_parquet(run / "repeat-0/fold-0/segmenter/rows.parquet")
    assert len(slices) > 14  # outlines are of slices, wherever they come from
    by_case = slices.groupby("case", sort=False)["predicted"].sum()
    assert store.rows["predicted"].tolist() == by_case.tolist()
    made = FeatureStore.open(run / "repeat-0/fold-0/synthetic/bottleneck-acgan-seed0/samples.zarr")
    assert made.shape == store.shape


def test_predictions_evidence_and_report(run):
    predictions = pd.read_parquet(run / "predictions.parquet")
    maps = predictions[predictions["features"] == "bottleneck"]
    assert set(maps["arm"]) == {"none", "acgan", "duplicates:acgan"}
    each = maps[maps["arm"] == "none"]
    assert sorted(each["patient"]) == sorted(set(each["patient"])) and len(each) == 14
    assert set(predictions["features"]) == {"bottleneck", "tumour", "outline_size"}
    assert json.loads((run / "evidence.json").read_text())["rare"] == "LGG"
    assert "Feature" in (run / "report" / "index.html").read_text()
    assert Study(out=run).run().performed == 0


def test_it_predicts_on_the_grid_of_new_scans(run, tmp_path):
    new = simulate_cohort(
        tmp_path / "new", patients={"HGG": 1, "LGG": 1}, size=32, slices=9, seed=5, prefix="New"
    )
    scans = [case.images["flair"] for case in read_cohort(new).cases]
    found = list(predict_images(load_model(run), scans, out=tmp_path / "out"))
    for scan, each in zip(scans, found, strict=True):
        assert each.problem is None and abs(sum(each.p.values()) - 1) < 1e-9
        mask, image = nib.load(each.mask), nib.load(scan)
        assert mask.shape == image.shape
        np.testing.assert_allclose(mask.affine, image.affine, atol=1e-4)


@pytest.mark.parametrize("wish", [{"features": ["region"]}, {"arms": ["acgan-images"]}])
def test_what_works_on_slices_alone_is_refused(shape, wish, tmp_path):
    with pytest.raises(SettingError, match="works on slices"):
        Study(out=tmp_path / "run", settings=shape, short=wish)


def test_the_estimate_counts_cases(shape, tmp_path):
    _, _, cost = Study(out=tmp_path / "run", settings=shape).estimate()
    assert cost.slices == 14 * 6
    lines = {each.step: each for each in cost.costs}
    assert lines["features bottleneck"].disk == 2 * 14 * 2 * 16 * 8 * 8 * 1
