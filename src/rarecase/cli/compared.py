"""What `compare` ends with: its tables, and its page."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cli.arguments import column_of
from rarecase.cli.pages import REPORT, last_line, named
from rarecase.cli.show import finish, say_features, show, table

if TYPE_CHECKING:
    from rarecase.deploy.table_model import TableModel
    from rarecase.evidence.result import Result


def write_comparison(
    result: Result, curve: Any, said: Mapping[str, Any], *, out: Path | None, place: Path
) -> Path:
    """Write the page of a comparison, kept in `out` or not, to `place`; `said`: what was asked."""
    from rarecase.report.found import Found, Held
    from rarecase.report.page import write_page
    from rarecase.report.page_compare import comparison_page, report_found

    if out is not None:
        return report_found(Found(out), out=None if place == out / REPORT else place)
    held = Held(result, name=Path(said["features"]).name)
    return write_page(comparison_page(held, asked=said, curve=curve), place)


def show_comparison(args: Namespace, result: Result, curve: Any, page: Path | None) -> int:
    """The tables of a comparison and, if there is one, of its scarcity curve."""
    from rarecase.evidence.tables import curve_rows

    left_out = (result.features or {}).get("left_out", {})
    said: dict[str, Any] = result.evidence | {"left_out": left_out} | named(page)
    lines: list[Any] = []
    if curve is not None:
        said = said | {"scarcity": json.loads(curve.to_json(orient="records"))}
        heads, rows = curve_rows(curve)
        title = (
            f"AUC of {result.evidence['rare']}, and what it moved, by the number of its patients "
            "to learn from"
        )
        lines += ["", table(title, heads, rows)]
    if args.out is not None:
        out = Path(args.out)
        lines.append(f"\nPredictions and evidence: {out}")
        lines += [_model_line(result.model, out)] if result.fit_model is not None else []
    lines += last_line(page)
    if not args.json:
        say_features(result.features)
        show(result.evidence, column=column_of(args.label))
    return finish(args, said, *lines)


def _model_line(model: TableModel, out: Path) -> str:
    """What is deployed, and how it is used."""
    chosen = model.card["chosen"]
    what = f"{chosen['features']}, {chosen['classifier']}, arm {chosen['arm']}"
    return f"Model for new rows ({what}): rarecase predict {out} NEW.csv --out FOLDER"
