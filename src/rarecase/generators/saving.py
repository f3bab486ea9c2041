"""What the folder of a saved generator holds besides tensors, and how it is read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.errors import DataError, SettingError
from rarecase.files import read_json


def saved_card(directory: Path | str, kind: str) -> dict[str, Any]:
    """What `generator.json` says of a saved generator; `DataError` where it is of another kind."""
    file = Path(directory) / "generator.json"
    said = read_json(file)
    if not isinstance(said, dict) or said.get("kind") != kind:
        raise DataError(f"{file}: not a generator of kind {kind} that rarecase saved.")
    return said


def written_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON holds them; `SettingError` where one is a function.

    JSON has no keys but strings: a dictionary is written as pairs.

    >>> written_settings({"hidden": (8, 8), "sampling_strategy": {1: 50}})
    {'hidden': [8, 8], 'sampling_strategy': [[1, 50]]}
    """
    for name, value in settings.items():
        if callable(value):
            raise SettingError(
                f"{name}: a function cannot be saved, got {value!r}; put what it returns, a number "
                f"or a name in its place with set_params({name}=…), then save."
            )
    return {name: _plain(value) for name, value in settings.items()}


def read_settings(written: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that `written_settings` wrote.

    >>> read_settings({"hidden": [8, 8], "sampling_strategy": [[1, 50]]})
    {'hidden': (8, 8), 'sampling_strategy': {1: 50}}
    """
    found = {name: tuple(v) if isinstance(v, list) else v for name, v in written.items()}
    if isinstance(found.get("sampling_strategy"), tuple):
        found["sampling_strategy"] = dict(found["sampling_strategy"])
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [[_plain(label), _plain(count)] for label, count in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def saved_table(file: Path) -> pd.DataFrame:
    """A table that `save` wrote; `DataError` names one that is missing or broken."""
    try:
        return pd.read_csv(file)
    except FileNotFoundError:
        raise DataError(f"{file}: no such file.") from None
    except (OSError, ValueError) as error:  # what pandas makes of no table is a ValueError
        raise DataError(f"{file}: not a CSV table that rarecase saved ({error}).") from None


def saved_arrays(file: Path, names: tuple[str, ...]) -> list[NDArray[Any]]:
    """Arrays of a safetensors file by their names, without PyTorch; `DataError` names a file that
    is missing, broken or lacks one."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(file)
        return [found[name] for name in names]
    except FileNotFoundError:
        raise DataError(f"{file}: no such file.") from None
    except (SafetensorError, OSError) as error:
        raise DataError(f"{file}: not a safetensors file ({error}).") from None
    except KeyError as error:
        raise DataError(f"{file}: not what rarecase saved, there is no {error}.") from None
