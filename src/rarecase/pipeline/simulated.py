"""The simulated cohorts inside a run folder: the study's own, and one to pre-train on."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from rarecase.checksums import CHECKSUMS, record_files, write_checksums
from rarecase.cohort import Case, Cohort, SliceFiles
from rarecase.files import write_text
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import digest
from rarecase.seeds import derive
from rarecase.simulate import simulate_cohort
from rarecase.verify import verify_folder

log = logging.getLogger(__name__)

SIMULATED, STUDY, PRETRAIN = "simulated", "study", "pretrain"
CHANNELS = ("flair", "t1", "t1gd", "t2")


def study_folder(run: Path) -> Path:
    """Where the simulated cohort of a study without data lies."""
    return run / SIMULATED / STUDY


def simulate(settings: Settings, run: Path, *, name: str = STUDY) -> Path:
    """A simulated cohort, made now if it is not there: the study's own, or (PRETRAIN) other
    patients, by another seed and other names, to pre-train on."""
    chosen, folder = settings.simulation, run / SIMULATED / name
    patients, separability, seed, prefix = (
        (chosen.patients, chosen.separability, settings.seed, "Sim")
        if name == STUDY
        else (settings.pretrain.patients, 1.0, derive(settings.seed, PRETRAIN) % 2**31, "Pre")
    )
    size, slices = settings.slices.size, chosen.slices
    key = digest([dict(patients), size, slices, separability, seed, prefix])
    mark = folder.with_name(folder.name + ".key")
    if folder.exists() and not (mark.is_file() and mark.read_text() == key):
        shutil.rmtree(folder)  # our own, of other settings
    write_text(mark, key)
    record_files(run, [mark.relative_to(run).as_posix()])
    if (folder / CHECKSUMS).is_file() and verify_folder(folder):
        log.warning("%s: damaged; it is simulated anew", folder)
        shutil.rmtree(folder)
    simulate_cohort(
        folder, patients=patients, size=size, slices=slices, separability=separability, seed=seed,
        prefix=prefix,
    )  # fmt: skip
    if not (folder / CHECKSUMS).is_file():
        write_checksums(folder)
    return folder


def planned_cohort(settings: Settings) -> Cohort:
    """The cohort that would be simulated, without a file: enough to plan and to estimate with."""
    channels = settings.cohort.channels or CHANNELS
    files = tuple(
        SliceFiles(image=Path("none"), mask=None, number=number)
        for number in range(settings.simulation.slices)
    )
    cases = tuple(
        Case(case=name, patient=name, label=label, slices=files, planes=tuple(channels))
        for label, count in sorted(settings.simulation.patients.items())
        for name in (f"Sim_{label}_{number + 1:03d}" for number in range(count))
    )
    return Cohort(cases=cases, dropped=(), layout="brats", channels=tuple(channels))
