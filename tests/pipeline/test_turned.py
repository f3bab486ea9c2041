"""A scan turned out of its axes, with longer voxels: its mask is that of the original.

The network here calls tumour what is bright, and nothing else, so that what is measured is the
geometry: straightened, fitted, outlined, carried back.
"""

import nibabel as nib
import numpy as np
import pytest
import torch
from turned_copies import dice_at, turned

from rarecase.deploy.final import Final
from rarecase.deploy.model import Deployed
from rarecase.deploy.predict import predict_images
from rarecase.experiment.classifiers.logistic import Logistic
from rarecase.features.columns import Columns
from rarecase.features.sources.registry import source_of
from rarecase.features.standardise import Space
from rarecase.segmenter import Segmenter, UNet

SPACING = (1.0, 1.0, 2.0)


@pytest.fixture(scope="module")
def model():
    net = UNet(in_channels=1, width=1, depth=1)
    with torch.no_grad():
        for weight in net.parameters():
            weight.zero_()
        for block in (net.encoders[0], net.decoders[0]):
            for convolution in (block[0], block[2]):
                convolution.weight[0, 0, 1, 1] = 1.0  # passes on what comes in
        net.head.weight.fill_(40.0)
        net.head.bias.fill_(-40.0 * 0.65)
    card = {
        "classes": ["HGG", "LGG"], "rare": "LGG", "threshold": 0.5, "unit": "patients",
        "channels": ["flair"], "size": 128, "normalise": "none", "skip_empty": False,
        "pixel": None, "usual_pixel": 1.0, "flips": False, "planes": 32, "arm": "none",
        "ranges": {"pixel": [0.9, 1.1], "step": [1.5, 4.5], "lowest": 0.0},
        "evidence": {"verdicts": [], "scores": {}, "patients": 0, "arm": "none", "dice": None},
        "learnt_from": {"patients": {"HGG": 1, "LGG": 1}, "slices": 2}, "version": "test",
    }  # fmt: skip
    card |= {"features": "outline_size", "masks": "predicted"}
    X = np.arange(12.0).reshape(4, 3)
    model = Logistic().fit(Space.fit(X)(X), [0, 1, 0, 1])
    final = Final(Space.fit(X), (model,), 2, Columns.of(3), {"C": 1.0, "share": 0.0})
    source = source_of("outline_size")
    return Deployed(Segmenter(net=net, channels=("flair",)), [source], final, {}, card)


def head(path, radius):
    """An ellipsoid of tissue with a bright ball of `radius` mm off its middle."""
    shape = (128, 128, 64)
    axes = (np.arange(n) * s for n, s in zip(shape, SPACING, strict=True))
    x, y, z = np.meshgrid(*axes, indexing="ij")
    tissue = ((x - 64) / 55) ** 2 + ((y - 64) / 60) ** 2 + ((z - 64) / 58) ** 2 < 1
    ball = (x - 80) ** 2 + (y - 55) ** 2 + (z - 70) ** 2 < radius**2
    values = (0.3 * tissue + 0.7 * ball).astype(np.float32)
    nib.save(nib.Nifti1Image(values, np.diag([*SPACING, 1.0])), path)
    return path


@pytest.mark.parametrize(
    ("longer", "radius", "axis", "degrees"),  # radii of 11 and 18 mm are 5.6 and 24 mL
    [
        ((2, 2, 2), 11.0, (1, 0, 0), 15),
        ((2, 2, 2), 11.0, (0, 1, 0), -15),
        ((2, 2, 2), 11.0, (0, 0, 1), 15),
        ((1, 1, 2), 11.0, (0.6, -0.8, 0), 10),
        ((1, 1, 2), 11.0, (0, 1, 0), -15),
        ((2, 2, 2), 18.0, (1, 1, 1), 4),
        ((2, 2, 2), 18.0, (1, 0, 0), 15),
    ],
)
def test_turned_with_voxels_twice_as_long(model, tmp_path, longer, radius, axis, degrees):
    scan = head(tmp_path / "scan.nii.gz", radius)
    copy = turned(scan, tmp_path / "copy.nii.gz", axis=axis, degrees=degrees, longer=longer)
    first, second = predict_images(model, [str(scan), str(copy)], out=tmp_path / "out")
    assert first.problem is second.problem is None
    truth = 4 / 3 * np.pi * radius**3 / 1000
    assert first.tumour_ml == pytest.approx(truth, rel=0.05)
    assert nib.load(second.mask).shape == nib.load(copy).shape
    assert dice_at(first.mask, second.mask) >= 0.90
