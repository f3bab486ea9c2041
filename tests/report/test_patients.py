import base64
import json
import re
import shutil
from functools import partial

import numpy as np
import pandas as pd
import pytest

from rarecase.deploy.out_of_distribution import OutOfDistribution
from rarecase.report import section_patients
from rarecase.report.blocks import Cell
from rarecase.report.page import Page, write_page
from rarecase.report.patients_slices import CaseSlices, how_unlike, volumes_of
from rarecase.report.patients_table import (
    MOST_ARMS,
    arms_shown,
    patient_calls,
    patients_frame,
)
from rarecase.report.run_files import RunFiles
from rarecase.report.section_patients import patients_section
from rarecase.report.slices_packed import pack_stacks

CLASSES = ("A", "B")


def row(arm, *, features="maps", planned=True, control_of=None, reference=False, amount="tuned"):
    return {
        "features": features, "classifier": "lda", "arm": arm, "amount": amount,
        "planned": planned, "control_of": control_of, "reference": reference,
        "synthetic": not reference and control_of is None and arm not in ("auto", "threshold"),
    }  # fmt: skip


def evidence(*rows, best="none"):
    first = next(r for r in rows if r["arm"] == best)
    key = {n: first[n] for n in ("features", "arm", "classifier", "amount")}
    primary = {"features": "maps", "classifier": "lda", "arm": None}
    return {"primary": primary, "rows": rows, "best": key}


def predictions(**columns):
    """One slice a patient unless said otherwise; class B is the rare one."""
    count = len(columns["patient"])
    table = pd.DataFrame(
        {
            "features": "maps", "arm": "none", "classifier": "lda", "amount": "0", "repeat": 0,
            "fold": 0, "seed": pd.array([0] * count, dtype="Int64"), "threshold": 0.5,
            "slice": range(count), "predicted": 1,
        }
        | {"case": columns["patient"]} | columns
    )  # fmt: skip
    return table.assign(p_A=1 - table["p_B"])


def calls_of(table, shown):
    return patient_calls(table, shown.keys, classes=CLASSES, rare="B")


def test_the_arms_are_those_of_the_question_and_the_best_of_all():
    rows = [
        row("smote"), row("duplicates:smote", control_of="smote"),
        row("none", reference=True, amount="0"), row("threshold", amount="0"), row("auto"),
        row("gaussian", planned=False), row("none", features="shape", reference=True, amount="0"),
    ]  # fmt: skip
    shown = arms_shown(evidence(*rows) | {"best": rows[-1]})
    titles = [shown.title(each) for each in shown.rows]
    assert titles == ["none", "auto", "smote", "as many copies as smote", "none (shape, lda)"]
    assert shown.note == ""


def test_of_many_arms_controls_go_first_and_what_is_left_out_is_said():
    arms = [f"arm{i}" for i in range(10)]
    rows = [row("none", reference=True, amount="0"), *map(row, arms)]
    rows += [row(f"duplicates:{arm}", control_of=arm) for arm in arms]
    shown = arms_shown(evidence(*rows))
    assert [key.arm for key in shown.keys] == ["none", *arms[: MOST_ARMS - 1]]
    assert shown.note == (
        "For want of room without the controls of synthetic arms and 3 synthetic arms."
    )


def test_an_arm_is_wrong_at_the_threshold_of_the_fold():
    table = predictions(
        patient=["p", "q", "r"], label=["B", "B", "A"], p_B=[0.4, 0.2, 0.4],
        threshold=[0.3, 0.3, 0.5],
    )  # fmt: skip
    calls = calls_of(table, arms_shown(evidence(row("none", reference=True, amount="0"))))
    assert calls["wrong"].tolist() == [0, 1, 0]
    assert calls["called"].tolist() == ["B", "A", "A"]


def test_slices_without_a_predicted_mask_do_not_count_and_seeds_are_averaged():
    table = predictions(
        patient=["p"] * 4, label="B", p_B=[0.9, 0.1, 0.3, 0.2], slice=[0, 1, 0, 1],
        predicted=[5, 0, 5, 0], seed=pd.array([0, 0, 1, 1], dtype="Int64"),
    )  # fmt: skip
    (call,) = calls_of(
        table, arms_shown(evidence(row("none", reference=True, amount="0")))
    ).to_dict("records")
    assert call["p"] == pytest.approx(0.6)
    assert (call["wrong"], call["fits"], call["called"]) == (1, 2, "")


def test_those_that_most_arms_call_wrong_come_first_then_names():
    rows = [row("none", reference=True, amount="0"), row("smote", amount="0")]
    table = predictions(
        patient=["b", "a", "c", "d"] * 2, label="B", arm=["none"] * 4 + ["smote"] * 4,
        p_B=[0.9, 0.9, 0.9, 0.1, 0.9, 0.9, 0.1, 0.1], case=["b2", "a1", "c1", "d1"] * 2,
    )  # fmt: skip
    extra = table[table["patient"] == "b"].assign(case="b1", slice=9)
    table = pd.concat([table, extra], ignore_index=True)
    found = patients_frame(table, calls_of(table, arms_shown(evidence(*rows))))
    assert found["patient"].tolist() == ["d", "c", "a", "b"]
    assert found["wrong"].tolist() == [2, 1, 0, 0]
    assert found["cases"].tolist()[-1] == ["b1", "b2"]


def test_volumes_are_millilitres_where_all_voxels_are_known():
    def case(name):
        return CaseSlices(name, pd.DataFrame(), np.array([100, 50]))

    known = {"a": [2.0, 5.0], "b": [1.0, 1.0]}
    found = volumes_of([case("a"), case("b")], known)
    assert found["true"].tolist() == [150 * 4 * 5 / 1000, 150 / 1000]
    assert found["predicted"].isna().all()
    assert volumes_of([case("a"), case("c")], known)["true"].tolist() == [150, 150]


def test_how_unlike_a_case_is_comes_from_its_folds_training_patients_alone():
    rng = np.random.default_rng(0)
    looks = {f"c{i}": rng.normal(1, 0.1, 6) for i in range(20)}
    looks["c3"] = np.full(6, 5.0)
    tested = pd.DataFrame({"case": list(looks), "repeat": 0, "fold": [i % 2 for i in range(20)]})
    found = how_unlike(looks, tested)
    assert [case for case, away in found.items() if away > 1] == ["c3"]
    training = np.stack([looks[f"c{i}"] for i in range(0, 20, 2)])
    known = OutOfDistribution.fit(training)
    assert found["c5"] == pytest.approx(float(known.score(looks["c5"][None])[0]) / known.limit)
    assert how_unlike(looks, tested.assign(fold=0)) == {}  # nobody is left to learn from


def section_of(run):
    section = patients_section(RunFiles(run))
    return {block.kind: block for block in section.blocks}, section.blocks[-1].text


def test_every_patient_has_a_line_with_the_numbers_of_the_run(reports):
    run = reports["two"][0]
    blocks, _ = section_of(run)
    cohort = pd.read_csv(run / "cohort" / "cohort.csv")
    table, columns = blocks["table"], list(blocks["table"].columns)
    assert sorted(line[0] for line in table.rows) == sorted(cohort["case"])
    dice = pd.concat(
        pd.read_csv(run / "repeat-0" / f"fold-{f}" / "segmenter" / "volumes.csv") for f in (0, 1)
    )
    dice = dice[dice["part"] == "test"].set_index("case")["dice"]
    rows = pd.read_parquet(run / "predictions.parquet")
    plain = rows[(rows["arm"] == "none") & (rows["features"] == "bottleneck")]
    place = columns.index("p(LGG) none")
    for line in table.rows:
        case = line[0]
        mine = plain[plain["case"] == case]
        outlined = mine[mine["predicted"] > 0]
        p = (mine if outlined.empty else outlined)["p_LGG"].mean()
        shown = line[place].text if isinstance(line[place], Cell) else line[place]
        assert shown == f"{p:.2f}"
        assert isinstance(line[place], Cell) == ((p > 0.5) != (line[1] == "LGG"))
        known = f"{dice[case]:.2f}" if case in dice else "–"
        assert line[columns.index("Dice")] == known
        assert line[columns.index("Test fold")] == str(mine["fold"].iloc[0])


def test_the_viewer_shows_the_masks_of_the_network_that_has_not_seen_the_case(reports):
    run = reports["two"][0]
    blocks, _ = section_of(run)
    cohort = pd.read_csv(run / "cohort" / "cohort.csv").set_index("case")
    masks = np.load(run / "slices" / "masks.npy")
    rows = pd.read_parquet(run / "slices" / "rows.parquet")
    assert (blocks["viewer"].true, blocks["viewer"].predicted) == (True, True)
    assert len(blocks["viewer"].cases) == len(cohort)
    for case in blocks["viewer"].cases[:6]:
        name = case["case"]
        assert blocks["table"].rows[case["patient"]][0] == name
        mine = rows[rows["case"] == name]
        fold = run / "repeat-0" / f"fold-{cohort.loc[name, 'test_fold_0']}" / "segmenter"
        bits = np.load(fold / "predicted.npy")[mine["row"]]
        predicted = np.unpackbits(bits, axis=-1, count=masks.shape[-1])
        for part, true, drawn in zip(case["slices"], masks[mine["row"]], predicted, strict=True):
            assert _pixels(part["predicted"]) == drawn.sum()
            known = cohort.loc[name, "has_mask"]
            assert ("true" in part) == known
            assert not known or _pixels(part["true"]) == true.sum()


def _pixels(text):
    """How many pixels are 1: every second run, where none is longer than 127 but the first."""
    runs, run, place = [], 0, 0
    for byte in base64.b64decode(text):
        run, place = run + (byte & 127) * 128**place, place + 1
        if byte < 128:
            runs.append(run)
            run, place = 0, 0
    return sum(runs[1::2])


def test_what_is_shown_and_what_is_missing_is_said(reports):
    _, said = section_of(reports["two"][0])
    assert "96 slices of 24 cases, of the 2 channels flair alone" in said
    assert "Masks are exact at the size that the networks see." in said
    assert "Hand this page on only where the images may go" in said
    blocks, said = section_of(reports["bare"][0])
    assert said.endswith("There are no true masks.")
    assert "Dice" not in blocks["table"].columns
    assert "Predicted, pixels" in blocks["table"].columns


def test_where_there_is_no_room_the_last_patients_of_the_table_have_no_slices(reports, monkeypatch):
    monkeypatch.setattr(section_patients, "pack_stacks", partial(pack_stacks, budget=40_000))
    blocks, said = section_of(reports["two"][0])
    shown = [case["patient"] for case in blocks["viewer"].cases]
    assert shown == list(range(len(shown)))
    assert 0 < len(shown) < 24 == len(blocks["table"].rows)
    assert f"{24 - len(shown)} cases at the end of the table are left out" in said


def test_a_run_without_the_cache_has_the_table_alone(tmp_path, reports):
    run = tmp_path / "run"
    shutil.copytree(reports["three"][0], run, ignore=shutil.ignore_patterns("slices", "report"))
    blocks, said = section_of(run)
    assert "no slices to look through" in said
    assert "viewer" not in blocks
    assert len(blocks["table"].rows) == 29
    assert "Test fold of each repeat" in blocks["table"].columns


def test_a_run_without_predictions_has_no_such_section(tmp_path, reports):
    run = tmp_path / "run"
    kept = shutil.ignore_patterns("predictions.parquet", "repeat-*", "report", "slices")
    shutil.copytree(reports["unaugmented"][0], run, ignore=kept)
    assert patients_section(RunFiles(run)) is None


def test_hostile_names_are_text_in_the_page(tmp_path, reports):
    run = tmp_path / "run"
    shutil.copytree(reports["unaugmented"][0], run, ignore=shutil.ignore_patterns("report"))
    bad = "</script><script>alert(1)</script>\"'\u202e&" + "x" * 10_000
    for path in [*run.rglob("rows.parquet"), run / "predictions.parquet"]:
        table = pd.read_parquet(path)
        table.replace({"case": {"HGG-00-a": bad}}).to_parquet(path)
    section = patients_section(RunFiles(run))
    text = write_page(Page("t", [], [section]), tmp_path / "out").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    held = re.findall(r'<script type="application/json" class="slices">(.*?)</script>', text)
    names = [json.loads(each)["case"] for each in held]
    assert bad in names
    assert len(names) == 24
