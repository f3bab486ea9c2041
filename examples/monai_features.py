"""Features of MONAI's 3-D UNet, one vector a case, and what they are worth for the rare class.

Any network does: name a function that makes it, its weights, and the layer. Here the cohort is
simulated and the weights are random, so that it runs in seconds; the command line says the same as
`rarecase extract DATA --network monai.networks.nets:UNet …`.

    python examples/monai_features.py
"""

import tempfile
from pathlib import Path

from monai.networks.nets import UNet
from safetensors.torch import save_file

from rarecase import simulate_cohort
from rarecase.cli.main import main

SHAPE = {
    "spatial_dims": 3, "in_channels": 4, "out_channels": 1, "channels": [8, 16, 32],
    "strides": [2, 2],
}  # fmt: skip

with tempfile.TemporaryDirectory() as place:
    data, weights, features = (Path(place) / n for n in ("data", "w.safetensors", "features.zarr"))
    simulate_cohort(data, patients={"HGG": 12, "LGG": 12}, size=48, slices=12)
    save_file(UNet(**SHAPE).state_dict(), weights)
    network = [
        "extract", str(data), "--network", "monai.networks.nets:UNet", "--weights", str(weights),
        "--network-args", ", ".join(f"{name}: {value}" for name, value in SHAPE.items()),
        "--depth", "12", "--slices.size", "48",
    ]  # fmt: skip
    main([*network, "--list-blocks"])
    main([*network, "--block", "model.1.submodule.0", "--pool", "mask", "--out", str(features)])
    main(["compare", str(features), "--arms", "threshold,smote,gaussian", "--repeats", "1"])
