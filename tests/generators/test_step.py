"""A step in pieces is the step in whole, up to the order in which numbers are added."""

import copy
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric

from rarecase.generators.acgan_step import LEAN_ABOVE, Pair, piece_size, take_step
from rarecase.generators.networks import ConvDiscriminator, ConvGenerator

SHAPE, BATCH, NOISE = (3, 9, 9), 7, 5


def make_pair(networks, piece, *, precision="32-true"):
    g, d = copy.deepcopy(networks)
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
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


@pytest.mark.parametrize("piece", [None, 3])
def test_a_step_in_mixed_precision_is_nearly_the_step_in_full(piece):
    real, (label, asked) = torch.rand(BATCH, *SHAPE), torch.randint(2, (2, BATCH))
    z = torch.randn(BATCH, NOISE)
    networks = (
        ConvGenerator(SHAPE, 2, width=4, noise=NOISE),
        ConvDiscriminator(SHAPE, 2, width=4),
    )
    moved = []
    for precision in ("32-true", "bf16-mixed"):
        pair, g, d = make_pair(networks, piece, precision=precision)
        take_step(pair, real, label, z, asked)
        after = [*g.parameters(), *d.parameters()]
        before = [*networks[0].parameters(), *networks[1].parameters()]
        moved.append(torch.cat([(a - b).flatten() for a, b in zip(after, before, strict=True)]))
    assert moved[0].norm() > 0
    assert torch.cosine_similarity(*moved, dim=0) > 0.98


class Scaled:
    """A Fabric whose precision scales losses by 8, as float16 does on a GPU."""

    def __init__(self, fabric):
        self._fabric, self.precision = fabric, self
        self.strategy = self
        self.scaler = self

    def get_scale(self):
        return 8.0

    def backward(self, tensor, **how):
        self._fabric.backward(tensor * 8.0, **how)


def test_a_loss_is_scaled_once(networks):
    real = torch.rand(BATCH, *SHAPE, dtype=torch.float64)
    label, asked = torch.randint(2, (2, BATCH))
    z = torch.randn(BATCH, NOISE, dtype=torch.float64)
    gradients = []
    for scaled in (False, True):
        pair, g, _ = make_pair(networks, 3)
        if scaled:
            pair = replace(pair, fabric=Scaled(pair.fabric))
        seen = []
        g.last.weight.register_hook(seen.append)
        # The discriminator's step comes first, and with it another discriminator: hold it.
        pair = replace(pair, discriminator_optimizer=Still(pair.discriminator_optimizer))
        take_step(pair, real, label, z, asked)
        gradients.append(seen[0])
    assert torch.allclose(8 * gradients[0], gradients[1])


class Still:
    """An optimiser that makes no step."""

    def __init__(self, optimizer):
        self.zero_grad = optimizer.zero_grad

    def step(self):
        pass


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
