"""Other people's pickles: arrays come through, everything else is refused before it runs."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch

from rarecase.errors import DataError
from rarecase.restricted import read_npz, read_state_dict


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def npz_with_pickle(path, content, *, protocol=3):
    """An `.npz` whose one member is an object array with this pickle."""
    member = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": (1,)}
    np.lib.format.write_array_header_1_0(member, header)
    member.write(pickle.dumps(content, protocol=protocol))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("params.npy", member.getvalue())


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(3, 3, 2, 4)).astype("f4"), np.zeros(4, "f4"), np.float64([[1.5]])]


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_arrays_in_object_arrays_come_through(tmp_path, arrays, protocol):
    content = np.empty(len(arrays), dtype=object)
    content[:] = arrays
    npz_with_pickle(tmp_path / "m.npz", content, protocol=protocol)
    found = read_npz(tmp_path / "m.npz")["params"]
    for got, put in zip(found, arrays, strict=True):
        assert got.dtype == put.dtype
        np.testing.assert_array_equal(got, put)


def test_what_numpy_itself_writes_is_read(tmp_path, arrays):
    content = np.empty(len(arrays), dtype=object)
    content[:] = arrays
    np.savez(tmp_path / "objects.npz", params=content)
    np.savez_compressed(tmp_path / "plain.npz", **{str(i): a for i, a in enumerate(arrays)})
    for name in ("objects", "plain"):
        found = read_npz(tmp_path / f"{name}.npz")
        listed = found["params"] if name == "objects" else [found[str(i)] for i in range(3)]
        for got, put in zip(listed, arrays, strict=True):
            np.testing.assert_array_equal(got, put)


def test_fortran_order_is_kept(tmp_path):
    values = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.savez(tmp_path / "f.npz", a=values)
    np.testing.assert_array_equal(read_npz(tmp_path / "f.npz")["a"], values)


def test_a_malicious_npz_is_refused_and_nothing_runs(tmp_path):
    mark = tmp_path / "ran"
    npz_with_pickle(tmp_path / "evil.npz", Evil(f"touch {mark}"))
    with pytest.raises(DataError, match=r"evil\.npz: params\.npy .*system, which is refused"):
        read_npz(tmp_path / "evil.npz")
    assert not mark.exists()


@pytest.mark.parametrize(
    "reduced",
    [
        (np.ndarray(0).__reduce__()[0], (object, (0,), b"b")),
        (eval, ("1 + 1",)),
        (getattr, ("text", "upper")),
        (np.load, ("x.npy",)),
        (np.ndarray, ((10**6, 10**6),)),
    ],
    ids=["reconstruct of another kind", "eval", "getattr", "numpy.load", "memory"],
)
def test_other_ways_in_are_refused(tmp_path, reduced):
    class Other:
        def __reduce__(self):
            return reduced

    npz_with_pickle(tmp_path / "evil.npz", Other())
    with pytest.raises(DataError, match="refused unread"):
        read_npz(tmp_path / "evil.npz")


def test_damaged_and_foreign_files_are_named(tmp_path):
    path = tmp_path / "m.npz"
    with pytest.raises(DataError, match="no such file"):
        read_npz(path)
    path.write_bytes(b"not a zip")
    with pytest.raises(DataError, match=r"m\.npz: not an \.npz file"):
        read_npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00garbage")
    with pytest.raises(DataError, match=r"a\.npy is damaged"):
        read_npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", b"hello")
    with pytest.raises(DataError, match=r"'a\.txt', expected \.npy"):
        read_npz(path)


def test_state_dicts_are_found_where_scripts_put_them(tmp_path):
    state = {"a.weight": torch.ones(2)}
    for name, content in (
        ("plain", state),
        ("nested", {"epoch": 3, "state_dict": state}),
        ("lightning", {"model": state, "loss": 0.1}),
    ):
        torch.save(content, tmp_path / f"{name}.pth")
        found = read_state_dict(tmp_path / f"{name}.pth")
        assert list(found) == ["a.weight"]
        assert torch.equal(found["a.weight"], state["a.weight"])


def test_a_malicious_pth_is_refused_and_nothing_runs(tmp_path):
    mark = tmp_path / "ran"
    torch.save({"w": torch.ones(1), "x": Evil(f"touch {mark}")}, tmp_path / "evil.pth")
    with pytest.raises(DataError, match=r"evil\.pth: .* refused unread"):
        read_state_dict(tmp_path / "evil.pth")
    assert not mark.exists()


def test_a_whole_model_says_how_to_save_it(tmp_path):
    torch.save(torch.nn.Linear(1, 1), tmp_path / "model.pth")
    with pytest.raises(DataError, match=r"torch\.save\(model\.state_dict"):
        read_state_dict(tmp_path / "model.pth")


def test_files_that_hold_no_weights(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_state_dict(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(DataError, match=r"text\.pth"):
        read_state_dict(tmp_path / "text.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(DataError, match="expected a state dict, got a list"):
        read_state_dict(tmp_path / "list.pth")
    torch.save({"epoch": 1}, tmp_path / "empty.pth")
    with pytest.raises(DataError, match="holds no tensors"):
        read_state_dict(tmp_path / "empty.pth")
