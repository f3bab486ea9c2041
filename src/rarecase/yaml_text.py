"""YAML that somebody wrote, read within bounds: it may name its own parts again and again, a
thousand deep."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import yaml

from rarecase.bounds import check_regular
from rarecase.errors import SettingError, plain
from rarecase.numbers import exact_number

LARGEST, MOST, DEEPEST = 2**20, 100_000, 50  # characters, values in all, and within each other


def load_yaml(text: str, *, name: str) -> Any:
    """What YAML says, of plain values alone. Raises `SettingError` that begins with `name` where it
    is no YAML, or larger than settings are, its repetitions counted.

    >>> load_yaml("a: [1, 2]", name="s.yaml")
    {'a': [1, 2]}
    """
    if len(text) > LARGEST:
        raise SettingError(f"{name}: {len(text):,} characters, which is more than settings take.")
    try:
        _check_size(text, name=name)
        return yaml.safe_load(text)
    except SettingError:
        raise
    # Dates and numbers that are none are a ValueError.
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise SettingError(f"{name}: not valid YAML ({plain(error)}).") from None


class _Dumper(yaml.SafeDumper):
    """Plain values; numbers in full, without exponents."""


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.Node:
    if not math.isfinite(value):
        return dumper.represent_float(value)
    return dumper.represent_scalar("tag:yaml.org,2002:float", exact_number(value))


_Dumper.add_representer(float, _number)


def dump_yaml(value: Any) -> str:
    """Plain values as YAML, in their order.

    >>> dump_yaml({"lr": 1e-05, "best": True})
    'lr: 0.00001\\nbest: true\\n'
    """
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def read_mapping(path: Path) -> dict[Any, Any]:
    """A YAML file of `name: value` lines."""
    if path.exists():
        check_regular(path)
    try:
        content = load_yaml(path.read_text(encoding="utf-8-sig"), name=str(path))
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise SettingError(f"{path}: not valid YAML ({error}).") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingError(f"{path}: expected 'name: value' lines, got a {type(content).__name__}.")
    return content


def _check_size(text: str, *, name: str) -> None:
    """Count the values as they would be with every repetition written out."""
    sizes: list[int] = [0]  # of what is open, from the outside in
    names: list[str | None] = [None]
    known: dict[str, int] = {}
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            sizes.append(1)
            names.append(event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent | yaml.ScalarEvent | yaml.AliasEvent):
            if isinstance(event, yaml.CollectionEndEvent):
                size, anchor = sizes.pop(), names.pop()
            elif isinstance(event, yaml.AliasEvent):
                size, anchor = known.get(event.anchor or "", 1), None
            else:
                size, anchor = 1, event.anchor
            sizes[-1] += size
            if anchor is not None:
                known[anchor] = size
        if sizes[-1] > MOST or len(sizes) > DEEPEST:
            raise SettingError(
                f"{name}: more than {MOST:,} values, or {DEEPEST} within each other, once what it "
                "repeats is written out; no settings are so. Mend it."
            )
