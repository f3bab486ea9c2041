"""A run of two hospitals with a clinical table, harmonised: trained, judged elsewhere and used, as
a user types it."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecase import read_cohort, simulate_cohort
from rarecase.cli.main import main
from support.studies import OUTLINING, flags


def cohort_of(folder, *, patients, seed, prefix, sites):
    """A manifest with sites and ages; the rare class is older by fifteen years."""
    made = simulate_cohort(
        folder.with_name(f"{folder.name}-files"), patients=patients, size=32, slices=6, seed=seed,
        prefix=prefix,
    )  # fmt: skip
    cases, rng = read_cohort(made).cases, np.random.default_rng(seed)
    about = pd.DataFrame(
        {
            "case": [case.case for case in cases],
            "patient": [case.patient for case in cases],
            "label": [case.label for case in cases],
            "flair": [case.images["flair"] for case in cases],
            "mask": [case.mask for case in cases],
            "site": [sites[i % len(sites)] for i in range(len(cases))],
            "age": [40 + 25 * rng.random() + 15 * (c.label == "LGG") for c in cases],
        }
    )
    folder.mkdir()
    about.to_csv(folder / "manifest.csv", index=False)
    return folder, about


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A finished run with ComBat on tumour features and age."""
    base = tmp_path_factory.mktemp("ours")
    folder, _ = cohort_of(base / "cohort", patients={"HGG": 8, "LGG": 8}, seed=3, prefix="Our",
                          sites=["far", "near"])  # fmt: skip
    settings = {
        name: value for name, value in OUTLINING.items()
        if name not in ("preset", "experiment") and not name.startswith("simulation")
    }  # fmt: skip
    words = [
        "run", str(folder), "--preset", "quick", "--features", "radiomics+clinical", "--arms",
        "none", "--classifier", "logistic", "--combat", "--split.kind", "kfold", "--out",
        str(base / "run"), "-q",
    ]  # fmt: skip
    assert main([*words, *flags(settings)]) == 0
    return base / "run"


def test_another_hospital_is_judged_as_it_is(ours, tmp_path, capsys):
    folder, about = cohort_of(tmp_path / "new", patients={"HGG": 3, "LGG": 3}, seed=9, prefix="New",
                              sites=["new"])  # fmt: skip
    assert main(["evaluate", str(ours), "--on", str(folder)]) == 0, capsys.readouterr().err
    found = pd.read_parquet(ours / "external" / "new" / "predictions.parquet")
    assert sorted(found["patient"]) == sorted(about["case"]) and found["p_LGG"].notna().all()
    evidence = json.loads((ours / "external" / "new" / "evidence.json").read_text())
    assert evidence["counts"]["patients"] == {"HGG": 3, "LGG": 3}


def test_scans_are_predicted_with_the_ages_of_a_table(ours, tmp_path, capsys):
    _, about = cohort_of(tmp_path / "new", patients={"HGG": 1, "LGG": 1}, seed=9, prefix="New",
                         sites=["new"])  # fmt: skip
    scans = about["flair"].astype(str).tolist()

    def chances(name, *more):
        out = tmp_path / name
        done = main(["predict", str(ours), *scans, "--out", str(out), *more])
        assert done == 0, capsys.readouterr().err
        return pd.read_csv(out / "predictions.csv")["p_LGG"].to_numpy()

    table = tmp_path / "ages.csv"
    about[["case", "age"]].assign(age=75).to_csv(table, index=False)
    old = chances("old", "--clinical", str(table))
    about[["case", "age"]].assign(age=42).to_csv(table, index=False)
    young = chances("young", "--clinical", str(table))
    unknown = chances("unknown")
    assert (old > young + 0.05).all() and np.isfinite(unknown).all()
    about[["case", "site"]].to_csv(table, index=False)
    words = ["predict", str(ours), *scans, "--out", str(tmp_path / "x"), "--clinical", str(table)]
    assert main(words) == 1
    assert "has none of the columns age" in capsys.readouterr().err
