"""predict and export: the model of a run, for new patients."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cli.arguments import add_options, refuse
from rarecase.cli.pages import REPORT, add_page, last_line, named, page_place
from rarecase.cli.show import finish, table

if TYPE_CHECKING:
    from rarecase.deploy.table_model import TableModel

EPILOG = """\
examples:
  rarecase predict RUN scan.nii.gz other.nrrd dicom-series/ --out results
  rarecase predict RUN flair=a_flair.nii.gz,t1=a_t1.nii.gz --out results
  rarecase predict RUN new-cohort/ --out results
  rarecase predict exported-model/ scan.nii.gz --out results
  rarecase predict COMPARISON new.csv --out results

The first time, a run's model is made: U-Net and classifier learn from all of its patients. For
research alone; nothing that it says may decide on a patient."""

EXPORT_EPILOG = """\
examples:
  rarecase export RUN --out exported-model
  rarecase predict exported-model/ scan.nii.gz --out results"""


def add_predict(parser: ArgumentParser) -> None:
    """What `rarecase predict` takes."""
    parser.add_argument(
        "run", metavar="RUN", help="finished run or comparison, or an exported model"
    )
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="scans in any readable format, cohorts; tables, of a comparison",
    )
    add_options(parser, [("--out", "FOLDER", "new folder for the results")], required=["--out"])
    listed = [
        ("--clinical", "TABLE", "table that names scans, of clinical features the model takes")
    ]
    add_options(parser, listed)
    parser.add_argument("--device", help="auto (the default), cpu, cuda or mps; of scans")
    add_page(parser, default="FOLDER/report")


def add_export(parser: ArgumentParser) -> None:
    """What `rarecase export` takes."""
    listed = (("run", "RUN", "finished run"), ("--out", "FOLDER", "new folder for the model"))
    add_options(parser, listed, required=["--out"])


def predict(args: Namespace) -> int:
    """Masks and classes of new cases; exit code 1 if one could not be read."""
    from rarecase.deploy.table_model import TableModel
    from rarecase.pipeline.models import load_model

    place = page_place(args, Path(args.out) / REPORT)
    model = load_model(args.run)
    if isinstance(model, TableModel):
        refuse(args, ("--clinical", "--device"), why="is for scans, not for tables.")
        return _rows(args, model, place=place)
    from rarecase.deploy.predict import RESEARCH, predict_images
    from rarecase.report.page_predict import report_predictions, worth

    found = list(
        predict_images(
            model,
            args.images,
            out=Path(args.out),
            device=args.device or "auto",
            clinical=args.clinical,
        )
    )
    page = None if place is None else report_predictions(Path(args.out), out=place)
    failed = [each for each in found if each.problem is not None]
    classes = model.classes
    rows = [
        [f.case, f.call, *(f"{f.p[c]:.2f}" for c in classes),
         "" if f.tumour_ml is None else f"{f.tumour_ml:.1f}", f.tumour_slices,
         "yes" if f.unlike else ""]
        for f in found if f.problem is None
    ]  # fmt: skip
    heads = ["case", "call", *(f"p {c}" for c in classes), "tumour, mL", "slices", "unlike"]
    return finish(
        args, {"cases": [each.row() for each in found]} | named(page),
        table("Predictions", heads, rows, text=2), worth(model.card),
        *(f"{each.case}: {reason}." for each in found for reason in each.unlike),
        *(f"{each.case}: {each.problem}" for each in failed),
        f"{RESEARCH}\nMasks, pictures and tables: {args.out}", *last_line(page),
        code=int(bool(failed)),
    )  # fmt: skip


def _rows(args: Namespace, model: TableModel, *, place: Path | None) -> int:
    """Classes of the rows of tables."""
    from rarecase.cohort.unreadable import within
    from rarecase.deploy.table_model import predict_table
    from rarecase.errors import DataError
    from rarecase.files import write_table
    from rarecase.report.page_predict import report_rows

    out = Path(args.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is not an empty folder and was not touched; choose a new one.")
    out.mkdir(parents=True, exist_ok=True)
    said: list[dict[str, Any]] = []
    lines, amiss, tables = [], [], {}
    for number, name in enumerate(args.images):
        try:
            found, missing = predict_table(model, Path(name))
        except DataError as error:
            if len(args.images) == 1:
                raise
            amiss.append(str(error))
            said.append({"table": name, "problem": str(error)})
            continue
        file = "predictions.csv" if len(args.images) == 1 else f"predictions-{number}.csv"
        write_table(out / file, found)
        tables[Path(name).name] = found
        counts = ", ".join(f"{n} {c}" for c, n in found["call"].value_counts().items())
        lines.append(f"{name}: {len(found)} rows ({counts}): {out / file}")
        if missing:
            shown = ", ".join(missing[:5]) + (", …" if missing[5:] else "")
            amiss.append(
                f"{name} lacks {len(missing)} of {len(model.columns)} columns, which were imputed: "
                f"{shown}"
            )
        said.append({"table": name, "rows": len(found), "missing": missing, "file": out / file})
    chosen = model.card["chosen"]
    what = f"{chosen['features']}, {chosen['classifier']}, arm {chosen['arm']}"
    code = int(any("problem" in each for each in said))
    note = f"Model: {what}. For research alone."
    page = None
    if place is not None:
        # The page is handed on, and says of no folder where it lies.
        nameless = [within(line, *(Path(name).parent for name in args.images)) for line in amiss]
        page = report_rows(
            tables, card=model.card, lines=nameless, note=note, name=out.name, place=place
        )
    told = {"tables": said} | named(page)
    return finish(args, told, note, *lines, *amiss, *last_line(page), code=code)


def export(args: Namespace) -> int:
    """Write the model of a run to a folder that needs nothing of the run."""
    from rarecase.pipeline.models import export_model

    folder = export_model(args.run, args.out)
    return finish(args, {"model": folder}, f"Model: {folder} (model_card.md says what it is worth)")
