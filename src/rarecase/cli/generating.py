"""What `rarecase generate` reads, checks before a training, and writes."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.errors import DataError, SettingError, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from rarecase.generators.base import Generator

log = logging.getLogger(__name__)
LARGEST = 8 * 2**30  # bytes that samples take in memory
SMALL = 1e-4  # below it float16 has fewer than its eleven digits, or is near to that
SHOWN = 5  # rows or features that a message names


@dataclass(frozen=True)
class Real:
    """The real samples: `X` (n, …), an array or a FeatureStore, with the names of the class and the
    patient of each, `labels` and `patients` (n,). `classes`: the names, sorted; `values` (classes,)
    what the file itself calls them, numbers for instance. `columns`: names of features, if they
    have some. `seen`: whom the network behind the features has learnt from."""

    X: Any
    labels: NDArray[np.str_]
    patients: NDArray[np.str_]
    classes: tuple[str, ...]
    values: NDArray[Any]
    columns: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.X.shape if self.in_store else self.X.shape[1:])

    @property
    def in_store(self) -> bool:
        """Whether they stay in a store, float16, and are read batch by batch."""
        from rarecase.features.samples import is_store

        return is_store(self.X)

    @property
    def counts(self) -> dict[str, int]:
        """Samples of each class."""
        return {name: int((self.labels == name).sum()) for name in self.classes}

    def named(self, names: Sequence[str]) -> NDArray[Any]:
        """Classes (k,) as the file calls them."""
        place = {name: at for at, name in enumerate(self.classes)}
        return self.values[[place[name] for name in names]]


def read_real(
    path: Path, *, label: str | None, groups: str | None, ignore: Sequence[str], out: Path
) -> Real:
    """The samples of a file that `compare` takes too, maps in their shape. Classes and patients are
    named as there. Raises `DataError` and `SettingError` as `read_features` and `make_table`."""
    import numpy as np

    from rarecase.features.feature_set import make_table
    from rarecase.features.read_features import read_features

    if path.suffix.lower() == ".zarr":
        return _read_store(path, label=label or "label", groups=groups or "patient", ignore=ignore)
    found = read_features(path, label=label, groups=groups, ignore=ignore)
    if found.left_out:
        log.warning("left out, as they hold text: %s", ", ".join(found.left_out))
    table = make_table(found.X, found.y, groups=found.groups)
    labels = np.asarray(table.classes)[table.y]
    values = _values(found.y, table.y, table.classes)
    # A CSV holds text alone, and gets back what it held.
    if path.suffix.lower() in (".csv", ".tsv") and out.suffix.lower() != ".csv":
        values = _typed(table.classes)
    return Real(
        table.X.reshape(np.shape(found.X)), labels, np.asarray(table.patients)[table.patient],
        table.classes, values, tuple(found.names),
    )  # fmt: skip


def _read_store(path: Path, *, label: str, groups: str, ignore: Sequence[str]) -> Real:
    import numpy as np

    from rarecase.features.feature_set import make_table
    from rarecase.features.store import FeatureStore

    if ignore:
        raise SettingError(
            f"--ignore {','.join(ignore)}: the features of {path} have no names to leave out."
        )
    store = FeatureStore.open(path)  # maps as they are, read batch by batch
    for option, name in (("--label", label), ("--groups", groups)):
        if name not in store.rows.columns:
            raise SettingError(
                f"{path}: its rows have no column {name!r}; {nearest(name, store.rows.columns)}"
            )
        _refuse_missing(store.rows[name], path, option=option)
    y = store.rows[label].to_numpy()
    # The rows' numbers stand for the samples, which may be too many to hold.
    numbers = np.arange(float(len(store)))[:, None]
    table = make_table(numbers, y, groups=store.rows[groups].to_numpy())
    return Real(
        store, np.asarray(table.classes)[table.y], np.asarray(table.patients)[table.patient],
        table.classes, _values(y, table.y, table.classes), seen=store.seen,
    )  # fmt: skip


def _refuse_missing(column: pd.Series, path: Path, *, option: str) -> None:
    missing = column.isna().to_numpy().nonzero()[0].tolist()
    if missing:
        rows = _few(map(str, missing[: SHOWN + 1]))
        raise DataError(
            f"{path}: {len(missing)} of {len(column)} rows have no {column.name} (counted from 0: "
            f"{rows}). Fill them in in {path / 'rows.parquet'}, make the store without these "
            f"samples, or name another column with {option}."
        )


def _values(y: Any, codes: NDArray[np.integer], classes: Sequence[str]) -> NDArray[Any]:
    """What `y` (n,) or (n, 1) calls the classes that it has by the indices `codes` (n,)."""
    import numpy as np

    first = np.unique(codes, return_index=True)[1]
    values = np.asarray(y).reshape(-1)[first]
    if values.dtype.kind == "O":
        values = np.array(values.tolist())
    return values if values.dtype.kind in "biufSU" else np.array(classes)


def _typed(names: Sequence[str]) -> NDArray[Any]:
    """Classes of a CSV as pandas by itself reads such a column: numbers, or truth values."""
    import numpy as np

    if all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", name) for name in names):
        return np.array([int(name) for name in names], dtype=np.int64)
    if sorted(name.lower() for name in names) == ["false", "true"]:
        return np.array([name.lower() == "true" for name in names])
    return np.array(names)


def check_asked(real: Real, counts: Mapping[str, int], out: Path, *, path: Path) -> None:
    """Raise, before any training, for what could not be written after it: an unknown class, maps
    for a table, more samples than memory holds, values beyond float16."""
    for name in counts:
        if name not in real.classes:
            raise SettingError(
                f"--n: class {name!r} is not in {path}; {nearest(name, real.classes)}"
            )
    suffix = out.suffix.lower()
    if suffix in (".csv", ".parquet") and len(real.shape) > 1:
        raise SettingError(f"--out {out}: maps of {real.shape} go to .zarr or .npz, not a table.")
    if suffix == ".zarr":
        if not real.in_store:
            check_half(real.X, real.columns)
        return
    size = 8 * sum(counts.values()) * math.prod(real.shape)
    if size > LARGEST:
        raise SettingError(
            f"--n: so many samples take {size / 2**30:.0f} GiB of memory on the way to "
            f"{out.suffix}; --out NAME.zarr takes them a few at a time."
        )


def check_half(X: NDArray[Any], columns: Sequence[str]) -> None:
    """Raise `DataError` where float16, which a store holds, cannot hold `X` (n, …); warn of
    features that it holds badly: tiny ones, and ones that differ by less than it resolves."""
    import numpy as np

    from rarecase.features.store import LARGEST as LARGEST_HALF

    values = X.reshape(len(X), -1)
    largest = np.abs(values).max(axis=0)
    names = columns or [str(at) for at in range(values.shape[1])]
    beyond = np.flatnonzero(largest > LARGEST_HALF)
    if beyond.size:
        raise DataError(
            f"X: feature {names[beyond[0]]!r} reaches {largest[beyond[0]]:g}; a .zarr holds "
            f"float16, at most {LARGEST_HALF:g}. --out NAME.npz holds it; or scale the feature."
        )
    size, spread = np.sqrt(np.square(values).mean(axis=0)), values.std(axis=0)
    step = np.spacing(size.astype(np.float16)).astype(np.float64)
    bad = np.flatnonzero((size > 0) & ((size < SMALL) | ((spread > 0) & (spread < step))))
    if bad.size:
        said = _few(names[at] for at in bad[: SHOWN + 1])
        log.warning(
            "a .zarr holds float16, which keeps little of %d of %d features (%s): they are below "
            "%g or differ by less than float16 tells apart; --out NAME.npz keeps them",
            bad.size, values.shape[1], said, SMALL,
        )  # fmt: skip


def _few(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:SHOWN]) + (", …" if len(shown) > SHOWN else "")


def card_of(out: Path) -> Path | None:
    """The file beside `out` that says whom the samples were learnt from; a store says it itself."""
    return None if out.suffix.lower() == ".zarr" else out.with_name(out.name + ".json")


def write_samples(
    generator: Generator,
    counts: Mapping[str, int],
    out: Path,
    *,
    real: Real,
    label: str,
    about: Mapping[str, Any],
    keep: Mapping[str, NDArray[np.bool_]] | None = None,
) -> None:
    """Make `counts` samples and write them, or those of each class that `keep` (counts[name],)
    says, to `out`, as its suffix says; with `about` and the patients behind them in the file beside
    it or, of a store, in its `seen`."""
    import numpy as np

    from rarecase.cli.filtering import kept_samples
    from rarecase.files import replacing_file, write_json

    card = card_of(out)
    if card is None:
        generator.sample_to_store(out, counts, seen=real.seen, keep=keep)
        return
    X, asked = generator.sample(counts) if keep is None else kept_samples(generator, keep)
    y = real.named(asked.tolist())
    learnt_from = sorted({*generator.trained_on_, *real.seen})
    settings = generator.get_params(deep=False)
    with replacing_file(out) as beside:
        if out.suffix.lower() == ".npz":
            with beside.open("wb") as file:
                np.savez_compressed(file, X=X, y=y)
        else:
            _write_table(X, asked if y.dtype.kind == "S" else y, beside, out, label, real.columns)
        # Last, so that it does not stay behind alone.
        write_json(card, {**about, "settings": settings, "learnt_from": learnt_from})


def _write_table(
    X: NDArray[Any], y: NDArray[Any], beside: Path, out: Path, label: str, columns: Sequence[str]
) -> None:
    import pandas as pd

    names = list(columns) or [f"feature {i}" for i in range(X.shape[1])]
    table: Any = pd.DataFrame(X, columns=names)
    table.insert(0, label, y)
    if out.suffix.lower() == ".csv":
        table.to_csv(beside, index=False)
    else:
        table.to_parquet(beside, index=False)
