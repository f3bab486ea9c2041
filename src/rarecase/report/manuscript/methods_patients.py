"""Methods: who was studied, and from what images."""

from __future__ import annotations

from collections import Counter

from rarecase.evidence.text import percent
from rarecase.pipeline.run_folder import SLICES
from rarecase.report.blocks import counted
from rarecase.report.found import optional_json
from rarecase.report.manuscript.references import cite, named
from rarecase.report.manuscript.study import Study
from rarecase.report.manuscript.words import between, decimal, each_of, listed
from rarecase.report.run_files import RunFiles

MOST_SITES = 8  # that are named
NORMALISED = {
    "tissue": "by each case's own tissue (what is neither background nor half air)",
    "case": "by each case's own voxels that are not background",
    "cohort": "by one mean and standard deviation per channel, fitted to the training patients of "
    "each fold",
}


def patients(study: Study) -> str:
    """The cohort: patients per class, cases, slices, masks, sites, what was left out."""
    if study.run is None:
        return _of_table(study)
    run = study.run
    cohort = run.cohort
    people = cohort.drop_duplicates("patient")
    total, each = len(people), each_of(Counter(people["label"].astype(str)), run.classes)
    if run.cohort_facts.get("data") in (None, "simulated"):
        said = [_simulated(run), f"The cohort comprised {total:,} simulated patients: {each}."]
    else:
        said = [f"The cohort comprised {counted(total, 'patient')}: {each}."]
    said += [f"The rare class was {named(run.rare)}.", *_label(run), *_images(run)]
    if "has_mask" in cohort and cohort["has_mask"].astype(bool).any():
        masks = int(cohort["has_mask"].astype(bool).sum())
        whole = "all" if masks == len(cohort) else f"{masks:,} of {len(cohort):,}"
        said.append(f"Masks of the lesion were given for {whole} cases.")
    else:
        said.append("No masks of lesions were given.")
    said += [_sites(run), _dropped(run)]
    return " ".join(said)


def _of_table(study: Study) -> str:
    counts = study.evidence["counts"]
    total, samples = sum(counts["patients"].values()), sum(counts["slices"].values())
    people = each_of(counts["patients"], study.classes)
    said = [f"The table held {counted(total, 'patient')}: {people}."]
    said.append(f"The rare class was {named(study.rare)}.")
    if samples != total:
        said.append(f"They had {samples:,} rows ({each_of(counts['slices'], study.classes)}).")
    if label := study.said.get("label"):
        said.append(f"The class was read from the column {named(label)}.")
    if site := study.said.get("site"):
        said.append(f"The column {named(site)} says from where a row is.")
    return " ".join([*said, "No images and no masks were part of this analysis."])


def _simulated(run: RunFiles) -> str:
    """What simulated patients are; said first, since nobody must take them for real ones."""
    separability = run.setting("simulation", "separability")
    apart = "" if separability is None else (
        f" (separability of the classes {decimal(separability)}, of 1 as in life)"
    )  # fmt: skip
    return (
        "No real patient was studied: all images were simulated on the anatomy of the MNI152 "
        f"template{cite('fonov2011')}{apart}."
    )


def _label(run: RunFiles) -> list[str]:
    said = []
    if label := run.setting("cohort", "label"):
        said.append(f"The class was read from {named(label)}.")
    for new, old in (run.setting("cohort", "merge") or {}).items():
        said.append(f"{listed(old)} were merged into {named(new)}.")
    return said


def _images(run: RunFiles) -> list[str]:
    """Cases, channels, slices and how they were brought to size and normalised."""
    cohort, slices = run.cohort, run.settings.get("slices") or {}
    channels = [str(c) for c in run.cohort_facts.get("channels") or []]
    said = f"They had {counted(len(cohort), 'case')}"
    if "slices" in cohort:
        said += f" with {counted(int(cohort['slices'].sum()), 'slice')}"
        said += f" ({between(cohort['slices'].tolist())} per case)"
    if channels:
        said += f" in {counted(len(channels), 'channel')} ({listed(channels)})"
    found = [f"{said}."]
    meta = optional_json(run.root / SLICES / "meta.json") or {}
    size = meta.get("size") or slices.get("size")
    fitted = []
    if size is not None:
        pixel = slices.get("pixel")
        at = f" of {decimal(pixel)} mm" if pixel else ""
        fitted.append(f"Slices were fitted to {size} × {size} pixels{at}")
    if (how := slices.get("normalise")) in NORMALISED:
        fitted.append(f"intensities were normalised {NORMALISED[how]}")
    if fitted:
        found.append(f"{' and '.join(fitted)}.".replace("intensities", "Intensities", not size))
    if skipped := (meta.get("skipped") or {}).get("slices"):
        were = "was" if skipped == 1 else "were"
        found.append(f"{counted(skipped, 'slice')} without tissue {were} left out.")
    return found


def _sites(run: RunFiles) -> str:
    cohort = run.cohort
    if "site" not in cohort or not cohort["site"].astype(bool).any():
        return "The site of no patient was known."
    sites = cohort[cohort["site"] != ""].drop_duplicates(["patient", "site"])["site"]
    counts = dict(Counter(sites.astype(str)).most_common())
    each = ", ".join(f"{named(name)} {n:,}" for name, n in counts.items())
    many = f" (patients: {each})" if len(counts) <= MOST_SITES else ""
    lacking = cohort[cohort["site"] == ""]["patient"].nunique()
    unknown = f"; that of {counted(lacking, 'patient')} was not known" if lacking else ""
    return f"They came from {counted(len(counts), 'site')}{many}{unknown}."


def _dropped(run: RunFiles) -> str:
    """How many were left out; the reasons name cases, and stay in the run folder."""
    dropped = len(run.cohort_facts.get("dropped") or [])
    if not dropped:
        return "No case was left out."
    share = percent(dropped / (dropped + len(run.cohort)))
    were = "was" if dropped == 1 else "were"
    return f"{counted(dropped, 'case')} ({share}) {were} left out, for reasons that were recorded."
