"""All folds' predictions in one table, the evidence computed from it, and the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rarecase.evidence import make_evidence
from rarecase.files import read_json, replacing_file, write_json
from rarecase.seeds import derive
from rarecase.study.amounts import real_training_slices, resolve_amount
from rarecase.study.grid import CLASSIFIED, read_folds, study_cells
from rarecase.study.step import Context
from rarecase.study.steps.prepare import COHORT, SLICES

PREDICTIONS, EVIDENCE = "predictions.parquet", "evidence.json"


def evidence_work(context: Context, folder: Path) -> None:
    """Gather the predictions of every cell; score them. Both land in the run folder itself."""
    settings, run = context.settings, context.run
    folds = read_folds(run / COHORT / "cohort.csv")
    cells = study_cells(settings, folds)
    tables = [pd.read_parquet(run / cell.folder(CLASSIFIED) / PREDICTIONS) for cell in cells]
    predictions = pd.concat(tables, ignore_index=True)
    with replacing_file(run / PREDICTIONS) as beside:
        predictions.to_parquet(beside, index=False)
    real = real_training_slices(pd.read_parquet(run / SLICES / "rows.parquet"), folds)
    evidence = make_evidence(
        predictions,
        rare=read_json(run / COHORT / "cohort.json")["rare"],
        headline=resolve_amount(settings.sweep.headline, real=real),
        headline_arm=cells[-1].arm,
        faithful=settings.protocol == "faithful",
        seed=derive(settings.seed, "bootstrap") % 2**31,
    )
    write_json(run / EVIDENCE, evidence)


def report_work(context: Context, folder: Path) -> None:
    """Write `report/` from what lies in the run folder."""
    from rarecase.report import make_report  # matplotlib only where a figure is drawn

    make_report(context.run)
