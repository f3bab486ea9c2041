"""Features from tables as programs write them: roles, joins, archives."""

import json
import unicodedata
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from rarecase.cli.main import main
from rarecase.errors import DataError
from rarecase.features.read_features import read_features

N = 24


def frame(**columns):
    base = {"patient": [f"{i:03d}" for i in range(N)], "Grade": np.resize(["a", "a", "b"], N)}
    return pd.DataFrame(base | {"size": np.arange(N) / 8, "depth": np.arange(N) + 0.5} | columns)


def read(path, **more):
    return read_features(path, **{"label": "Grade", "groups": "patient"} | more)


def stored(table, path):
    """The table in the format that the file's name says."""
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".xlsx":
        table.to_excel(path, index=False)
    else:
        table.to_csv(path, index=False, sep="\t" if "tsv" in path.name else ",")
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "t.xlsx", "t.csv.gz", "t.zip"])
def test_every_format_gives_the_same_features(tmp_path, name):
    expected = read(stored(frame(), tmp_path / "plain.csv"))
    odd = frame().rename(columns={"Grade": " Grade ", "patient": "patient "})
    odd[" Grade "] = odd[" Grade "] + " "
    found = read(stored(odd, tmp_path / name))
    pd.testing.assert_frame_equal(found.X, expected.X)
    assert found.y.tolist() == expected.y.tolist()
    assert found.groups.tolist() == expected.groups.tolist() == frame()["patient"].tolist()
    assert found.fingerprint() == expected.fingerprint()


def test_patients_without_a_name_are_refused_however_that_is_written(tmp_path):
    for gap in ("", "NA", "n/a", "None", "."):
        table = frame()
        table.loc[[3, 7], "patient"] = gap
        with pytest.raises(DataError, match="no patient: 2 lack patient, first row 3"):
            read(stored(table, tmp_path / "t.csv"))


def test_a_site_without_a_name_is_one_of_its_own(tmp_path, caplog):
    table = frame(hospital=np.resize(["A", "B", "NA"], N))
    found = read(stored(table, tmp_path / "t.csv"), site="hospital")
    assert set(found.sites) == {"A", "B", "no site"} and "8 rows without hospital" in caplog.text


def test_labels_of_an_archive_are_read_as_those_of_a_table(tmp_path, caplog):
    y = np.array(["low", "low ", "high", "NA", " high"] * 4)
    who = np.array([f" {i:02d}" for i in range(20)])
    np.savez(tmp_path / "f.npz", X=np.arange(40.0).reshape(20, 2), y=y, groups=who)
    found = read_features(tmp_path / "f.npz")
    assert set(found.y) == {"low", "high"} and len(found.X) == len(found.y) == 16
    assert found.groups[:4].tolist() == ["00", "01", "02", "04"] and found.row[3] == 4
    assert "4 rows without y are left out" in caplog.text


def test_lists_and_decimals_of_parquet_are_features(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(N, 3))
    table = frame(price=[Decimal(f"{i}.25") for i in range(N)], emb=list(vectors))
    path = stored(table, tmp_path / "t.parquet")
    found = read(path)
    assert found.names == ["size", "depth", "price", "emb_0", "emb_1", "emb_2"]
    np.testing.assert_array_equal(found.X[["emb_0", "emb_1", "emb_2"]], vectors)
    assert found.X["price"].tolist() == [i + 0.25 for i in range(N)] and not found.left_out
    assert read(path, ignore=["emb"]).names == ["size", "depth", "price"]
    sets = read(path, sets={"image": ["emb"], "rest": ["size", "price"]}).X
    assert list(sets["image"].columns) == ["emb_0", "emb_1", "emb_2"]


def test_an_index_with_a_name_is_a_column(tmp_path):
    path = tmp_path / "t.parquet"
    frame().set_index("patient").to_parquet(path)
    found = read(path)
    assert found.groups.tolist() == frame()["patient"].tolist()
    assert found.names == ["size", "depth"]
    frame().iloc[::2].to_parquet(path)  # an index without a name, of rows that were kept
    assert read(path).names == ["size", "depth"] and read(path).row[1] == 2


def test_a_row_without_an_id_is_joined_to_none(tmp_path, caplog):
    table = frame()
    table["key"] = table["patient"].replace("005", "NA")
    other = pd.DataFrame({"key": [*table["key"], ""], "deep": np.arange(N + 1.0)})
    path = stored(table, tmp_path / "t.csv")
    sets = {"deep": [str(stored(other, tmp_path / "o.parquet"))]}
    found = read(path, id="key", sets=sets)
    assert len(found.y) == N - 1 and 5.0 not in found.X["deep"]["deep"].tolist()
    assert "2 rows without key are left out" in caplog.text


def test_ids_of_floats_join_those_of_text(tmp_path):
    table = frame(patient=[str(i) for i in range(N)])
    other = pd.DataFrame({"patient": np.arange(N, dtype=float), "deep": np.arange(float(N))})
    sets = {"deep": [str(stored(other, tmp_path / "o.parquet"))]}
    found = read(stored(table, tmp_path / "t.csv"), sets=sets)
    assert found.X["deep"]["deep"].tolist() == [*range(N)]


def test_names_of_columns_are_composed_as_headers_are(tmp_path):
    table = frame().rename(columns={"Grade": "Gr\u00f6\u00dfe"})
    said = unicodedata.normalize("NFD", "Gr\u00f6\u00dfe")
    found = read(stored(table, tmp_path / "t.csv"), label=said)
    assert set(found.y) == {"a", "b"}


def test_a_class_called_none_is_kept_where_it_is_asked_for(tmp_path, caplog):
    table = frame(Grade=np.resize(["a", "None", "b"], N))
    path = stored(table, tmp_path / "t.csv")
    assert set(read(path).y) == {"a", "b"}
    assert "None, nil or - counts as missing in Grade" in caplog.text
    assert set(read(path, label="Grade=None").y) == {"Grade=None", "rest"}
    two = stored(frame(Grade=np.resize(["a", "None"], N)), tmp_path / "two.csv")
    assert set(read(two).y) == {"a", "None"}


def test_json_says_what_is_left_out(tmp_path, capsys):
    table = frame(note=np.resize(["x", "y", "z"], N))
    path = stored(table, tmp_path / "t.csv")
    words = ["--label", "Grade", "--groups", "patient", "--arms", "none", "--no-checks"]
    more = ["--folds", "2", "--repeats", "1", "--accept", "size,depth", "--jobs", "1", "--json"]
    assert main(["compare", str(path), *words, *more]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == {"note": "they hold text"}


def test_a_table_of_which_no_row_has_a_class_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,y,who\n0.1,,p1\n0.2,,p2\n")
    np.savez(tmp_path / "t.npz", X=np.zeros((2, 1)), y=np.array(["", ""]))
    with pytest.raises(DataError, match=r"t\.csv: no row has a class in y; 2 rows are empty"):
        read_features(tmp_path / "t.csv", label="y", groups="who")
    with pytest.raises(DataError, match=r"t\.npz: no row has a class in y; 2 rows are empty"):
        read_features(tmp_path / "t.npz")
