"""Imported networks compute what they computed where they came from."""

import numpy as np
import pytest
import torch

from rarecase.errors import DataError, SettingError
from rarecase.segmenter import UNet
from rarecase.segmenter.foreign import layer_names, read_pytorch, read_tensorlayer

DEPTH, WIDTH, CHANNELS = 2, 3, 4


def tf_conv(maps, kernel, bias):
    """TensorFlow's conv2d, SAME, stride 1: maps (h, w, in), kernel (k, k, in, out)."""
    size = kernel.shape[0]
    edge = size // 2
    padded = np.pad(maps, ((edge, edge), (edge, edge), (0, 0)))
    out = np.zeros((*maps.shape[:2], kernel.shape[3]))
    for y in range(size):
        for x in range(size):
            out += padded[y : y + maps.shape[0], x : x + maps.shape[1]] @ kernel[y, x]
    return out + bias


def tf_conv_transpose(maps, kernel, bias):
    """TensorFlow's conv2d_transpose, SAME, stride 2: the gradient of the strided convolution that
    pads one row at the end. maps (h, w, in), kernel (3, 3, out, in)."""
    height, width, _ = maps.shape
    out = np.zeros((2 * height + 1, 2 * width + 1, kernel.shape[2]))
    for y in range(3):
        for x in range(3):
            out[y : y + 2 * height : 2, x : x + 2 * width : 2] += maps @ kernel[y, x].T
    return out[:-1, :-1] + bias


def tensorlayer_unet(image, arrays):
    """The example network of TensorLayer on one image (h, w, c), from its list of parameters."""
    left = iter(arrays)

    def take(layer, maps):
        return layer(maps, next(left), next(left))

    def relu(maps):
        return np.maximum(maps, 0)

    skips, maps = [], image
    for _ in range(DEPTH):
        maps = relu(take(tf_conv, relu(take(tf_conv, maps))))
        skips.append(maps)
        height, width, channels = maps.shape
        maps = maps.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))
    maps = relu(take(tf_conv, relu(take(tf_conv, maps))))
    for skip in reversed(skips):
        up = take(tf_conv_transpose, maps)
        maps = np.concatenate([up, skip], axis=-1)
        maps = relu(take(tf_conv, relu(take(tf_conv, maps))))
    return 1 / (1 + np.exp(-take(tf_conv, maps)))


def tensorlayer_arrays(seed=0):
    """Parameters in the order of the layers, in TensorFlow's shapes."""
    rng = np.random.default_rng(seed)
    widths = [WIDTH * 2**level for level in range(DEPTH + 1)]
    shapes, inputs = [], CHANNELS
    for width in widths:
        shapes += [(3, 3, inputs, width), (3, 3, width, width)]
        inputs = width
    for width in reversed(widths[:-1]):
        shapes += [(3, 3, width, 2 * width), (3, 3, 2 * width, width), (3, 3, width, width)]
    shapes.append((1, 1, WIDTH, 1))
    arrays = []
    for place, shape in enumerate(shapes):
        after_encoder = place - 2 * (DEPTH + 1)
        transposed = after_encoder >= 0 and after_encoder % 3 == 0 and shape[0] > 1
        bias = shape[2] if transposed else shape[3]
        arrays += [rng.normal(0, 0.4, shape).astype("f4"), rng.normal(0, 0.4, bias).astype("f4")]
    return arrays


def object_array(arrays):
    content = np.empty(len(arrays), dtype=object)
    content[:] = arrays
    return content


@pytest.fixture
def image():
    return np.random.default_rng(1).normal(size=(8, 12, CHANNELS)).astype("f4")


@pytest.mark.parametrize("kind", ["list", "dict"])
def test_an_npz_of_tensorlayer_computes_what_it_did_there(tmp_path, image, kind):
    arrays = tensorlayer_arrays()
    path = tmp_path / "u_net.npz"
    if kind == "list":
        np.savez(path, params=object_array(arrays))
    else:
        np.savez(path, **{str(i): array for i, array in enumerate(arrays)})
    net = read_tensorlayer(path)
    assert (net.in_channels, net.width, net.depth) == (CHANNELS, WIDTH, DEPTH)
    with torch.no_grad():
        ours = net(torch.from_numpy(image).permute(2, 0, 1)[None]).sigmoid()[0, 0]
    theirs = tensorlayer_unet(image.astype("f8"), arrays)[..., 0]
    assert theirs.std() > 0.01
    np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-5)


def test_the_order_is_the_networks_own():
    assert len(layer_names(4)) == 23
    state = UNet(in_channels=4, width=2, depth=4).state_dict()
    assert {name.rpartition(".")[0] for name in state} == set(layer_names(4))


def test_a_wrong_shape_names_the_layer(tmp_path):
    arrays = tensorlayer_arrays()
    arrays[12] = arrays[12][:, :, :2]
    np.savez(tmp_path / "m.npz", params=object_array(arrays))
    expected = r"array 12, the weight of layer upsamplings\.1, .* expected \(3, 3, 6, 12\)"
    with pytest.raises(DataError, match=expected):
        read_tensorlayer(tmp_path / "m.npz")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"params": object_array(tensorlayer_arrays()[:-1])}, "25 arrays; the paper's U-Net has"),
        ({"weights": np.zeros(3)}, "holds weights; expected TensorLayer's 'params'"),
        ({"params": object_array([np.arange(3)] * 16)}, "array 0 is int64"),
        ({"params": object_array([np.zeros(3)] * 16)}, r"array 0 has shape \(3,\)"),
    ],
)
def test_other_content_is_said(tmp_path, members, message):
    np.savez(tmp_path / "m.npz", **members)
    with pytest.raises(DataError, match=message):
        read_tensorlayer(tmp_path / "m.npz")


@pytest.fixture(params=["none", "batch"])
def net(request):
    made = UNet(in_channels=2, width=3, depth=2, norm=request.param)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean)
    return made.eval()


def same(a, b):
    images = torch.randn(1, 2, 8, 8)
    with torch.no_grad():
        return torch.equal(a(images), b.eval()(images))


@pytest.mark.parametrize("prefix", ["", "module.", "net.unet."])
def test_a_state_dict_with_our_names_needs_no_map(tmp_path, net, prefix):
    torch.save({f"{prefix}{k}": v for k, v in net.state_dict().items()}, tmp_path / "m.pth")
    assert same(net, read_pytorch(tmp_path / "m.pth", norm=net.norm))


def test_a_map_of_names(tmp_path, net):
    names = {ours: f"layer{i}" for i, ours in enumerate(net.state_dict())}
    torch.save({names[k]: v for k, v in net.state_dict().items()}, tmp_path / "m.pth")
    assert same(net, read_pytorch(tmp_path / "m.pth", names=names, norm=net.norm))
    with pytest.raises(DataError, match=r"no tensor 'layr0' \(did you mean 'layer0'\?\)"):
        read_pytorch(tmp_path / "m.pth", names={"head.bias": "layr0"})


def test_in_order_pairs_tensors_as_the_data_flow(tmp_path, net):
    state = net.state_dict()
    parts = ["encoders.0", "encoders.1", "bottleneck", "upsamplings.1", "decoders.1",
             "upsamplings.0", "decoders.0", "head"]  # fmt: skip
    flow = [name for part in parts for name in state if name.startswith(part)]
    assert len(flow) == len(state)
    torch.save({f"x{i:02}": state[name] for i, name in enumerate(flow)}, tmp_path / "m.pth")
    assert same(net, read_pytorch(tmp_path / "m.pth", names="in-order", norm=net.norm))


def test_what_decoders_expect_first_can_be_said(tmp_path, net):
    state = dict(net.state_dict())
    for level in range(2):
        key = f"decoders.{level}.0.weight"
        skip, up = state[key].chunk(2, dim=1)
        state[key] = torch.cat([up, skip], dim=1)
    torch.save(state, tmp_path / "m.pth")
    assert same(net, read_pytorch(tmp_path / "m.pth", joins="up-first", norm=net.norm))
    assert not same(net, read_pytorch(tmp_path / "m.pth", norm=net.norm))
    with pytest.raises(SettingError, match="skip-first or up-first"):
        read_pytorch(tmp_path / "m.pth", joins="up")


def test_other_tensors_are_listed_beside_ours(tmp_path):
    torch.save({"conv.weight": torch.zeros(3, 2, 3, 3)}, tmp_path / "m.pth")
    with pytest.raises(DataError, match=r"encoders\.0\.0\.weight .* has: conv\.weight .*--names"):
        read_pytorch(tmp_path / "m.pth")
    state = UNet(in_channels=2, width=3, depth=2).state_dict()
    state["head.bias"] = torch.zeros(2)
    torch.save(state, tmp_path / "n.pth")
    with pytest.raises(DataError, match=r"Expected: head\.bias \(1,\).* has: head\.bias \(2,\)"):
        read_pytorch(tmp_path / "n.pth")
