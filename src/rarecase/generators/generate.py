"""Synthetic samples of given classes from features of any kind, into a file of any kind."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.arrays import Bools
from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.samples import is_store
from rarecase.features.standardise import vectors
from rarecase.files import replacing_file, write_json
from rarecase.generators.audit.audit import audit_generator
from rarecase.generators.base import Generator
from rarecase.generators.filters import AGREEMENT, check_name, first_kept, kept_by
from rarecase.generators.real_samples import SHOWN, Real, few, read_real
from rarecase.generators.registry import KINDS, make_generator
from rarecase.generators.validation import cast_values

log = logging.getLogger(__name__)
SUFFIXES = (".zarr", ".npz", ".parquet", ".csv")
MANY = 1000  # real samples from which on a training is kept epoch by epoch
LARGEST = 8 * 2**30  # bytes that samples take in memory
SMALL = 1e-4  # below it float16 has fewer than its eleven digits, or is near to that
TIMES = 10  # so many samples are drawn at most for one that is requested
ROUND = (64, 4096)  # samples that a filter judges together, at least and at most
Masks = dict[str, Bools]


def generate(
    features: Path,
    out: Path,
    counts: Mapping[str, int],
    *,
    kind: str,
    label: str | None = None,
    groups: str | None = None,
    ignore: Sequence[str] = (),
    categorical: Sequence[str] = (),
    keep: str | None = None,
    audit: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Fit a generator to all samples of a file, draw `counts` of each class, write them.

    Parameters
    ----------
    features, label, groups, ignore, categorical
        The file, its columns of classes and patients, those to leave out, and categories.
    out
        A new file; what its suffix says (`SUFFIXES`) is written, a table as `TableTypes` has it.
    kind
        The generator's name.
    keep
        A filter's name: more are drawn until as many are kept as are requested.
    audit
        Whether to say how like patients held out the samples are (`audit_generator`).

    Returns
    -------
    generator, filter, real, generated, kept (counts by class) and, if requested, audit: what the
    file beside `out` says as well, with the settings and whom the generator has learnt from.

    Raises
    ------
    SettingError, DataError
        Before any training for what could not be written after it; where a filter keeps too few.
    """
    _check_out(out)
    generator = _made(kind, seed)
    real = read_real(
        features, label=label, groups=groups, ignore=ignore, categorical=categorical, out=out
    )
    _check_requested(real, counts, out, path=features)
    if keep:
        _try_filter(keep, generator, real, seed=seed)
    audited = _audited(generator, real, seed=seed) if audit else None
    checkpoint = _checkpoint(real, out)
    generator.fit(real.X, real.labels, groups=real.patients, checkpoint=checkpoint)
    masks = _filtered(generator, counts, keep, real, seed=seed) if keep else None
    drawn = {name: len(mask) for name, mask in masks.items()} if masks else dict(counts)
    said: dict[str, Any] = {
        "generator": kind, "filter": keep, "real": real.counts, "generated": drawn, "kept": counts,
    }  # fmt: skip
    said |= {} if audited is None else {"audit": audited}
    _write(generator, drawn, masks, out, real=real, label=label or "label", said=said)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return said


def _made(kind: str, seed: int) -> Generator:
    synthetic = [name for name, each in KINDS.items() if each.synthetic]
    if kind not in synthetic:
        raise SettingError(f"generator {kind!r} is unknown; {nearest(kind, synthetic)}")
    return make_generator(kind, random_state=seed)


def _check_out(out: Path) -> None:
    if out.suffix.lower() not in SUFFIXES:
        raise SettingError(f"--out {out}: expected a name that ends in {', '.join(SUFFIXES)}.")
    for file in (out, card_of(out)):
        if file is not None and file.exists():
            raise DataError(f"{file} exists and was not touched; choose a new name.")


def card_of(out: Path) -> Path | None:
    """The file beside `out` that says whom the samples were learnt from; a store says it itself."""
    return None if out.suffix.lower() == ".zarr" else out.with_name(out.name + ".json")


def _check_requested(real: Real, counts: Mapping[str, int], out: Path, *, path: Path) -> None:
    """Raise for an unknown class, maps for a table, more samples than memory holds, values beyond
    float16."""
    for name in counts:
        if name not in real.classes:
            raise SettingError(
                f"--n: class {name!r} is not in {path}; {nearest(name, real.classes)}"
            )
    suffix = out.suffix.lower()
    if suffix in (".csv", ".parquet") and len(real.shape) > 1:
        raise SettingError(f"--out {out}: maps of {real.shape} go to .zarr or .npz, not a table.")
    if suffix == ".zarr":
        if not is_store(real.X):
            _check_half(real.X, real.columns)
        return
    size = 8 * sum(counts.values()) * math.prod(real.shape)
    if size > LARGEST:
        raise SettingError(
            f"--n: so many samples take {size / 2**30:.0f} GiB of memory on the way to "
            f"{out.suffix}; --out NAME.zarr takes them a few at a time."
        )


def _check_half(X: NDArray[Any], columns: Sequence[str]) -> None:
    """Raise `DataError` where float16, which a store holds, cannot hold `X` (n, …); warn of
    features that it holds badly: tiny ones, and ones that differ by less than it resolves."""
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
        log.warning(
            "a .zarr holds float16, which keeps little of %d of %d features (%s): they are below "
            "%g or differ by less than float16 tells apart; --out NAME.npz keeps them",
            bad.size, values.shape[1], few(names[at] for at in bad[: SHOWN + 1]), SMALL,
        )  # fmt: skip


def _try_filter(name: str, generator: Generator, real: Real, *, seed: int) -> None:
    """Judge real samples: what a filter cannot do is said before a training."""
    check_name(name)
    if name == AGREEMENT:
        if not generator.discriminates:
            raise SettingError(
                f"--filter {name}: {type(generator).__name__} has no discriminator to agree with. "
                "recognised, near and dense go with every generator."
            )
        return
    X = vectors(real.X)
    first = np.unique(real.labels, return_index=True)[1]
    kept_by(name, X, real.labels, X[first], real.labels[first], groups=real.patients, seed=seed)


def _filtered(
    generator: Generator, counts: Mapping[str, int], name: str, real: Real, *, seed: int
) -> Masks:
    """For each class, which of its samples 0, 1, … make up the first `counts[label]` that the
    filter keeps. Raises `DataError` where fewer are kept of `TIMES` as many."""
    X = None if name == AGREEMENT else vectors(real.X)

    def judge(label: str, start: int, end: int) -> Bools:
        pieces = (piece for _, piece in generator.pieces({label: end - start}, start=start))
        if X is None:
            agree = [generator.agreement(piece, [label] * len(piece)) for piece in pieces]
            return np.concatenate(agree)
        drawn = np.concatenate([vectors(piece) for piece in pieces])
        return kept_by(
            name, X, real.labels, drawn, np.full(len(drawn), label),
            groups=real.patients, seed=seed,
        )  # fmt: skip

    masks: Masks = {}
    for label, count in counts.items():
        mask = np.empty(0, dtype=bool)
        while mask.sum() < count and len(mask) < TIMES * count:
            more = min(max(count, ROUND[0]), ROUND[1], TIMES * count - len(mask))
            mask = np.concatenate([mask, judge(label, len(mask), len(mask) + more)])
        masks[label] = first_kept(mask, count)
    if any(masks[label].sum() < count for label, count in counts.items()):
        said = "; ".join(
            f"{label}: {masks[label].sum()} of {len(masks[label])} generated, {count} requested"
            for label, count in counts.items()
        )
        raise DataError(
            f"--filter {name} keeps too few samples ({said}). Request fewer with --n, take another "
            "filter or generator, or none."
        )
    return masks


def _audited(generator: Generator, real: Real, *, seed: int) -> list[dict[str, Any]]:
    """A row per class and source with every measure; None where it cannot be said."""
    found = audit_generator(generator, real.X, real.labels, groups=real.patients, seed=seed)
    return [
        {str(k): None if isinstance(v, float) and not math.isfinite(v) else v for k, v in r.items()}
        for r in found.to_dict("records")
    ]


def _checkpoint(real: Real, out: Path) -> Path | None:
    """A training is kept until the samples are written. Of few small samples an epoch takes less
    time than to write it down."""
    long = len(real.shape) > 1 or len(real.labels) >= MANY
    return out.with_name(f"{out.name}.checkpoint") if long else None


def _write(
    generator: Generator,
    counts: Mapping[str, int],
    masks: Masks | None,
    out: Path,
    *,
    real: Real,
    label: str,
    said: dict[str, Any],
) -> None:
    """Write the samples, and what is said of them, with whom the generator has learnt from."""
    card = card_of(out)
    if card is None:
        generator.sample_to_store(out, counts, seen=real.seen, keep=masks)
        return
    X, names = generator.sample(counts, keep=masks)
    settings = generator.get_params(deep=False)
    learnt_from = sorted({*generator.trained_on_, *real.seen})
    about = {"seed": generator.random_state, "settings": settings, "learnt_from": learnt_from}
    with replacing_file(out) as beside:
        _write_samples(X, names, beside, suffix=out.suffix.lower(), real=real, label=label)
        write_json(card, said | about)  # last, so that it does not stay behind alone


def _write_samples(
    X: NDArray[Any], names: NDArray[Any], file: Path, *, suffix: str, real: Real, label: str
) -> None:
    y = real.named(names.tolist())
    held = X if real.types is None else real.types.frame(X)
    if real.types is None and real.dtype is not None:
        held = cast_values(X, real.dtype)
    if suffix == ".npz":
        with file.open("wb") as opened:
            np.savez_compressed(opened, X=np.asarray(held), y=y)
        return
    table: Any = pd.DataFrame(held)
    if real.types is None:
        table.columns = [f"feature {i}" for i in range(X.shape[1])]
    table.insert(0, label, names if y.dtype.kind == "S" else y)
    write = table.to_csv if suffix == ".csv" else table.to_parquet
    write(file, index=False)
