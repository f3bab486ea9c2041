"""Records of files: what they cover, what is compared on opening, what their own damage does."""

import numpy as np
import pandas as pd
import pytest

from rarecase.checksums import (
    CHECKSUMS,
    check_file,
    digests,
    read_record,
    record_files,
    write_checksums,
)
from rarecase.errors import DataError
from rarecase.features.store import FeatureStore
from rarecase.files import read_json, write_json
from rarecase.verify import repair, verify_folder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "below").mkdir()
    write_json(tmp_path / "a.json", {"a": 1})
    write_json(tmp_path / "below/b.json", [1, 2])
    write_checksums(tmp_path)
    return tmp_path


def test_digests_are_of_every_file_below(folder):
    assert set(digests(folder)) == {"a.json", "below/b.json"}
    assert digests(folder)["below/b.json"]["bytes"] == len((folder / "below/b.json").read_bytes())


def test_a_file_is_compared_with_the_nearest_record(folder):
    assert read_json(folder / "below/b.json") == [1, 2]
    (folder / "below/b.json").write_text("[1, 3]\n")
    with pytest.raises(DataError, match=r"b\.json.*--repair"):
        read_json(folder / "below/b.json")
    (folder / "foreign.json").write_text("{}")
    assert read_json(folder / "foreign.json") == {}  # no record says what it should be


def test_every_bit_of_a_record_matters(folder):
    path = folder / CHECKSUMS
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DataError):
            read_record(path)
    for keep in (len(whole) - 1, 0):
        path.write_bytes(whole[:keep])
        with pytest.raises(DataError):
            check_file(folder / "a.json")


def test_files_recorded_anew_keep_their_step(folder):
    record_files(folder, ["a.json"], step="steps/one")
    write_json(folder / "a.json", {"a": 2})
    record_files(folder, ["a.json"])
    assert read_record(folder / CHECKSUMS)["files"]["a.json"]["step"] == "steps/one"
    assert verify_folder(folder) == []


def test_repair_leaves_what_no_command_makes_anew(tmp_path):
    write_json(tmp_path / "a.json", 1)
    write_checksums(tmp_path, again="Export the model from its run again.")
    write_json(tmp_path / "a.json", 2)
    assert repair(verify_folder(tmp_path)) == []
    with pytest.raises(DataError, match="Export the model"):
        read_json(tmp_path / "a.json")


def test_nothing_to_compare_with_is_an_error(tmp_path):
    with pytest.raises(DataError, match="nothing says"):
        verify_folder(tmp_path)


def test_any_bit_of_a_shard_is_refused_or_changes_nothing(tmp_path):
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float16)
    rows = pd.DataFrame({"row": range(3)})
    with FeatureStore.create(tmp_path / "s.zarr", block="s", shape=(5,), rows=rows) as store:
        store.append(values)
    (shard,) = (tmp_path / "s.zarr/features/c").rglob("0/0")
    whole = shard.read_bytes()
    refused = 0
    for bit in range(8 * len(whole)):
        raw = bytearray(whole)
        raw[bit // 8] ^= 1 << bit % 8
        shard.write_bytes(raw)
        try:
            found = FeatureStore.open(tmp_path / "s.zarr").read_all(stored=True)
        except DataError:
            refused += 1
        else:
            np.testing.assert_array_equal(found, values)
    assert refused > 0.95 * 8 * len(whole)
    for keep in range(len(whole)):
        shard.write_bytes(whole[:keep])
        with pytest.raises(DataError):
            FeatureStore.open(tmp_path / "s.zarr").read_all()
