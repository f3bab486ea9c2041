"""Settings with their values and explanations, for help and documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from rarecase.pipeline.settings import Settings


@dataclass(frozen=True)
class Described:
    """One setting: dotted name, value, what it means."""

    name: str
    value: Any
    text: str


def described(settings: Settings) -> Iterator[Described]:
    """Every setting in order.

    >>> next(described(Settings())).name
    'data'
    """
    yield from _walk(settings, "")


def _walk(section: BaseModel, prefix: str) -> Iterator[Described]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _walk(value, f"{prefix}{name}.")
        else:
            yield Described(f"{prefix}{name}", value, field.description or "")
