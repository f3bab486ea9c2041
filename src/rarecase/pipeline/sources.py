"""Sources of features as a study's settings describe them."""

from __future__ import annotations

from rarecase.features.sources.contract import Source
from rarecase.features.sources.registry import source_of
from rarecase.pipeline.settings import Settings


def source_in(settings: Settings, name: str) -> Source:
    """The source of that name, told what the study says of it."""
    return source_of(name, networks=settings.networks, recipe=settings.radiomics.recipe)
