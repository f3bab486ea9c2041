"""Every figure and table of the paper stands on the page, beside the paper's own numbers."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecase.errors import DataError
from rarecase.report import make_report
from rarecase.report.run_files import RunFiles
from rarecase.report.set_aside import read_pictures
from rarecase.report.tables_paper import augmentation_table, class_accuracy_table, unet_table
from support.fake_run import fake_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = fake_run(tmp_path_factory.mktemp("paper") / "run", arms=("acgan-64", "acgan-512"))
    for fold in (0, 1):
        place = made / f"repeat-0/fold-{fold}/synthetic"
        for width in (64, 512):
            folder = place / f"bottleneck-acgan-{width}-seed0"
            (folder / "generator.json").write_text(json.dumps({"settings": {"width": width}}))
        table = pd.read_csv(folder / "filter.csv")
        table.assign(kept=table["generated"]).to_csv(folder / "filter.csv", index=False)
    return made


def test_the_page_names_every_figure_and_table(run):
    page = make_report(run).read_text()
    for item in ("Figures 3 and 4", "Figure 5", "Figure 6", "Figure 7", "Figure 8",
                 "Figures 9 and 10", "Figure 11", "Table 1", "Table 2", "Table 3"):  # fmt: skip
        captions = [part for part in page.split("figcaption>") if f"paper&#39;s {item}" in part]
        assert captions or item == "Table 3", item
    there = {path.stem for path in (run / "report/figures").iterdir()}
    assert {"classes", "augmentation", "fine-tuning", "blocks", "feature-maps-acgan-64",
            "feature-maps-acgan-512", "curves-acgan-64", "curves-acgan-512"} <= there  # fmt: skip
    assert "not in this run" not in page


def test_what_a_run_has_not_is_said(tmp_path):
    bare = fake_run(tmp_path / "run", pictures=False, generator=False, features=False)
    page = make_report(bare).read_text()
    assert page.count("not in this run") == 7  # all but Figure 6 and Tables 2 and 3
    random_weights = fake_run(tmp_path / "other", pretrain=False)
    page = make_report(random_weights).read_text()
    assert page.count("not in this run") == 1  # nothing to fine-tune


def test_table_1_shows_what_the_run_did(run):
    shown = read_pictures(RunFiles(run))
    rows = {row[0]: row[1:] for row in augmentation_table(shown.augmentation, used=True).rows}
    assert rows["Rotation"] == ["±20°", "±10°"]
    assert rows["Elastic distortion"] == ["α 720, σ 24 (at 240×240)", "α 360, σ 24 (at 240×240)"]
    assert rows["Shear, horizontally"] == ["5 %", "2.5 %"]
    assert {row[2] for row in augmentation_table(shown.augmentation, used=False).rows} == {"–"}


def test_table_2_takes_each_metrics_best_epoch_and_the_one_kept(run):
    rows = {(row[0], row[1]): row[2:] for row in unet_table(RunFiles(run)).rows}
    assert rows["The paper", "training, best epoch of each"] == ["0.13", "0.84", "0.74"]
    histories = [
        pd.read_csv(run / f"repeat-0/fold-{fold}/segmenter/history.csv") for fold in (0, 1)
    ]
    held = [h[h["part"] == "validation"] for h in histories]
    best = np.mean([h["dice"].max() for h in held])
    assert rows["Ours", "validation, best epoch of each"][1].text == f"{best:.2f}"
    kept = np.mean([h.loc[h["epoch"] == 5, "loss"].item() for h in held])
    assert rows["Ours", "validation, epoch kept"][0].text == f"{kept:.2f}"


def test_class_accuracy_by_width_stands_beside_the_papers(run):
    files = RunFiles(run)
    assert [*files.sources] == ["acgan-64", "acgan-512"]
    rows = class_accuracy_table(files).rows
    assert [row[:3] for row in rows] == [
        ["acgan-64", "64", "0.76"],
        ["acgan-512", "512", "0.823"],
    ]
    tables = pd.concat(
        pd.read_csv(run / f"repeat-0/fold-{fold}/synthetic/bottleneck-acgan-64-seed0/filter.csv")
        for fold in (0, 1)
    )
    assert rows[0][3].text == f"{tables['kept'].sum() / tables['generated'].sum():.3f}"
    assert rows[1][3].text == "1.000"


def test_damaged_pictures_are_named(tmp_path):
    broken = fake_run(tmp_path / "run")
    (broken / "pictures/shown.npz").write_bytes(b"no")
    with pytest.raises(DataError, match=r"pictures/shown\.npz: damaged"):
        read_pictures(RunFiles(broken))
