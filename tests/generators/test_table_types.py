"""A generated table holds what its columns hold: whole numbers, truth, categories, bounds."""

import numpy as np
import pandas as pd
import pytest

from rarecase.cli.main import main
from rarecase.generators import Gaussian, Mixup

N = 60


@pytest.fixture
def real():
    rng = np.random.default_rng(4)
    return pd.DataFrame({
        "Outcome": np.repeat(["relapse", "none"], [20, 40]),
        "women": rng.integers(0, 2, N),
        "nodes": rng.poisson(1.0, N),
        "years": rng.integers(1, 90, N),
        "diabetic": rng.random(N) < 0.4,
        "visits": rng.integers(1, 5, N).astype(float),
        "volume": rng.exponential(2.0, N),
    })  # fmt: skip


def generated(real, tmp_path, *more, source="csv", made="csv", kind="gaussian", n="relapse=300"):
    path, out = tmp_path / f"real.{source}", tmp_path / f"made.{made}"
    (real.to_csv if source == "csv" else real.to_parquet)(path, index=False)
    words = ["generate", str(path), "--label", "Outcome", "--generator", kind, "--n", n,
             "--out", str(out), *more]  # fmt: skip
    assert main(words) == 0
    return pd.read_csv(out) if made == "csv" else pd.read_parquet(out)


@pytest.mark.parametrize("made", ["csv", "parquet"])
@pytest.mark.parametrize("kind", ["gaussian", "mixup"])
def test_columns_keep_types_and_bounds(real, tmp_path, made, kind):
    found = generated(real, tmp_path, made=made, kind=kind)
    assert found.dtypes.astype(str).tolist() == real.dtypes.astype(str).tolist()
    for name in real.columns.drop(["Outcome", "diabetic"]):
        assert found[name].between(real[name].min(), real[name].max()).all(), name
    assert (found["visits"] == found["visits"].round()).all()
    assert (found["volume"] != found["volume"].round()).any()


def test_gaps_are_refused_with_a_way_out_that_this_command_has(real, tmp_path, capsys):
    path = tmp_path / "real.csv"
    real.assign(nodes=[None, *real["nodes"][1:]]).to_csv(path, index=False)
    words = ["generate", str(path), "--label", "Outcome", "--generator", "gaussian"]
    assert main([*words, "--n", "relapse=3", "--out", str(tmp_path / "made.csv")]) == 1
    said = capsys.readouterr().err
    assert "1 values are missing, first that of 'nodes' in row 0" in said
    assert "--ignore nodes" in said and "--impute" not in said


def test_types_are_those_that_fit_resample_gives(real, tmp_path):
    whole = real.drop(columns=["volume", "visits"])
    features = whole.drop(columns="Outcome")
    both, _ = Mixup(random_state=0).fit_resample(features, whole["Outcome"])
    found = generated(
        whole, tmp_path, source="parquet", made="parquet", kind="mixup", n="relapse=20"
    )
    pd.testing.assert_frame_equal(
        found.drop(columns="Outcome"), both.iloc[N:].reset_index(drop=True)
    )


@pytest.mark.parametrize("dtype", ["int8", "Int64", "uint16", "float32"])
def test_types_of_parquet_are_kept(real, tmp_path, dtype):
    typed = real.astype({"nodes": dtype, "diabetic": "boolean"})
    found = generated(typed, tmp_path, source="parquet", made="parquet")
    assert found.dtypes.tolist() == typed.dtypes.tolist()
    assert found["nodes"].isin(range(int(real["nodes"].max()) + 1)).all()


@pytest.mark.parametrize(("source", "made"), [("csv", "csv"), ("csv", "parquet"),
                                              ("parquet", "parquet")])  # fmt: skip
def test_categories_are_those_of_the_column(real, tmp_path, source, made):
    rng = np.random.default_rng(0)
    real["scanner"] = rng.choice(["Aera", "Prisma", "Skyra"], N, p=[0.1, 0.7, 0.2])
    real["stage"] = rng.choice([1, 2, 4], N)
    found = generated(real, tmp_path, "--categorical", "scanner,stage", source=source, made=made)
    assert list(found.columns) == list(real.columns)
    assert set(found["scanner"]) == {"Aera", "Prisma", "Skyra"}
    assert set(found["stage"]) == {1, 2, 4} and found["stage"].dtype == "int64"
    assert found["scanner"].mode()[0] == "Prisma"


def test_a_categorical_column_of_codes_keeps_its_codes(real, tmp_path):
    real["stage"] = pd.Categorical(np.random.default_rng(0).choice(["1", "2", "4"], N))
    found = generated(real, tmp_path, source="parquet", made="parquet")
    assert found["stage"].dtype == real["stage"].dtype and found["stage"].notna().all()


@pytest.mark.parametrize("dtype", ["int16", "bool"])
def test_an_array_of_whole_numbers_stays_one(tmp_path, dtype):
    X = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 9, (40, 3)).astype(dtype)
    np.savez(tmp_path / "f.npz", X=X, y=["a", "b"] * 20)
    words = ["generate", tmp_path / "f.npz", "--generator", "gaussian", "--n", "a=20", "--out"]
    assert main([str(word) for word in [*words, tmp_path / "m.npz"]]) == 0
    with np.load(tmp_path / "m.npz") as file:
        made = file["X"]
    assert made.dtype == dtype
    raw, _ = Gaussian(random_state=0).fit(X.astype(float), ["a", "b"] * 20).sample({"a": 20})
    np.testing.assert_array_equal(made, raw >= 0.5 if dtype == "bool" else np.rint(raw))


def test_categories_need_a_table(real, tmp_path, capsys):
    real.to_csv(tmp_path / "r.csv", index=False)
    words = ["generate", tmp_path / "r.csv", "--label", "Outcome", "--generator", "gaussian",
             "--n", "none=2", "--categorical", "nodes", "--out", tmp_path / "m.npz"]  # fmt: skip
    assert main([str(word) for word in words]) == 2
    assert "categories go to a table, .csv or .parquet" in capsys.readouterr().err
