"""Other people's pickles, read without running anything that they ask for.

Two formats hold weights in pickles: NumPy's `.npz` with arrays of objects (TensorLayer's lists of
parameters), and PyTorch's `.pth`. Both are read here and nowhere else: the first through an
unpickler that knows how to rebuild arrays and nothing more, the second with `weights_only=True`.
"""

from __future__ import annotations

import logging
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray

from rarecase.bounds import check_archive, check_regular, check_unpacked, placeholder
from rarecase.errors import DataError, plain

_log = logging.getLogger(__name__)
PLACES = (
    "state_dict", "model_state_dict", "model", "network_weights", "net", "network", "weights",
    "params", "model_state", "net_state_dict", "network_state_dict", "state_dict_ema",
    "model_ema", "ema_state_dict", "ema_model", "ema", "params_ema", "shadow",
)  # fmt: skip
"""Where training scripts put the state dict, by themselves or one in another; the first of several
is taken: what was trained before its moving average."""
DEEPEST = 3  # dictionaries within dictionaries that are looked through


class _Refused(pickle.UnpicklingError):
    """What a pickle asks for and does not get."""


def _plain_bytes(text: str, encoding: str) -> bytes:
    """What pickles of protocol 2 rebuild bytes with; other codecs could unpack to anything."""
    if encoding not in ("latin1", "latin-1"):
        raise _Refused(f"codec {encoding!r}")
    return text.encode("latin1")


class _ArrayKind:
    """Stands for `numpy.ndarray` in a pickle, where it is only ever named, never called: calling it
    would reserve as much memory as the file asks for."""

    def __new__(cls, *shape: Any) -> _ArrayKind:
        raise _Refused("an array made without its values")


def _empty_array(kind: type, shape: tuple[int, ...], code: Any) -> NDArray[Any]:
    """NumPy's `_reconstruct`, for plain arrays alone: an empty one, filled by its state later."""
    if kind is not _ArrayKind or shape != (0,):
        raise _Refused(f"an array of kind {kind!r} and shape {shape!r}")
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
            raise _Refused(f"{module_name}.{global_name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("a persistent object")


def read_npz(path: Path) -> dict[str, Any]:
    """The members of an `.npz` by name: arrays, or what an array of objects held, as a list.

    Raises `DataError` when it is not an `.npz`, is damaged, unpacks to what no file holds, or has a
    pickle that asks for anything but arrays; nothing that it asks for is run.
    """
    check_regular(path)
    try:
        names = check_archive(path)
        with zipfile.ZipFile(path) as archive:
            found = {}
            for name in names:
                if not name.endswith(".npy"):
                    raise DataError(f"{path}: holds {name!r}, expected .npy members alone.")
                with archive.open(name) as member:
                    found[name.removesuffix(".npy")] = _read_member(member, path=path, name=name)
            return found
    except (
        zipfile.BadZipFile, zipfile.LargeZipFile, OSError, RuntimeError, UnicodeDecodeError
    ) as error:  # fmt: skip
        raise DataError(f"{path}: not an .npz file ({plain(error)}).") from None


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
    except _Refused as error:
        raise DataError(
            f"{path}: {name} holds a pickle that asks for {plain(error)}, which is refused unread: "
            "only arrays of numbers are taken from it. Do not trust this file."
        ) from None
    except Exception as error:  # NumPy raises all kinds on a damaged file
        raise DataError(f"{path}: {name} is damaged ({plain(error)}).") from None
    return list(content) if isinstance(content, np.ndarray) else content


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a PyTorch state dict by name, on the CPU, through `weights_only=True`.

    A state dict is found where training scripts put it (`PLACES`), and below another name if it is
    the only one; anything in it that is not a tensor is left out. Raises `DataError` on anything
    else, in words of its own: it names what a pickle asks for that is refused.
    """
    check_regular(path)
    if other := _instead(path):
        raise DataError(f"{path}: not a PyTorch file of weights{other}.")
    asked = ""
    try:
        with warnings.catch_warnings(action="ignore"):  # in PyTorch's words
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch's reader raises all kinds on a damaged file
        if isinstance(error, pickle.UnpicklingError):
            asked = _asked_for(path, str(error))
        found = None
    if asked:
        raise DataError(
            f"{path}: holds a pickle that asks for {asked}, which is refused unread, as reading it "
            "would run what the file says. Where the file is trusted, load it where it was made "
            "and save the state dict alone: torch.save(model.state_dict(), …)."
        )
    if found is None:
        raise DataError(
            f"{path}: not a PyTorch file of weights, or a damaged one. Get it again, or save the "
            "state dict: torch.save(model.state_dict(), …)."
        )
    tensors = _tensors_in(found, path=path)
    check_unpacked(path, sum(t.numel() * t.element_size() for t in tensors.values()))
    return tensors


def _asked_for(path: Path, said: str) -> str:
    """The globals in a pickle that are not let through; PyTorch names the first of an old file."""
    try:
        names = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # an old file, or a damaged one
        names = re.findall(r"GLOBAL (\S+)", said)[:1]
    return ", ".join(plain(name) for name in names[:5]) + (", …" if names[5:] else "")


def _instead(path: Path) -> str:
    """What a file is in place of weights, as far as can be seen without unpickling it. Raises
    `DataError` where it would unpack to what no file holds."""
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        return ": it is empty"
    if what := placeholder(start):
        return f" but {what}"
    try:
        if any(name.endswith("constants.pkl") for name in check_archive(path)):
            return (
                " but a program (TorchScript), which is not run; save its state dict: "
                "torch.save(torch.jit.load(…).state_dict(), …)"
            )
    except (zipfile.BadZipFile, OSError, RuntimeError, UnicodeDecodeError):
        pass  # an old file is no zip, and a damaged one is found out when it is read
    return ""


def _tensors_in(found: Any, *, path: Path) -> dict[str, torch.Tensor]:
    """The state dict in what a file holds, and a word where it holds several."""
    if not isinstance(found, Mapping):
        raise DataError(f"{path}: expected a state dict, got a {type(found).__name__}.")
    held = {where: tensors for where, tensors in _state_dicts(found, seen=set()) if tensors}
    known = [where for where in held if where and all(part in PLACES for part in where)]
    known.sort(key=lambda where: [PLACES.index(part) for part in where])
    taken = known or ([()] if () in held else list(held))
    if not taken:
        keys = plain(", ".join(str(key) for key in [*found][:8]))
        raise DataError(f"{path}: holds no tensors by name{f' (it has {keys})' if keys else ''}.")
    names = [plain(".".join(where)) for where in taken]
    if len(taken) > 1 and not known:
        raise DataError(
            f"{path}: holds tensors under {', '.join(names[:8])}. Save one of them alone: "
            "torch.save(model.state_dict(), …)."
        )
    if len(taken) > 1:
        _log.warning(
            "%s: holds weights under %s; those under %s are taken", path, ", ".join(names), names[0]
        )
    return held[taken[0]]


def _state_dicts(
    found: Mapping[Any, Any], where: tuple[str, ...] = (), *, seen: set[int]
) -> Iterator[tuple[tuple[str, ...], dict[str, torch.Tensor]]]:
    """The tensors of a dictionary by name, and of those within it, and where each lies."""
    yield where, {str(k): v for k, v in found.items() if isinstance(v, torch.Tensor)}
    seen.add(id(found))  # one dictionary may stand in another a thousand times
    for name, part in found.items() if len(where) < DEEPEST else ():
        if isinstance(part, Mapping) and isinstance(name, str) and id(part) not in seen:
            yield from _state_dicts(part, (*where, name), seen=seen)
