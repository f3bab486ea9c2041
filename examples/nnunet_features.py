"""Features from the network of an nnU-Net plan, without nnU-Net itself.

    pip install dynamic-network-architectures
    NNUNET_PLANS=nnUNetPlans.json rarecase extract DATA --network nnunet_features:network \
        --weights fold_0.safetensors --depth 64 --block encoder.stages.4 --pool mean --out f.zarr

Start it where this file lies. NNUNET_PLANS is the plan that nnU-Net v2 wrote for the data set;
NNUNET_CONFIGURATION is one of its configurations (3d_fullres, or 2d without --depth),
NNUNET_CLASSES how many its labels are, background among them, NNUNET_CHANNELS how many it takes.
Weights: `network_weights` of a checkpoint of nnU-Net's, saved alone (`torch.save(torch.load(
"checkpoint_final.pth", weights_only=False)["network_weights"], "fold_0.pth")`, for files that you
trust).
"""

import json
import os
import pydoc
from pathlib import Path
from typing import Any

from torch import nn


def network() -> nn.Module:
    """The architecture that the plan describes, its classes imported by name."""
    plans = json.loads(Path(os.environ["NNUNET_PLANS"]).read_text(encoding="utf-8"))
    configuration = os.environ.get("NNUNET_CONFIGURATION", "3d_fullres")
    chosen = plans["configurations"][configuration]["architecture"]
    arguments: dict[str, Any] = dict(chosen["arch_kwargs"])
    for name in chosen["_kw_requires_import"]:
        if arguments[name] is not None:
            arguments[name] = pydoc.locate(arguments[name])
    make: Any = pydoc.locate(chosen["network_class_name"])
    return make(
        input_channels=int(os.environ.get("NNUNET_CHANNELS", "1")),
        num_classes=int(os.environ.get("NNUNET_CLASSES", "2")),
        deep_supervision=False, **arguments,
    )  # fmt: skip
