"""`rarecase generate` as a user types it."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecase.checkpoint import load_tensors
from rarecase.cli.main import main
from rarecase.features import FeatureStore
from rarecase.generators import Gaussian
from rarecase.generators.filters import FILTERS, kept_by
from rarecase.progress import use
from support.contract import Killer
from support.pages import page_words


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
        store.append(rng.random((18, 2, 4, 4)))
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
        ({"--n": "Loww=3"}, 2, "did you mean 'Low'"),
        ({"--n": "Low=3,Low=4"}, 2, "Low stands twice"),
        ({"--n": "Low=999999999"}, 2, "expected up to 100,000,000 samples"),
        ({"--n": "Low=²"}, 2, "expected CLASS=NUMBER"),
        ({"--n": "Low=0"}, 2, "expected CLASS=NUMBER"),
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


@pytest.fixture
def never_fitted(monkeypatch):
    def fit(self, *args, **kwargs):
        raise AssertionError("fitted before everything was checked")

    monkeypatch.setattr(Gaussian, "fit", fit)


def store_of(path, rows, shape=(2, 4, 4)):
    rng = np.random.default_rng(0)
    with FeatureStore.create(path, block="dec1", shape=shape, rows=rows) as store:
        store.append(rng.random((len(rows), *shape)))
    return path


def rows_of(label, patient=None):
    return pd.DataFrame({"patient": patient or [f"p{i}" for i in range(len(label))],
                         "label": label})  # fmt: skip


def generate(capsys, path, out, *words, generator="gaussian", n="LGG=3"):
    return call(capsys, "generate", path, "--generator", generator, "--n", n, "--out", out, *words)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (rows_of(["LGG", None, "HGG"] * 4), "4 of 12 rows have no label (counted from 0: 1, 4, 7"),
        (rows_of([1.0, 2.0, np.nan] * 4), "4 of 12 rows have no label (counted from 0: 2, 5, 8"),
        (rows_of(["LGG", "HGG"] * 2, ["a", "b", None, "d"]), "1 of 4 rows have no patient"),
    ],
)
def test_what_is_missing_in_a_store_is_no_class_and_no_patient(
    tmp_path, capsys, never_fitted, rows, words
):
    path = store_of(tmp_path / "maps.zarr", rows)
    code, _, err = generate(capsys, path, tmp_path / "made.zarr")
    assert code == 1 and words in err and "rows.parquet" in err


@pytest.mark.parametrize("label", [[1.0, 2.0], [1, 2]])
def test_classes_of_a_store_are_named_as_compare_names_them(tmp_path, capsys, label):
    path = store_of(tmp_path / "maps.zarr", rows_of(label * 6))
    code, said, err = generate(capsys, path, tmp_path / "made.npz", "--json", n="1=3")
    assert code == 0, err
    assert json.loads(said)["real"] == {"1": 6, "2": 6}
    with np.load(tmp_path / "made.npz") as file:
        assert file["y"].tolist() == [1] * 3 and file["y"].dtype == np.asarray(label).dtype


@pytest.mark.parametrize("label", [[1, 2], [1.0, 2.0], ["1", "2"], [True, False], [b"1", b"2"]])
def test_maps_of_an_archive_stay_maps_and_labels_keep_their_type(tmp_path, capsys, label):
    X = np.random.default_rng(0).random((12, 2, 4, 4))
    path, out = tmp_path / "maps.npz", tmp_path / "made.NPZ"
    np.savez(path, X=X, y=np.array(label * 6))
    name = "True" if label[0] is True else "1"
    code, _, err = generate(capsys, path, out, n=f"{name}=5")
    assert code == 0, err
    with np.load(out, allow_pickle=False) as file:
        assert file["X"].shape == (5, 2, 4, 4)
        assert file["y"].tolist() == [label[0]] * 5 and file["y"].dtype == np.array(label).dtype


def test_maps_of_an_archive_reach_the_network_as_maps(tmp_path, capsys, monkeypatch):
    from rarecase.generators import ACGAN

    found = []
    monkeypatch.setattr(ACGAN, "_fit", lambda self, X, *a, **k: found.append(self._maps) or 1 / 0)
    np.savez(tmp_path / "maps.npz", X=np.ones((4, 2, 4, 4)) * np.arange(4).reshape(4, 1, 1, 1),
             y=["a", "b"] * 2)  # fmt: skip
    with pytest.raises(ZeroDivisionError):
        generate(capsys, tmp_path / "maps.npz", tmp_path / "o.npz", generator="acgan", n="a=1")
    assert found == [True]


@pytest.mark.parametrize("label", [[1, 2], [1.0, 2.0], ["a", "b"], [True, False], ["007", "008"]])
@pytest.mark.parametrize(("source", "made"), [("csv", "PARQUET"), ("parquet", "csv"),
                                              ("parquet", "parquet"), ("csv", "CSV")])  # fmt: skip
def test_real_and_made_join_in_one_table(tmp_path, capsys, label, source, made):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"kind": label * 8, "age": rng.normal(size=16)})
    path, out = tmp_path / f"real.{source}", tmp_path / f"made.{made}"
    if source == "csv":
        table.to_csv(path, index=False)
        table = pd.read_csv(path)
    else:
        table.to_parquet(path)
    names = {1.0: "True"} if label[0] is True else {1.0: "1"}
    code, _, err = generate(capsys, path, out, "--label", "kind",
                            n=f"{names.get(label[0], label[0])}=2")  # fmt: skip
    assert code == 0, err
    more = pd.read_csv(out) if made.lower() == "csv" else pd.read_parquet(out)
    if label[0] != "007":  # pandas makes a number of it where rarecase keeps what is written
        pd.concat([table, more]).to_parquet(tmp_path / "both.parquet")
        assert set(more["kind"]) <= set(table["kind"])
    else:
        assert out.suffix.lower() == ".csv" or more["kind"].tolist() == ["007"] * 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--n", "LG=3"], "did you mean 'LGG'"),
        (["--out", "made.csv"], "go to .zarr or .npz, not a table"),
        (["--n", "LGG=90000000", "--out", "made.npz"], "GiB of memory on the way"),
        (["--ignore", "nonsense"], "have no names to leave out"),
    ],
)
def test_mistakes_are_found_before_the_training(tmp_path, capsys, never_fitted, change, words):
    path = store_of(tmp_path / "maps.zarr", rows_of(["LGG", "HGG"] * 6))
    code, _, err = generate(capsys, path, tmp_path / "made.zarr", *change)
    assert code == 2 and words in err


def test_a_class_may_have_an_equals_sign_in_its_name(tmp_path, capsys):
    path = store_of(tmp_path / "maps.ZARR", rows_of(["x=1", "x=2"] * 6))
    code, said, err = generate(capsys, path, tmp_path / "made.npz", "--json", n="x=1=4, x=2 = 1")
    assert code == 0, err
    assert json.loads(said)["generated"] == {"x=1": 4, "x=2": 1}


def archive(path, X, y=None):
    np.savez(path, X=X, y=["LGG", "HGG"] * (len(X) // 2) if y is None else y)
    return path


def test_values_beyond_float16_are_refused_for_a_store(tmp_path, capsys, never_fitted):
    X = np.random.default_rng(0).normal(size=(12, 3)) * [1, 1, 1e6]
    code, _, err = generate(capsys, archive(tmp_path / "f.npz", X), tmp_path / "made.zarr")
    assert code == 1 and "feature '2' reaches" in err and "--out NAME.npz" in err


@pytest.mark.parametrize(
    ("factor", "shift", "warned"),
    [(1, 0, False), (1e-5, 0, True), (1e-3, 0, False), (1e-3, 100, True), (1, 100, False)],
)
def test_what_half_precision_loses_is_said(tmp_path, capsys, factor, shift, warned):
    X = np.random.default_rng(0).normal(size=(12, 2)) * [1, factor] + [0, shift]
    path = archive(tmp_path / "f.npz", X)
    code, said, err = generate(capsys, path, tmp_path / "made.zarr")
    assert code == 0 and "(float16)" in said
    assert ("little of 1 of 2 features (1)" in err) == warned
    code, said, err = generate(capsys, path, tmp_path / "made.npz")
    assert code == 0 and "float16" not in said + err


def test_a_store_says_whom_network_and_generator_have_learnt_from(tmp_path, capsys):
    path = tmp_path / "maps.zarr"
    rows = rows_of(["LGG", "HGG"] * 3)
    with FeatureStore.create(path, block="b", shape=(3,), rows=rows, seen=["net"]) as store:
        store.append(np.random.default_rng(0).random((6, 3)))
    everyone = ["net", *(f"p{i}" for i in range(6))]
    assert generate(capsys, path, tmp_path / "made.zarr")[0] == 0
    assert sorted(FeatureStore.open(tmp_path / "made.zarr").seen) == everyone
    assert generate(capsys, path, tmp_path / "made.npz", "--seed", 3)[0] == 0
    said = json.loads((tmp_path / "made.npz.json").read_text())
    assert said["learnt_from"] == everyone
    assert said["generator"] == "gaussian" and said["seed"] == 3
    assert said["settings"]["random_state"] == 3
    assert said["real"] == {"HGG": 3, "LGG": 3} and said["generated"] == {"LGG": 3}


def test_the_file_beside_is_not_overwritten(tmp_path, capsys, never_fitted):
    path = archive(tmp_path / "f.npz", np.eye(12))
    (tmp_path / "made.csv.json").write_text("mine")
    code, _, err = generate(capsys, path, tmp_path / "made.csv")
    assert code == 1 and "made.csv.json exists and was not touched" in err


@pytest.fixture
def few_epochs(monkeypatch):
    from rarecase.generators import ACGAN

    monkeypatch.setitem(ACGAN.__init__.__kwdefaults__, "epochs", 4)


def test_a_killed_training_goes_on(tmp_path, capsys, few_epochs):
    path = archive(tmp_path / "f.npz", np.random.default_rng(0).normal(size=(1000, 2)))
    whole, out, kept = (tmp_path / n for n in ("whole.npz", "made.npz", "made.npz.checkpoint"))
    assert generate(capsys, path, whole, "-q", generator="acgan")[0] == 0
    for epochs in (2, 1):  # the second is killed before it does more than take up what is there
        with use(Killer(epochs)):
            code, _, err = generate(capsys, path, out, "-q", generator="acgan")
        assert code == 130 and "goes on with the training" in err and not out.exists()
        assert len(load_tensors(kept)[1]["history"]) == 2
    code, _, err = generate(capsys, path, out, "-q", "--seed", 1, generator="acgan")
    assert code == 1 and "another training" in err
    assert generate(capsys, path, out, "-q", generator="acgan")[0] == 0
    np.testing.assert_array_equal(np.load(out)["X"], np.load(whole)["X"])
    assert not kept.exists()


def test_a_short_training_that_is_killed_starts_anew_and_says_so(tmp_path, capsys, few_epochs):
    path = archive(tmp_path / "f.npz", np.random.default_rng(0).normal(size=(12, 2)))
    with use(Killer(2)):
        code, _, err = generate(capsys, path, tmp_path / "o.npz", "-q", generator="acgan")
    assert code == 130 and "starts anew" in err
    assert [file.name for file in tmp_path.iterdir()] == ["f.npz"]


def overlapping(n=60, shape=(2,)):
    """Two classes of two heaps each, between which a Gaussian makes samples that nobody has."""
    rng = np.random.default_rng(0)
    y = np.repeat(["HGG", "LGG"], n // 2)
    middle = (y == "LGG") + 8 * (np.arange(n) % 2)
    return rng.normal(size=(n, *shape)) + middle.reshape(n, *(1,) * len(shape)), y


def plain_and_filtered(tmp_path, capsys, path, *, name, suffix, counts="LGG=20,HGG=70"):
    out, every = tmp_path / f"made{suffix}", tmp_path / "every.npz"
    code, said, err = generate(capsys, path, out, "--filter", name, "--json", n=counts)
    assert code == 0, err
    assert generate(capsys, path, every, n="LGG=200,HGG=700")[0] == 0
    with np.load(every) as file:
        return out, json.loads(said), file["X"], file["y"]


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".zarr"])
@pytest.mark.parametrize("name", [name for name in FILTERS if name != "agreement"])
def test_a_filter_keeps_the_first_it_lets_through(tmp_path, capsys, name, suffix):
    X, y = overlapping()
    path = archive(tmp_path / "f.npz", X, y)
    out, said, made, asked = plain_and_filtered(tmp_path, capsys, path, name=name, suffix=suffix)
    kept = kept_by(name, X, y, made, asked)
    expected, looked = [], {}
    for label, n in (("LGG", 20), ("HGG", 70)):
        places = np.flatnonzero(kept & (asked == label))[:n]
        expected.append(made[places])
        looked[label] = int(places[-1] - np.flatnonzero(asked == label)[0]) + 1
    assert said["kept"] == {"LGG": 20, "HGG": 70} and said["generated"] == looked
    assert said["filter"] == name and sum(looked.values()) > 90
    expected = np.concatenate(expected)
    if suffix == ".zarr":
        store = FeatureStore.open(out)
        np.testing.assert_array_equal(store.read_all(stored=True), expected.astype(np.float16))
        assert store.rows["label"].tolist() == ["LGG"] * 20 + ["HGG"] * 70
        return
    if suffix == ".csv":
        table = pd.read_csv(out)
        found, labels = table.drop(columns="label").to_numpy(), table["label"].to_numpy()
    else:
        with np.load(out) as file:
            found, labels = file["X"], file["y"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert labels.tolist() == ["LGG"] * 20 + ["HGG"] * 70
    beside = json.loads((tmp_path / f"{out.name}.json").read_text())
    assert beside["generated"] == looked and beside["filter"] == name


@pytest.mark.parametrize("stored", [True, False])
def test_of_maps_a_filter_sees_the_means(tmp_path, capsys, stored):
    X, y = overlapping(shape=(2, 2, 2))
    path = tmp_path / ("maps.zarr" if stored else "maps.npz")
    if stored:
        with FeatureStore.create(path, block="b", shape=(2, 2, 2), rows=rows_of(y)) as store:
            store.append(X)
        X = FeatureStore.open(path).read_all()
    else:
        archive(path, X, y)
    out, said, made, asked = plain_and_filtered(tmp_path, capsys, path, name="near", suffix=".npz")
    kept = kept_by("near", X.mean(axis=(2, 3)), y, made.mean(axis=(2, 3)), asked)
    with np.load(out) as file:
        np.testing.assert_array_equal(
            file["X"][:20], made[np.flatnonzero(kept & (asked == "LGG"))[:20]]
        )
    assert said["generated"]["LGG"] > 20


def test_the_discriminator_filters_its_own(tmp_path, capsys, few_epochs):
    path = archive(tmp_path / "f.npz", *overlapping())
    code, said, err = generate(capsys, path, tmp_path / "o.zarr", "--filter", "agreement",
                               "--json", generator="acgan", n="LGG=30,HGG=30")  # fmt: skip
    assert code == 0, err
    made, rows = json.loads(said)["generated"], FeatureStore.open(tmp_path / "o.zarr").rows
    assert sum(made.values()) > 60 and len(rows) == 60 and rows["agrees"].all()


def test_where_a_filter_keeps_too_few_nothing_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        Gaussian, "_make_flat", lambda self, code, block, rng: np.full((256, 2), 99)
    )
    path = archive(tmp_path / "f.npz", *overlapping())
    code, _, err = generate(capsys, path, tmp_path / "o.zarr", "--filter", "near", n="LGG=3")
    assert code == 1 and "LGG: 0 of 30 generated, 3 requested" in err
    assert [file.name for file in tmp_path.iterdir()] == ["f.npz"]


@pytest.mark.parametrize(
    ("name", "y", "code", "words"),
    [
        ("nearr", None, 2, "did you mean 'near'"),
        ("agreement", None, 2, "Gaussian has no discriminator"),
        ("recognised", ["LGG"] * 2 + ["HGG"], 1, "class 'HGG' has one patient"),
        ("dense", ["LGG"] * 2 + ["HGG"], 1, "class 'HGG' has 1 real sample"),
    ],
)
def test_what_a_filter_cannot_do_is_said_before_the_training(
    tmp_path, capsys, never_fitted, name, y, code, words
):
    X = np.random.default_rng(0).normal(size=(3 if y else 12, 2))
    found, _, err = generate(capsys, archive(tmp_path / "f.npz", X, y), tmp_path / "o.csv",
                             "--filter", name)  # fmt: skip
    assert found == code and words in err


def test_the_help_names_every_filter(capsys):
    with pytest.raises(SystemExit):
        main(["generate", "--help"])
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in FILTERS)


def test_an_audit_sets_samples_beside_patients_held_out(tmp_path, capsys):
    rng = np.random.default_rng(0)
    who = np.repeat([f"{i:02d}" for i in range(24)], 5)
    made = pd.DataFrame(rng.normal(size=(120, 3)) * [1, 100, 0.01], columns=["a", "b", "c"])
    made.insert(0, "patient", who)
    made.insert(1, "Grade", np.repeat(["High", "Low"], [70, 50]))
    made.to_csv(tmp_path / "features.csv", index=False)
    ratios, words = [], ["generate", tmp_path / "features.csv", *COLUMNS, "--n", "Low=9", "--audit"]
    for generator in ("smote", "gaussian"):
        out = tmp_path / f"{generator}.csv"
        code, said, err = call(capsys, *words, "--generator", generator, "--out", out, "--json")
        assert code == 0, err
        audit = json.loads(said)["audit"]
        assert json.loads((tmp_path / f"{generator}.csv.json").read_text())["audit"] == audit
        ratios.append([line["nn ratio"] for line in audit if line["source"] == "synthetic"])
    assert (np.array(ratios[0]) < np.array(ratios[1])).all()
    assert [(line["class"], line["source"]) for line in audit] == [
        ("High", "synthetic"), ("High", "real"), ("Low", "synthetic"), ("Low", "real"),
    ]  # fmt: skip
    assert {line["held"] for line in audit} == {20, 10}
    assert all(line["exact copies"] == 0 for line in audit)
    last = [*words, "--generator", "gaussian", "--out", tmp_path / "b.csv"]
    code, said, err = call(capsys, *last, "--html", tmp_path / "page")
    assert code == 0 and "Against patients held out" in said and "nn ratio" in said
    page = tmp_path / "page" / "index.html"
    assert said.splitlines()[-1] == f"Page: {page}" and (page.parent / "figures").is_dir()
    shown = page_words(page, above=tmp_path)
    assert "What are the synthetic samples of gaussian like?" in shown
    assert f"Low synthetic 15 10 {audit[2]['precision']:.2f}" in shown
    assert "Two-sample AUC of a classifier that tells them from" in shown
    out = last[-1]
    out.unlink()
    code, _, err = call(capsys, *last, "--html", tmp_path / "page")
    assert code == 1 and f"{page} exists and was not touched" in err and not out.exists()
    code, _, err = call(capsys, *(w for w in last if w != "--audit"), "--html", tmp_path / "x.html")
    assert code == 2 and "add --audit" in err


def test_an_audit_needs_patients_to_hold_out(tmp_path, capsys, never_fitted):
    made = pd.DataFrame({"patient": ["a", "b", "c", "d"] * 2, "Grade": ["High", "Low"] * 4})
    made["a"] = np.arange(8.0)
    made.to_csv(tmp_path / "features.csv", index=False)
    words = [*COLUMNS, "--generator", "gaussian", "--n", "Low=9", "--out", tmp_path / "a.csv"]
    code, _, err = call(capsys, "generate", tmp_path / "features.csv", *words, "--audit")
    assert code == 1 and "no class has three patients" in err
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("generator", ["gaussian", "gaussian-mixture"])
def test_columns_keep_their_units(tmp_path, capsys, generator):
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.normal(size=(60, 2)) * [8000, 0.1], columns=["volume", "sphericity"])
    made.insert(0, "Grade", np.repeat(["High", "Low"], 30))
    made.to_csv(tmp_path / "features.csv", index=False)
    code, _, err = call(capsys, "generate", tmp_path / "features.csv", "--label", "Grade",
                        "--generator", generator, "--n", "Low=500", "--out",
                        tmp_path / "more.csv")  # fmt: skip
    assert code == 0, err
    spread = pd.read_csv(tmp_path / "more.csv").drop(columns="Grade").std()
    assert 4000 < spread["volume"] < 16000 and 0.05 < spread["sphericity"] < 0.2
