"""DICOM files that are sound and unlike what a textbook shows, and those that are no volume."""

import gzip
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from rarecase.errors import DataError
from rarecase.imaging import probe_volume, read_mask_volume, read_volume
from rarecase.imaging.formats import is_dicom
from rarecase.imaging.writing import write_dicom_seg
from support.dicoms import AXIAL, edit, enhanced, item, tagged, voxels, without_preamble
from support.written import dicom

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"


def same(path, other) -> None:
    one, two = read_volume(path), read_volume(other)
    np.testing.assert_array_equal(one.data, two.data)
    np.testing.assert_allclose(one.grid.affine, two.grid.affine, atol=1e-9)


@pytest.mark.parametrize("suffix", [".dcm", "", ".1"])
def test_slices_without_preamble_read_as_with_it(tmp_path, suffix):
    whole = dicom(tmp_path / "whole", voxels(), AXIAL)
    bare = without_preamble(shutil.copytree(whole, tmp_path / "bare"), suffix=suffix)
    same(bare, whole)
    one = next(bare.iterdir())
    assert is_dicom(one)
    same(one, whole)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_without_preamble_and_meta_data_in_any_order_of_bytes(tmp_path, syntax):
    whole = dicom(tmp_path / "whole", voxels(), AXIAL)
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in whole.iterdir():
        ds = pydicom.dcmread(file)
        if syntax == ExplicitVRBigEndian:
            ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype(">i2").tobytes()
        del ds.file_meta
        pydicom.dcmwrite(
            bare / file.stem, ds, implicit_vr=syntax.is_implicit_VR,
            little_endian=syntax.is_little_endian, force_encoding=True,
        )  # fmt: skip
    same(bare, whole)


def test_text_and_other_files_without_suffix_are_no_dicom(tmp_path):
    for name, held in (
        ("README", b"8 files, 2 of them"),
        ("numbers", bytes([8, 0, 1]) * 99),
        ("e", b""),
    ):
        (tmp_path / name).write_bytes(held)
        assert not is_dicom(tmp_path / name)


def test_links_to_folders_and_files_are_followed_and_nothing_is_read_twice(tmp_path):
    real = dicom(tmp_path / "store" / "s", voxels(), AXIAL)
    view = tmp_path / "view"
    view.mkdir()
    (view / "series").symlink_to(real)
    (view / "again").symlink_to(real)
    (view / "round").symlink_to(view)
    same(view, real)
    files = tmp_path / "files"
    files.mkdir()
    for file in real.iterdir():
        (files / file.name).symlink_to(file)
    same(files, real)
    same(sorted(files.iterdir())[1], real)
    (files / "lost.dcm").symlink_to(tmp_path / "nowhere.dcm")
    with pytest.raises(DataError, match=r"lost\.dcm: a link that points nowhere"):
        read_volume(files)


def test_only_the_series_of_the_named_file_counts(tmp_path):
    folder = dicom(tmp_path / "s", voxels(), AXIAL)
    (folder / "notes.dcm").write_bytes(b"no such thing" * 30)
    (folder / "sheet.dcm").write_bytes((SHIPPED / "test-SR.dcm").read_bytes())
    first = sorted(folder.iterdir())[0]
    volume = read_volume(first)
    assert volume.data.shape == (8, 6, 5)
    assert volume.notes == (
        f"1 file(s) beside {first.name} cannot be read and are left out: notes.dcm",
    )
    assert read_volume(folder).data.shape == (8, 6, 5)
    # What breaks off may be one of the slices.
    last = sorted(folder.glob("00*.dcm"))[-1]
    last.write_bytes(last.read_bytes()[:140])
    with pytest.raises(DataError, match=rf"{last.name}: not a DICOM file, or a damaged one"):
        read_volume(folder)
    assert any("left out" in note and last.name in note for note in read_volume(first).notes)


@pytest.mark.parametrize("named", [True, False])
def test_a_gap_where_a_file_cannot_be_read_names_that_file(tmp_path, named):
    folder = dicom(tmp_path / "s", voxels(), AXIAL)
    first, _, third, *_ = sorted(folder.iterdir())
    third.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(DataError, match=rf"lacks 1 slice.*{third.name}: not a DICOM.*git lfs pull"):
        read_volume(first if named else folder)


def test_slices_that_are_packed_one_by_one_are_called_so(tmp_path):
    folder = dicom(tmp_path / "s", voxels(), AXIAL)
    for file in sorted(folder.iterdir()):
        file.with_suffix(".dcm.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    with pytest.raises(DataError, match=r"no DICOM images.*5 DICOM file\(s\) there are packed"):
        read_volume(folder)


def test_a_volume_of_another_format_that_is_called_dicom(tmp_path):
    nib.save(nib.Nifti1Image(voxels(), np.eye(4)), tmp_path / "v.nii")
    (tmp_path / "v.nii").rename(tmp_path / "v.dcm")
    with pytest.raises(DataError, match=r"v\.dcm: not a DICOM file; it is a NIfTI file"):
        read_volume(tmp_path / "v.dcm")


def test_copies_of_the_same_slices_are_said_and_left(tmp_path):
    folder = dicom(tmp_path / "s", voxels(), AXIAL)
    once = read_volume(folder)
    for file in sorted(folder.iterdir())[:2]:
        shutil.copy(file, folder / f"{file.stem} (1).dcm")
    again = read_volume(folder)
    np.testing.assert_array_equal(again.data, once.data)
    assert "copies of its slices are left out: 0000.dcm, 0007.dcm" in again.notes[0]


def test_a_file_of_several_frames_is_a_volume_wherever_it_lies(tmp_path):
    data = voxels((8, 6, 7))
    file = enhanced(tmp_path / "a" / "FLAIR.dcm", data)
    for path in (file, file.parent):
        volume = read_volume(path)
        np.testing.assert_array_equal(volume.data, data[::-1, ::-1])
        assert probe_volume(path).shape == (8, 6, 7) and volume.grid.spacing == (1, 1, 3)
    enhanced(tmp_path / "a" / "T1.dcm", data, name="T1")
    assert read_volume(file).data.shape == (8, 6, 7)
    with pytest.raises(DataError, match=r"holds 2 series .*FLAIR\.dcm.*T1\.dcm"):
        read_volume(file.parent)


def test_frames_in_big_endian_order_are_read(tmp_path):
    data = voxels((8, 6, 7))
    file = enhanced(tmp_path / "a.dcm", data)
    ds = pydicom.dcmread(file)
    ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype(">i2").tobytes()
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    list(ds.iterall())
    pydicom.dcmwrite(file, ds, implicit_vr=False, little_endian=False, force_encoding=True)
    np.testing.assert_array_equal(read_volume(file).data, data[::-1, ::-1])


def test_frames_of_several_volumes_or_without_place_are_refused(tmp_path):
    data = voxels((8, 6, 4))
    two = enhanced(tmp_path / "two.dcm", data, echoes=(10, 80))
    with pytest.raises(DataError, match=r"holds 2 volumes .*EchoTime 10.*EchoTime 80.*Split it"):
        read_volume(two)
    nowhere = enhanced(tmp_path / "nowhere.dcm", data, place=False)
    with pytest.raises(DataError, match=r"does not say where it lies \(no ImagePositionPatient\)"):
        read_volume(nowhere)


def test_low_values_that_are_bright_are_turned_once_and_said(tmp_path):
    folder = dicom(tmp_path / "s", voxels(), AXIAL)
    upright = read_volume(folder).data

    def turn(ds, _):
        stored = np.frombuffer(ds.PixelData, np.int16)
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 0
        ds.PixelData = (4095 - stored.astype(np.int64) - 10).astype(np.uint16).tobytes()
        ds.PhotometricInterpretation = "MONOCHROME1"

    turned = read_volume(edit(folder, turn))
    np.testing.assert_array_equal(turned.data, upright + 20)
    assert len(turned.notes) == 1 and "were turned: high is bright" in turned.notes[0]
    file = sorted(folder.iterdir())[0]
    itk = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file), SimpleITK.sitkFloat32))
    np.testing.assert_array_equal(itk[0].T, turned.data[::-1, ::-1, 0])
    measured = read_volume(tagged(folder, Modality="CT"))
    assert "values are left as they are" in measured.notes[0]
    assert measured.data.min() > 4000


def test_jpeg_lossless_is_unpacked_by_itk_with_the_same_values(tmp_path):
    folder = dicom(tmp_path / "s", voxels((16, 12, 3)), AXIAL)
    plain = read_volume(folder)

    def pack(ds, number):
        image = SimpleITK.GetImageFromArray(ds.pixel_array)
        writer = SimpleITK.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.SetUseCompression(True)
        writer.SetCompressor("JPEG")
        writer.SetFileName(str(tmp_path / "one.dcm"))
        writer.Execute(image)
        packed = pydicom.dcmread(tmp_path / "one.dcm")
        assert packed.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.70"
        ds.file_meta.TransferSyntaxUID = packed.file_meta.TransferSyntaxUID
        ds["PixelData"] = packed["PixelData"]

    packed = read_volume(edit(folder, pack))
    np.testing.assert_array_equal(packed.data, plain.data)
    np.testing.assert_array_equal(packed.grid.affine, plain.grid.affine)

    def damage(ds, number):
        ds.PixelData = ds.PixelData[:30] + bytes(len(ds.PixelData) - 30)

    with pytest.raises(DataError, match=r"pixels cannot be read: compressed as JPEG Lossless"):
        read_volume(edit(folder, damage))


@pytest.mark.parametrize("tags", [
    {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0},
    {"PhotometricInterpretation": "PALETTE COLOR"},
])  # fmt: skip
def test_colours_are_no_volume_and_do_not_count_beside_a_grey_one(tmp_path, tags):
    grey = dicom(tmp_path / "all" / "a", voxels(), AXIAL)
    colour = tagged(dicom(tmp_path / "all" / "b", voxels((8, 6, 9)), AXIAL, name="map"), **tags)
    with pytest.raises(DataError, match="a colour picture"):
        read_volume(colour)
    np.testing.assert_array_equal(read_volume(tmp_path / "all").data, read_volume(grey).data)


def test_more_pixels_than_described_are_said(tmp_path):
    folder = dicom(tmp_path / "s", voxels(), AXIAL)

    def more(ds, _):
        ds.PixelData = ds.PixelData * 2

    assert "96 bytes behind its pixels are left out" in read_volume(edit(folder, more)).notes


def test_volumes_of_one_series_are_told_apart_and_one_can_be_named(tmp_path):
    kinds = ("M", "P", "R", "I")
    folder = tmp_path / "s"
    for number, kind in enumerate(kinds):
        part = dicom(tmp_path / kind, voxels(seed=number), AXIAL, series="1.2.3", name="field")
        tagged(part, ImageType=["ORIGINAL", "PRIMARY", kind], StudyInstanceUID="1.2")
        folder.mkdir(exist_ok=True)
        for file in part.iterdir():
            shutil.copy(file, folder / f"{kind}{file.name}")
    with pytest.raises(DataError, match=r"15 slices at places .*4 volumes.*ImageType.*\\P \(P0000"):
        read_volume(folder)
    chosen = read_volume(folder / "R0000.dcm")
    np.testing.assert_array_equal(chosen.data, read_volume(tmp_path / "R").data)
    assert (
        "holds 4 volumes; the one with ImageType ORIGINAL\\PRIMARY\\R is taken" in chosen.notes[0]
    )


def test_volumes_that_a_private_element_alone_tells_apart(tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    for kind in (0, 3):
        part = dicom(tmp_path / str(kind), voxels(seed=kind), AXIAL, series="1.2.3")
        tagged(part, StudyInstanceUID="1.2", FrameOfReferenceUID="1.2")

        def mark(ds, _, kind=kind):
            ds.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", kind)

        for file in edit(part, mark).iterdir():
            shutil.copy(file, folder / f"{kind}-{file.name}")
    with pytest.raises(
        DataError, match=r"holds 2 volumes, which differ in .*\(0043,102F\) 0 \(0-0"
    ):
        read_volume(folder)
    np.testing.assert_array_equal(
        read_volume(folder / "3-0007.dcm").data, read_volume(tmp_path / "3").data
    )


def test_a_series_number_that_is_gone_does_not_join_series(tmp_path):
    for name in ("FLAIR", "T1"):
        tagged(dicom(tmp_path / "s" / name, voxels(), AXIAL, name=name), SeriesInstanceUID="")
    with pytest.raises(DataError, match="holds 2 series"):
        read_volume(tmp_path / "s")


def test_numbers_that_are_none_are_named_in_plain_words(tmp_path):
    folder = dicom(tmp_path / "s", voxels((8, 6, 1)), AXIAL)
    file = next(folder.iterdir())
    held = file.read_bytes()
    at = held.index(b"\x28\x00\x10\x00US")
    file.write_bytes(held[: at + 4] + b"IS" + held[at + 6 : at + 8] + b"1A" + held[at + 10 :])
    with pytest.raises(
        DataError, match=r"damaged header: Rows is '1A', a whole number was expected"
    ):
        read_volume(file)


_OURS = (
    "so it is no volume of a study", "not a DICOM file, or a damaged one", "contours (RTSTRUCT)",
    "the pixels cannot be read (",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_every_file_that_pydicom_ships_is_read_or_named_for_what_it_is(tmp_path):
    files = sorted(SHIPPED.glob("*.dcm"))
    assert len(files) > 60
    read = set()
    for file in files:
        alone = tmp_path / file.stem / file.name
        alone.parent.mkdir()
        shutil.copy(file, alone)
        try:
            read.add(read_volume(alone).data.shape and file.stem)
        except DataError as error:
            said = str(error)
            # In our own words, with nothing of a library's inside.
            assert said.startswith(f"{alone}:") and any(ours in said for ours in _OURS), said
    assert {"CT_small", "MR_small", "MR_small_bigendian", "693_J2KI", "liver_expb_1frame"} <= read
    assert not {f.stem for f in files if f.stem.startswith(("rt", "SC_", "test-SR"))} & read


def test_a_sound_file_among_a_hundred_others_is_read_as_alone():
    for name in ("CT_small", "MR_small", "693_J2KI"):
        volume = read_volume(SHIPPED / f"{name}.dcm")
        assert volume.data.shape[2] == 1
        assert any("cannot be read and are left" in n and "no_meta" in n for n in volume.notes)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rtdose.dcm", "a radiation dose"), ("badVR.dcm", "a radiation dose"),
        ("rtplan.dcm", "a treatment plan"), ("test-SR.dcm", "a report"),
        ("examples_ybr_color.dcm", "an ultrasound picture in colour of 30 frames"),
        ("SC_rgb_rle_2frame.dcm", "a screen capture or film .* in colour of 2 frames"),
        ("waveform_ecg.dcm", "a recording of signals"), ("DICOMDIR", "an index of files"),
    ],
)  # fmt: skip
def test_what_is_no_volume_is_called_what_it_is(name, kind):
    path = get_testdata_file(name)
    with pytest.raises(DataError, match=rf"{kind}.*so it is no volume of a study"):
        read_volume(Path(path))


def test_a_segmentation_in_big_endian_order_is_read():
    pair = [read_mask_volume(SHIPPED / f"liver_{name}1frame.dcm") for name in ("", "expb_")]
    np.testing.assert_array_equal(pair[0].data, pair[1].data)
    assert pair[0].data.any()


def test_a_header_of_frames_that_does_not_fit_their_number_is_refused(tmp_path):
    file = enhanced(tmp_path / "a.dcm", voxels())
    ds = pydicom.dcmread(file)
    ds.NumberOfFrames = 4
    ds.save_as(file)
    with pytest.raises(DataError, match="NumberOfFrames is 4, and 5 are described"):
        read_volume(file)
    ds.NumberOfFrames = 5
    ds.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence = item(ImagePositionPatient=[1, 2])
    ds.save_as(file)
    with pytest.raises(
        DataError, match=r"ImagePositionPatient is .*, 3 finite numbers was expected"
    ):
        read_volume(file)


def test_a_mask_is_written_as_segmentation_of_frames_and_of_bare_slices(tmp_path):
    mask = np.zeros((8, 6, 7), np.uint8)
    mask[2:4, 1:5, 3:6] = mask[0, 0, 0] = mask[7, 5, 6] = 1
    frames = enhanced(tmp_path / "frames.dcm", voxels(mask.shape))
    bare = without_preamble(dicom(tmp_path / "s", voxels(mask.shape), AXIAL))
    for number, source in enumerate((frames, bare)):
        write_dicom_seg(tmp_path / f"{number}.dcm", mask, source, case="p")
        drawn = read_mask_volume(tmp_path / f"{number}.dcm")
        np.testing.assert_array_equal(drawn.data, mask[::-1, ::-1])


def test_slices_whose_places_are_lost_are_no_volumes(tmp_path):
    folder = tagged(dicom(tmp_path / "s", voxels(), AXIAL), ImagePositionPatient=[0, 0, 0])
    with pytest.raises(DataError, match=r"has 4 slices at places that are taken.*tells them apart"):
        read_volume(folder)
