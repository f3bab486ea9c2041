"""Settings settled once for a run, so that `study.yaml` repeats it from anywhere."""

from __future__ import annotations

from pathlib import Path

from rarecase.ahead import usable_cpus
from rarecase.errors import DataError, SettingError
from rarecase.pipeline.compute import fitting_processes, settle_precision
from rarecase.pipeline.resolve import resolve, validate
from rarecase.pipeline.settings import Settings
from rarecase.segmenter import read_card
from rarecase.segmenter.networks import ARGUMENTS


def settled(settings: Settings) -> Settings:
    """Paths absolute, threads and processes counted, so that `study.yaml` repeats the run from
    anywhere."""
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
    dump["compute"]["threads"] = dump["compute"]["threads"] or usable_cpus()
    dump["compute"]["processes"] = dump["compute"]["processes"] or fitting_processes(
        settings, threads=dump["compute"]["threads"]
    )
    if settings.segmenter.dimensions == 3:
        _refuse_flat(settings)
    if dump["segmenter"]["init"]:
        # The network that is given decides its own architecture; the settings then say the truth.
        card = read_card(Path(dump["segmenter"]["init"]))
        said = card["architecture"]
        dump["segmenter"] |= {"network": said["name"], **{n: said[n] for n in ARGUMENTS}}
    return validate(dump)


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


def with_precision(settings: Settings, earlier: Path) -> Settings:
    """`auto` replaced by what it stands for, measured once a run: a run that goes on keeps it."""
    if settings.compute.precision != "auto":
        return settings
    dump = settings.model_dump()
    before = resolve(preset=None, file=earlier).compute if earlier.is_file() else settings.compute
    known = before.precision != "auto" and before.device == settings.compute.device
    dump["compute"]["precision"] = (
        before.precision
        if known
        else settle_precision(settings.compute, dimensions=settings.segmenter.dimensions)
    )
    return validate(dump)
