"""What settings leave open, settled once for a run."""

from __future__ import annotations

from pathlib import Path

from rarecase.ahead import usable_cpus
from rarecase.errors import DataError, SettingError
from rarecase.pipeline.compute import fitting_processes, settle_precision
from rarecase.pipeline.resolve import resolve, validate
from rarecase.pipeline.settings import Settings
from rarecase.segmenter import read_card
from rarecase.segmenter.networks import ARGUMENTS


def settled(settings: Settings, earlier: Path) -> Settings:
    """Paths absolute, threads, processes and precision settled, so that `study.yaml` repeats the
    run from anywhere.

    Parameters
    ----------
    earlier
        The `study.yaml` of the run that goes on, if there is one: what it has settled is kept.
    """
    dump = settings.model_dump()
    for section, name in (("", "data"), ("segmenter", "init"), ("pretrain", "cohort")):
        place = dump[section] if section else dump
        if place[name] and place[name] != "simulated":
            path = Path(place[name]).expanduser().absolute()
            if not path.exists():
                raise DataError(
                    f"{section + '.' if section else ''}{name}: no such file or folder: {path}"
                )
            place[name] = str(path)
    if settings.segmenter.dimensions == 3:
        _refuse_flat(settings)
    if dump["segmenter"]["init"]:
        # The network that is given decides its own architecture; the settings then say the truth.
        card = read_card(Path(dump["segmenter"]["init"]))
        said = card["architecture"]
        dump["segmenter"] |= {"network": said["name"], **{n: said[n] for n in ARGUMENTS}}
    return _with_compute(validate(dump), earlier)


def _refuse_flat(settings: Settings) -> None:
    """What works on slices does not go with a U-Net that makes a sample of a whole case."""
    parts = settings.experiment
    wanted = {
        "features 'region'": any(part.features == "region" for part in parts),
        "arm 'acgan-images'": any("acgan-images" in part.arms for part in parts),
    }
    for name, on in wanted.items():
        if on:
            raise SettingError(
                f"{name} works on slices, and segmenter.dimensions=3 makes a sample of a whole "
                "case: take one or the other."
            )


def _with_compute(settings: Settings, earlier: Path) -> Settings:
    """What was left open, by what this machine has, once a run: the bits depend on it."""
    compute = settings.compute
    before = resolve(preset=None, file=earlier).compute if earlier.is_file() else compute
    same = before.device == compute.device
    cpus, threads = usable_cpus(), compute.threads or before.threads
    processes = compute.processes or fitting_processes(
        settings, cpus=cpus // threads if threads else cpus
    )
    precision = compute.precision
    if precision == "auto":
        precision = (
            before.precision
            if same and before.precision != "auto"
            else settle_precision(compute, dimensions=settings.segmenter.dimensions)
        )
    dump = settings.model_dump()
    dump["compute"] |= {
        "threads": threads or max(1, cpus // processes),
        "processes": processes,
        "precision": precision,
    }
    return validate(dump)
