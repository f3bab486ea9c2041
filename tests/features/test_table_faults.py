"""What users of tables stumbled over: F15, F16, F17 and F24 of the faults."""

import numpy as np
import pandas as pd
import pytest

from rarecase.errors import DataError, SettingError
from rarecase.features.read_features import read_features

HASH = "d41d8cd98f00b204e9800998ecf8427e"


def table(path, columns, n=12):
    """A table of n patients with a label."""
    base = {"id": [f"P{i + 1}" for i in range(n)], "Grade": np.resize(["a", "a", "b"], n)}
    pd.DataFrame(base | columns).to_csv(path, index=False)
    return path


def read(path, **more):
    return read_features(path, **{"label": "Grade", "groups": "id"} | more)


@pytest.mark.parametrize("ids", [["1", "001"], ["P1", "p1"], ["Sub 3", "sub-03"]])
def test_patients_whose_ids_differ_in_writing_alone_are_said(tmp_path, caplog, ids):
    path = table(tmp_path / "t.csv", {"age": np.linspace(0.5, 1, 12)})
    frame = pd.read_csv(path, dtype=str)
    read(path)
    assert "taken for 2" not in caplog.text
    frame.assign(id=[*ids, *frame["id"][2:]]).to_csv(path, index=False)
    read(path)
    assert f"patients {' and '.join(map(repr, sorted(ids)))} are taken for 2" in caplog.text


def test_words_that_numpy_keeps_as_objects_are_refused_with_the_way_out(tmp_path):
    words = np.resize(np.array(["a", "b"], dtype=object), 12)
    np.savez(tmp_path / "t.npz", X=np.eye(12), y=words, allow_pickle=True)
    with pytest.raises(DataError, match=r"t\.npz: holds an array of Python objects.*astype\(str\)"):
        read_features(tmp_path / "t.npz")


def test_diagnostics_are_left_out_and_counted(tmp_path):  # F16
    columns = {"diagnostics_Image-original_Hash": HASH, "diagnostics_Image-original_Mean": 1.5,
               "original_shape_Elongation": np.linspace(0, 1, 12)}  # fmt: skip
    found = read(table(tmp_path / "t.csv", columns))
    assert found.names == ["original_shape_Elongation"]
    assert len(found.left_out) == 2


@pytest.mark.parametrize("odd", [HASH, "(192, 256, 256)"])
def test_a_header_that_shifted_is_refused(tmp_path, odd):  # F16
    path = table(tmp_path / "t.csv", {"original_shape_Elongation": [*range(10), odd, odd]})
    with pytest.raises(DataError, match=r"Elongation' holds .* in row 10.*shifted") as error:
        read(path)
    assert odd in str(error.value)


def test_a_header_that_lost_a_cell_is_refused(tmp_path):  # F16
    lines = ["id,original_shape_Elongation,Grade"]
    lines += [f"P{i},{HASH[:-1]}{i},0.{i},{'ab'[i % 2]}" for i in range(8)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"'id' holds .* in row P0.*shifted"):
        read(path)


def test_ids_are_text_and_matched_whole(tmp_path, caplog):  # F15, F17
    path = table(tmp_path / "t.csv", {"age": range(12)}, n=12)
    frame = pd.read_csv(path).assign(id=["P1", "P10", "P11", "0012", *(f"Q{i}" for i in range(8))])
    frame.to_csv(path, index=False)
    other = frame[["id"]].assign(depth=np.arange(12.0)).iloc[[3, 2, 0, *range(4, 12)]]
    other.loc[len(other) + 5] = ["12", 99.0]
    other.to_csv(tmp_path / "e.csv", index=False)
    sets = {"emb": [str(tmp_path / "e.csv")], "clinical": ["age"]}
    found = read(path, sets=sets)
    assert "12 labelled, 11 with features; left out, as they have none: P10" in caplog.text
    assert "without a label: 12" in caplog.text
    assert found.groups.tolist() == ["P1", "P11", "0012", *(f"Q{i}" for i in range(8))]
    assert found.X["emb"]["depth"].tolist() == [0, 2, 3, *range(4, 12)]
    assert found.X["clinical"]["age"].tolist() == [0, 2, 3, *range(4, 12)]
    kept = read(path, sets=sets, fill=True)
    assert len(kept.y) == 12 and np.isnan(kept.X["emb"]["depth"].to_numpy()[1])
    other.assign(id=other["id"] + "x").to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(DataError, match="no id of it is one of the table's"):
        read(path, sets={"emb": sets["emb"]})
    pd.concat([other, other]).to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(DataError, match="id 0012 is listed twice"):
        read(path, sets=sets)
    with pytest.raises(SettingError, match="--id COLUMN"):
        read(path, sets=sets, groups=None)


def test_leading_zeros_of_ids_stay(tmp_path):  # F17
    ids = [f"{i:04d}" for i in range(12)]
    path = table(tmp_path / "t.csv", {"id": ids})
    pd.DataFrame({"id": ids[::-1], "depth": range(12)}).to_csv(tmp_path / "e.csv", index=False)
    found = read(path, sets={"emb": [str(tmp_path / "e.csv")]})
    assert found.X["emb"]["depth"].tolist() == [*range(11, -1, -1)]
    pd.DataFrame({"id": range(12), "depth": range(12)}).to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(DataError, match="12 is not 0012"):
        read(path, sets={"emb": [str(tmp_path / "e.csv")]})


def test_dates_are_no_features_unless_asked_and_commas_are_no_categories(tmp_path):  # F24
    columns = {"scan": np.resize(["11/03/2011", "20/10/2011"], 12), "volume": ["456,78"] * 12,
               "sex": np.resize(["f", "m", "?"], 12), "code": np.resize([1, 2, 3], 12)}  # fmt: skip
    path = table(tmp_path / "t.csv", columns)
    found = read(path)
    assert found.names == ["volume", "code"] and found.X["volume"].iloc[0] == 456.78
    assert "dates" in found.left_out["scan"] and "text" in found.left_out["sex"]
    asked = read(path, accept=["scan"], categorical=["sex", "code"])
    assert asked.X["scan"].diff().iloc[1] == 223
    assert asked.X["sex"].cat.categories.tolist() == ["f", "m"] and asked.X["sex"].isna().sum() == 4
    assert asked.X["code"].cat.categories.tolist() == ["1", "2", "3"]


def test_a_slip_in_a_column_of_numbers_is_said(tmp_path, caplog):
    read(table(tmp_path / "t.csv", {"age": [*range(11), "5O"], "size": range(12)}))
    assert (
        "'age' is left out: 1 of its 12 values are no numbers, first '5O' in row 11" in caplog.text
    )


@pytest.mark.parametrize(
    ("sets", "expected"),
    [({"a": ["sex"]}, "column 'sex' is no feature, as they hold text.*--categorical sex"),
     ({"a": ["flare_*"]}, "matches 'flare_\\*'; did you mean 'flair_x'"),
     ({"a": ["nowhere.csv"]}, "nowhere.csv")],
)  # fmt: skip
def test_what_a_set_cannot_be_is_said(tmp_path, sets, expected):
    path = table(tmp_path / "t.csv", {"flair_x": range(12), "sex": np.resize(["f", "m"], 12)})
    with pytest.raises((DataError, SettingError), match=expected):
        read(path, sets=sets)
