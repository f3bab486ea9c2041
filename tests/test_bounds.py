"""Files that claim, repeat or hide more than they hold end in a message that names them."""

import gzip
import json
import os
import struct
import zipfile
import zlib

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecase import bounds
from rarecase.cohort import read_cohort
from rarecase.cohort.tables import read_table
from rarecase.errors import DataError, RarecaseError, SettingError
from rarecase.features.read_features import read_features
from rarecase.files import as_text, from_text, read_csv, read_json, read_parquet, write_table
from rarecase.imaging import read_volume
from rarecase.imaging.formats import base
from rarecase.imaging.pictures import read_mask_picture, read_picture
from rarecase.pipeline.resolve import parse_value, resolve
from rarecase.restricted import read_npz
from rarecase.weights import read_weights
from rarecase.yaml_text import load_yaml


def features(path):
    return read_features(path, label="y")


def study(path):
    return resolve(preset=None, file=path)


def grey(path):
    return read_picture(path, channels=1)


@pytest.mark.parametrize(
    ("suffix", "read"),
    [*((s, read_volume) for s in (".nii", ".nii.gz", ".npz", ".mha", ".nrrd", ".tif", ".dcm", "")),
     (".png", grey), (".png", read_mask_picture), (".csv", features), (".csv", read_table),
     (".csv", read_cohort), (".parquet", features), (".parquet", read_parquet), (".npz", features),
     (".npz", read_npz), (".json", read_json), (".yaml", study), (".pth", read_weights),
     (".safetensors", read_weights)],
)  # fmt: skip
def test_a_pipe_is_no_file(tmp_path, suffix, read):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(RarecaseError, match=rf"pipe{suffix}: a pipe or a device, where a file"):
        read(tmp_path / f"pipe{suffix}")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
     (b"/annex/objects/MD5E-s9--0.nii.gz\n", "datalad get"),
     (b"\n <!DOCTYPE html><html></html>", "a web page: download")],
)  # fmt: skip
@pytest.mark.parametrize(
    ("suffix", "read"),
    [(".nii.gz", read_volume), (".nrrd", read_volume), (".dcm", read_volume), (".png", grey),
     (".csv", features), (".csv", read_table), (".tsv", read_cohort), (".pth", read_weights)],
)  # fmt: skip
def test_what_stands_in_for_a_file_is_called_so_with_the_way_to_the_file(
    tmp_path, content, said, suffix, read
):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(RarecaseError, match=rf"x{suffix}: not a.*{said}"):
        read(path)


@pytest.mark.parametrize(
    ("target", "said"),
    [("../.git/annex/objects/a/b.nii.gz", "datalad get"), ("gone.nii.gz", "copy what it stands")],
)
def test_a_link_that_points_nowhere_is_one_and_the_target_is_not_shown(tmp_path, target, said):
    (tmp_path / "x.nii.gz").symlink_to(target)
    with pytest.raises(
        DataError, match=rf"x\.nii\.gz: a link that points nowhere.*{said}"
    ) as error:
        read_volume(tmp_path / "x.nii.gz")
    assert target not in str(error.value)


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [(LAUGHS, "once what it repeats is written out"), ("a: " + "[" * 2000, "within each other"),
     ("seed: " + "9" * 9999, "not valid YAML"), ("seed: 2001-99-99", "month must be"),
     ("x: " + "y" * 2**20, "more than settings take"), ("a: [", "not valid YAML")],
)  # fmt: skip
def test_yaml_is_bounded(tmp_path, text, said):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(SettingError, match=r"s\.yaml: ") as error:
        study(tmp_path / "s.yaml")
    assert said in str(error.value)


def test_honest_aliases_are_read():
    assert load_yaml("a: &x [1, 2]\nb: *x\n", name="s") == {"a": [1, 2], "b": [1, 2]}
    assert parse_value("a: [") == "a: ["


@pytest.mark.parametrize("text", ["[" * 20000, '{"a":' * 20000, "1" * 5000, "\0"])
def test_json_is_bounded(tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(DataError, match=r"s\.json: not valid JSON"):
        read_json(tmp_path / "s.json")


@pytest.fixture
def small(monkeypatch):
    """Bounds that a test reaches in no time."""
    monkeypatch.setattr(bounds, "SUSPECT", 2**20)
    monkeypatch.setattr(base, "LARGEST_SQUEEZED", 2**20)


def zeros_npz(path):
    np.savez_compressed(path, X=np.zeros((600, 600)), y=np.zeros(600), data=np.zeros((90, 90, 90)))


def zeros_nii(path):
    nib.save(nib.Nifti1Image(np.zeros((90, 90, 90)), np.eye(4)), path)


def zeros_mha(path):
    text = ("ObjectType = Image\nNDims = 3\nCompressedData = True\nDimSize = 90 90 90\n"
            "ElementType = MET_DOUBLE\nElementDataFile = LOCAL\n")  # fmt: skip
    path.write_bytes(text.encode() + zlib.compress(bytes(8 * 90**3)))


def zeros_pth(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", b"\x80\x02}q\x00.")
        archive.writestr("w/data/0", bytes(3 * 2**20))


def zeros_parquet(path):
    pd.DataFrame({"a": np.zeros(200_000), "y": "x"}).to_parquet(path)


@pytest.mark.parametrize(
    ("name", "write", "read"),
    [("b.npz", zeros_npz, features), ("b.npz", zeros_npz, read_npz),
     ("b.npz", zeros_npz, read_volume), ("b.nii.gz", zeros_nii, read_volume),
     ("b.mha", zeros_mha, read_volume), ("b.pth", zeros_pth, read_weights),
     ("b.parquet", zeros_parquet, features), ("b.parquet", zeros_parquet, read_parquet)],
)  # fmt: skip
def test_what_unpacks_to_far_more_is_not_unpacked(tmp_path, small, name, write, read):
    write(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name}: .* would unpack to .*B, which no"):
        read(tmp_path / name)


def test_the_same_files_are_read_where_they_are_small(tmp_path):
    zeros_parquet(tmp_path / "b.parquet")
    assert len(read_parquet(tmp_path / "b.parquet")) == 200_000
    zeros_npz(tmp_path / "b.npz")
    assert read_npz(tmp_path / "b.npz")["X"].shape == (600, 600)


def claiming_npy(file):
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**4, 10**4, 10**4)}
    np.lib.format.write_array_header_1_0(file, header)


def test_headers_that_claim_a_million_million_voxels(tmp_path):
    with (tmp_path / "v.npy").open("wb") as file:
        claiming_npy(file)
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as archive:
        for name in ("data", "X", "y"):
            with archive.open(f"{name}.npy", "w") as file:
                claiming_npy(file)
    header = nib.Nifti1Header()
    header.set_data_shape((10000, 10000, 10000))
    (tmp_path / "v.nii.gz").write_bytes(gzip.compress(header.binaryblock + bytes(100)))
    (tmp_path / "v.mha").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 10000 10000 10000\nElementType = MET_FLOAT\n"
        "ElementDataFile = LOCAL\n"
    )
    for name in ("v.npy", "v.npz", "v.nii.gz", "v.mha"):
        with pytest.raises(DataError, match=name):
            read_volume(tmp_path / name)
    with pytest.raises(DataError, match=r"v\.npz"):
        features(tmp_path / "v.npz")


def test_pictures_of_a_thousand_million_pixels(tmp_path):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    for side in (9000, 30000):
        size = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        (tmp_path / "p.png").write_bytes(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) +
            chunk(b"IEND", b"")
        )  # fmt: skip
        for read in (grey, read_mask_picture):
            with pytest.raises(DataError, match=r"p\.png: more than 64,000,000 pixels"):
                read(tmp_path / "p.png")


@pytest.mark.parametrize("shape", [[10**6, 10**6], [1]])
def test_safetensors_that_claim_or_nest_too_much(tmp_path, shape):
    meta = {"rarecase": "[" * 50000}
    part = {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * int(np.prod(shape))]}
    header = json.dumps({"__metadata__": meta, "a": part}).encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(DataError, match=r"w\.safetensors: not a safetensors file"):
        read_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize("cell", ["=1+2", "+SUM(A1)", "-1+cmd|' /C'!A0", "@x", "\t=1", "\r=1"])
def test_no_cell_of_text_is_run_by_a_spreadsheet(tmp_path, cell):
    table = pd.DataFrame(
        {"case": [cell, "plain", None], "n": [-1, 2, 3], "class": ["-1", "+", "x"]}
    )
    write_table(tmp_path / "t.csv", table)
    text = (tmp_path / "t.csv").read_bytes().decode()
    assert f"'{cell[0]}" in text and "\n=" not in text and ",=" not in text
    assert ",-1,-1\n" in text.replace('"', "")  # numbers are numbers
    back = read_csv(tmp_path / "t.csv", texts=("case", "class"))
    pd.testing.assert_frame_equal(back, table)


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="'=+-@\t\r1.ea", max_size=6))
def test_text_made_harmless_comes_back(value):
    assert from_text(as_text(value)) == value
    assert as_text(value)[:1] not in ("=", "@", "\t", "\r")


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="a:&*[]{}<- \n#!|>'\",0.", max_size=60))
def test_any_text_is_settings_or_refused(text):
    try:
        load_yaml(text, name="s.yaml")
    except SettingError as error:
        assert str(error).startswith("s.yaml: ")
