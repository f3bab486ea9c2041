"""The comparison of arms on the page."""

import numpy as np
from fake_run import fake_run

from rarecase import compare
from rarecase.files import write_json
from rarecase.report import make_report


def compared(**more):
    rng = np.random.default_rng(0)
    y = np.repeat(["HGG", "LGG"], [30, 12])
    X = rng.normal(size=(42, 4)) + 0.5 * (y == "LGG")[:, None]
    return compare(X, y, arms=["threshold", "smote"], repeats=1, folds=3, generator_seeds=1,
                   draws=50, permutations=99, **more)  # fmt: skip


def test_self_checks_and_other_cohorts_are_shown(tmp_path):
    run, found = fake_run(tmp_path), compared()
    write_json(run / "arms.json", found.evidence)
    write_json(run / "arms-checks.json", found.checks.as_json())
    other = run / "external" / "elsewhere"
    write_json(other / "evidence.json", found.evidence)
    write_json(other / "external.json", {"data": "/somewhere/elsewhere", "dice": 0.52})
    page = make_report(run).read_text(encoding="utf-8")
    assert "Labels permuted 20 times" in page
    assert "Test patients can be told from training patients" in page
    assert "elsewhere: every arm on patients elsewhere" in page
    assert "mean Dice of 0.52" in page
    assert "/somewhere" not in page  # where it lies is nobody's business


def test_arms_and_verdicts_are_shown_where_arms_were_compared(tmp_path):
    run = fake_run(tmp_path)
    assert 'id="arms"' not in make_report(run).read_text(encoding="utf-8")
    found = compared(checks=False)
    write_json(run / "arms.json", found.evidence)
    page = make_report(run).read_text(encoding="utf-8")
    assert 'id="arms"' in page
    assert "Does it help? Arms against controls" in page
    for name in ("none", "threshold", "duplicates", "smote"):
        assert f">{name}<" in page
    assert found.evidence["verdicts"][0]["sentence"].split(" (")[0] in page
    assert "30 HGG, 12 LGG; rare class LGG" in page
    assert "duplicates:smote" not in page  # controls are left to the verdicts
