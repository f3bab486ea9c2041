"""The model that a comparison of tables leaves, and new rows."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecase import compare, export_model, load_model
from rarecase.cli.main import main
from rarecase.deploy.table_model import save_table_model
from rarecase.errors import DataError, SettingError
from rarecase.evidence.result import Result
from support.pages import page_words

RNG = np.random.default_rng(0)
SHORT = {"arms": ["class-weight"], "repeats": 1, "checks": False, "draws": 50, "folds": 3}


def table(n=90, seed=0):
    rng = np.random.default_rng(seed)
    rare = np.arange(n) % 4 == 0
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=["a", "b", "c", "d"])
    frame["a"] += 2 * rare
    frame["site"] = np.where(rng.random(n) < 0.5, "left", "right")
    frame.loc[rng.random(n) < 0.1, "b"] = np.nan
    return frame, np.where(rare, "rare", "common")


@pytest.fixture(scope="module")
def found():
    X, y = table()
    sets = {"noise": X[["c", "d"]], "signal": X[["a", "b", "site"]]}
    return compare(
        sets, y, classifiers=["logistic", "lda"], impute="median", categorical=["site"], **SHORT
    )


def test_the_model_is_chosen_as_every_fold_was_and_says_so(found):
    model = found.model
    assert model is found.model  # fitted once
    assert model.card["chosen"]["features"] == "signal" and model.columns == ("a", "b", "site")
    said = model.card["evidence"]
    assert (said["features"], said["classifier"], said["arm"]) == ("auto", "auto", "auto")
    (row,) = (r for r in found.evidence["rows"] if (r["features"], r["arm"]) == ("auto", "auto"))
    assert said["auc_rare"] == row["patients"]["scores"]["auc_rare"]


def test_new_rows_come_by_name_with_gaps_other_categories_and_columns_besides(found, caplog):
    X, y = table(60, seed=1)
    p = found.model.predict_proba(X)
    assert p.shape == (60, 2) and p.sum(axis=1) == pytest.approx(1)
    rare = y == "rare"
    assert p[rare, 1].mean() > p[~rare, 1].mean() + 0.2
    np.testing.assert_array_equal(found.model.predict_proba(X[["site", "d", "b", "a"]]), p)
    assert set(found.model.predict(X)) == {"rare", "common"}
    strange = X.assign(site="middle")
    assert np.isfinite(found.model.predict_proba(strange)).all()
    found.model.predict_proba(X.drop(columns="b"))
    assert "usual values stand in: b" in caplog.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X: X[["c"]], "none of the columns"),
        (lambda X: X.assign(a="much"), "column 'a' holds 'much'"),
        (lambda X: X.assign(a=np.inf), "infinite"),
        (lambda X: np.zeros((3, 7)), "rows of 3 features"),
    ],
)
def test_what_cannot_be_rows_of_it_is_refused(found, change, words):
    with pytest.raises(DataError, match=words):
        found.model.predict_proba(change(table(20)[0]))


def test_a_result_that_was_read_has_no_model(found, tmp_path):
    found.write(tmp_path)
    with pytest.raises(SettingError, match="this result has no model"):
        _ = Result.read(tmp_path).model


def test_from_the_shell_compare_predict_export(tmp_path, capsys):
    X, y = table()
    X.assign(grade=y, who=[f"p{i}" for i in range(len(X))]).to_csv(tmp_path / "t.csv", index=False)
    out = tmp_path / "out"
    command = [
        "compare", str(tmp_path / "t.csv"), "--label", "grade", "--groups", "who", "--arms",
        "class-weight", "--repeats", "1", "--folds", "3", "--no-checks", "--impute", "median",
        "--categorical", "site", "--features", "one=a,b,site", "--features", "two=c,d",
        "--classifier", "logistic,lda", "--jobs", "1", "--out", str(out), "--no-html",
    ]  # fmt: skip
    assert main(command) == 0
    assert "rarecase predict" in capsys.readouterr().out
    new, _ = table(30, seed=2)
    new.drop(columns="b").assign(who="x").to_csv(tmp_path / "new.csv", index=False)
    assert main(["predict", str(out), str(tmp_path / "new.csv"), "--out", str(tmp_path / "p")]) == 0
    said = capsys.readouterr().out
    page = tmp_path / "p" / "report" / "index.html"
    assert "lacks 1 of 3 columns" in said.replace("\n", " ")
    assert said.splitlines()[-1] == f"Page: {page}"
    shown = page_words(page, above=tmp_path)
    assert "What is predicted of 30 rows?" in shown and "new.csv lacks 1 of 3 columns" in shown
    assert "who" not in shown  # a column that is no feature may name people
    rows = pd.read_csv(tmp_path / "p" / "predictions.csv")
    assert len(rows) == 30 and list(rows)[-3:] == ["call", "p_common", "p_rare"]
    assert {"c", "d", "who"} <= set(rows) and "a" not in rows
    export_model(out, tmp_path / "model")
    again = load_model(tmp_path / "model")
    np.testing.assert_allclose(again.predict_proba(new.drop(columns="b"))[:, 1], rows["p_rare"])
    text = (tmp_path / "model" / "model_card.md").read_text()
    assert "For research alone" in text and "22" not in json.dumps(again.card["classes"])
    assert not any(f'"p{i}"' in (tmp_path / "model" / "model.json").read_text() for i in range(90))


def test_the_average_is_deployed_where_it_was_asked_for(tmp_path):
    X, y = table()
    sets = {"noise": X[["c", "d"]], "signal": X[["a", "b", "site"]], "both": X[["a", "c"]]}
    found = compare(
        sets, y, classifiers=["logistic", "lda"], impute="median", categorical=["site"],
        features=["noise", "signal", "noise+signal", "stack"], **SHORT,
    )  # fmt: skip
    model, names = found.model, {r["features"] for r in found.evidence["rows"]}
    assert names == {"auto", "stack", "noise", "signal", "noise+signal"}
    said = model.card["evidence"]
    assert (said["features"], said["classifier"], said["arm"]) == ("stack", "stack", "none")
    assert model.card["chosen"]["classifier"] == "stack"
    assert {*model.columns} <= {"a", "b", "c", "d", "site"} and {"a", "b"} <= {*model.columns}
    assert len(set(model.columns)) == len(model.columns)
    new, truth = table(60, seed=1)
    p = model.predict_proba(new)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    rare = truth == "rare"
    assert p[rare, 1].mean() > p[~rare, 1].mean() + 0.2
    save_table_model(tmp_path / "model", model)
    again = load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(new), p)
    assert "stack" in (tmp_path / "model" / "model_card.md").read_text()


def test_an_average_of_one_patient_asks_each_part_of_the_samples_that_it_has():
    X, y = table()
    X["c"] += 2 * (y == "rare")
    sets = {"some": X[["c", "d"]], "others": X[["a", "b"]]}
    found = compare(
        sets, y, classifiers=["logistic", "lda"], impute="median", features=["stack"], **SHORT
    )
    final = found.model.final
    rows = found.model._numbers(X[:5])
    assert len(final.finals) > 1
    gaps = rows.copy()
    first = final.places[0]
    gaps[2:, first] = np.nan  # of two samples only
    each = [f(rows[:, at]) for f, at in zip(final.finals, final.places, strict=True)]
    means = [
        p[:2].mean(axis=0) if set(at) & set(first) else p.mean(axis=0)
        for p, at in zip(each, final.places, strict=True)
    ]
    expected = np.tensordot(final.weights, np.stack(means), axes=1)
    np.testing.assert_allclose(final.of_patient(gaps), expected)


def test_a_set_is_not_called_as_what_stands_for_all_and_is_joined_with_others_alone():
    X, y = table()
    with pytest.raises(SettingError, match="cannot be called 'stack'"):
        compare({"stack": X[["c"]], "b": X[["a"]]}, y, **SHORT)
    with pytest.raises(SettingError, match="joins a set with itself"):
        compare({"a": X[["c"]], "b": X[["a"]]}, y, features=["a+a", "b"], **SHORT)
    with pytest.raises(SettingError, match="average of several"):
        compare({"a": X[["c"]]}, y, features=["a", "stack"], **SHORT)
