"""Versions of what a result was computed with."""

from __future__ import annotations

import platform
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = {
    "rarecase": "rarecase",
    "torch": "torch",
    "lightning-fabric": "lightning_fabric",
    "numpy": "numpy",
    "scipy": "scipy",
    "scikit-learn": "sklearn",
    "imbalanced-learn": "imblearn",
    "pandas": "pandas",
    "zarr": "zarr",
    "nibabel": "nibabel",
    "SimpleITK": "SimpleITK",
    "pydicom": "pydicom",
    "highdicom": "highdicom",
    "nilearn": "nilearn",
    "scikit-image": "skimage",
    "matplotlib": "matplotlib",
}
"""Distributions and the modules they are imported as."""


def installed() -> dict[str, str]:
    """The version of every one of `LIBRARIES` that is installed, and of Python.

    >>> "numpy" in installed(), "Python" in installed()
    (True, True)
    """
    return _versions(LIBRARIES)


def loaded() -> dict[str, str]:
    """The same of those that this process has imported: others had no part in what it did.

    >>> set(loaded()) <= set(installed())
    True
    """
    return _versions({name: module for name, module in LIBRARIES.items() if module in sys.modules})


def _versions(names: dict[str, str]) -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in names:
        with suppress(PackageNotFoundError):  # run from a checkout that is not installed
            found[name] = version(name)
    return found
