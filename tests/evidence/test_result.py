import json

import pytest

from rarecase.errors import DataError, SettingError
from rarecase.evidence import Result, make_evidence
from rarecase.evidence.tables import as_text
from support.predictions import make_predictions


@pytest.fixture(scope="module")
def result():
    table = make_predictions(
        arms={"none": {}, "smote": {"synthetic": True, "noise": 1.0}}, features=("tumour", "maps")
    )
    return Result(table, make_evidence(table, rare="B", draws=50))


def test_reads_what_a_run_wrote(result, tmp_path):
    result.predictions.to_parquet(tmp_path / "predictions.parquet", index=False)
    (tmp_path / "evidence.json").write_text(json.dumps(result.evidence))
    again = Result.read(tmp_path)
    assert again.evidence == result.evidence
    assert str(again) == as_text(result.evidence)
    computed = make_evidence(again.predictions, rare="B", draws=50)
    assert computed == result.evidence
    with pytest.raises(DataError, match="no such file"):
        Result.read(tmp_path / "elsewhere")


def test_a_verdict_is_asked_by_arm_and_where_needed_by_features(result):
    verdict = next(v for v in result.evidence["verdicts"] if v["features"] == "maps")
    assert result.verdict("smote", features="maps") == verdict["answer"]
    with pytest.raises(SettingError, match=r"2 verdicts.*tumour.*maps"):
        result.verdict("smote")
    with pytest.raises(SettingError, match="no such verdict"):
        result.verdict("none")


def test_views_have_a_frame_and_a_name(result):
    assert len(result.verdicts.to_frame()) == 2
    scores = result.scores.to_frame()
    assert len(scores) == len(result.evidence["rows"]) * len(result.evidence["metrics"])
    assert {"low", "high"} <= set(scores.columns)
    for view in (result.scores, result.verdicts):
        assert "to_frame()" in repr(view)
    assert "smote (maps, logistic)" in repr(result.verdicts)
    assert len(result.to_frame()) == len(result.evidence["rows"])


def test_plots(result):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    for axes in (result.verdicts.plot(), result.scores.plot("brier")):
        assert len(axes.get_yticklabels()) in (2, 4)
        pyplot.close(axes.figure)
    _, mine = pyplot.subplots()
    assert result.scores.plot(ax=mine) is mine
    pyplot.close(mine.figure)
    with pytest.raises(SettingError, match="'auc'"):
        result.scores.plot("auc")
