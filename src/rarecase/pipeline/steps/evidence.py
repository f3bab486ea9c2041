"""All predictions of a run in one table, and the evidence computed from it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.checksums import record_files
from rarecase.evidence.evidence import make_evidence
from rarecase.experiment.self_checks import gather
from rarecase.experiment.tasks import CHECKS
from rarecase.files import read_json, read_parquet, write_json, write_table
from rarecase.pipeline.run_folder import COHORT, EVIDENCE, PREDICTIONS
from rarecase.pipeline.step import Context, Step
from rarecase.seeds import derive

NAME = "steps/evidence"


def evidence_step(context: Context, *, cells: Sequence[Step]) -> Step:
    """The step that scores all cells of the run."""
    first = context.settings.experiment[0]
    work = partial(evidence_work, cells=tuple(step.name for step in cells))
    return Step(
        NAME, "classify", work, context, facts=[first.features, first.classifier],
        inputs=tuple(cells), products=(PREDICTIONS, EVIDENCE), version=2,
    )  # fmt: skip


def evidence_work(context: Context, folder: Path, *, cells: Sequence[str]) -> None:
    """Gather the predictions of all cells (folders below the run); score them. Both land in the
    run folder itself."""
    run = context.run
    tables = [read_parquet(run / cell / PREDICTIONS) for cell in cells]
    write_table(run / PREDICTIONS, pd.concat(tables, ignore_index=True))
    record_files(run, [PREDICTIONS], step=NAME)
    said = [read_json(run / c / CHECKS) for c in cells if (run / c / CHECKS).is_file()]
    settings, first = context.settings, context.settings.experiment[0]
    evidence = make_evidence(
        read_parquet(run / PREDICTIONS),
        rare=read_json(run / COHORT / "cohort.json")["rare"],
        primary=(first.features, first.classifier),
        faithful=settings.protocol == "faithful",
        checks=gathered(said),
        seed=derive(settings.seed, "bootstrap") % 2**31,
    )
    write_json(run / EVIDENCE, evidence)
    record_files(run, [EVIDENCE], step=NAME)


def gathered(said: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The self-checks of all folds in one; None where they were not wanted."""
    leak = next((each["leak"] for each in said if each.get("leak")), None)
    return gather(said, leak=leak) if said else None
