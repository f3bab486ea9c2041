"""Which sources of features there are: one line each."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rarecase.errors import DataError, SettingError, nearest
from rarecase.files import read_json

if TYPE_CHECKING:
    from rarecase.features.sources.contract import Source


# What a name looks like, and module:Class.
SOURCES = {
    "bottleneck": (r"bottleneck|(enc|dec)[1-9]\d?", "unet:Block"),
    "tumour": ("tumour", "unet:Tumour"),
    "region": ("region", "region:Region"),
    "outline_size": ("outline_size", "outline_size:OutlineSize"),
}
VECTORS = tuple(name for name in SOURCES if name != "bottleneck")


def source_of(name: str) -> Source:
    """The source of that name, not fitted yet; `SettingError` for an unknown one."""
    for pattern, target in SOURCES.values():
        if re.fullmatch(pattern, name):
            module, _, kind = target.partition(":")
            found: Source = getattr(import_module(f"rarecase.features.sources.{module}"), kind)(
                name
            )
            return found
    raise SettingError(f"features {name!r}: {nearest(name, [*SOURCES, 'enc1', 'dec1'])}")


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
