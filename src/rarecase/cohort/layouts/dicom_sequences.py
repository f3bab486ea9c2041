"""What sequence a DICOM series is: by what its header measured, then by what it is called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rarecase.cohort.layouts.base import USUAL, channel_name, says_no_contrast
from rarecase.imaging.formats.dicom.headers import items, words

# Series that are no picture of T1, T2 or FLAIR contrast, whatever times stand in their headers.
_OTHER = re.compile(
    r"(^|_)(loc\w*|scout|survey|pilot|topogram|cal\w*|asset|b0|shim\w*|swi|swan|star|\w*star|"
    r"hemo\w*|ffe|gre|dwi|dti|diff\w*|adc|b\d{3,4}|trace\w*|ep2d\w*|epi|perf\w*|pwi|dsc|dce|asl|"
    r"\w?cb[vf]|mtt|ttp|tof|mra|mrv|angio\w*|bold|fmri|rest\w*|stir|pd\w*|map\w*|field\w*|sub\w*|"
    r"mip|minip|ciss|fiesta|spectro\w*|mrs|dir|psir|phase|pha)(_|$)"
)
_MAP = re.compile(
    r"ADC|\bFA\b|TRACE|CB[VF]|MTT|TTP|TMAX|SUB(TRACT\w*)?\b|M(IN)?IP\b|PROJECTION|T[12]\*? ?MAP|"
    r"PERFUSION|COLOU?R|FUS(ED|ION)|OVERLAY|SCREEN ?SAVE"
)  # fmt: skip
_NONE = ("NO", "NONE", "N", "NIL", "0", "WITHOUT", "OHNE", "UNKNOWN", "NOT GIVEN")
_CONTRASTS = {
    "FLUID_ATTENUATED": "flair", "T1": "t1", "T2": "t2", "T2_STAR": "t2_star",
    "PROTON_DENSITY": "pd", "DIFFUSION": "dwi", "STIR": "stir", "PERFUSION": "perfusion",
}  # fmt: skip

# Where a file of several frames has them: sequence, and name within.
_OF_FRAMES = {
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "RepetitionTime": ("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    "InversionTime": ("MRModifierSequence", "InversionTimes"),
    "DiffusionBValue": ("MRDiffusionSequence", "DiffusionBValue"),
}


@dataclass(frozen=True)
class Sequence:
    """What a series may be: one channel, several where it is not certain, with why, or none where
    it is computed from the one that it is called after."""

    channels: tuple[str, ...]
    doubt: str = ""


def is_map(header: Any) -> bool:
    """Whether an image was computed from others: a map, a subtraction, a projection."""
    kinds = words(header, "ImageType").upper()
    return bool(_MAP.search(kinds.replace("\\", " ")))


def is_derived(header: Any) -> bool:
    """Whether an image is not as it was acquired, such as a reformatted one."""
    return "DERIVED" in words(header, "ImageType").upper().split("\\")


def sequence_of(header: Any) -> Sequence:
    """The channel of a series: of its inversion, echo and repetition times and its contrast agent
    first, then of its description, its protocol and its sequence's name."""
    texts = [words(header, n) for n in ("SeriesDescription", "ProtocolName", "SequenceName")]
    named = [channel_name(text) for text in texts if text]
    series = f"series {words(header, 'SeriesNumber') or '?'}".lower().replace(" ", "_")
    own = named[0] if named else series
    if is_map(header) and own in USUAL:
        return Sequence(())
    if is_map(header) or (own not in USUAL and _OTHER.search(own)):
        return Sequence((own,))
    called = next((name for name in named if name in USUAL), None)
    measured, times = _measured(header)
    if measured is not None and called is not None and not _agree(measured, called, header, texts):
        doubt = f"its header says {measured} ({times}), its description {called}"
        return Sequence((measured, called), doubt)
    if measured is not None and measured not in USUAL:
        return Sequence((own,))
    # FLAIR whose inversion time was taken out looks like T2; what is called T2 TIRM is FLAIR.
    channel = measured if measured == "flair" else called or measured or own
    return _contrast(header, channel, texts) if channel in ("t1", "t1gd") else Sequence((channel,))


def _agree(measured: str, called: str, header: Any, texts: list[str]) -> bool:
    """Whether times and description may be of one sequence."""
    if measured == "t2" and called == "flair":
        return not _number(header, "InversionTime")
    if measured == "flair" and called == "t2":
        return bool(re.search(r"tirm|\bir\b|dark", " ".join(texts).lower().replace("_", " ")))
    return measured == called.removesuffix("gd")


def _contrast(header: Any, channel: str, texts: list[str]) -> Sequence:
    """A T1 series with or without contrast agent."""
    agent = words(header, "ContrastBolusAgent").strip().upper()
    if not agent and items(header, "ContrastBolusAgentSequence"):
        agent = "GIVEN"
    denied = any(says_no_contrast(text) for text in texts)
    if agent in _NONE and channel == "t1gd":
        return Sequence(("t1", "t1gd"), "its header names no contrast agent, its description does")
    if not agent or agent in _NONE:
        return Sequence((channel,))
    if denied and channel == "t1":
        return Sequence(("t1", "t1gd"), "its header names a contrast agent, its description none")
    return Sequence(("t1gd",))


def _measured(header: Any) -> tuple[str | None, str]:
    """The contrast that the header's times make, None where they tell none, and the times in words.
    Ranges are those of 0.5 to 3 tesla, with room between them."""
    kind = words(header, "AcquisitionContrast").upper()
    if kind in _CONTRASTS:
        return _CONTRASTS[kind], f"AcquisitionContrast {kind}"
    if "DIFFUSION" in words(header, "ImageType").upper() or _number(header, "DiffusionBValue"):
        return "dwi", "diffusion"
    if words(header, "AngioFlag") == "Y":
        return "angio", "AngioFlag"
    inversion, echo, repetition = (
        _number(header, name) for name in ("InversionTime", "EchoTime", "RepetitionTime")
    )
    times = f"TR {repetition:g}, TE {echo:g}, TI {inversion:g} ms"
    how = words(header, "ScanningSequence")
    return _by_times(inversion, echo, repetition, how), times


def _by_times(inversion: float, echo: float, repetition: float, how: str) -> str | None:
    """A contrast from times in ms, 0 where they are unknown; how: ScanningSequence."""
    if not echo:
        return None
    if 1500 <= inversion <= 3500 and echo >= 50:
        return "flair"
    if 80 <= inversion <= 300 and repetition >= 1500 and "GR" not in how:
        return "stir"
    if 300 <= inversion <= 1400:
        return "t1" if echo < 40 else None
    if inversion or not repetition or "SE" not in how or "GR" in how or "EP" in how:
        return None
    if repetition <= 1000 and echo <= 35:
        return "t1"
    if repetition >= 2000 and echo >= 70:
        return "t2"
    return "pd" if repetition >= 2000 and echo <= 35 and "IR" not in how else None


def _number(header: Any, name: str) -> float:
    """A number of the header, or of the first frame; 0 where neither says one."""
    text = words(header, name)
    for groups in () if text else ("PerFrame", "Shared"):
        sequence, within = _OF_FRAMES[name]
        for group in items(header, f"{groups}FunctionalGroupsSequence")[:1]:
            text = text or "".join(words(each, within) for each in items(group, sequence)[:1])
    try:
        return float(text.split("\\")[0] or 0)
    except ValueError:
        return 0.0
