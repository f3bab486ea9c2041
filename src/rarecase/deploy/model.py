"""The deployed model: what it consists of on disk, and what it says of a new case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning_fabric
import numpy as np
import torch
from numpy.typing import NDArray

from rarecase.arrays import Floats
from rarecase.checkpoint import load_tensors, save_tensors
from rarecase.cohort.case import Case
from rarecase.cohort.fitting import Fitted, fit_case
from rarecase.cohort.load import CaseArrays, load_groups
from rarecase.deploy.final import Average, Final, card_facts, load_final, save_final
from rarecase.deploy.looks import case_looks
from rarecase.deploy.out_of_distribution import FEWEST, OutOfDistribution, Ranges
from rarecase.errors import DataError
from rarecase.features.joining import Vectors, side_by_side
from rarecase.features.sources.contract import Source, SourceData
from rarecase.features.sources.networks import Network
from rarecase.features.sources.one_case import case_data
from rarecase.features.sources.registry import load_source, names_in
from rarecase.files import read_json, write_json
from rarecase.imaging.grid import axial_grid
from rarecase.imaging.volumes import probe_volume
from rarecase.ranking import rare_share
from rarecase.segmenter import Segmenter, Slices, load_segmenter
from rarecase.segmenter.feeding import one_case
from rarecase.segmenter.predict import predict_chances
from rarecase.segmenter.unet import network_text
from rarecase.shown import Brief

CARD, WEIGHTS, SEGMENTER, SOURCES = "model.json", "classifier.skops", "segmenter", "sources"
CHOSEN = "chosen"
LOOKS = "looks.safetensors"  # what is known of how cases look
UNCHECKED = (
    f"whether its images look like those learnt from cannot be told: that takes {FEWEST} cases, "
    "and the model has learnt from fewer"
)
EMPTY = "the predicted mask is empty; its class is predicted from the whole of it"
SHOWN = 5  # names of features that are missing
_MATCHED = 1.02  # pixels that differ by less from those learnt from are taken as they are


@dataclass(frozen=True, eq=False, repr=False)
class Found(Brief):
    """What the model says of a case.

    p: probability by class; call: the class called, the rare one from `threshold` on. chances:
    probability of tumour on the fitted slices (n, size, size); above: what it exceeds where tumour
    is outlined. unlike: why the case may not be one that the model knows; empty where nothing
    speaks against it.
    """

    case: Case
    p: dict[str, float]
    call: str
    chances: NDArray[np.float32]
    above: float
    groups: Sequence[CaseArrays]
    fitted: Fitted
    cut: bool
    unlike: tuple[str, ...]

    def outline(self, chances: NDArray[np.float32]) -> NDArray[np.uint8]:
        """1 where they say tumour."""
        return (chances > self.above).astype(np.uint8)


@dataclass(frozen=True, eq=False, repr=False)
class Deployed(Brief):
    """U-Net, sources of features, classifier, and what they were learnt from: `familiar` scores how
    far a case's looks (see `case_looks`) are from it; `card` is what model.json holds."""

    segmenter: Segmenter
    sources: Sequence[Source]
    final: Final | Average
    familiar: Mapping[str, OutOfDistribution]
    card: dict[str, Any]

    def _about(self) -> dict[str, Any]:
        return card_facts(self.card) | {
            "channels": self.channels,
            "network": network_text(self.segmenter.net),
        }

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.card["classes"])

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels that a case must have."""
        return tuple(self.card["channels"])

    @property
    def clinical(self) -> tuple[str, ...]:
        """Columns of a table of patients that its features need."""
        return tuple(name for source in self.sources for name in source.asks)

    def predict(self, case: Case, *, fabric: lightning_fabric.Fabric) -> Found:
        """Outline the tumour of a case and say its class. Raises `DataError` that names the file
        where the case cannot be read."""
        about = self.card
        groups, cut = self._load(case)
        fitted = fit_case(
            groups, about["size"], name=case.case, normalise=about["normalise"], cut=cut,
            skip_empty=about["skip_empty"] and not case.slices,
        )  # fmt: skip
        if not len(fitted.images):
            raise DataError(f"Case {case.case!r}: no slice with tissue in it.")
        order = self.segmenter.order(self.channels)
        slices = one_case(
            self.segmenter, fitted.images, fitted.masks, order, planes=about["planes"]
        )
        parts = predict_chances(
            self.segmenter, slices, rows=np.arange(len(fitted.images)), fabric=fabric,
            flips=about["flips"], name=f"outlining {case.case}",
        )  # fmt: skip
        chances = np.concatenate([chance for _, chance in parts])
        if not np.isfinite(chances).all():
            raise DataError(
                f"Case {case.case!r}: its intensities lead the network beyond any number. Is it of "
                "the modality that was learnt from?"
            )
        above = self.segmenter.threshold
        data = case_data(
            case, groups, fitted, chances > above, segmenter=self.segmenter, channels=self.channels,
            fabric=fabric, about=about, masks=about["masks"],
        )  # fmt: skip
        X, missing = self._vectors(data)
        p = self.final.of_patient(X)
        rare = self.classes.index(about["rare"])
        share = float(rare_share(p[None], rare=rare)[0])
        best = max((i for i in range(len(p)) if i != rare), key=lambda i: p[i])
        call = self.classes[rare if share > about["threshold"] else best]
        unlike = (
            *self._unlike(groups, fitted, slices),
            *([] if chances.max() > above else [EMPTY]),
        )
        unlike += tuple(missing)
        named = dict(zip(self.classes, p.tolist(), strict=True))
        return Found(case, named, call, chances, above, groups, fitted, cut, unlike)

    def _vectors(self, data: SourceData) -> tuple[Floats, list[str]]:
        """The case's samples (n, d), and what had to be imputed of them."""
        taken = [Vectors.taken(source, data) for source in self.sources]
        found = side_by_side(taken, unit=self.card["unit"], masks=self.card["masks"])
        X, columns = found.X, found.columns
        assert columns is not None
        gaps = np.atleast_1d(np.isnan(X).all(axis=0))
        if not gaps.any():
            return X, []
        names = [name for name, gap in zip(columns.names, gaps, strict=True) if gap]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        be = "is" if len(names) == 1 else "are"
        said = f"{', '.join(names[:SHOWN])}{more} {be} missing; the usual values stand in"
        return X, [said]

    def _load(self, case: Case) -> tuple[list[CaseArrays], bool]:
        """The case's slices, brought to pixels of the usual size where theirs are outside of those
        learnt from; whether they are to be cut instead of resized."""
        about = self.card
        if about["pixel"] is not None:
            return load_groups(case, self.channels, pixel=about["pixel"]), True
        known = about["ranges"]["pixel"]
        if known is None or case.slices:
            return load_groups(case, self.channels), False
        grid, _ = axial_grid(probe_volume(case.images[self.channels[0]]).grid)
        own = grid.spacing[1] * max(grid.shape[:2]) / about["size"]
        if known[0] / _MATCHED <= own <= known[1] * _MATCHED:
            return load_groups(case, self.channels), False
        return load_groups(case, self.channels, pixel=about["usual_pixel"]), True

    def _unlike(
        self, groups: Sequence[CaseArrays], fitted: Fitted, slices: Slices
    ) -> tuple[str, ...]:
        said = Ranges(**self.card["ranges"]).unlike(groups)
        if not self.familiar:
            return (*said, UNCHECKED)
        looks = case_looks(self.segmenter, slices, fitted.images)
        away = {n: float(known.score(looks[n][None])[0]) for n, known in self.familiar.items()}
        off = [
            f"{name}: score {away[name]:.1f}, theirs below {known.limit:.1f}"
            for name, known in self.familiar.items()
            if not away[name] <= known.limit
        ]
        if off:
            said.append(
                f"its images look unlike those learnt from ({'; '.join(off)}); it may be another "
                "modality, sequence or body part"
            )
        return tuple(said)


def save_classifier(
    folder: Path,
    final: Final | Average,
    sources: Sequence[Source],
    familiar: Mapping[str, OutOfDistribution],
    card: dict[str, Any],
) -> None:
    """Write classifier.skops, sources/, looks.safetensors and model.json."""
    save_final(folder / WEIGHTS, final)
    for source in sources:
        (folder / SOURCES / source.name).mkdir(parents=True, exist_ok=True)
        source.save(folder / SOURCES / source.name)
    arrays = {
        f"{kind}.{part}": torch.from_numpy(np.ascontiguousarray(values))
        for kind, known in familiar.items()
        for part, values in known.arrays().items()
    }
    save_tensors(folder / LOOKS, arrays)
    write_json(folder / CARD, card | {CHOSEN: final.chosen})


def load_deployed(
    folder: Path,
    *,
    segmenter: Path | None = None,
    networks: Mapping[str, Network] | None = None,
) -> Deployed:
    """Read a model from its folder: what `save_classifier` wrote, and the U-Net in segmenter/ (or
    in `segmenter`). `networks`: whose code may be run (see `load_source`)."""
    card = read_json(folder / CARD)
    known = isinstance(card, dict) and {CHOSEN, "channels", "ranges"} <= set(card)
    if not known or card.get("kind") != "rarecase model":
        raise DataError(f"{folder}: no model of rarecase ({CARD} says nothing of one).")
    if card["masks"] == "none":  # as the whole head was called before it was "whole"
        card["masks"] = "whole"
    looks: dict[str, dict[str, np.ndarray]] = {}
    for name, values in load_tensors(folder / LOOKS)[0].items():
        kind, part = name.split(".")
        looks.setdefault(kind, {})[part] = values.numpy()
    return Deployed(
        segmenter=load_segmenter(segmenter or folder / SEGMENTER),
        sources=[
            load_source(folder / SOURCES / name, networks=networks)
            for name in names_in(card["features"])
        ],
        final=load_final(folder / WEIGHTS),
        familiar={kind: OutOfDistribution.of(parts) for kind, parts in looks.items()},
        card=card,
    )
