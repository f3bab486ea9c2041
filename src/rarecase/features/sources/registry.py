"""Which sources of features there are: one line each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from rarecase.errors import DataError, SettingError, nearest
from rarecase.files import read_json

if TYPE_CHECKING:
    from rarecase.features.radiomics.recipe import Recipe
    from rarecase.features.sources.contract import Source
    from rarecase.features.sources.networks import Network


class Listed(NamedTuple):
    """A source, imported when it is needed."""

    pattern: str  # what its names look like
    target: str  # module:Class
    kind: Literal["maps", "vectors"]
    text: str  # what its features are
    baseline: bool = False  # there to be compared with, and not to be chosen
    told: Literal["networks", "recipe"] | None = None  # what of the study's settings it is told
    cites: tuple[str, ...] = ()  # keys of its sources in report/manuscript/references.bib


SOURCES = {
    "outline_size": Listed("outline_size", "outline_size:OutlineSize", "vectors",
        "log pixels of the mask, slices that show it, slices in all: per patient, of no image",
        baseline=True),
    "clinical": Listed("clinical", "clinical:Clinical", "vectors",
        "age, sex, and the columns of the table of labels that are named"),
    "bottleneck": Listed(r"bottleneck|(enc|dec)[1-9]\d?", "unet:Block", "maps",
        "maps of a block of the fold's U-Net after the ReLU; so are `enc1` …, `dec1` …",
        cites=("mehra2022", "ronneberger2015")),
    "tumour": Listed("tumour", "unet:Tumour", "vectors",
        "every block averaged over the mask that the U-Net predicts, and joined",
        cites=("ronneberger2015",)),
    "region": Listed("region", "region:Region", "vectors",
        "32 numbers that a small network learns from crops around the mask",
        cites=("mehra2022",)),
    "radiomics": Listed("radiomics", "radiomics:Radiomics", "vectors",
        "shape, place, intensities and textures of every channel under the mask (IBSI)",
        told="recipe", cites=("zwanenburg2020",)),
    "network:lite0": Listed(r"network:\w[\w.-]*", "pretrained:Pretrained", "vectors",
        "a pre-trained network's of the tumour's crop and the whole slice; so are `network:NAME` …",
        told="networks", cites=("tan2019", "deng2009")),
}  # fmt: skip
"""By name, cheapest first: of equally good ones the first is taken."""
AUTO, STACK = AMONG = ("auto", "stack")
"""What features, and their classifier, are called that are chosen anew in every fold among others;
and the average of these."""
VECTORS = tuple(name for name, listed in SOURCES.items() if listed.kind == "vectors")


def source_of(
    name: str, *, networks: Mapping[str, Network] | None = None, recipe: Recipe | None = None
) -> Source:
    """The source of that name, not fitted yet; `SettingError` for an unknown one. `networks`: the
    study's own, by the names that `network:NAME` calls them by; `recipe`: of radiomics."""
    listed = source_listed(name)
    module, _, kind = listed.target.partition(":")
    source = getattr(import_module(f"rarecase.features.sources.{module}"), kind)
    told = {"networks": networks, "recipe": recipe}
    made: Source = source(name) if listed.told is None else source(name, told[listed.told])
    return made


def source_listed(name: str) -> Listed:
    """What is known of the source of that name; `SettingError` for an unknown one."""
    for listed in SOURCES.values():
        if re.fullmatch(listed.pattern, name):
            return listed
    raise SettingError(f"features {name!r}: {nearest(name, [*SOURCES, 'enc1', 'dec1'])}")


def names_in(features: str) -> tuple[str, ...]:
    """The sources whose vectors are joined side by side, each with the same weight.

    >>> names_in("radiomics+clinical")
    ('radiomics', 'clinical')
    """
    return tuple(part.strip() for part in features.split("+"))


def kind_of(features: str) -> Literal["maps", "vectors"]:
    """What samples of a source are; a join is of vectors. `SettingError` for an unknown one."""
    kinds = [source_listed(name).kind for name in names_in(features)]
    return kinds[0] if len(kinds) == 1 else "vectors"


def is_baseline(features: str) -> bool:
    """Whether features are there to be compared with, and not to be chosen."""
    return all(source_listed(name).baseline for name in names_in(features))


def cost_of(features: str) -> tuple[int, int]:
    """What sorts features by what they cost: the place of the dearest source, then how many."""
    listed = list(SOURCES.values())
    names = names_in(features)
    return max(listed.index(source_listed(name)) for name in names), len(names)


def load_source(folder: Path, *, networks: Mapping[str, Network] | None = None) -> Source:
    """The fitted source that `save` wrote into `folder`. `networks`: whose code may be run, besides
    the predefined ones: a file alone must not name code."""
    from rarecase.features.sources.contract import CARD, KIND

    card = read_json(folder / CARD)
    if not isinstance(card, dict) or card.get("kind") != KIND:
        raise DataError(f"{folder / CARD}: not a source of features.")
    source = source_of(card["name"], networks=networks)
    if card["version"] != source.version:
        raise DataError(
            f"{folder / CARD}: version {card['version']} of {source.name!r}, version "
            f"{source.version} was expected. Fit it anew with this rarecase."
        )
    return source.load(folder)
