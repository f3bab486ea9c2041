"""Sources of features as a study's settings describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarecase.features.sources.registry import source_of
from rarecase.pipeline.settings import Settings

if TYPE_CHECKING:  # needs PyTorch, and `inspect` does without
    from rarecase.features.sources.contract import Source


def source_in(settings: Settings, name: str) -> Source:
    """The source of that name, told what the study says of it."""
    return source_of(name, networks=settings.networks, recipe=settings.radiomics.recipe)
