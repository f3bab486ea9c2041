import pytest
import torch

from rarecase.errors import SettingError
from rarecase.segmenter.unet import UNet, Upsampling


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def by_hand(*, inputs: int, width: int, depth: int) -> int:
    """Parameters of the paper's U-Net from its description: kernels plus biases."""

    def conv(i: int, o: int, k: int = 3) -> int:
        return i * o * k * k + o

    widths = [width * 2**level for level in range(depth + 1)]
    total, before = 0, inputs
    for channels in widths:
        total += conv(before, channels) + conv(channels, channels)
        before = channels
    for deep, wide in zip(widths[1:], widths[:-1], strict=True):
        total += conv(deep, wide) + conv(2 * wide, wide) + conv(wide, wide)
    return total + conv(width, 1, 1)


@pytest.mark.parametrize(("inputs", "width", "depth"), [(4, 64, 4), (1, 8, 4), (3, 16, 2)])
def test_has_as_many_parameters_as_the_papers_description(inputs, width, depth):
    assert count(UNet(in_channels=inputs, width=width, depth=depth)) == by_hand(
        inputs=inputs, width=width, depth=depth
    )


def test_the_papers_shapes():
    net = UNet(in_channels=4, width=4)
    shapes = {name: tuple(maps.shape[1:]) for name, maps in net.walk(torch.zeros(1, 4, 240, 240))}
    assert shapes["bottleneck"] == (64, 15, 15)
    assert shapes["dec4"] == (32, 30, 30)
    assert shapes["dec2"] == (8, 120, 120)
    assert net(torch.zeros(1, 4, 240, 240)).shape == (1, 1, 240, 240)


def test_blocks_tell_the_truth():
    net = UNet(in_channels=2, width=4, depth=3)
    for name, maps in net.walk(torch.zeros(1, 2, 32, 48)):
        block = net.block(name)
        assert maps.shape[1:] == (block.channels, 32 // block.reduction, 48 // block.reduction)


def test_features_compute_no_further_than_their_block():
    net = UNet(in_channels=1, width=4, depth=2)
    net.decoders[0].register_forward_hook(lambda *_: pytest.fail("went past the bottleneck"))
    assert net.features(torch.zeros(1, 1, 16, 16), block="bottleneck").shape == (1, 16, 4, 4)


def test_upsampling_is_tensorflows_same_transposed_convolution():
    """TF SAME, stride 2, kernel 3: output[2i + k] += input[i]·kernel[k], cut at twice the size."""
    layer = Upsampling(1, 1)
    torch.nn.init.zeros_(layer.bias)
    x = torch.randn(1, 1, 5, 4)
    kernel = layer.weight.detach()[0, 0]
    expected = torch.zeros(12, 10)
    for i in range(5):
        for j in range(4):
            expected[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += x[0, 0, i, j] * kernel
    torch.testing.assert_close(layer(x)[0, 0], expected[:10, :8])


def test_indivisible_sizes_say_which_would_do():
    with pytest.raises(SettingError, match=r"divisible by 16; got 100×120.*112×128"):
        UNet(in_channels=1, width=2)(torch.zeros(1, 1, 100, 120))


def test_wrong_channels_and_blocks_are_named():
    net = UNet(in_channels=4, width=2)
    with pytest.raises(SettingError, match=r"\(n, 4, h, w\); got \(1, 1, 16, 16\)"):
        net(torch.zeros(1, 1, 16, 16))
    with pytest.raises(SettingError, match="did you mean 'bottleneck'"):
        net.block("botleneck")
    with pytest.raises(SettingError, match="norm"):
        UNet(in_channels=1, norm="bach")  # type: ignore[arg-type]
