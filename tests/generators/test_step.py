"""A step in pieces is the step in whole, up to the order in which numbers are added."""

import copy

import pytest
import torch
from lightning_fabric import Fabric

from rarecase.generators.networks_conv import ConvDiscriminator, ConvGenerator
from rarecase.generators.step import LEAN_ABOVE, Pair, piece_size, take_step

SHAPE, BATCH, NOISE = (3, 9, 9), 7, 5


def make_pair(networks, piece):
    g, d = copy.deepcopy(networks)
    fabric = Fabric(accelerator="cpu", devices=1)
    optimizers = [torch.optim.SGD(net.parameters(), lr=0.1) for net in (g, d)]
    g_wrapped, g_optimizer = fabric.setup(g, optimizers[0])
    d_wrapped, d_optimizer = fabric.setup(d, optimizers[1])
    return Pair(fabric, g_wrapped, d_wrapped, g_optimizer, d_optimizer, piece), g, d


@pytest.fixture
def networks():
    return (
        ConvGenerator(SHAPE, 2, width=4, noise=NOISE).double(),
        ConvDiscriminator(SHAPE, 2, width=4).double(),
    )


@pytest.mark.parametrize("piece", [1, 3, 7, 50])
def test_pieces_change_nothing(networks, piece):
    real = torch.rand(BATCH, *SHAPE, dtype=torch.float64)
    label, asked = torch.randint(2, (2, BATCH))
    z = torch.randn(BATCH, NOISE, dtype=torch.float64)
    results = []
    for size in (None, piece):
        pair, g, d = make_pair(networks, size)
        sums = [take_step(pair, real, label, z, asked) for _ in range(3)]
        results.append((torch.stack(sums), g.state_dict(), d.state_dict()))
    (whole, g_whole, d_whole), (cut, g_cut, d_cut) = results
    assert torch.allclose(whole, cut, atol=1e-5)
    for one, other in ((g_whole, g_cut), (d_whole, d_cut)):
        for name, tensor in one.items():
            assert torch.allclose(tensor.double(), other[name].double(), atol=1e-9), name


def test_running_statistics_see_each_batch_once(networks):
    pair, g, _ = make_pair(networks, 2)
    real = torch.rand(BATCH, *SHAPE, dtype=torch.float64)
    label = torch.zeros(BATCH, dtype=torch.long)
    z = torch.randn(BATCH, NOISE, dtype=torch.float64)
    take_step(pair, real, label, z, label)
    assert {int(norm.num_batches_tracked) for norm in g.norms} == {1}
    assert all(norm.track_running_stats for norm in g.norms)


def test_only_large_maps_are_cut():
    def size(shape, width, **more):
        with torch.device("meta"):
            pair = ConvGenerator(shape, 2, width=width), ConvDiscriminator(shape, 2, width=width)
        return piece_size(*pair, batch=16, **more)

    assert size((1024, 15, 15), 512) is None  # the paper's
    assert size((128, 120, 120), 64) == 7
    assert size((128, 120, 120), 512) == 3
    assert size((128, 120, 120), 512, device="cuda") is None
    assert LEAN_ABOVE["cuda"] > LEAN_ABOVE["cpu"]
