"""`run` and the stages on the way: segment, extract, classify."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from rarecase.cli import network
from rarecase.cli.arguments import add_options, refuse
from rarecase.cli.show import console, finish, labels_from, show, table
from rarecase.cli.study_options import add_study, overrides_of, short_of
from rarecase.errors import DataError, SettingError

if TYPE_CHECKING:
    from rarecase.study import Study


STAGES = {
    "run": ("report", "everything: data in, evidence and report out"),
    "segment": ("segment", "up to the U-Net: slices, folds, pre-training, training, masks"),
    "extract": ("extract", "up to the features of every slice"),
    "classify": ("classify", "up to predictions and scores"),
}
"""Command → the stage that it runs up to, and what it does."""

RUN_EPILOG = """\
examples:
  rarecase {command} --preset demo --out demo-run
  rarecase {command} BraTS2020/ --preset quick --channels flair --out run
  rarecase {command} tcga-lgg/ --label COCCluster=2 --preset quick --out run --segmenter.epochs 10
  rarecase {command} --out run                        go on with, or repeat, what is there"""


def epilog_of(name: str) -> str:
    """Examples of a command."""
    own = network.EPILOG if name == "extract" else ""
    return f"{RUN_EPILOG.format(command=name)}\n\n{own}".rstrip()


def add_arguments(parser: ArgumentParser, *, stage: str) -> None:
    """What `rarecase run` and the stages on the way take."""
    parser.set_defaults(until=stage)
    add_study(parser)
    add_options(parser, (
        ("--dry-run", None, "show steps, time, memory, disk"),
        ("--cluster", "WHERE",
         "Dask computes: local, tcp://HOST:PORT or a scheduler file; RUN and DATA must lie "
         "where all of its machines see them under the same names"),
    ))  # fmt: skip
    if stage == "report":
        parser.add_argument(
            "--until", metavar="STAGE", default=stage,
            help="stop behind segment, extract, generate, classify or report",
        )  # fmt: skip
    if stage == "extract":
        network.add_arguments(parser)


def run(args: Namespace) -> int:
    """Run a study up to the command's stage, or show what that would cost."""
    if args.command == "extract":
        network.refuse_idle(args)
        if args.network is not None:
            return network.run(args)
    if args.dry_run:
        refuse(args, ["--cluster"], why="changes nothing in --dry-run, which computes nothing.")
    from rarecase.files import read_json
    from rarecase.pipeline.run_folder import COHORT
    from rarecase.study import Study

    if args.out is None:
        raise SettingError("--out RUN is missing: the folder that the run is to fill.")
    overrides = overrides_of(args)
    given = args.data or args.preset or args.config
    given = given or any(name.startswith("simulation.") for name in overrides)
    if not given and not (Path(args.out) / "study.yaml").is_file():
        raise SettingError(
            f"DATA is missing, and {args.out} holds no run to go on with. For the simulated cohort "
            "name a preset, such as --preset demo."
        )
    study = Study(
        args.data, out=args.out, preset=args.preset, config=args.config, settings=overrides,
        short=short_of(args),
    )  # fmt: skip
    if args.dry_run:
        return _dry_run(study, args)
    result = study.run(until=args.until, cluster=args.cluster)
    evidence = None if result.result is None else result.result.evidence
    file = result.run / COHORT / "cohort.json"
    facts = read_json(file) if file.is_file() else {}
    if evidence is not None and not args.json:
        show(evidence, column=facts.get("column"))
        console().print()
    said = {
        "run": result.run, "performed": result.performed, "found": result.found,
        "report": result.report if result.report.exists() else None, "evidence": evidence,
    }  # fmt: skip
    done = f"{result.performed} steps done, {result.found} found done before."
    if not result.performed:
        done = f"Nothing to do: all {result.found} steps are done with these settings."
    where = f"Report: {result.report}" if args.until == "report" else f"Run folder: {result.run}"
    return finish(args, said, *labels_from(facts.get("labels_from", {})), done, where)


def _dry_run(study: Study, args: Namespace) -> int:
    from rarecase.bounds import human_size
    from rarecase.evidence.text import class_counts
    from rarecase.pipeline.disk import free_disk
    from rarecase.pipeline.estimate import human_time

    cohort, steps, cost = study.estimate(until=args.until)
    grid = study.grid
    free = free_disk(study.run_folder)
    done = [step.done() for step in steps]
    facts = {
        "patients": len(cohort.patients), "cases": len(cohort.cases), "slices": cost.slices,
        "classes": cohort.counts, "dropped": len(cohort.dropped),
        "steps": [{"step": step.name, "done": is_} for step, is_ in zip(steps, done, strict=True)],
        "cells": json.loads(grid.to_frame().to_json(orient="records")),
        "seconds": round(cost.seconds), "memory_bytes": cost.memory, "disk_bytes": cost.disk,
        "free_disk_bytes": free,
    }  # fmt: skip
    counts = class_counts(cohort.counts, cohort.column)
    rows = [
        [each.step, each.times, human_time(each.seconds), human_time(each.total),
         human_size(each.disk), human_size(each.memory) if each.memory else ""]
        for each in cost.costs
        if each.times
    ]  # fmt: skip
    finish(
        args, facts,
        f"{len(cohort.patients)} patients ({counts}), {len(cohort.cases)} cases, "
        f"{cost.slices} slices; {len(cohort.dropped)} cases left out.",
        *labels_from(cohort.labels_from),
        table("Estimate, measured on this machine", ["step", "times", "each", "in all", "disk",
               "memory"],
              rows),
        f"In all about {human_time(cost.seconds)}, {human_size(cost.memory)} of memory, "
        f"{human_size(cost.disk)} of disk ({human_size(free)} free). "
        f"{sum(done)} of {len(steps)} steps are done already; this is what remains. Nothing was "
        "run.",
        str(grid),
    )  # fmt: skip
    if cost.disk > free:
        raise DataError(
            f"{study.run_folder}: the run needs about {human_size(cost.disk)}, but only "
            f"{human_size(free)} are free there. Choose another disk with --out, or a block with "
            "smaller features ('rarecase blocks')."
        )
    return 0
