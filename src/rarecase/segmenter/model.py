"""A trained U-Net with what must travel with it: channels, normaliser, the patients it has seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import torch

from rarecase import __version__
from rarecase.checkpoint import load_tensors, save_tensors
from rarecase.errors import DataError, LeakError
from rarecase.files import read_json, write_json
from rarecase.segmenter.networks import architecture_of, make_network
from rarecase.segmenter.unet import UNet, network_text
from rarecase.shown import Brief

CARD = (
    "architecture", "channels", "normaliser", "trained_on", "validated_on", "best_epoch",
    "initialised_from",
)  # fmt: skip
Missing = Literal["repeat", "zero"]


@dataclass(frozen=True)
class Normaliser:
    """Intensities before the first layer: (image − mean) / deviation, one of each a channel.

    Empty (the identity) for slices that were normalised case by case; otherwise the paper's one
    mean and standard deviation for everybody, but fitted on the training patients alone.
    """

    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Normalise `images` (n, c, h, w) or (n, c, d, h, w), c as many as there are means."""
        if not self.mean:
            return images
        both = torch.tensor([self.mean, self.deviation], dtype=images.dtype)
        both = both.reshape(2, -1, *(1,) * (images.ndim - 2))
        mean, deviation = both.to(images.device, non_blocking=True)
        normal: torch.Tensor = (images - mean) / deviation
        return normal


@dataclass(repr=False)
class Segmenter(Brief):
    """A U-Net and its provenance. `channels` are the names of its input channels, in order.

    `patients_known` is False for one that was trained elsewhere and came without a list of its
    patients: then `seen` cannot say whom it has seen. `missing`: what it is fed for a channel that
    a cohort lacks (see `channel_map`). `threshold`: the probability above which a pixel is lesion.
    """

    net: UNet
    channels: tuple[str, ...]
    normaliser: Normaliser = field(default_factory=Normaliser)
    trained_on: tuple[str, ...] = ()
    validated_on: tuple[str, ...] = ()
    best_epoch: int | None = None
    initialised_from: str | None = None
    patients_known: bool = True
    missing: Missing = "repeat"
    threshold: float = 0.5

    def _about(self) -> dict[str, Any]:
        return super()._about() | {"net": network_text(self.net)}

    def order(self, have: Sequence[str]) -> list[int | None]:
        """Which of a cohort's channels feeds each of its own; None: nothing does."""
        return channel_map(have, self.channels, missing=self.missing)

    @property
    def seen(self) -> frozenset[str]:
        """Every patient that had a say in the weights."""
        return frozenset(self.trained_on) | frozenset(self.validated_on)

    def refuse_seen(self, patients: Iterable[str]) -> None:
        """Raise `LeakError` if one of `patients`, about to be judged, helped to train this."""
        refuse_seen(self.seen, patients)

    def save(self, directory: Path) -> None:
        """Write `model.safetensors` and `model.json` into `directory`."""
        save_tensors(directory / "model.safetensors", self.net.state_dict())
        write_json(directory / "model.json", self.describe())

    def describe(self) -> dict[str, Any]:
        """What `model.json` holds."""
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "net"}
        listed = {name: list(v) if isinstance(v, tuple) else v for name, v in own.items()}
        listed |= {"normaliser": asdict(self.normaliser), "version": __version__}
        return {"architecture": architecture_of(self.net), **listed}


def refuse_seen(seen: Iterable[str], patients: Iterable[str]) -> None:
    """Raise `LeakError` if a U-Net that has `seen` some patients is to be judged on one of them."""
    both = sorted(set(seen) & set(patients))
    if both:
        raise LeakError(
            f"The U-Net to start from was trained on {len(both)} of the patients that it would be "
            f"judged on ({', '.join(both[:5])}{', …' if len(both) > 5 else ''}). Take a model "
            f"trained on other patients, or set segmenter.allow_seen to accept the leak."
        )


def model_files(path: Path) -> tuple[Path, Path]:
    """The weights and the card of a segmenter, given its folder or its `model.safetensors`."""
    weights = path / "model.safetensors" if path.is_dir() else path
    return weights, weights.with_name("model.json")


def read_card(path: Path) -> dict[str, Any]:
    """What `model.json` says, without the weights, which must be there too."""
    weights, file = model_files(path)
    if not weights.is_file():
        raise DataError(f"{weights}: no such file. Expected model.safetensors of a trained U-Net.")
    card = read_json(file)
    if not isinstance(card, dict) or set(CARD) - set(card):
        raise DataError(f"{file}: not a segmenter's card (expected {', '.join(CARD)}).")
    return card


def load_segmenter(path: Path) -> Segmenter:
    """Read a segmenter from its folder or its `model.safetensors` (with `model.json` beside it)."""
    weights, file = model_files(path)
    card = read_card(path)
    try:
        net = make_network(**card["architecture"])
        net.load_state_dict(load_tensors(weights)[0])
        return Segmenter(
            net, tuple(card["channels"]),
            Normaliser(**{k: tuple(v) for k, v in card["normaliser"].items()}),
            tuple(card["trained_on"]), tuple(card["validated_on"]), card["best_epoch"],
            card["initialised_from"], card.get("patients_known", True),
            card.get("missing", "repeat"), float(card.get("threshold", 0.5)),
        )  # fmt: skip
    except TypeError as error:
        raise DataError(f"{file}: not a segmenter's card ({error}).") from None
    except RuntimeError as error:
        raise DataError(f"{weights}: does not fit {file}: {error}") from None


def adapted(segmenter: Segmenter, channels: Sequence[str]) -> Segmenter:
    """The network with a cohort's channels for its own: what it makes of those that feed it is
    unchanged, a channel that it does not know begins with weights of 0, to be learnt.

    >>> known = Segmenter(UNet(in_channels=2, width=4, depth=1), ("flair", "t1"), missing="zero")
    >>> adapted(known, ("adc", "flair")).net.encoders[0][0].weight[:, 0].any().item()
    False
    """
    known = segmenter.net.encoders[0][0].weight.detach()  # type: ignore[index]
    weight = known.new_zeros(known.shape[0], len(channels), *known.shape[2:])
    for own, at in enumerate(segmenter.order(channels)):
        if at is not None:
            weight[:, at] += known[:, own]
    net = make_network(**architecture_of(segmenter.net) | {"in_channels": len(channels)})
    net.load_state_dict(segmenter.net.state_dict() | {"encoders.0.0.weight": weight})
    return replace(segmenter, net=net, channels=tuple(channels))


def channel_map(
    have: Sequence[str], want: Sequence[str], *, missing: Missing = "repeat"
) -> list[int | None]:
    """Which of the cohort's channels feeds each channel of a network.

    The channel of the same name; where there is none FLAIR stands in (the paper repeats FLAIR on
    the four channels of a network pre-trained on BraTS), or the first channel without a FLAIR. With
    `missing` "zero" nothing does, as a network wants it that was trained so; a cohort without any
    channel of these names feeds its first one to all.

    >>> channel_map(["flair"], ["flair", "t1", "t1gd", "t2"])
    [0, 0, 0, 0]
    >>> channel_map(["t1", "flair", "t1gd"], ["flair", "t1", "t1gd", "t2"])
    [1, 0, 2, 1]
    >>> channel_map(["t1", "flair", "t1gd"], ["flair", "t1", "t1gd", "t2"], missing="zero")
    [1, 0, 2, None]
    >>> channel_map(["image"], ["flair", "t1"], missing="zero")
    [0, 0]
    """
    names = list(have)
    if missing == "zero" and set(names) & set(want):
        return [names.index(name) if name in names else None for name in want]
    stand_in = names.index("flair") if "flair" in names else 0
    return [names.index(name) if name in names else stand_in for name in want]
