"""From a preset, a YAML file and single overrides to one set of settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from rarecase.errors import SettingError, nearest
from rarecase.files import write_text
from rarecase.pipeline.presets import PRESETS
from rarecase.pipeline.settings import Settings

Nested = dict[str, Any]


def known_names(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Every setting by its dotted name.

    >>> "segmenter.epochs" in set(known_names())
    True
    """
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from known_names(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def nest(dotted: Mapping[str, Any]) -> Nested:
    """Dotted names to nested sections.

    >>> nest({"seed": 1, "segmenter.epochs": 3})
    {'seed': 1, 'segmenter': {'epochs': 3}}
    """
    out: Nested = {}
    for name, value in dotted.items():
        *sections, leaf = name.split(".")
        nested: Nested = {leaf: value}
        for section in reversed(sections):
            nested = {section: nested}
        out = merged(out, nested)
    return out


def merged(low: Nested, high: Nested) -> Nested:
    """`high` over `low`, section by section. Amounts and the like are replaced, not joined."""
    out = dict(low)
    for name, value in high.items():
        both = isinstance(value, dict) and isinstance(out.get(name), dict)
        is_value = name in ("patients", "merge")  # mappings that are values, not sections
        out[name] = merged(out[name], value) if both and not is_value else value
    return out


def read_mapping(path: Path) -> dict[Any, Any]:
    """A YAML file of `name: value` lines."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: not valid YAML ({error}).") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingError(f"{path}: expected 'name: value' lines, got a {type(content).__name__}.")
    return content


def read_yaml(path: Path) -> Nested:
    """A YAML file of settings, nested or dotted."""
    return nest({str(name): value for name, value in read_mapping(path).items()})


def resolve(
    *, preset: str | None, file: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Settings from the paper's defaults, a preset, a YAML file and overrides, in this order.

    An unknown name or an impossible value is a `SettingError` that names it. Without a preset the
    file's own (`preset: demo`) counts, then quick.
    """
    from_file = read_yaml(file) if file else {}
    given = merged(from_file, nest(overrides or {}))
    name = preset or given.get("preset") or "quick"
    if not isinstance(name, str) or name not in PRESETS:
        raise SettingError(f"preset {name!r}: {nearest(str(name), PRESETS)}")
    starting = PRESETS[name]
    segmenter = given.get("segmenter")
    if isinstance(segmenter, dict) and segmenter.get("init"):
        # A network that is given replaces the pre-training that the preset would do.
        starting = merged(starting, {"pretrain": {"cohort": None}})
    return validate(merged({**starting, "preset": name}, {**given, "preset": name}))


def validate(nested: Nested) -> Settings:
    """Check names, types and what must hold between settings."""
    try:
        settings = Settings.model_validate(nested)
    except ValidationError as error:
        raise SettingError("\n".join(_explain(error))) from None
    if str(settings.sweep.headline) not in {str(a) for a in settings.sweep.amounts}:
        raise SettingError(
            f"sweep.headline is {settings.sweep.headline}, which is not among sweep.amounts "
            f"{settings.sweep.amounts}: add it there, or choose one of them."
        )
    size, step = settings.slices.size, 2**settings.segmenter.depth
    if size % step:
        raise SettingError(
            f"slices.size is {size}, which a U-Net of depth {settings.segmenter.depth} cannot "
            f"halve that often: take {-(-size // step) * step}, or a smaller segmenter.depth."
        )
    if float(str(settings.sweep.headline).rstrip("%")) == 0:
        raise SettingError("sweep.headline is 0: the amount of Table 3 needs synthetic samples.")
    levels = range(1, settings.segmenter.depth + 1)
    blocks = [f"{side}{level}" for side in ("enc", "dec") for level in levels]
    if settings.features.block not in (known := ["bottleneck", "tumour", "region", *blocks]):
        raise SettingError(
            f"features.block={settings.features.block!r}: {nearest(settings.features.block, known)}"
        )
    if settings.pretrain.cohort and settings.segmenter.init:
        raise SettingError(
            "pretrain.cohort and segmenter.init both say where the U-Net starts from: give one."
        )
    return settings


def _explain(error: ValidationError) -> Iterable[str]:
    for problem in error.errors():
        # Positions inside lists and unions of types are noise to a user.
        parts = [str(p) for p in problem["loc"] if not (isinstance(p, int) or p in ("int", "str"))]
        name = ".".join(parts)
        if problem["type"] == "extra_forbidden":
            yield f"Unknown setting {name!r}: {_hint(name)}"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            yield f"Setting {name}: {message} (got {problem['input']!r})."


def _hint(name: str) -> str:
    """What there is at the level of the unknown name, nearest first."""
    section = name.rpartition(".")[0]
    prefix = f"{section}." if section else ""
    level = {
        prefix + n.removeprefix(prefix).split(".")[0] for n in known_names() if n.startswith(prefix)
    }
    return nearest(name, level)


def dump(settings: Settings) -> str:
    """The settings as YAML, enough to run the study again."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def write_settings(path: Path, settings: Settings) -> None:
    """Write `study.yaml`."""
    write_text(path, dump(settings))


def parse_setting(name: str, text: str) -> Any:
    """The value of a setting from the command line, read as what the setting holds.

    Text stays text whatever it looks like; a single value makes a list of one.

    >>> parse_setting("cohort.label", "1,2"), parse_setting("cohort.channels", "flair")
    ('1,2', ['flair'])
    >>> parse_setting("segmenter.dimensions", "3"), parse_setting("slices.normalise", "case")
    (3, 'case')
    >>> parse_setting("cohort.label", "null"), parse_setting("segmenter.learning_rate", "1e-4")
    (None, 0.0001)
    """
    kinds = _kinds(_annotation(name))
    if text in ("null", "~") and type(None) in kinds:
        return None
    value = parse_value(text)
    if list in kinds:
        return value if isinstance(value, list) else [value]
    if str in kinds and not {int, float, dict} & kinds:
        return text
    return value


def _annotation(name: str) -> Any:
    model: Any = Settings
    for part in name.split("."):
        model = model.model_fields[part].annotation
    return model


def _kinds(annotation: Any) -> set[Any]:
    """The plain types of an annotation such as `list[str] | None`, outermost only."""
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return set().union(*(_kinds(each) for each in get_args(annotation)))
    if get_origin(annotation) is Literal:
        return {type(value) for value in get_args(annotation)}
    return {get_origin(annotation) or annotation}


def parse_value(text: str) -> Any:
    """A value from the command line: YAML, with '1e-4' as a number and 'a,b' as a list.

    >>> parse_value("1e-4"), parse_value("[1, 2]"), parse_value("flair,t1"), parse_value("25%")
    (0.0001, [1, 2], ['flair', 't1'], '25%')
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if isinstance(value, str):
        if "," in value:
            return [parse_value(part) for part in value.split(",")]
        try:
            return float(value)
        except ValueError:
            return value
    return value
