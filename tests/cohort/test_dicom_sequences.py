"""Which sequence a series is: its header's times and contrast agent, then its description."""

import pytest
from pydicom.dataset import Dataset

from rarecase.cohort.layouts.dicom_sequences import Sequence, is_derived, is_map, sequence_of
from support.dicoms import item

FLAIR = {"InversionTime": 2500, "EchoTime": 120, "RepetitionTime": 9000}
T1 = {"EchoTime": 12, "RepetitionTime": 550, "ScanningSequence": "SE"}
T2 = {"EchoTime": 98, "RepetitionTime": 4500, "ScanningSequence": "SE"}
MPRAGE = {"InversionTime": 900, "EchoTime": 2.9, "RepetitionTime": 1900, "ScanningSequence": "GR"}


def header(text: str = "", **tags: object) -> Dataset:
    made = Dataset()
    made.Modality, made.SeriesNumber, made.SeriesDescription = "MR", 4, text
    for name, value in tags.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("text", "tags", "channel"),
    [
        ("AX OBL 5mm", FLAIR, "flair"), ("AX OBL 5mm", T1, "t1"), ("HEAD", T2, "t2"),
        ("3D", MPRAGE, "t1"), ("AX OBL 5mm", T1 | {"ContrastBolusAgent": "Gadovist"}, "t1gd"),
        ("T1 SE", T1 | {"ContrastBolusAgent": "Gadovist"}, "t1gd"), ("T1 KM", T1, "t1gd"),
        ("T1 SE", T1 | {"ContrastBolusAgent": "NONE"}, "t1"),
        ("T1w C-", {}, "t1"), ("AX T1 (-C) 3mm", {}, "t1"), ("T1 SE Gd- tra", {}, "t1"),
        ("AX T1 -C", {}, "t1"), ("T1w C+", {}, "t1gd"), ("T1-C", {}, "t1gd"),
        # Contrast agent makes no FLAIR or T2 another sequence.
        ("FLAIR", FLAIR | {"ContrastBolusAgent": "Dotarem"}, "flair"),
        ("t2_tirm_tra", FLAIR, "flair"), ("AX FLAIR", T2, "flair"), ("T1 FLAIR", MPRAGE, "t1"),
        ("T2 TSE", {}, "t2"), ("MPRAGE +C", {}, "t1gd"), ("dark fluid", {}, "flair"),
        ("", T2, "t2"), ("", {}, "series_4"),
        ("", {"AcquisitionContrast": "FLUID_ATTENUATED"}, "flair"),
        # These are no picture of T1 or T2 contrast, whatever their times.
        ("localizer", T2, "localizer"), ("ep2d_diff_b1000", T2, "ep2d_diff_b1000"),
        ("T2 STIR", T2 | {"InversionTime": 160}, "t2_stir"), ("PD TSE", T2, "pd_tse"),
        ("SUB T1 post", T1, "sub_t1_post"), ("T1 map", MPRAGE, "t1_map"),
        ("ADC", {"ImageType": ["DERIVED", "PRIMARY", "ADC"]}, "adc"),
    ],
)  # fmt: skip
def test_what_is_certain_is_named(text, tags, channel):
    assert sequence_of(header(text, **tags)) == Sequence((channel,))


@pytest.mark.parametrize(
    ("text", "tags", "channels", "why"),
    [
        ("T1 TSE", FLAIR, ("flair", "t1"), "its header says flair (TR 9000, TE 120, TI 2500 ms)"),
        ("FLAIR", T1, ("t1", "flair"), "its header says t1"),
        ("T2 TSE", FLAIR, ("flair", "t2"), "its description t2"),
        ("FLAIR", T2 | {"DiffusionBValue": 1000}, ("dwi", "flair"), "diffusion"),
        ("T1 native", T1 | {"ContrastBolusAgent": "x"}, ("t1", "t1gd"), "its description none"),
        ("T1 post", T1 | {"ContrastBolusAgent": "NONE"}, ("t1", "t1gd"), "no contrast agent"),
    ],
)
def test_what_is_not_certain_is_said(text, tags, channels, why):
    found = sequence_of(header(text, **tags))
    assert found.channels == channels and why in found.doubt


def test_maps_and_derived_images_are_known_by_their_type():
    assert is_map(header(ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]))
    subtracted = header("T1 post", ImageType=["DERIVED", "SECONDARY", "SUBTRACTION"])
    assert is_map(subtracted) and sequence_of(subtracted) == Sequence(())
    reformatted = header(ImageType=["DERIVED", "SECONDARY", "MPR"])
    assert is_derived(reformatted) and not is_map(reformatted)
    acquired = header(ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "NORM"])
    assert not is_derived(acquired) and not is_map(acquired)


def test_a_file_of_frames_says_it_of_each():
    own, shared = Dataset(), Dataset()
    own.MREchoSequence = item(EffectiveEchoTime=110.0)
    own.MRModifierSequence = item(InversionTimes=[2400.0])
    shared.MRTimingAndRelatedParametersSequence = item(RepetitionTime=8000.0)
    frames = header("AX", PerFrameFunctionalGroupsSequence=[own],
                    SharedFunctionalGroupsSequence=[shared])  # fmt: skip
    assert sequence_of(frames) == Sequence(("flair",))
    frames.SeriesDescription = "T1 SE"
    assert "TR 8000, TE 110, TI 2400 ms" in sequence_of(frames).doubt
