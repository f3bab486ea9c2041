"""Tensors and training states as safetensors: no pickle, one file, moved in whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from rarecase.bounds import check_regular
from rarecase.checksums import check_file
from rarecase.errors import DataError, plain
from rarecase.files import replacing_file

Tensors = dict[str, torch.Tensor]


def save_tensors(path: Path, tensors: Mapping[str, torch.Tensor], *, meta: Any = None) -> None:
    """Write `tensors` and `meta` (anything JSON can hold) to one safetensors file."""
    plain = {name: _alone(tensor) for name, tensor in tensors.items()}
    with replacing_file(path) as beside:
        try:
            save_file(plain, beside, metadata={"rarecase": json.dumps(meta)})
        except SafetensorError as error:  # what it makes of a full disk, among others
            raise DataError(f"{path}: cannot be written ({error}).") from None


def _alone(tensor: torch.Tensor) -> torch.Tensor:
    """On the CPU, contiguous, and no view of something larger, which the format would refuse."""
    plain = tensor.detach().to("cpu").contiguous()
    return plain if plain.untyped_storage().nbytes() == plain.nbytes else plain.clone()


def load_tensors(path: Path) -> tuple[Tensors, Any]:
    """Read back what `save_tensors` wrote: tensors and meta. Files of others have meta None."""
    check_regular(path)
    check_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            text = (file.metadata() or {}).get("rarecase", "null")
        meta = json.loads(text)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a safetensors file ({plain(error)}).") from None
    return tensors, meta


def _unpack(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put back the state of an optimiser over the same parameters (`0.exp_avg`, `0.step`, …).

    State of a parameter's shape gets the parameter's memory layout back, which a file does not
    keep: fused optimisers silently compute nonsense where the two differ.
    """
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        parameter = parameters[int(index)]
        if tensor.shape == parameter.shape:
            tensor = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def save_training(
    path: Path,
    *,
    modules: Mapping[str, torch.nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    meta: Any,
) -> None:
    """Checkpoint a training: every module's and optimiser's tensors, and `meta` (epoch, history).

    Random states are not in it: every epoch seeds itself by name (see `rarecase.seeds`).
    """
    tensors: Tensors = {}
    for name, module in modules.items():
        tensors |= {f"module/{name}/{key}": value for key, value in module.state_dict().items()}
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            known = {
                key: torch.as_tensor(value) for key, value in state.items() if value is not None
            }
            tensors |= {f"optimizer/{name}/{index}.{key}": value for key, value in known.items()}
    save_tensors(path, tensors, meta=meta)


def load_training(
    path: Path,
    *,
    modules: Mapping[str, torch.nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
) -> Any:
    """Put a checkpoint of `save_training` back into modules and optimisers; return its meta."""
    tensors, meta = load_tensors(path)

    def part(prefix: str) -> Tensors:
        return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

    for name, module in modules.items():
        module.load_state_dict(part(f"module/{name}/"))
    for name, optimizer in optimizers.items():
        _unpack(optimizer, part(f"optimizer/{name}/"))
    return meta
