"""Every setting in words: its name, its value, what it means, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rarecase.errors import SettingError, closest
from rarecase.evidence.metrics import METRICS
from rarecase.experiment.arms import make_arms
from rarecase.experiment.classifiers.registry import CLASSIFIERS
from rarecase.features.radiomics.filters import LOG, WAVELET
from rarecase.features.sources.registry import AMONG, SOURCES
from rarecase.numbers import exact_number
from rarecase.pipeline.presets import PRESETS
from rarecase.pipeline.settings import DesignSettings, Settings
from rarecase.segmenter.initial import NETWORKS, NONE, PRETRAINED

REGISTRIES: dict[str, Callable[[], Sequence[str]]] = {
    "preset": lambda: list(PRESETS),
    "metric": lambda: [metric.name.format(of="CLASS") for metric in METRICS],
    "pretrain.cohort": lambda: ["simulated"],
    "segmenter.init": lambda: [PRETRAINED, NONE],
    "segmenter.network": lambda: list(NETWORKS),
    "radiomics.filters": lambda: [f"{LOG}SIGMA", WAVELET],
    "experiment.features": lambda: [*SOURCES, *AMONG],
    "experiment.classifier": lambda: [*CLASSIFIERS, *AMONG],
    "experiment.arms": lambda: list(make_arms()),
}
"""What settings of text may be that no type lists; some of them may be other things as well, as
their explanation says."""


class Described(NamedTuple):
    """One setting: dotted name, value, what it means; what it can be, where that is a list."""

    name: str
    value: Any
    text: str
    choices: tuple[str, ...] = ()


def described(section: BaseModel, prefix: str = "") -> Iterator[Described]:
    """Every setting of a section and of those in it, in order.

    >>> next(described(Settings())).name
    'data'
    """
    for name, field in type(section).model_fields.items():
        value, dotted = getattr(section, name), f"{prefix}{name}"
        if isinstance(value, BaseModel):
            yield from described(value, f"{dotted}.")
        else:
            yield Described(dotted, value, _text(field), _choices(dotted, field.annotation))


def parts_described(settings: Settings) -> Iterator[Described]:
    """What the parts of an experiment consist of, with the values that they have."""
    for name, field in DesignSettings.model_fields.items():
        values = [getattr(part, name) for part in settings.experiment]
        flat = [v for each in values for v in (each if isinstance(each, list) else [each])]
        there = list(dict.fromkeys(v for v in flat if v is not None))
        choices = _choices(f"experiment.{name}", field.annotation)
        yield Described(f"experiment.{name}", there, _text(field), choices)


def known_names() -> list[str]:
    """Every setting by its dotted name.

    >>> "segmenter.epochs" in known_names()
    True
    """
    return [each.name for each in described(Settings())]


def about(known: Sequence[Described], word: str | None) -> list[Described]:
    """The settings whose name has a word in it, or else those whose choices or explanation have;
    all of them without one. Raises `SettingError` where none has."""
    low = (word or "").lower()
    found = [each for each in known if low in each.name.lower()]
    found = found or [each for each in known if low in " ".join((each.text, *each.choices)).lower()]
    if not found:
        near = closest(str(word), [each.name for each in known])
        hint = f"did you mean {near!r}? " if near else ""
        raise SettingError(
            f"No setting is about {word!r}: {hint}'rarecase settings' lists them all."
        )
    return found


def shown_value(value: Any) -> str:
    """A value as it is typed.

    >>> shown_value(1e-05), shown_value(None), shown_value(["flair", "t1"]), shown_value(True)
    ('0.00001', '', 'flair,t1', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return exact_number(value)
    if isinstance(value, DesignSettings):
        return f"{value.features} × {value.classifier}"
    if isinstance(value, list | tuple):
        return ",".join(map(shown_value, value))
    if isinstance(value, dict):
        return ",".join(f"{name}={shown_value(each)}" for name, each in value.items())
    return str(value)


def _text(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _choices(name: str, annotation: Any) -> tuple[str, ...]:
    if name in REGISTRIES:
        return tuple(REGISTRIES[name]())
    origin = get_origin(annotation)
    if origin is Literal:
        return tuple(map(str, get_args(annotation)))
    if origin in (Union, UnionType, Annotated):
        return next((found for each in get_args(annotation) if (found := _choices("", each))), ())
    return ("true", "false") if annotation is bool else ()
