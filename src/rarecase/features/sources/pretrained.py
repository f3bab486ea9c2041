"""`network:NAME`: what a pre-trained network sees in the tumour's crop and in the whole slice."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import lightning_fabric
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from rarecase.ahead import ahead
from rarecase.checkpoint import load_tensors, save_tensors
from rarecase.cohort.cache import case_rows
from rarecase.cohort.case import Cohort
from rarecase.errors import DataError, LeakError, SettingError
from rarecase.features.columns import Columns
from rarecase.features.feature_set import WHOLE, outlined, rows_that_count
from rarecase.features.sources.contract import Source, SourceData
from rarecase.features.sources.network import (
    Tap,
    feeds,
    load_network,
    pooled,
    takes_volumes,
    wanted_channels,
)
from rarecase.features.sources.networks import PREDEFINED, Network, lacking, network_named
from rarecase.features.sources.views import VIEWS, slice_views, volume_views, with_tissue
from rarecase.seeds import torch_seeded
from rarecase.segmenter.batches import in_order
from rarecase.segmenter.unet import UNet

log = logging.getLogger(__name__)

MOST = 16  # slices of a volume
BATCH = 16  # images
WEIGHTS = "network.safetensors"


class Pretrained(Source):
    """Vectors of the slices that count: crop and whole slice, each averaged over space, joined.

    It learns nothing. A slice counts where its mask is not empty; of a patient without any mask,
    and where masks are not used, those that hold tissue. Of a volume at most 16 are taken, evenly
    spaced: slices of 1 mm show nearly the same as their neighbours, and of a tumour of 6 cm the 16
    lie 4 mm apart, closer than those of most clinical scans. Pictures are all taken, since each may
    be scored. With `depth` a case is one sample. Batches never mix cases: a case's features do not
    depend on who else is there.

    As many channels as the network has inputs go in as they are; one is repeated; otherwise each
    goes in by itself, repeated, and the features are joined.
    """

    exact: ClassVar[bool] = True
    tried: ClassVar[bool] = True

    def __init__(self, name: str, networks: Mapping[str, Network] | None = None) -> None:
        self.name, self._networks = name, networks
        self._called = name.partition(":")[2]

    @cached_property
    def network(self) -> Network:
        """What is known of the network; `SettingError` where it has no such name."""
        return network_named(self._called, self._networks)

    @cached_property
    def net(self) -> nn.Module:
        """The network with its weights."""
        return loaded(self.network)[0]

    def shape(self, net: UNet, *, sides: Sequence[int]) -> tuple[int, ...]:
        return (len(VIEWS) * 1280,)

    def lacking(self, cohort: Cohort) -> str | None:
        return lacking(self._called, self._networks)

    def facts(self, cohort: Cohort) -> list[Any]:
        """The settings, and the weights by what is in them, wherever they lie."""
        return [self.network.model_dump(exclude={"weights"}), loaded(self.network)[1]]

    def fit(self, data: SourceData, *, seed: int) -> Self:
        """Nothing; `LeakError` where the network has learnt from patients who are tested."""
        tested = data.rows.loc[data.rows["part"] == "test", "patient"]
        if both := sorted(set(tested) & set(self.network.seen)):
            raise LeakError(
                f"features {self.name!r}: the network has learnt from {len(both)} of the patients "
                f"it would be judged on ({', '.join(both[:5])}{', …' if both[5:] else ''}). Take "
                "one that has not, or leave them out (cohort.exclude)."
            )
        return self

    def seen(self, data: SourceData) -> frozenset[str]:
        return super().seen(data).union(self.network.seen)

    def rows(self, data: SourceData) -> pd.DataFrame:
        data = data.unchanged  # a copy of a patient is of the same slices
        about = outlined(data.rows, data.masks)
        if self.network.depth is not None:
            return case_rows(about).assign(slice=WHOLE)
        found = []
        for case, mine in about[rows_that_count(about)].groupby("case", sort=False):
            if data.masks == "whole" or not mine["predicted"].any():
                mine = mine[with_tissue(data.cache.images[mine["row"].to_numpy()])]
            if not data.flat(str(case)) and len(mine) > MOST:
                mine = mine.iloc[np.linspace(0, len(mine) - 1, MOST).round().astype(int)]
            found.append(mine)
        return pd.concat(found, ignore_index=True)

    def columns(self, data: SourceData) -> Columns:
        channels, fed = data.cache.channels, feeds(self.net, len(data.cache.channels))
        depth, side = self.network.depth, self.network.size
        blank = np.zeros((1, len(fed[0]), *([depth] if depth else []), side, side), np.float32)
        width = self._embed(self._tap(data.fabric), blank, data.fabric).shape[1]
        names = [
            f"{channels[feed[0]]}_{view}_{i}" if len(fed) > 1 else f"{view}_{i}"
            for feed in fed for view in VIEWS for i in range(width)
        ]  # fmt: skip
        return Columns.of(len(names), names=names)

    def batches(self, data: SourceData) -> Iterator[np.ndarray]:
        tap, size = self._tap(data.fabric), self.network.size
        fed = feeds(self.net, len(data.cache.channels))
        each = self.rows(data).groupby("case", sort=False)["slice"]
        wanted = {str(case): numbers.tolist() for case, numbers in each}
        for case, groups in ahead(data.originals, wanted, workers=1):
            masks = data.masks_on(case, groups)
            if self.network.depth is None:
                views = slice_views(groups, masks, wanted[case], size=size)
            else:
                views = volume_views(groups, masks, size=size, depth=self.network.depth)
            found = [
                self._embed(tap, views[:, view][:, feed], data.fabric)
                for feed in fed for view in range(len(VIEWS))
            ]  # fmt: skip
            yield np.concatenate(found, axis=1)

    def save(self, folder: Path) -> None:
        super().save(folder)
        tensors = {name: values.clone() for name, values in self.net.state_dict().items()}
        meta = {"network": self.network.model_dump(exclude={"weights"})}
        save_tensors(folder / WEIGHTS, tensors, meta=meta)

    def load(self, folder: Path) -> Self:
        tensors, meta = load_tensors(folder / WEIGHTS)
        self.network = Network(**meta["network"])
        known = [*PREDEFINED.values(), *(self._networks or {}).values()]
        if (self.network.make, self.network.arguments) not in [
            (n.make, n.arguments) for n in known
        ]:
            raise DataError(
                f"{folder}: its network is made by {self.network.make!r}, and code that a file "
                "names is not run. Name it yourself: predict from the run whose settings do "
                "(networks), or rarecase.load_model(FOLDER, networks={NAME: Network(make=…)})."
            )
        self.net = make(self.network)
        self.net.load_state_dict(tensors)
        return self

    def _tap(self, fabric: lightning_fabric.Fabric) -> nn.Module:
        tap: nn.Module = fabric.setup_module(Tap(self.net, self.network.block)).eval()
        return tap

    @torch.no_grad()
    def _embed(
        self, tap: nn.Module, images: NDArray[np.float32], fabric: lightning_fabric.Fabric
    ) -> NDArray[np.float32]:
        """Vectors (n, d) of images (n, inputs, [depth,] size, size) of 0 to 1."""
        axes = (-1, *(1,) * (images.ndim - 2))
        mean, std = (torch.tensor(v).reshape(axes) for v in (self.network.mean, self.network.std))
        found = []
        for part in in_order(np.arange(len(images)), size=BATCH):
            ready = (torch.from_numpy(images[part]) - mean) / std
            found.append(pooled(tap(fabric.to_device(ready)), None).float().cpu().numpy())
        return np.concatenate(found)


def make(network: Network, *, weights: Path | None = None) -> nn.Module:
    """The network in evaluation mode; weights that nothing is said of are drawn, always the same.

    Raises `SettingError` where a mean or deviation is missing, or the depth of one in 3-D.
    """
    with torch_seeded(0, "network"):
        net = load_network(network.make, weights=weights, arguments=network.arguments)
    if network.depth is None and takes_volumes(net):
        raise SettingError(
            f"network {network.make!r}: takes volumes (it has 3-D convolutions): set its depth, "
            "the number of slices that each case is brought to."
        )
    inputs = wanted_channels(net)
    for name, values in (("mean", network.mean), ("std", network.std)):
        if inputs is not None and len(values) not in (1, inputs):
            raise SettingError(
                f"network {network.make!r}: {name} has {len(values)} numbers for {inputs} "
                "input(s): give one, or one for each."
            )
    return net


def loaded(network: Network) -> tuple[nn.Module, str]:
    """The network with its weights, and a digest of those; loaded once per process."""
    weights = Path(network.weights) if network.weights else None
    stat = weights.stat() if weights is not None and weights.is_file() else None
    return _loaded(network.model_dump_json(), stat and (stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=4)
def _loaded(text: str, stamp: tuple[int, int] | None) -> tuple[nn.Module, str]:
    network = Network.model_validate_json(text)
    net = make(network, weights=Path(network.weights) if network.weights else None)
    if network.weights is None and network not in PREDEFINED.values():
        log.warning(
            "network %s has no weights: unless it loads some, they are random, and so are its "
            "features", network.make,
        )  # fmt: skip
    found = hashlib.sha256()
    for name, values in sorted(net.state_dict().items()):
        found.update(repr((name, values.dtype, tuple(values.shape))).encode())
        found.update(values.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return net, found.hexdigest()
