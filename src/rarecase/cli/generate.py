"""generate: synthetic samples of given classes, from features of any kind."""

from __future__ import annotations

import logging
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cli.arguments import no_more
from rarecase.errors import DataError, SettingError

if TYPE_CHECKING:
    import numpy as np

    from rarecase.generators.base import Generator

log = logging.getLogger(__name__)
MOST = 100_000_000  # samples in all
LARGEST = 8 * 2**30  # bytes that samples take in memory

EPILOG = """\
examples:
  rarecase generate features.csv --label Grade --groups patient --generator gaussian --n Low=500 \\
      --out more.csv
  rarecase generate embeddings.npz --generator diffusion --n HGG=500,LGG=1500 --out samples.npz
  rarecase generate run/repeat-0/fold-0/features/bottleneck.zarr --generator acgan --n LGG=1000 \\
      --out samples.zarr

No filter is applied; a .zarr says of each sample whether the generator's discriminator, if it has
one, agrees with its class (the paper's filter).

Whoever judges a classifier that was trained with them must leave out every patient that the
generator has learnt from; 'rarecase compare' does so by itself."""

SUFFIXES = (".zarr", ".npz", ".parquet", ".csv")


def add_arguments(parser: ArgumentParser) -> None:
    """What `rarecase generate` takes."""
    parser.add_argument("features", metavar="FEATURES", help="CSV, TSV, Parquet, npz, or a .zarr")
    parser.add_argument(
        "--generator", metavar="NAME", required=True, help="as the arms of 'compare' are named"
    )
    parser.add_argument(
        "--n", metavar="CLASS=N,…", required=True, help="how many of which class, such as LGG=500"
    )
    parser.add_argument(
        "--out", metavar="FILE", required=True, help=f"new file: {', '.join(SUFFIXES)}"
    )
    parser.add_argument("--label", metavar="COLUMN", help="column with the classes")
    parser.add_argument("--groups", metavar="COLUMN", help="column with the patients")
    parser.add_argument("--ignore", metavar="COLUMNS", default="", help="columns to leave out")
    parser.add_argument("--seed", type=int, default=0, help="everything random derives from it")


def run(args: Namespace, rest: Sequence[str]) -> int:
    """Fit the generator to all of FEATURES, make samples, write them."""
    from rarecase.arms.registry import named_generator
    from rarecase.cli.show import console, print_json, reporting, table

    no_more(rest)
    out, counts = Path(args.out), _counts(args.n)
    if out.suffix not in SUFFIXES:
        raise SettingError(f"--out {out}: expected a name that ends in {', '.join(SUFFIXES)}.")
    if out.exists():
        raise DataError(f"{out} exists and was not touched; choose a new name.")
    generator = named_generator(args.generator).make(args.seed)
    with reporting(args):
        names, row = _fit(generator, args)
        _write(generator, counts, out, names=names, label=args.label or "label")
    real = {str(name): int((row == name).sum()) for name in generator.classes_}
    said = [[str(name), real[str(name)], count] for name, count in counts.items()]
    if args.json:
        print_json({"out": out, "generator": args.generator, "made": counts, "real": real})
        return 0
    console().print(table("Samples", ["class", "real", "made"], said))
    console().print(f"\n{args.generator}: {out}", soft_wrap=True)
    return 0


def _counts(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in text.split(","):
        name, sign, number = part.partition("=")
        if not sign or not name.strip() or not number.isdigit() or int(number) < 1:
            raise SettingError(f"--n {text}: expected CLASS=NUMBER,…, such as HGG=500,LGG=1500.")
        if name.strip() in found:
            raise SettingError(f"--n {text}: {name.strip()} stands twice.")
        found[name.strip()] = int(number)
    if sum(found.values()) > MOST:
        raise SettingError(f"--n {text}: expected up to {MOST:,} samples in all.")
    return found


def _fit(generator: Generator, args: Namespace) -> tuple[list[str] | None, np.ndarray]:
    """Names of the features where they have some, and the class of every real sample."""
    import numpy as np

    path = Path(args.features)
    if path.suffix == ".zarr":
        from rarecase.errors import nearest
        from rarecase.features.store import FeatureStore

        store = FeatureStore.open(path)  # maps as they are, read batch by batch
        columns = [args.label or "label", args.groups or "patient"]
        for name in columns:
            if name not in store.rows.columns:
                raise SettingError(
                    f"{path}: its rows have no column {name!r}; {nearest(name, store.rows.columns)}"
                )
        labels = store.rows[columns[0]].to_numpy(str)
        generator.fit(store, labels, groups=store.rows[columns[1]].to_numpy(str))
        return None, labels
    from rarecase.comparison.files import read_features
    from rarecase.comparison.table import make_table

    ignore = [name for name in args.ignore.split(",") if name]
    found = read_features(path, label=args.label, groups=args.groups, ignore=ignore)
    if found.left_out:
        log.warning("left out, as they hold text: %s", ", ".join(found.left_out))
    table = make_table(found.X, found.y, groups=found.groups)
    labels = np.asarray(table.classes)[table.y]
    generator.fit(table.X, labels, groups=np.asarray(table.patients)[table.patient])
    return [str(c) for c in getattr(found.X, "columns", [])] or None, labels


def _write(
    generator: Generator,
    counts: dict[str, int],
    out: Path,
    *,
    names: list[str] | None,
    label: str,
) -> None:
    from rarecase.files import replacing_file

    if out.suffix == ".zarr":
        generator.sample_to_store(out, counts)
        return
    import numpy as np
    import pandas as pd

    size = 8 * sum(counts.values()) * math.prod(generator.shape_)
    if size > LARGEST:
        raise SettingError(
            f"--n: so many samples take {size / 2**30:.0f} GiB of memory on the way to "
            f"{out.suffix}; --out NAME.zarr takes them a few at a time."
        )
    X, y = generator.sample(counts)
    if out.suffix == ".npz":
        with replacing_file(out) as beside, beside.open("wb") as file:
            np.savez_compressed(file, X=X, y=y)
        return
    if X.ndim != 2:
        raise SettingError(f"--out {out}: maps of {X.shape[1:]} go to .zarr or .npz, not a table.")
    columns = names or [f"feature {i}" for i in range(X.shape[1])]
    table: Any = pd.DataFrame(X, columns=columns)
    table.insert(0, label, y)
    with replacing_file(out) as beside:
        if out.suffix == ".csv":
            table.to_csv(beside, index=False)
        else:
            table.to_parquet(beside, index=False)
