"""The folder of a saved generator, in one form for every kind: a card (generator.json), arrays
(generator.safetensors) and, of trained ones, tables (history.csv, diagnosis.csv)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase import __version__
from rarecase.checksums import check_file
from rarecase.errors import DataError, SettingError
from rarecase.files import read_json, replacing_file, write_json

CARD, ARRAYS = "generator.json", "generator.safetensors"


def write_generator(
    directory: Path,
    *,
    card: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    tables: Mapping[str, pd.DataFrame],
) -> None:
    """Write the folder; nothing of it where a setting cannot be saved."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    card = {"version": __version__, **card, "settings": written_settings(card["settings"])}
    directory.mkdir(parents=True, exist_ok=True)
    with replacing_file(directory / ARRAYS) as beside:
        try:
            save_file({name: np.array(a, order="C") for name, a in arrays.items()}, beside)
        except SafetensorError as error:  # what it makes of a full disk, among others
            raise DataError(f"{directory / ARRAYS}: cannot be written ({error}).") from None
    for name, table in tables.items():
        with replacing_file(directory / f"{name}.csv") as beside:
            table.to_csv(beside, index=False)
    write_json(directory / CARD, card)


def read_card(directory: Path, *, kind: str | None = None) -> dict[str, Any]:
    """What `generator.json` says, its settings as arguments; `DataError` where it is no generator,
    or one of another kind."""
    said = read_json(directory / CARD)
    if not isinstance(said, dict) or not said.get("kind") or kind not in (None, said["kind"]):
        wanted = "generator" if kind is None else f"generator of kind {kind}"
        raise DataError(f"{directory / CARD}: not a {wanted} that rarecase saved.")
    settings = said.get("settings")
    if not isinstance(settings, dict):
        raise DataError(f"{directory / CARD}: not what rarecase saved, it has no settings.")
    return said | {"settings": read_settings(settings)}


def read_arrays(directory: Path) -> dict[str, NDArray[Any]]:
    """The arrays by their names; `DataError` names a file that is missing or broken."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    check_file(directory / ARRAYS)
    try:
        found: dict[str, NDArray[Any]] = load_file(directory / ARRAYS)
    except FileNotFoundError:
        raise DataError(f"{directory / ARRAYS}: no such file.") from None
    except (SafetensorError, OSError) as error:
        raise DataError(f"{directory / ARRAYS}: not a safetensors file ({error}).") from None
    return found


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
