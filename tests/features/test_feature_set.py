import numpy as np
import pandas as pd
import pytest

from rarecase.errors import DataError, SettingError
from rarecase.features.feature_set import make_features
from support.features import map_set

X = np.random.default_rng(0).normal(size=(6, 2))
Y = ["a", "a", "a", "a", "b", "b"]
WHO = ["p1", "p1", "p2", "p3", "p4", "p5"]


def test_the_class_with_fewest_patients_is_rare():
    table = make_features(X, Y, groups=WHO)
    assert table.classes == ("a", "b")
    assert table.rare == 1
    assert table.per_class == {"a": 3, "b": 2}
    assert table.patients == ("p1", "p2", "p3", "p4", "p5")
    assert make_features(X, Y, groups=WHO, rare="a").rare == 0
    assert len(make_features(X, Y).patients) == 6  # each row a patient
    assert make_features(X, np.array([0.0, 0, 0, 0, 1, 1])).classes == ("0", "1")
    assert make_features(X.reshape(6, 2, 1), Y).X.shape == (6, 2)


def test_numbers_and_names_come_in_many_forms():
    whole = make_features(X, Y, groups=np.array([1.0, 1, 2, 3, 4, 5]))
    assert whole.patients == make_features(X, Y, groups=pd.array([1, 1, 2, 3, 4, 5])).patients
    assert whole.patients == ("1", "2", "3", "4", "5")
    mixed = make_features(X, np.array([1.0, 1, 1, 1, 2, 2], object), groups=np.array(WHO, "S"))
    assert mixed.classes == ("1", "2") and mixed.patients[0] == "p1"
    frame = pd.DataFrame(X, columns=["age", "size"]).assign(seen=[True, False] * 3)
    expected = np.column_stack([X, [1.0, 0.0] * 3])
    for each in (frame, frame.convert_dtypes()):
        np.testing.assert_array_equal(make_features(each, np.array(Y)[:, None]).X, expected)


def broken(**changes):
    kept = {"X": X, "y": Y, "groups": WHO} | changes
    return lambda: make_features(kept["X"], kept["y"], groups=kept["groups"], rare=kept.get("rare"))


def with_nan():
    values = X.copy()
    values[3, 1] = np.nan
    return values


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (broken(y=["a", "b", "a", "a", "b", "b"]), "patient 'p1' has rows of 2 classes"),
        (broken(X=with_nan()), "first in feature 1 of row 3"),
        (broken(X=pd.DataFrame(with_nan(), columns=["age", "size"])), "feature 'size' of row 3"),
        (broken(X=pd.DataFrame({"who": list("abcdef"), "x": 1.0})), "column 'who' is not numeric"),
        (broken(X=pd.DataFrame(with_nan()).convert_dtypes()), "feature '1' of row 3"),
        (broken(X=pd.DataFrame(X, columns=["age", "age"])), "two columns are called 'age'"),
        (broken(X=X * [1.0, 1e120]), "expected values up to 1e"),
        (
            lambda: make_features(np.arange(20.0)[:, None], [f"{i}" for i in range(20)]),
            "20 classes among 20 patients",
        ),
        (broken(X=np.ones((6, 3))), "every feature is constant"),
        (broken(X=np.array(list("abcdef"))[:, None]), "expected numbers"),
        (broken(y=np.linspace(0, 1, 6)), "Cut a continuous outcome into classes"),
        (broken(y=np.array([0.0, 0, 0, 0, 1, np.nan])), "some labels are missing"),
        (broken(y=["a", None, "a", "a", "b", "b"]), "some labels are missing"),
        (broken(y=Y[:-1]), "one label a row"),
        (broken(y=["a"] * 6), "one class"),
        (broken(groups=WHO[:-1]), "one patient a row"),
        (broken(groups=["p1", "p1", "p2", "p3", "p4", None]), "some rows have no patient"),
        (broken(rare="c"), "rare='c' is not a class"),
    ],
)
def test_what_would_make_the_result_wrong_is_refused(call, words):
    with pytest.raises((DataError, SettingError), match=words.replace("(", r"\(")):
        call()


def test_what_counts_of_a_patient():
    features = make_features(X, Y, groups=WHO)
    assert len(features) == 6 and not features.maps and features.counted.all()
    assert features.label.tolist() == [0, 0, 0, 1, 1]
    assert features.rows["case"].tolist() == WHO and features.rows["slice"].tolist() == [*range(6)]
    assert features.rows["site"].isna().all()
    named = make_features(X, Y, groups=WHO, sites=["s"] * 6, row=[*"abcdef"], name="mine")
    assert named.rows["site"].tolist() == ["s"] * 6 and named.rows["slice"].tolist() == [*"abcdef"]
    assert named.name == "mine"


def test_a_store_of_slices_as_it_is(tmp_path):
    features = map_set(tmp_path / "maps.zarr", (3, 2))
    assert features.maps and len(features) == 10 and features.rare == 1
    assert features.patients == tuple(f"p{i:02d}" for i in range(5))
    assert features.counted.tolist() == [True, False] * 5
    assert list(features.rows) == ["case", "slice", "predicted", "site"]


def test_the_digest_is_of_values_labels_patients_and_name():
    mine = make_features(X, Y, groups=WHO).digest
    assert mine == make_features(X.copy(), Y, groups=WHO).digest
    others = [
        make_features(X + 1, Y, groups=WHO), make_features(X, Y, groups=WHO, name="b"),
        make_features(X, Y, groups=WHO, rare="a"), make_features(X, Y),
        make_features(X, [*"aaaabc"], groups=WHO),
    ]  # fmt: skip
    assert len({mine, *(each.digest for each in others)}) == 6
