import pytest
import torch

from rarecase.checkpoint import load_tensors, load_training, save_tensors, save_training
from rarecase.errors import DataError


def step(net, optimizer):
    optimizer.zero_grad()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    net(x.contiguous(memory_format=torch.channels_last)).square().mean().backward()
    optimizer.step()


@pytest.mark.parametrize("fused", [False, True])
def test_training_goes_on_with_the_same_bits_whatever_the_memory_layout(tmp_path, fused):
    def new(seed):
        torch.manual_seed(seed)
        net = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        return net, torch.optim.Adam(net.parameters(), lr=0.1, fused=fused)

    net, adam = new(0)
    for _ in range(3):
        step(net, adam)
    save_training(tmp_path / "c", modules={"n": net}, optimizers={"a": adam}, meta={"epoch": 3})
    again, adam_again = new(1)
    meta = load_training(tmp_path / "c", modules={"n": again}, optimizers={"a": adam_again})
    assert meta == {"epoch": 3}
    for _ in range(3):
        step(net, adam)
        step(again, adam_again)
    assert torch.equal(net.weight, again.weight)


def test_tensors_and_meta_survive(tmp_path):
    tensors = {"a": torch.arange(6).reshape(2, 3).t(), "b": torch.tensor(1.5)}
    save_tensors(tmp_path / "t", tensors, meta={"list": [1, None]})
    back, meta = load_tensors(tmp_path / "t")
    assert meta == {"list": [1, None]}
    assert all(torch.equal(tensors[k], back[k]) for k in tensors)


def test_broken_files_are_named(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load_tensors(tmp_path / "none")
    (tmp_path / "bad").write_bytes(b"\x80\x04pickle?")
    with pytest.raises(DataError, match="bad: not a safetensors file"):
        load_tensors(tmp_path / "bad")
