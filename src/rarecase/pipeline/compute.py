"""What settings leave open, settled once for a run; threads, device and precision as they say."""

from __future__ import annotations

import os
from pathlib import Path

import lightning_fabric
import torch

from rarecase import compute as bottom
from rarecase.ahead import usable_cpus
from rarecase.errors import DataError, SettingError
from rarecase.pipeline.resolve import resolve, validate
from rarecase.pipeline.settings import ComputeSettings, Settings
from rarecase.segmenter import read_card
from rarecase.segmenter.initial import ARGUMENTS, NONE, PRETRAINED, initial

SHARING = 4  # processes that share a GPU at most


def make_fabric(compute: ComputeSettings, *, exact: bool = False) -> lightning_fabric.Fabric:
    """A Fabric as the settings say. `exact`: float32, not compiled, whatever they say, for small
    networks that would gain nothing."""
    return bottom.make_fabric(
        device=compute.device,
        precision="32-true" if exact else compute.precision,
        threads=compute.threads,
        compile=compute.compile and not exact,
    )


def settled(settings: Settings, earlier: Path) -> Settings:
    """Paths absolute, threads, processes and precision settled, so that `study.yaml` repeats the
    run from anywhere. `earlier`: the `study.yaml` of the run that goes on, if there is one: what it
    has settled is kept."""
    dump = settings.model_dump()
    for said, place in (
        ("data", dump), ("segmenter.init", dump["segmenter"]),
        ("pretrain.cohort", dump["pretrain"]),
        *((f"networks.{name}.weights", each) for name, each in dump["networks"].items()),
    ):  # fmt: skip
        name = said.rpartition(".")[2]
        if place[name] and place[name] not in ("simulated", PRETRAINED, NONE):
            path = Path(place[name]).expanduser().absolute()
            if not path.exists():
                raise DataError(f"{said}: no such file or folder: {path}")
            place[name] = str(path)
    if settings.segmenter.dimensions == 3:
        _refuse_flat(settings)
    start = initial(dump["segmenter"]["init"])
    if start is not None:
        # The network that is given decides its own architecture; the settings then say the truth.
        shape = read_card(start)["architecture"]
        dump["segmenter"] |= {"network": shape["name"], **{n: shape[n] for n in ARGUMENTS}}
    settings = validate(dump)
    return settings.model_copy(update={"compute": _settled_compute(settings, earlier)})


def _refuse_flat(settings: Settings) -> None:
    """What works on slices does not go with a U-Net that makes a sample of a whole case."""
    wanted = [f"features {part.features!r}" for part in settings.experiment]
    wanted += [f"arm {arm!r}" for part in settings.experiment for arm in part.arms]
    for name in ("features 'region'", "arm 'acgan-images'"):
        if name in wanted:
            raise SettingError(
                f"{name} works on slices, and segmenter.dimensions=3 makes a sample of a whole "
                "case: take one or the other."
            )


def _settled_compute(settings: Settings, earlier: Path) -> ComputeSettings:
    """What was left open, by what this machine has, once a run: the bits depend on it."""
    compute = settings.compute
    before = resolve(preset=None, file=earlier).compute if earlier.is_file() else compute
    cpus, threads = usable_cpus(), compute.threads or before.threads
    processes = compute.processes or fitting_processes(
        settings, cpus=cpus // threads if threads else cpus
    )
    threads = threads or max(1, cpus // processes)
    precision = compute.precision
    if precision == "auto" and before.device == compute.device:
        precision = before.precision
    precision = bottom.settle_precision(
        device=compute.device, precision=precision, threads=compute.threads,
        dimensions=settings.segmenter.dimensions,
    )  # fmt: skip
    found = {"threads": threads, "processes": processes, "precision": precision}
    return compute.model_copy(update=found)


def fitting_processes(settings: Settings, *, cpus: int) -> int:
    """How many steps may run side by side: one for each of `cpus`, as far as half of the memory
    allows and there are folds to share out.

    Two trainings of one thread get further than one of two. On a GPU small networks leave most of
    it idle: up to four share it, as far as half of its memory and two CPUs each allow. From the
    whole memory, not from what is free, so that the same machine always says the same.
    """
    # PyTorch itself, and activations; preset quick was measured to take 1.13 GB, this says 1.4.
    shape, size, split = settings.segmenter, settings.slices.size, settings.split
    planes = settings.slices.planes if shape.dimensions == 3 else 1
    need = 2**30 + 160 * shape.batch * planes * size**2 * shape.width
    folds = split.folds * split.repeats if split.kind == "kfold" else cpus
    kind = bottom.pick_accelerator(settings.compute.device)
    if kind == "cuda" and torch.cuda.is_available():
        there = torch.cuda.get_device_properties(0).total_memory
        return max(1, min(SHARING, folds, cpus // 2, there // (2 * need)))
    return 1 if kind != "cpu" else max(1, min(folds, cpus, total_memory() // (2 * need)))


def total_memory() -> int:
    """Bytes of memory that this machine, or this container, has."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else ""
    return min(found, int(text)) if text.isdigit() else found
