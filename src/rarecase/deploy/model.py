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

from rarecase.checkpoint import load_tensors, save_tensors
from rarecase.cohort.case import Case
from rarecase.cohort.fitting import Fitted, fit_case
from rarecase.cohort.load import CaseArrays, load_groups
from rarecase.deploy.final_fit import Final
from rarecase.deploy.out_of_distribution import FEWEST, OutOfDistribution, Ranges, case_looks
from rarecase.errors import DataError
from rarecase.features.sources.unet import TUMOUR, features_of_samples
from rarecase.files import read_json, write_json
from rarecase.imaging.grid import axial_grid
from rarecase.imaging.volumes import probe_volume
from rarecase.ranking import rare_share
from rarecase.segmenter import Segmenter, Slices, channel_map, load_segmenter
from rarecase.segmenter.batches import in_order
from rarecase.segmenter.feeding import one_case
from rarecase.segmenter.predict import predict_chances

CARD, WEIGHTS, SEGMENTER = "model.json", "classifier.safetensors", "segmenter"
FINAL, CHOSEN = ("weights", "offsets", "centre", "reach"), "chosen"
LOOKS = "looks."  # before the name of what is known of them
BATCH = 16
UNCHECKED = (
    f"whether its images look like those learnt from cannot be told: that takes {FEWEST} cases, "
    "and the model has learnt from fewer"
)
EMPTY = "the predicted mask is empty; its class is predicted from the whole of it"
_MATCHED = 1.02  # pixels that differ by less from those learnt from are taken as they are


@dataclass(frozen=True, eq=False)
class Found:
    """What the model says of a case.

    p: probability by class; call: the class called, the rare one from `threshold` on. chances:
    probability of tumour on the fitted slices (n, size, size). unlike: why the case may not be one
    that the model knows; empty where nothing speaks against it.
    """

    case: Case
    p: dict[str, float]
    call: str
    chances: NDArray[np.float32]
    groups: Sequence[CaseArrays]
    fitted: Fitted
    cut: bool
    unlike: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Deployed:
    """U-Net, classifier, and what they were learnt from: `familiar` scores how far a case's looks
    (see `case_looks`) are from it; `card` is what model.json holds."""

    segmenter: Segmenter
    final: Final
    familiar: Mapping[str, OutOfDistribution]
    card: dict[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.card["classes"])

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels that a case must have."""
        return tuple(self.card["channels"])

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
        order = channel_map(self.channels, self.segmenter.channels)
        slices = one_case(
            self.segmenter, fitted.images, fitted.masks, order, planes=about["planes"]
        )
        parts = predict_chances(
            self.segmenter, slices, rows=np.arange(len(fitted.images)), fabric=fabric,
            flips=about["flips"], name=f"outlining {case.case}",
        )  # fmt: skip
        chances = np.concatenate([chance for _, chance in parts])
        X = _vectors(self.segmenter, slices, fabric)
        if not (np.isfinite(X).all() and np.isfinite(chances).all()):
            raise DataError(
                f"Case {case.case!r}: its intensities lead the network beyond any number. Is it of "
                "the modality that was learnt from?"
            )
        seen = (chances > 0.5).any(axis=(1, 2))
        volumes = self.segmenter.net.dimensions == 3  # one vector a case
        shown = X[seen] if seen.any() and not volumes else X
        if about["unit"] != "slices":
            shown = shown.mean(axis=0, keepdims=True)
        p = self.final(shown).mean(axis=0)
        rare = self.classes.index(about["rare"])
        share = float(rare_share(p[None], rare=rare)[0])
        best = max((i for i in range(len(p)) if i != rare), key=lambda i: p[i])
        call = self.classes[rare if share > about["threshold"] else best]
        unlike = (*self._unlike(groups, fitted, slices), *([] if seen.any() else [EMPTY]))
        named = dict(zip(self.classes, p.tolist(), strict=True))
        return Found(case, named, call, chances, groups, fitted, cut, unlike)

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


def _vectors(
    segmenter: Segmenter, slices: Slices, fabric: lightning_fabric.Fabric
) -> NDArray[np.float64]:
    """`tumour` vectors of all slices (n, d)."""
    found = [
        features_of_samples(segmenter, slices, part, block=TUMOUR, fabric=fabric)
        for part in in_order(np.arange(len(slices)), size=BATCH)
    ]
    # The classifier has learnt from features as a store keeps them.
    return np.concatenate(found).astype(np.float16).astype(np.float64)


def save_classifier(
    folder: Path, final: Final, familiar: Mapping[str, OutOfDistribution], card: dict[str, Any]
) -> None:
    """Write classifier.safetensors and model.json."""
    arrays = {name: getattr(final, name) for name in FINAL}
    for name, known in familiar.items():
        arrays |= {f"{LOOKS}{name}.{part}": v for part, v in known.arrays().items()}
    tensors = {n: torch.from_numpy(np.ascontiguousarray(v)) for n, v in arrays.items()}
    save_tensors(folder / WEIGHTS, tensors)
    write_json(folder / CARD, card | {CHOSEN: final.chosen})


def load_deployed(folder: Path, *, segmenter: Path | None = None) -> Deployed:
    """Read a model from its folder: model.json and classifier.safetensors, and the U-Net in
    segmenter/ (or in `segmenter`)."""
    card = read_json(folder / CARD)
    known = isinstance(card, dict) and {CHOSEN, "channels", "ranges"} <= set(card)
    if not known or card.get("kind") != "rarecase model":
        raise DataError(f"{folder}: no model of rarecase ({CARD} says nothing of one).")
    tensors, _ = load_tensors(folder / WEIGHTS)
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    missing = [name for name in FINAL if name not in arrays]
    if missing:
        raise DataError(
            f"{folder / WEIGHTS}: has no {', '.join(missing)}. Make the model anew from its run."
        )
    looks: dict[str, dict[str, np.ndarray]] = {}
    for name, values in arrays.items():
        if name.startswith(LOOKS):
            kind, part = name.removeprefix(LOOKS).split(".")
            looks.setdefault(kind, {})[part] = values
    return Deployed(
        segmenter=load_segmenter(segmenter or folder / SEGMENTER),
        final=Final(**{name: arrays[name] for name in FINAL}, chosen=card[CHOSEN]),
        familiar={kind: OutOfDistribution.of(parts) for kind, parts in looks.items()},
        card=card,
    )
