"""What a user names as `module:name`."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from rarecase.errors import SettingError, nearest


def load_named(spec: str, *, what: str, example: str) -> Any:
    """The object `name` of a `module`, which is looked for as Python does, the working folder
    included. Raises `SettingError` that says what is wrong with the name, or with the module."""
    module_name, sign, name = spec.partition(":")
    if not sign or not name or not module_name:
        raise SettingError(f"{what} {spec!r}: expected MODULE:NAME, such as {example}.")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise SettingError(
            f"{what} {spec!r}: {error}. Install it, or start where {module_name}.py lies."
        ) from None
    except Exception as error:  # anything at all may go wrong in somebody's module
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise SettingError(
            f"{what} {spec!r}: importing {module_name} failed in {place.filename}, line "
            f"{place.lineno} ({type(error).__name__}: {error}). It must import in Python as it is."
        ) from error
    if not hasattr(module, name):
        public = [each for each in vars(module) if not each.startswith("_")]
        raise SettingError(f"{what} {spec!r}: no {name!r} there; {nearest(name, public)}")
    return getattr(module, name)


def make_named(
    made: Any, spec: str, *, what: str, arguments: Mapping[str, Any] | None = None
) -> Any:
    """What a class or function makes when it is called. Raises `SettingError` where it fails."""
    try:
        return made(**(arguments or {}))
    except Exception as error:  # somebody's function, as above
        raise SettingError(
            f"{what} {spec!r}: cannot be made ({type(error).__name__}: {error})."
        ) from error
