import pandas as pd
from rarecase.pipeline.amounts import real_training_slices, resolve_amount, resolve_amounts
from rarecase.pipeline.grid import Cell, cells_of, folds_of, read_folds


def test_real_training_slices_is_the_mean_over_folds():
    rows = pd.DataFrame({"patient": ["a"] * 4 + ["b"] * 2 + ["c"] * 6})
    folds = pd.DataFrame({"repeat": 0, "patient": ["a", "b", "c"], "fold": [0, 1, 1]})
    assert real_training_slices(rows, folds) == round(((2 + 6) + 4) / 2)
    holdout = pd.DataFrame({"repeat": 0, "patient": ["a", "b", "c"], "fold": [-1, -1, 0]})
    assert real_training_slices(rows, holdout) == 6


def test_amounts():
    assert resolve_amount("25.5%", real=1000) == 255
    assert resolve_amounts(["50%", 7, 0, 7], real=14) == [0, 7]
    assert resolve_amounts([5], real=14) == [0, 5]


def test_grid(tmp_path):
    folds = pd.DataFrame({"repeat": [0, 0, 1, 1], "patient": ["a", "b"] * 2, "fold": [1, 2, -1, 1]})
    assert folds_of(folds) == {0: [1, 2], 1: [1]}
    assert cells_of({0: [1]}, seeds=2) == [Cell(0, 1, 0), Cell(0, 1, 1)]
    arms = [(c.arm, c.width, c.first) for c in cells_of({0: [1]}, seeds=1, widths=[8, 16])]
    assert arms == [("acgan-8", 8, True), ("acgan-16", 16, False)]
    assert Cell(0, 1, 2).folder("synthetic") == "repeat-0/fold-1/synthetic/acgan-seed2"
    assert Cell(0, 1, 2).folder("segmenter") == "repeat-0/fold-1/segmenter"
    table = pd.DataFrame({"case": ["1", "2"], "patient": ["a", "b"], "label": "x",
                          "test_fold_0": [1, 2], "test_fold_1": [-1, 1]})  # fmt: skip
    table.to_csv(tmp_path / "cohort.csv", index=False)
    again = read_folds(tmp_path / "cohort.csv").sort_values(["repeat", "patient"])
    assert again[["repeat", "patient", "fold"]].to_numpy().tolist() == folds.to_numpy().tolist()
