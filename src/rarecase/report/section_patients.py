"""The section on single patients: what each arm said of each, and their slices to look through."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rarecase.evidence.text import number
from rarecase.report.blocks import Block, Section, Text, Viewer, counted
from rarecase.report.found import Found
from rarecase.report.overlays import SliceReader
from rarecase.report.patients_slices import (
    CaseSlices,
    cases_of,
    how_unlike,
    in_ml,
    looks_of,
    stack_of,
    volumes_of,
)
from rarecase.report.patients_table import (
    Shown,
    arms_shown,
    patient_calls,
    patients_frame,
    patients_table,
    volume,
)
from rarecase.report.run_files import RunFiles
from rarecase.report.slices_packed import Packed, Stack, pack_stacks

OWN = (
    "One line for each patient, from the fold in which they were tested. Choose a patient to look "
    "through the slices."
)
TABLE_ONLY = "One line for each patient, from the fold in which they were tested."
NO_SLICES = (
    "There are no slices to look through: this run folder holds no cache of slices. A run from a "
    "table has no images; one that was tidied has lost them."
)


def patients_section(run: Found) -> Section | None:
    """The table of patients and, of a run, the viewer of their slices; None without predictions."""
    predictions, shown = run.predictions, arms_shown(run.evidence)
    if predictions.empty:
        return None
    calls = patient_calls(predictions, shown.keys, classes=run.classes, rare=run.rare)
    patients = patients_frame(predictions, calls)
    reader, cases = None, {}
    if isinstance(run, RunFiles) and SliceReader.available(run):
        reader = SliceReader(run)
        cases = cases_of(run, reader)
    spacing = {} if reader is None else reader.spacing
    unit = "ml" if cases and in_ml(cases, spacing) else "pixels"
    looks = {} if reader is None else looks_of(cases.values(), reader)
    known = _known(run, predictions, volumes_of(cases.values(), spacing), looks=looks)
    told = patients.copy()
    for name in ("dice", "true", "predicted"):
        told[name] = _of_patients(patients, known[name])
    told["unlike"] = _flags(patients, known["away"])
    said = "" if reader is None else _looks(told, known)
    table = patients_table(told, calls, shown, rare=run.rare, unit=unit, said=said)
    stacks = [] if reader is None else _stacks(told, known, cases, reader, shown, unit=unit)
    if reader is None or not stacks:
        none = [Text(NO_SLICES, "missing")] if isinstance(run, RunFiles) else []
        return _section(TABLE_ONLY, table, *none)
    packed = pack_stacks(stacks)
    parts = [part for case in packed.cases for part in case["slices"]]
    viewer = Viewer(
        packed.cases, *(any(name in part for part in parts) for name in ("true", "predicted"))
    )
    return _section(OWN, table, viewer, Text(_limits(packed, viewer, reader), "note"))


def _section(words: str, *blocks: Block) -> Section:
    return Section("patients", "Patients", [Text(words), *blocks])


def _known(
    run: Found, predictions: pd.DataFrame, volumes: pd.DataFrame, *, looks: dict[str, np.ndarray]
) -> pd.DataFrame:
    """By case: dice (mean over repeats), true, predicted, and away, how far it looks off; NaN where
    unknown."""
    scored = run.volumes[run.volumes["part"] == "test"]
    dice = scored["dice"].astype(float).groupby(scored["case"].astype(str)).mean()
    tested = predictions[["case", "patient", "repeat", "fold"]].drop_duplicates()
    away = pd.Series(how_unlike(looks, tested), dtype=float)
    names = pd.Index(tested["case"].astype(str).unique())
    found = volumes.reindex(names)
    return found.assign(dice=dice.reindex(names), away=away.reindex(names))


def _of_patients(patients: pd.DataFrame, values: pd.Series) -> list[float]:
    """Of every patient the mean over their cases, as far as it is known."""
    return [float(values.reindex(cases).mean()) for cases in patients["cases"]]


def _flags(patients: pd.DataFrame, away: pd.Series) -> list[str]:
    """Empty where a patient's cases look like others, or nothing is known."""
    worst = [float(away.reindex(cases).max()) for cases in patients["cases"]]
    return [f"{number(w, digits=1)} × limit" if w > 1 else "" for w in worst]


def _looks(patients: pd.DataFrame, known: pd.DataFrame) -> str:
    """What of how the images look was found."""
    if known["away"].isna().all():
        return "There are too few patients to say whose images look unlike the others'."
    how = "by their brightness, as predict judges new scans"
    if (patients["unlike"] == "").all():
        return f"Nobody's images look unlike those of their fold's training patients ({how})."
    return (
        f"Unlike: the images look unlike those of the fold's training patients ({how}); so many "
        "times the limit away."
    )


def _stacks(
    patients: pd.DataFrame,
    known: pd.DataFrame,
    cases: dict[str, CaseSlices],
    reader: SliceReader,
    shown: Shown,
    *,
    unit: str,
) -> list[Stack]:
    """The cases in the order of the table, with what is said beside their slices."""
    found = []
    for i, each in enumerate(patients.to_dict("records")):
        for case in each["cases"]:
            if case not in cases:
                continue
            words = [str(each["label"]), f"{each['wrong']} of {len(shown.keys)} arms wrong"]
            about = known.loc[case]
            if not np.isnan(about["dice"]):
                words.append(f"Dice {number(about['dice'])}")
            words += [
                f"{name} tumour {volume(about[name], unit)} {unit}"
                for name in ("true", "predicted")
                if not np.isnan(about[name])
            ]
            words += [f"looks unlike others, {each['unlike']}"] if each["unlike"] else []
            found.append(stack_of(cases[case], reader, patient=i, words="; ".join(words)))
    return found


def _limits(packed: Packed, viewer: Viewer, reader: SliceReader) -> str:
    """What of the slices the viewer shows, and what it leaves out."""
    slices = sum(len(case["slices"]) for case in packed.cases)
    notes = [f"The viewer holds {counted(slices, 'slice')} of {counted(len(packed.cases), 'case')}"]
    if len(reader.channels) > 1:
        notes[0] += f", of the {len(reader.channels)} channels {reader.channel_name} alone"
    notes[0] += (
        ", compressed to at most 3 KB each: to look at, not to measure. Masks are exact at the "
        "size that the networks see"
    )
    coarse = sum(part["coarse"] > 1 for case in packed.cases for part in case["slices"])
    notes[0] += f", but coarser in {counted(coarse, 'slice')}." if coarse else "."
    if packed.most is not None:
        notes.append(
            f"To keep this page small, of each case at most {packed.most} slices are in it, evenly "
            "spaced, with that of the largest tumour."
        )
    if packed.left_out:
        notes.append(
            f"{counted(packed.left_out, 'case')} at the end of the table are left out for the same "
            "reason."
        )
    notes.append("Hand this page on only where the images may go: it holds them.")
    missing = [name for name in ("true", "predicted") if not getattr(viewer, name)]
    notes += [f"There are no {name} masks." for name in missing]
    return " ".join(notes)
