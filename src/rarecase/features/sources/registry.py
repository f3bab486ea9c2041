"""Which sources of features there are: one line each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rarecase.errors import DataError, SettingError, nearest
from rarecase.files import read_json

if TYPE_CHECKING:
    from rarecase.features.sources.contract import Source


@dataclass(frozen=True)
class Known:
    """A source: `pattern` of its names, `target` (module:Class), `says` a line for people."""

    pattern: str
    target: str
    says: str


_HERE = "rarecase.features.sources"
SOURCES = {
    "bottleneck": Known(
        r"bottleneck|(enc|dec)[1-9]\d?", f"{_HERE}.unet:Block",
        "maps of a block of the fold's U-Net, after the ReLU: enc1 … bottleneck … dec1",
    ),
    "tumour": Known(
        "tumour", f"{_HERE}.unet:Tumour",
        "vectors: every block averaged over the mask, and joined",
    ),
    "region": Known(
        "region", f"{_HERE}.region:Region",
        "vectors: what a small network learns from crops around the mask",
    ),
    "outline_size": Known(
        "outline_size", f"{_HERE}.outline_size:OutlineSize",
        "vectors, one per patient: log pixels of the mask, slices that show it, slices in all",
    ),
}  # fmt: skip
VECTORS = tuple(name for name in SOURCES if name != "bottleneck")


def source_of(name: str) -> Source:
    """The source of that name, not fitted yet; `SettingError` for an unknown one."""
    known = next((each for each in SOURCES.values() if re.fullmatch(each.pattern, name)), None)
    if known is None:
        raise SettingError(f"features {name!r}: {nearest(name, [*SOURCES, 'enc1', 'dec1'])}")
    module, _, kind = known.target.partition(":")
    found: Source = getattr(import_module(module), kind)(name)
    return found


def load_source(folder: Path) -> Source:
    """The fitted source that `save` wrote into `folder`."""
    from rarecase.features.sources.contract import CARD, KIND

    card = read_json(folder / CARD)
    if not isinstance(card, dict) or card.get("kind") != KIND:
        raise DataError(f"{folder / CARD}: not a source of features.")
    source = source_of(card["name"])
    if card["version"] != source.version:
        raise DataError(
            f"{folder / CARD}: version {card['version']} of {source.name!r}, version "
            f"{source.version} was expected. Fit it anew with this rarecase."
        )
    return source.load(folder)
