"""Moments in files are the same numbers, and survive a checkpoint."""

import copy

import pytest
import torch

from rarecase.checkpoint import load_training, save_training
from rarecase.generators.acgan_step import PagedMoments


def trained(steps, *, paged, start=None, state=None, folder=None):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    net(torch.zeros(1, 2, 6, 6))
    adam = torch.optim.Adam(net.parameters(), lr=0.1, fused=True)
    if state is not None:
        load_training(state, modules={"net": net}, optimizers={"adam": adam})
    moments = PagedMoments([adam], folder=folder) if paged else None
    for step in range(start or 0, steps):
        torch.manual_seed(100 + step)
        net(torch.randn(5, 2, 6, 6)).square().mean().backward()
        adam.step()
        if moments is not None:
            moments.release()
        adam.zero_grad()
    return net, adam


def test_paged_steps_are_the_plain_ones_to_the_bit(tmp_path):
    plain, _ = trained(5, paged=False)
    paged, adam = trained(5, paged=True, folder=tmp_path)
    for one, other in zip(plain.parameters(), paged.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not list(tmp_path.iterdir())  # the files have no name
    weight = next(iter(adam.state))
    assert adam.state[weight]["exp_avg"].stride() == weight.stride()


def test_a_checkpoint_of_paged_moments_goes_on_to_the_same_bits(tmp_path):
    whole, _ = trained(6, paged=False)
    half, adam = trained(3, paged=True)
    file = tmp_path / "t.safetensors"
    save_training(file, modules={"net": half}, optimizers={"adam": adam}, meta=0)
    before = copy.deepcopy(half.state_dict())
    rest, _ = trained(6, paged=True, start=3, state=file)
    assert not torch.equal(before["0.weight"], rest.state_dict()["0.weight"])
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, rest.state_dict()[name]), name


def test_a_full_disk_is_said(monkeypatch):
    def full(descriptor, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        trained(1, paged=True)
