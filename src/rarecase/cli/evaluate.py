"""evaluate: everything that follows from the predictions table, computed anew."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rarecase.cli.compare import RECORD, show
from rarecase.errors import DataError, SettingError
from rarecase.files import read_json, write_json


def run(args: Namespace, rest: Sequence[str]) -> int:
    """Write evidence.json anew and show it."""
    from rarecase.cli.show import console, evidence_table, print_json, reporting

    if rest:
        raise SettingError(f"Unexpected argument {rest[0]!r}.")
    folder = Path(args.run)
    if not (folder / "predictions.parquet").is_file():
        raise DataError(
            f"{folder}: no predictions.parquet there. Expected the folder of a finished 'rarecase "
            "run' or 'rarecase compare --out'."
        )
    with reporting(args):
        compared = (folder / RECORD).is_file()
        evidence = _of_comparison(folder) if compared else _of_run(folder)
    if args.json:
        print_json(evidence)
    elif compared:
        checks = folder / "checks.json"
        show(evidence, read_json(checks) if checks.is_file() else None)
    else:
        console().print(evidence_table(evidence))
        console().print(evidence["headline"]["sentence"])
        for verdict in evidence["verdicts"]:
            console().print(verdict["sentence"])
    return 0


def _of_comparison(folder: Path) -> dict[str, Any]:
    import pandas as pd

    from rarecase.comparison.compare import weigh

    said = read_json(folder / RECORD)
    evidence = weigh(
        pd.read_parquet(folder / "predictions.parquet"), rare=said["rare"], seed=said["seed"]
    )
    write_json(folder / "evidence.json", evidence)
    return evidence


def _of_run(folder: Path) -> dict[str, Any]:
    from rarecase.study.resolve import resolve
    from rarecase.study.steps.evidence import weigh

    return weigh(folder, resolve(preset=None, file=folder / "study.yaml"))
