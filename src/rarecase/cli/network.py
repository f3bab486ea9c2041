"""extract --network: features of a cohort from any PyTorch network."""

from __future__ import annotations

import logging
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cli.arguments import add_options, read_names, refuse
from rarecase.cli.show import finish, table
from rarecase.cli.study_options import overrides_of, refuse_study
from rarecase.errors import DataError, SettingError, nearest

if TYPE_CHECKING:
    from torch import nn

    from rarecase.cohort import SliceCache

log = logging.getLogger(__name__)
EPILOG = """\
with a network of your own (these need MONAI):
  rarecase extract DATA --network monai.networks.nets:resnet18 --channels flair \\
      --network-args 'spatial_dims: 2, n_input_channels: 1' --list-blocks
  rarecase extract DATA --network monai.networks.nets:resnet18 --weights w.safetensors \\
      --network-args 'spatial_dims: 2, n_input_channels: 3' --channels flair,t1gd,t2 \\
      --block layer3 --pool mean --out resnet.zarr
  rarecase extract DATA --network monai.networks.nets:UNet --depth 32 --slices.size 96 \\
      --network-args 'spatial_dims: 3, in_channels: 4, out_channels: 1, channels: [8, 16, 32],
      strides: [2, 2]' --block model.1.submodule.1 --out unet3d.zarr
  rarecase compare resnet.zarr

The network is imported and called as it stands: run only what you trust. It is up to you to compare
on patients that it has not learnt from; name those it has with --seen-patients."""


def add_arguments(parser: ArgumentParser) -> None:
    """What `extract` takes besides a study's arguments."""
    group = parser.add_argument_group("a network of your own")
    add_options(group, (
        ("--network", "MODULE:NAME", "makes the network, or is one"),
        ("--network-args", "YAML", "keyword arguments to make it with"),
        ("--weights", "FILE", ".safetensors, or a .pth state dict"),
        ("--block", "NAME", "the layer whose features are taken"),
        ("--list-blocks", None, "list its layers, extract nothing"),
        ("--seen-patients", "FILE", "whom it has learnt from, one a line"),
    ))  # fmt: skip
    group.add_argument("--depth", type=int, metavar="N", help="3-D: a case is N slices deep")
    group.add_argument(
        "--pool", choices=("none", "mean", "mask"),
        help="maps as they are (default), their mean, or their mean under the case's mask",
    )  # fmt: skip


OPTIONS = ("--network-args", "--weights", "--block", "--list-blocks", "--seen-patients", "--depth",
           "--pool")  # fmt: skip
TAKES = ("data", "seed", "slices.", "compute.", "cohort.label", "cohort.channels", "cohort.merge",
         "cohort.exclude", "cohort.conflict", "cohort.tumour")  # fmt: skip
"""Settings that a network of one's own has a use for."""


def refuse_idle(args: Namespace) -> None:
    """Refuse what changes nothing: of a network's options without one, of a study's with one."""
    if args.network is None:
        refuse(args, OPTIONS, why="is for a network of your own: --network MODULE:NAME.")
        return
    refuse_study(args, TAKES, why="is of a study; with --network it changes nothing.")
    if args.list_blocks:
        idle = ("--block", "--pool", "--seen-patients", "--out")
        refuse(args, idle, why="is of what is written; --list-blocks writes nothing.")


def run(args: Namespace) -> int:
    """List the layers of a network, or write what one of them gives for a cohort."""
    if args.dry_run:
        raise SettingError("--dry-run is for studies; --list-blocks shows what there is here.")
    if args.data is None:
        raise SettingError("DATA is missing: the cohort whose features are wanted.")
    if not args.list_blocks and (args.block is None or args.out is None):
        raise SettingError(
            "--block and --out are needed; --list-blocks shows which blocks there are."
        )
    if args.out is not None and Path(args.out).exists():
        raise DataError(f"{args.out} exists and was not touched; choose a new name.")
    if args.depth is not None and args.depth < 1:
        raise SettingError(f"--depth {args.depth}: expected one slice or more.")
    overrides = overrides_of(args)
    from rarecase.cohort import SliceCache, cache_slices
    from rarecase.features.sources.network import check_depth, load_network
    from rarecase.pipeline.resolve import resolve
    from rarecase.pipeline.steps.cohort import load_cohort
    from rarecase.seeds import torch_seeded

    if overrides.get("slices.normalise") == "cohort":
        raise SettingError("slices.normalise=cohort needs a study; choose tissue or case.")
    file = Path(args.config) if args.config else None
    settings = resolve(preset=args.preset, file=file, overrides=overrides | {"data": args.data})
    alone = settings.slices.alone
    if settings.slices.normalise == "cohort":
        alone = "tissue"
        if "normalise" in settings.slices.model_fields_set:
            log.warning("slices.normalise is cohort, which needs a study's folds: tissue is taken.")
    with torch_seeded(settings.seed, "network"):
        net = load_network(
            args.network, weights=Path(args.weights) if args.weights else None,
            arguments=_arguments(args.network_args),
        )  # fmt: skip
    check_depth(net, args.depth)
    if not args.weights and not args.list_blocks:
        log.warning(
            "no --weights: unless %s loads some, its weights are random, and so are the features",
            args.network,
        )
    with tempfile.TemporaryDirectory() as folder:
        slices = Path(folder) / "slices"
        cache_slices(
            load_cohort(settings, Path(folder)), slices, size=settings.slices.size,
            normalise=alone, skip_empty=settings.slices.skip_empty, pixel=settings.slices.pixel,
        )  # fmt: skip
        cache = SliceCache.open(slices)
        if args.list_blocks:
            return _list(net, cache, args)
        return _extract(net, cache, args, compute=settings.compute)


def _list(net: nn.Module, cache: SliceCache, args: Namespace) -> int:
    from rarecase.features.sources.extract_network import example, matched
    from rarecase.features.sources.network import list_layers

    found = list_layers(net, example(cache, matched(net, cache.channels), depth=args.depth))
    shapes = found["shape"].map(lambda shape: "×".join(map(str, shape)))
    rows = found.assign(shape=shapes).to_numpy(object).tolist()
    heads = ["block", "kind", "features", "parameters"]
    return finish(args, found.to_dict("records"), table(args.network, heads, rows, text=2))


def _extract(net: nn.Module, cache: SliceCache, args: Namespace, *, compute: Any) -> int:
    from rarecase.features.sources.extract_network import extract_from_network
    from rarecase.pipeline.compute import make_fabric

    seen = _patients_in(Path(args.seen_patients), cache) if args.seen_patients else []
    store = extract_from_network(
        net, cache, block=args.block, out=Path(args.out), fabric=make_fabric(compute),
        depth=args.depth, pool=args.pool or "none", seen=seen,
    )  # fmt: skip
    said = {"features": store.path, "block": store.block, "samples": len(store)}
    shape = "×".join(map(str, store.shape))
    line = f"{len(store)} samples of {shape} from {store.block}: {store.path}"
    return finish(args, said | {"shape": store.shape}, line)


def _patients_in(path: Path, cache: SliceCache) -> list[str]:
    """The patients in a file, one a line; a name that nobody here bears would check nothing."""
    if not path.is_file():
        raise DataError(f"--seen-patients: {path}: no such file.")
    names, known = read_names(path), set(cache.rows["patient"])
    if unknown := [name for name in names if name not in known]:
        log.warning("--seen-patients: %d of %d are not in this cohort, such as %r",
                    len(unknown), len(names), unknown[0])  # fmt: skip
    if names and len(unknown) == len(names):
        raise DataError(
            f"--seen-patients: {path} names no patient of this cohort, so nothing would be "
            f"checked: {unknown[0]!r}; {nearest(unknown[0], known)}"
        )
    return names


def _arguments(text: str | None) -> dict[str, Any]:
    from rarecase.yaml_text import load_yaml

    if not text:
        return {}
    inside = text if text.lstrip().startswith("{") else "{" + text + "}"
    found = load_yaml(inside, name=f"--network-args {text!r}")
    if not isinstance(found, dict):
        raise SettingError(f"--network-args {text!r}: expected name: value, name: value.")
    return found
