"""`rarecase generate` as a user types it."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecase.cli.main import main
from rarecase.features import FeatureStore


def call(capsys, *words):
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.normal(size=(40, 3)), columns=["age", "volume", "sphericity"])
    made.insert(0, "patient", [f"{i // 2:03d}" for i in range(40)])
    made.insert(1, "Grade", np.repeat(["High", "Low"], [28, 12]))
    path = tmp_path / "features.csv"
    made.to_csv(path, index=False)
    return path


COLUMNS = ["--label", "Grade", "--groups", "patient"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz", ".zarr"])
def test_samples_of_the_classes_asked_for(table, tmp_path, capsys, suffix):
    out = tmp_path / f"more{suffix}"
    code, said, err = call(capsys, "generate", table, *COLUMNS, "--generator", "gaussian",
                           "--n", "Low=30,High=5", "--out", out)  # fmt: skip
    assert code == 0, err
    assert "Low" in said and "30" in said
    if suffix == ".npz":
        with np.load(out, allow_pickle=False) as file:
            X, y = file["X"], file["y"]
    elif suffix == ".zarr":
        store = FeatureStore.open(out)
        X, y = store.read_all(), store.rows["label"].to_numpy(str)
    else:
        made = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
        assert list(made.columns) == ["Grade", "age", "volume", "sphericity"]
        X, y = made.drop(columns="Grade").to_numpy(), made["Grade"].to_numpy(str)
    assert y.tolist() == ["Low"] * 30 + ["High"] * 5
    assert X.shape == (35, 3) and np.isfinite(X).all()
    code, _, err = call(capsys, "generate", table, *COLUMNS, "--generator", "gaussian",
                        "--n", "Low=1", "--out", out)  # fmt: skip
    assert code == 1 and "exists and was not touched" in err


def test_the_same_seed_makes_the_same(table, tmp_path, capsys):
    files = [tmp_path / f"{i}.npz" for i in range(3)]
    for file, seed in zip(files, (0, 0, 1), strict=True):
        call(capsys, "generate", table, *COLUMNS, "--generator", "smote", "--n", "Low=9",
             "--out", file, "--seed", seed, "--json")  # fmt: skip
    one, again, other = (np.load(file)["X"] for file in files)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_maps_from_a_store_to_a_store(tmp_path, capsys):
    rng = np.random.default_rng(0)
    label = np.repeat(["HGG", "LGG"], [12, 6])
    rows = pd.DataFrame({"patient": [f"p{i}" for i in range(18)], "label": label})
    path, out = tmp_path / "maps.zarr", tmp_path / "made.zarr"
    with FeatureStore.create(path, block="dec1", shape=(2, 4, 4), rows=rows) as store:
        store.write(0, rng.random((18, 2, 4, 4)))
    code, said, err = call(capsys, "generate", path, "--generator", "mixup", "--n", "LGG=7",
                           "--out", out, "--json")  # fmt: skip
    assert code == 0, err
    assert json.loads(said)["real"] == {"HGG": 12, "LGG": 6}
    made = FeatureStore.open(out)
    assert len(made) == 7 and made.shape == (2, 4, 4)
    code, _, err = call(capsys, "generate", path, "--generator", "mixup", "--n", "LGG=7",
                        "--out", tmp_path / "made.csv")  # fmt: skip
    assert code == 2 and "go to .zarr or .npz, not a table" in err


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"--generator": "gausian"}, 2, "did you mean 'gaussian'"),
        ({"--generator": "duplicates"}, 2, "generator 'duplicates' is unknown"),
        ({"--n": "Low"}, 2, "expected CLASS=NUMBER"),
        ({"--n": "Loww=3"}, 1, "did you mean 'Low'"),
        ({"--n": "Low=3,Low=4"}, 2, "Low stands twice"),
        ({"--n": "Low=999999999"}, 2, "expected up to 100,000,000 samples"),
        ({"--out": "made.xlsx"}, 2, "expected a name that ends in .zarr"),
        ({"--label": "grade"}, 2, "did you mean 'Grade'"),
    ],
)
def test_what_is_wrong_is_said(table, tmp_path, capsys, change, code, words):
    asked = {"--generator": "gaussian", "--n": "Low=3", "--out": tmp_path / "made.csv",
             "--label": "Grade", "--groups": "patient"} | change  # fmt: skip
    found, _, err = call(capsys, "generate", table, *(w for pair in asked.items() for w in pair))
    assert found == code and words in err
    assert not (tmp_path / "made.csv").exists()
