"""Which samples `rarecase generate --filter` keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rarecase.errors import DataError, SettingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rarecase.cli.generating import Real
    from rarecase.generators.base import Generator

TIMES = 10  # so many samples are made at most for one that is asked for
ROUND = (64, 4096)  # samples that are judged together, at least and at most


@dataclass(frozen=True)
class Filter:
    """`look` takes samples (k, …) and their classes (k,) to what `judge` needs of them, which says
    which to keep: samples may be too many to hold."""

    name: str
    look: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
    judge: Callable[[NDArray[Any], NDArray[Any]], NDArray[np.bool_]]


def make_filter(name: str, generator: Generator, real: Real, *, seed: int) -> Filter:
    """The filter, tried on real samples: what it cannot do is said before a training. Raises
    `SettingError` for an unknown one and for `agreement` where there is no discriminator, and
    `DataError` where a class has too few patients or samples for it."""
    import numpy as np

    from rarecase.generators.choose import AGREEMENT, check_name, kept_by, vectors
    from rarecase.generators.discriminating import DiscriminatingGenerator

    check_name(name)
    if name == AGREEMENT:
        if not isinstance(generator, DiscriminatingGenerator):
            raise SettingError(
                f"--filter {name}: {type(generator).__name__} has no discriminator to agree with. "
                "recognised, near and dense go with every generator."
            )
        return Filter(name, generator.agreement, lambda agrees, _: agrees)
    batches = real.X.batches() if real.in_store else [real.X]
    X = np.concatenate([vectors(batch) for batch in batches])

    def judge(made: NDArray[Any], asked: NDArray[Any]) -> NDArray[np.bool_]:
        return kept_by(name, X, real.labels, made, asked, groups=real.patients, seed=seed)

    first = np.unique(real.labels, return_index=True)[1]
    judge(X[first], real.labels[first])
    return Filter(name, lambda made, _: vectors(made), judge)


def filtered(
    generator: Generator, counts: Mapping[str, int], chosen: Filter
) -> dict[str, NDArray[np.bool_]]:
    """For each class, which of its samples 0, 1, … make up the first `counts[name]` that the filter
    keeps. Raises `DataError` where fewer are kept of `TIMES` as many."""
    masks = {name: _mask(generator, name, count, chosen) for name, count in counts.items()}
    if any(masks[name].sum() < count for name, count in counts.items()):
        said = "; ".join(
            f"{name}: {masks[name].sum()} of {len(masks[name])} made, {count} asked for"
            for name, count in counts.items()
        )
        raise DataError(
            f"--filter {chosen.name} keeps too few samples ({said}). Ask for fewer with --n, take "
            "another filter or generator, or none."
        )
    return masks


def _mask(generator: Generator, name: str, count: int, chosen: Filter) -> NDArray[np.bool_]:
    import numpy as np

    from rarecase.generators.choose import first_kept

    mask = np.empty(0, dtype=bool)
    while mask.sum() < count and len(mask) < TIMES * count:
        more = min(max(count, ROUND[0]), ROUND[1], TIMES * count - len(mask))
        seen, start, end = [], len(mask), len(mask) + more
        for at in range(start, end, generator.BLOCK):
            X, y = generator.sample({name: min(generator.BLOCK, end - at)}, start=at)
            seen.append(chosen.look(X, y))
        mask = np.concatenate([mask, chosen.judge(np.concatenate(seen), np.full(more, name))])
    return first_kept(mask, count)


def kept_samples(
    generator: Generator, keep: Mapping[str, NDArray[np.bool_]]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The samples of each class that its mask keeps, (n, …), and their classes (n,)."""
    import numpy as np

    names = np.repeat(list(keep), [int(mask.sum()) for mask in keep.values()])
    X, done = None, 0
    for name, mask in keep.items():
        for at in range(0, len(mask), generator.BLOCK):
            wanted = mask[at : at + generator.BLOCK]
            piece = generator.sample({name: len(wanted)}, start=at)[0][wanted]
            if X is None:
                X = np.empty((len(names), *piece.shape[1:]), piece.dtype)
            X[done : done + len(piece)] = piece
            done += len(piece)
    assert X is not None  # at least one sample is asked for
    return X, names
