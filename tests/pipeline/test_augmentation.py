"""The arm `augmentation` in a study."""

import numpy as np
import pandas as pd

from rarecase import Study
from rarecase.experiment.arms import COPIES
from rarecase.features.copies import read_copies
from rarecase.features.store import FeatureStore
from support.studies import OUTLINING


def test_a_study_takes_features_of_augmented_copies_and_judges_them(tmp_path):
    settings = OUTLINING | {
        "experiment": [
            {"features": name, "classifier": "logistic", "arms": ["augmentation", "smote"]}
            for name in ("tumour", "tumour+radiomics", "region")
        ],
        "segmenter.epochs": 15,
    }  # fmt: skip
    run = tmp_path / "run"
    result = Study(out=run, settings=settings).run(until="classify").result
    store = FeatureStore.open(run / "repeat-0/fold-0/features/tumour/tumour.zarr")
    copies = read_copies(store)
    assert len(copies) == COPIES
    apart = [np.abs(each.read_all() - store.read_all()).mean() for each in copies]
    assert min(apart) > 0
    table = result.predictions
    arms = table.groupby("features")["arm"].unique()
    for name in ("tumour", "tumour+radiomics"):
        assert {"augmentation", "duplicates:augmentation", "smote"} <= set(arms[name])
    assert "augmentation" not in arms["region"]  # it has learnt classes
    cells = pd.concat(pd.read_csv(p) for p in run.glob("repeat-*/fold-*/cells/region-*/cells.csv"))
    assert (
        "no features of augmented images"
        in cells.set_index("arm").loc["augmentation", "reason"].iloc[0]
    )
    verdicts = {(v["features"], v["arm"]) for v in result.evidence["verdicts"]}
    assert ("tumour", "augmentation") in verdicts and ("tumour", "smote") in verdicts
