"""The whole way on the real cohorts, as small as it gets: every step, and the report."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from rarecase.study import Study

REAL = Path(__file__).parents[2] / "../shared/data"
pytestmark = pytest.mark.realdata


def run(name: str, label: str | None, tiny: dict, out: Path, **changes: object) -> Path:
    if not (REAL / name).is_dir():
        pytest.skip(f"{name} is not here")
    settings = {**tiny, "cohort.channels": None, "segmenter.epochs": 1, **changes}
    result = Study(REAL / name, label=label, out=out, settings=settings).run()
    assert result.report.exists()
    return out


def test_tcga_lgg_a_rare_cluster_against_the_rest(tiny, tmp_path):
    out = run("tcga-lgg", "COCCluster=2", tiny, tmp_path / "run")
    table = pd.read_parquet(out / "predictions.parquet")
    patients = table.drop_duplicates("patient")["label"].value_counts().to_dict()
    assert patients == {"rest": 24, "COCCluster=2": 12}
    assert (table[table["classifier"] == "cnn"].groupby(["arm", "amount"]).size() == 1295).all()
    evidence = json.loads((out / "evidence.json").read_text())
    assert evidence["rare"] == "COCCluster=2"
    page = (out / "report/index.html").read_text()
    assert not re.search(r"""(src|href)=["']https?:""", page)
    assert "TCGA_CS_4942" in page  # the case ids are the user's own; nothing else names a patient


def test_figshare_three_classes_and_given_folds(tiny, tmp_path):
    out = run("figshare-t1ce", None, tiny, tmp_path / "run", **{"split.kind": "given"})
    table = pd.read_parquet(out / "predictions.parquet")
    assert {"p_glioma", "p_meningioma", "p_pituitary"} <= set(table.columns)
    assert set(table["fold"]) == {1, 2}  # the numbers that the data gave
    assert (table[table["classifier"] == "cnn"].groupby(["arm", "amount"]).size() == 1221).all()
    assert json.loads((out / "evidence.json").read_text())["rare"] == "pituitary"
