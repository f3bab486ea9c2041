"""Sites that cannot be harmonised are refused before anything is computed, and inner folds, which
have fewer patients of each, go on."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rarecase.errors import DataError
from rarecase.experiment.design import make_design
from rarecase.experiment.fold import fit_fold
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.training_set import Coordinates, inner_folds
from rarecase.features.feature_set import make_features
from rarecase.pipeline.resolve import resolve
from rarecase.pipeline.sites import refuse_small_sites
from support.features import vectors

SITES = ["a"] * 6 + ["b"] * 4 + ["c"] * 3


def asked(kind, sites=SITES, combat=True):
    cases = [SimpleNamespace(case=f"c{i}", patient=f"p{i}", site=s) for i, s in enumerate(sites)]
    settings = resolve(preset="quick", overrides={"tuning.combat": combat, "split.kind": kind})
    fold = np.arange(len(sites)) % 3
    if kind == "site":
        fold = pd.factorize(np.array(sites, dtype=object))[0]
    folds = pd.DataFrame({"repeat": 0, "patient": [c.patient for c in cases], "fold": fold})
    refuse_small_sites(settings, SimpleNamespace(cases=cases), folds)


def test_a_site_with_too_few_training_patients_in_a_fold_is_named_with_its_cases():
    asked("kfold", combat=False)
    with pytest.raises(DataError, match=r"sites have fewer than 3 .*: b \(2\), c \(2\)"):
        asked("kfold")
    asked("kfold", SITES[:6])
    asked("site")  # the one that is left out is taken as it is
    with pytest.raises(DataError, match=r"d \(1\).*cohort.exclude: c13\)"):
        asked("site", [*SITES, "d"])
    with pytest.raises(DataError, match=r"1 case.* have no site, such as .c6."):
        asked("kfold", [*SITES[:6], None])


def test_inner_folds_take_a_site_with_too_few_of_their_patients_as_it_is():
    X, y, groups = vectors((30, 12), d=3)
    sites = np.array(["far", "near", "near"])[np.arange(42) % 3]
    sites[:39:3] = "near"
    assert (sites == "far").sum() == 1
    sites[[9, 39, 40]] = "far"
    features = make_features(X + 5.0 * (sites == "far")[:, None], y, groups=groups, sites=sites)
    about = {"folds": 3, "seed": 1, "coordinates": Coordinates(combat="refuse")}
    each = inner_folds(features, np.arange(42), **about)
    assert len(each) == 3 and all(np.isfinite(fold.held.X).all() for fold in each)
    design = make_design(["smote"], combat="refuse", inner=3, seeds=1)
    place = Place(np.where(np.arange(42) == 5, 0, -1), 0, 0)
    assert len(fit_fold(features, design, place).predictions)
    few = replace(features, rows=features.rows.assign(site=["far", *["near"] * 41]))
    with pytest.raises(DataError, match="'far' has 1 training patient"):
        fit_fold(few, design, place)
