"""All folds' predictions in one table, the evidence computed from it, and the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.evidence import make_evidence
from rarecase.experiment.compare import weigh as weigh_arms
from rarecase.experiment.self_checks import FoldChecks, gather
from rarecase.files import read_json, read_parquet, replacing_file, write_json
from rarecase.pipeline.amounts import real_training_slices, resolve_amount
from rarecase.pipeline.grid import ARMS, CLASSIFIED, read_folds, study_cells
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context
from rarecase.pipeline.steps.arms import CHECKS
from rarecase.pipeline.steps.cohort import COHORT, SLICES
from rarecase.seeds import derive
from rarecase.segmenter.feeding import sample_rows

PREDICTIONS, EVIDENCE = "predictions.parquet", "evidence.json"
ARMS_PRODUCTS = ARMS_PREDICTIONS, ARMS_EVIDENCE = "arms.parquet", "arms.json"
ARMS_CHECKS = "arms-checks.json"


def evidence_work(context: Context, folder: Path) -> None:
    """Gather the predictions of every cell; score them. Both land in the run folder itself."""
    settings, run = context.settings, context.run
    folds = read_folds(run / COHORT / "cohort.csv")
    cells = study_cells(settings, folds)
    tables = [read_parquet(run / cell.folder(CLASSIFIED) / PREDICTIONS) for cell in cells]
    predictions = pd.concat(tables, ignore_index=True)
    with replacing_file(run / PREDICTIONS) as beside:
        predictions.to_parquet(beside, index=False)
    if settings.compare.arms:
        folders = dict.fromkeys(cell.folder(ARMS) for cell in cells)
        tables = [read_parquet(run / folder / PREDICTIONS) for folder in folders]
        with replacing_file(run / ARMS_PREDICTIONS) as beside:
            pd.concat(tables, ignore_index=True).to_parquet(beside, index=False)
        _gather_checks(run, [run / folder / CHECKS for folder in folders])
    weigh(run, settings)


def _gather_checks(run: Path, files: list[Path]) -> None:
    """The self-checks of all folds in one file; none where they were not wanted."""
    said = [read_json(file) for file in files if file.is_file()]
    if not said:
        (run / ARMS_CHECKS).unlink(missing_ok=True)
        return
    leak = next((each["leak"] for each in said if each["leak"]), None)
    found = gather([FoldChecks.from_json(each) for each in said], leak=leak)
    write_json(run / ARMS_CHECKS, found.as_json())


def weigh(run: Path, settings: Settings) -> dict[str, Any]:
    """Compute evidence.json (and arms.json) anew from predictions.parquet (and arms.parquet), and
    from nothing else that was computed. Returns the first."""
    folds = read_folds(run / COHORT / "cohort.csv")
    cells = study_cells(settings, folds)
    rows = sample_rows(
        read_parquet(run / SLICES / "rows.parquet"), dimensions=settings.segmenter.dimensions
    )
    real = real_training_slices(rows, folds)
    rare = read_json(run / COHORT / "cohort.json")["rare"]
    evidence: dict[str, Any] = make_evidence(
        read_parquet(run / PREDICTIONS),
        rare=rare,
        headline=resolve_amount(settings.sweep.headline, real=real),
        headline_arm=cells[-1].arm,
        faithful=settings.protocol == "faithful",
        seed=derive(settings.seed, "bootstrap") % 2**31,
    )
    write_json(run / EVIDENCE, evidence)
    if settings.compare.arms:
        compared = read_parquet(run / ARMS_PREDICTIONS)
        write_json(run / ARMS_EVIDENCE, weigh_arms(compared, rare=rare, seed=settings.seed))
    return evidence


def report_work(context: Context, folder: Path) -> None:
    """Write `report/` from what lies in the run folder."""
    from rarecase.report import make_report  # matplotlib only where a figure is drawn

    make_report(context.run)
