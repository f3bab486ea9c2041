"""generate: synthetic samples of given classes, from features of any kind."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from rarecase.cli.arguments import add_options, split_names
from rarecase.cli.pages import add_page, last_line, named, page_place
from rarecase.cli.show import finish, table
from rarecase.errors import SettingError
from rarecase.generators.registry import KINDS

MOST = 100_000_000  # samples in all
SHOWN = (
    "precision", "recall", "density", "coverage", "frechet", "two-sample AUC", "nn ratio",
    "near copies", "membership",
)  # fmt: skip

EPILOG = """\
examples:
  rarecase generate features.csv --label Grade --groups patient --generator gaussian --n Low=500 \\
      --out more.csv
  rarecase generate embeddings.npz --generator diffusion --n HGG=500,LGG=1500 --out samples.npz
  rarecase generate run/repeat-0/fold-0/features/bottleneck/bottleneck.zarr --generator acgan \\
      --n LGG=1000 --out samples.zarr

--filter keeps some of the samples, and more are drawn until there are as many as --n says; where
ten times as many do not give them, nothing is written:
  recognised  whose class a classifier of real samples recognises
  near        no farther from a real sample of the class than these are from each other
  dense       within reach of a real sample's fifth neighbour of the class
  agreement   whose class the generator's discriminator recognises (the paper's; if it has one)
Of maps the first three see the mean of each channel. A .zarr says of each sample whether the
discriminator agrees, filtered or not.

Whoever judges a classifier that was trained with them must leave out every patient that the
generator has learnt from. FILE.json beside FILE lists them as learnt_from, and a .zarr itself as
seen. ('rarecase compare' fits generators in its folds, and leaves them out by itself.)

A .zarr holds float16; .npz, .parquet and .csv hold what the generator draws. Columns of a table
keep their types and stay within their real values: whole numbers are the nearest, truth is what
is 0.5 or more, a category (--categorical) is the likeliest.

The training of a network on maps, or on 1,000 samples or more, is kept in FILE.checkpoint until
FILE is written: after Ctrl-C or a kill the same command goes on with it."""


def add_arguments(parser: ArgumentParser) -> None:
    """What `rarecase generate` takes."""
    add_options(parser, (
        ("features", "FEATURES", "CSV, TSV, Parquet, npz, or a .zarr"),
        ("--generator", "NAME", ", ".join(n for n, kind in KINDS.items() if kind.synthetic)),
        ("--n", "CLASS=N,…", "how many of which class, such as LGG=500"),
        ("--out", "FILE",
         "new file: .zarr, .npz, .parquet, .csv (float16 in a .zarr: 3 digits, at most 65504)"),
        ("--label", "COLUMN", "column with the classes"),
        ("--groups", "COLUMN", "column with the patients"),
        ("--ignore", "COLUMNS", "columns to leave out"),
        ("--categorical", "COLUMNS", "columns that are categories, text or codes"),
        ("--filter", "NAME",
         "keep recognised, near, dense or agreement samples alone (default: all)"),
        ("--audit", None,
         "also fit it without a quarter of the patients, and say how like them its samples are "
         "and whether it hands out those it learnt from"),
        ("--seed", 0, "everything random derives from it"),
    ), required=["--generator", "--n", "--out"])  # fmt: skip
    parser.set_defaults(ignore="", categorical="")
    add_page(parser, of="with --audit: ")


def interrupted(args: Namespace) -> str:
    """What is so after Ctrl-C."""
    if Path(f"{args.out}.checkpoint").exists():
        return "interrupted; the same command goes on with the training, from its last epoch."
    return "interrupted; nothing was kept, and the same command starts anew."


def run(args: Namespace) -> int:
    """Fit the generator to all of FEATURES, draw samples, write them."""
    from rarecase.generators.generate import card_of, generate

    out, counts = Path(args.out), _counts(args.n)
    if args.html is not None and not args.audit:
        raise SettingError("--html: the page is of the audit; add --audit.")
    place = page_place(args)
    said = generate(
        Path(args.features), out, counts, kind=args.generator, label=args.label,
        groups=args.groups, ignore=split_names(args.ignore),
        categorical=split_names(args.categorical), keep=args.filter, audit=args.audit,
        seed=args.seed,
    )  # fmt: skip
    rows = [[n, said["real"][n], said["generated"][n], count] for n, count in counts.items()]
    shown: list[Any] = [table("Samples", ["class", "real", "generated", "kept"], rows)]
    if "audit" in said:
        title = "Against patients held out (real: other real patients in place of synthetic ones)"
        lines = [
            [line["class"], line["source"], line["held"]]
            + ["" if line[key] is None else f"{line[key]:.2f}" for key in SHOWN]
            for line in said["audit"]
        ]
        shown += ["", table(title, ["class", "source", "held out", *SHOWN], lines, text=2)]
    card = card_of(out)
    more = "float16" if card is None else f"{card.name} says whom they were learnt from"
    page = None
    if place is not None:
        from rarecase.report.page_audit import report_audit

        page = report_audit(said, name=out.name, seed=args.seed, place=place)
    shown.append(f"\n{args.generator}: {out} ({more})")
    return finish(args, {"out": out, **said, **named(page)}, *shown, *last_line(page))


def _counts(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in text.split(","):
        name, sign, number = (each.strip() for each in part.rpartition("="))
        counted = number.isdecimal() and len(number) < 19 and int(number) > 0
        if not sign or not name or not counted:
            raise SettingError(f"--n {text}: expected CLASS=NUMBER,…, such as HGG=500,LGG=1500.")
        if name in found:
            raise SettingError(f"--n {text}: {name} stands twice.")
        found[name] = int(number)
    if sum(found.values()) > MOST:
        raise SettingError(f"--n {text}: expected up to {MOST:,} samples in all.")
    return found
