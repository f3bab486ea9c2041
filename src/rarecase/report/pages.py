"""Which page a folder has: that of a run, of a comparison, of either on another cohort, of
predictions."""

from __future__ import annotations

from pathlib import Path

from rarecase.errors import DataError
from rarecase.pipeline.run_folder import EXTERNAL, SETTINGS
from rarecase.report.found import Elsewhere, Found, holds_result
from rarecase.report.page_compare import report_found
from rarecase.report.page_predict import PREDICTED, report_predictions
from rarecase.report.run_files import RunFiles
from rarecase.report.run_page import make_report


def found_in(folder: Path) -> Found:
    """What the folder of a run or of a comparison holds. Raises `DataError` for any other."""
    if (folder / SETTINGS).is_file():
        return RunFiles(folder)
    if not holds_result(folder):
        raise DataError(
            f"{folder}: not a run folder (no {SETTINGS} there), nor one of 'rarecase compare "
            "--out'."
        )
    home = folder.absolute().parents[1]
    if folder.absolute().parent.name == EXTERNAL and holds_result(home):
        return Elsewhere(folder, found_in(home))
    return Found(folder)


def report_folder(folder: Path, *, out: Path | None = None) -> Path:
    """Write the page of a folder anew from its files, FOLDER/report/index.html unless `out` says
    where, and return its path. Raises `DataError` where there is nothing to report."""
    if (folder / PREDICTED).is_file():
        return report_predictions(folder, out=out)
    found = found_in(folder)
    return (
        make_report(folder, out=out)
        if isinstance(found, RunFiles)
        else report_found(found, out=out)
    )
