"""Where a U-Net starts from: the one that comes with the package, another, or random weights."""

from __future__ import annotations

from pathlib import Path

from rarecase.errors import SettingError

NETWORKS = {
    "unet": "rarecase.segmenter.unet:UNet",
}
"""Every segmentation network by its name, a line each."""
ARGUMENTS = ("width", "depth", "norm", "dimensions")
"""What, besides its name, makes a network's architecture."""
PRETRAINED, NONE = "pretrained", "none"
TISSUE = "tissue"
"""How slices are normalised that the U-Net of the package has learnt from."""
WEIGHTS = Path(__file__).with_name("weights")
"""The U-Net that comes with the package, made by `tools/pretrain.py`."""


def initial(init: str | None) -> Path | None:
    """The weights that `init` names; None: random ones.

    >>> initial("none") is initial(None) is None
    True
    """
    if init in (None, NONE):
        return None
    return WEIGHTS if init == PRETRAINED else Path(str(init))


def check_initial(init: str | None, *, normalise: str) -> None:
    """Refuse what the network that comes with the package cannot be fed."""
    if init == PRETRAINED and normalise != TISSUE:
        raise SettingError(
            "segmenter.init=pretrained has learnt from slices normalised by their tissue, and "
            f"slices.normalise is {normalise!r}: set slices.normalise=tissue, or "
            "segmenter.init=none."
        )
