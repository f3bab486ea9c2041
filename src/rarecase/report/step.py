"""The last step of a study: its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rarecase.pipeline.run_folder import REPORT
from rarecase.pipeline.step import Context, Step

VERSION = 3


def report_step(context: Context, inputs: Sequence[Step]) -> Step:
    """The step that writes the report of everything before it."""
    settings = context.settings.model_dump(mode="json", exclude={"compute"})
    return Step(
        name="steps/report",
        stage="report",
        version=VERSION,
        facts=settings,
        inputs=tuple(inputs),
        work=report_work,
        context=context,
        products=(REPORT.split("/")[0],),
    )


def report_work(context: Context, folder: Path) -> None:
    """Write `report/` from what lies in the run folder."""
    from rarecase.report import make_report  # matplotlib only where a figure is drawn

    make_report(context.run)
