"""Other people's pickles, read without running anything that they ask for.

Two formats hold weights in pickles: NumPy's `.npz` with arrays of objects (TensorLayer's lists of
parameters), and PyTorch's `.pth`. Both are read here and nowhere else: the first through an
unpickler that knows how to rebuild arrays and nothing more, the second with `weights_only=True`.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray

from rarecase.errors import DataError

LARGEST = 8 * 2**30  # bytes unpacked; a U-Net of the paper's size takes 140 MB


def _plain_bytes(text: str, encoding: str) -> bytes:
    """What pickles of protocol 2 rebuild bytes with; other codecs could unpack to anything."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"codec {encoding!r}")
    return text.encode("latin1")


class _ArrayKind:
    """Stands for `numpy.ndarray` in a pickle, where it is only ever named, never called: calling it
    would reserve as much memory as the file asks for."""

    def __new__(cls, *shape: Any) -> _ArrayKind:
        raise pickle.UnpicklingError("an array made without its values")


def _empty_array(kind: type, shape: tuple[int, ...], code: Any) -> NDArray[Any]:
    """NumPy's `_reconstruct`, for plain arrays alone: an empty one, filled by its state later."""
    if kind is not _ArrayKind or shape != (0,):
        raise pickle.UnpicklingError(f"an array of kind {kind!r} and shape {shape!r}")
    return np.empty(0, dtype="i1")


def _from_buffer(buffer: Any, dtype: Any, shape: Any, order: str) -> NDArray[Any]:
    """NumPy's `_frombuffer`, which protocol 5 rebuilds arrays with."""
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order="F" if order == "F" else "C")


_HARMLESS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _ArrayKind,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _plain_bytes,
}
for _core in ("numpy.core", "numpy._core"):  # before and since NumPy 2
    _HARMLESS[(f"{_core}.multiarray", "_reconstruct")] = _empty_array
    _HARMLESS[(f"{_core}.numeric", "_frombuffer")] = _from_buffer


class _ArrayUnpickler(pickle.Unpickler):
    """Rebuilds arrays, lists, tuples, numbers and text; any other name is refused unread."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return _HARMLESS[(module_name, global_name)]
        except KeyError:
            raise pickle.UnpicklingError(f"{module_name}.{global_name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("a persistent object")


def read_npz(path: Path) -> dict[str, Any]:
    """The members of an `.npz` by name: arrays, or what an array of objects held, as a list.

    Raises `DataError` when it is not an `.npz`, is damaged, would unpack to over 8 GB, or holds a
    pickle that asks for anything but arrays; nothing that it asks for is run.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > LARGEST:
                raise DataError(f"{path}: would unpack to {size / 2**30:.0f} GB; that is no model.")
            found = {}
            for name in archive.namelist():
                if not name.endswith(".npy"):
                    raise DataError(f"{path}: holds {name!r}, expected .npy members alone.")
                with archive.open(name) as member:
                    found[name.removesuffix(".npy")] = _read_member(member, path=path, name=name)
            return found
    except FileNotFoundError:
        raise DataError(f"{path}: no such file.") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, RuntimeError) as error:
        raise DataError(f"{path}: not an .npz file ({error}).") from None


def _read_member(member: IO[bytes], *, path: Path, name: str) -> Any:
    read_header: Mapping[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(member)
        if version not in read_header:
            raise ValueError(f"version {version} of the .npy format")
        shape, fortran, dtype = read_header[version](member)
        if not dtype.hasobject:
            values = np.frombuffer(member.read(), dtype=dtype)
            return values.reshape(shape, order="F" if fortran else "C")
        content = _ArrayUnpickler(member, encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path}: {name} holds a pickle that asks for {error}, which is refused unread: "
            "only arrays of numbers are taken from it. Do not trust this file."
        ) from None
    except (
        ValueError, TypeError, LookupError, AttributeError, EOFError, OverflowError, MemoryError,
    ) as error:  # fmt: skip
        raise DataError(f"{path}: {name} is damaged ({error}).") from None
    return list(content) if isinstance(content, np.ndarray) else content


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a PyTorch state dict by name, on the CPU, through `weights_only=True`.

    A state dict below `state_dict`, `model_state_dict` or `model`, as training scripts save it, is
    found; anything in it that is not a tensor is left out. Raises `DataError` on anything else.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file.")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(
            f"{path}: holds a pickle that asks for more than tensors, which is refused unread "
            f"({reason}). Save the state dict alone: torch.save(model.state_dict(), …)."
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise DataError(f"{path}: not a PyTorch file of weights ({error}).") from None
    for name in ("state_dict", "model_state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected a state dict, got a {type(found).__name__}.")
    tensors = {str(k): v for k, v in found.items() if isinstance(v, torch.Tensor)}
    if not tensors:
        raise DataError(f"{path}: holds no tensors.")
    return tensors
