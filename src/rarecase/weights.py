"""Weights that other software saved, by the names of the network that is to take them.

Trainers wrap a network (`module.` of several GPUs, `_orig_mod.` of torch.compile, `model.` of
Lightning), and save its tensors under a name of their own with more besides.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from rarecase.bounds import check_regular
from rarecase.checkpoint import load_tensors
from rarecase.errors import DataError, plain
from rarecase.restricted import read_state_dict

Tensors = dict[str, torch.Tensor]

_log = logging.getLogger(__name__)
_ANYWHERE = frozenset((
    "module", "_orig_mod", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
))  # fmt: skip
"""What wrappers put between the parts of a name, at the front and within."""
_USUAL = frozenset(("model", "net", "network"))  # where trainers keep the network
_COUNTED = "num_batches_tracked"  # of batch normalisation, since PyTorch 0.4.1


def read_weights(path: Path) -> Tensors:
    """The tensors of a file by name, on the CPU: safetensors, or a PyTorch state dict; what it is
    its content says. Raises `DataError` for anything else."""
    check_regular(path)
    with path.open("rb") as file:
        safe = file.read(9)[8:] == b"{"  # after the length of its header
    return load_tensors(path)[0] if safe else read_state_dict(path)


def by_names_of(tensors: Tensors, wanted: Mapping[str, torch.Tensor], *, path: Path) -> Tensors:
    """The tensors of a file under the names of a network's own, `wanted`.

    Names that wrappers add are taken off both, and so is what stands before every name of the
    network in the file; tensors that do not stand behind it are left out, which is said. Counts of
    batches, which old files lack, are 0. Where the names do not fit they come back
    as they are, less what usually stands before all of them. Raises `DataError` where the network
    is there twice.
    """
    ours = {name: own for own, name in _bare(wanted, usual=True).items()}
    theirs = {name: own for own, name in _bare(tensors).items()}
    needed = [name for name in ours if not name.endswith(_COUNTED)]
    if tensors.keys() == wanted.keys() or not needed:
        return tensors
    places = [
        before
        for before in dict.fromkeys(_before(needed[0], theirs))
        if all(before + name in theirs for name in needed)
    ]
    if not places:
        bare = _bare(tensors, usual=True)
        return {ours.get(name, name): tensors[own] for own, name in bare.items()}
    before = places[0] if len(places) == 1 else _chosen(places, path)
    found = {
        ours.get(name.removeprefix(before), name): tensors[own]
        for name, own in theirs.items()
        if name.startswith(before)
    }
    left = [own for name, own in theirs.items() if not name.startswith(before)]
    if left:
        _log.warning(
            "%s: the tensors under '%s' are taken, and %d others left out (%s)", path,
            plain(before), len(left), plain(", ".join(left[:3])) + (", …" if left[3:] else ""),
        )  # fmt: skip
    counts = {n: v for n, v in wanted.items() if n.endswith(_COUNTED) and n not in found}
    return found | {name: torch.zeros_like(v, device="cpu") for name, v in counts.items()}


def under_one_name(tensors: Tensors, first: str, *, path: Path) -> Tensors:
    """Tensors by their names less what wrappers add and what stands before `first`, for a network
    whose size they must tell. Raises `DataError` where the network is there twice."""
    bare = {name: tensors[own] for own, name in _bare(tensors).items()}
    places = _before(first, bare)
    before = _chosen(places, path) if len(places) > 1 else "".join(places)
    return {name.removeprefix(before): tensor for name, tensor in bare.items()}


def without_counts(tensors: Tensors) -> Tensors:
    """All but the counts of batches that batch normalisation keeps, which old files lack."""
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(_COUNTED)}


def _bare(names: Iterable[str], *, usual: bool = False) -> dict[str, str]:
    """Names by themselves, without what wrappers add, and, if `usual`, without the words that stand
    before all of them; as they are where two would be one."""
    parts = {name: [p for p in name.split(".") if p not in _ANYWHERE] for name in names}
    while usual and parts and len({p[0] for p in parts.values() if p}) == 1:
        if not all(len(p) > 1 and p[0] in _USUAL for p in parts.values()):
            break
        parts = {name: p[1:] for name, p in parts.items()}
    found = {name: ".".join(p) for name, p in parts.items()}
    return found if len({*found.values()}) == len(found) else {name: name for name in found}


def _before(name: str, names: Iterable[str]) -> list[str]:
    """What stands before `name` in each of the names that end with it, "" for itself."""
    return [n.removesuffix(name) for n in names if n == name or n.endswith(f".{name}")]


def _is_usual(before: str) -> bool:
    return all(part in _USUAL for part in before.split(".")[:-1])


def _chosen(places: list[str], path: Path) -> str:
    usual = [before for before in places if _is_usual(before)]
    if len(usual) != 1:
        listed = ", ".join(f"'{plain(before)}'" for before in places)
        raise DataError(
            f"{path}: holds the network {len(places)} times, under {listed}. Save the "
            "state dict of one of them alone."
        )
    return usual[0]
