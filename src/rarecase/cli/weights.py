"""import: a U-Net trained with other software becomes one that `--init` takes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cli.arguments import add_options, read_names
from rarecase.cli.show import finish
from rarecase.errors import DataError, SettingError

if TYPE_CHECKING:
    from rarecase.segmenter import UNet


EPILOG = """\
examples:
  rarecase import u_net_flair_all.npz --out brats --channels flair,t1,t1gd,t2
  rarecase import unet.pth --out brats --names in-order --joins up-first
  rarecase run DATA --preset paper --init brats/model.safetensors --out run"""


def add_arguments(parser: ArgumentParser) -> None:
    """What `rarecase import` takes."""
    add_options(parser, (
        ("weights", "FILE", "TensorLayer's .npz, or PyTorch's .pth"),
        ("--out", "FOLDER", "new folder for the model"),
        ("--channels", "NAMES",
         "what the network's inputs are, in order (default: flair,t1,t1gd,t2)"),
        ("--patients", "FILE", "whom it was trained on, a patient a line"),
        ("--names", "FILE",
         "YAML, 'our name: name in the file' a line; or in-order: one after another"),
    ), required=["--out"])  # fmt: skip
    parser.set_defaults(channels="flair,t1,t1gd,t2")
    parser.add_argument(
        "--joins", choices=("skip-first", "up-first"),
        help="what its decoders expect first (default for PyTorch: skip-first)",
    )  # fmt: skip
    parser.add_argument("--norm", choices=("none", "batch"), default="none", help="its layers")


def run(args: Namespace) -> int:
    """Read the weights, say what they are, and write model.safetensors and model.json."""
    from rarecase.segmenter import Segmenter

    out = Path(args.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(
            f"{out} is not empty, and nothing in it is overwritten. Choose a new --out."
        )
    net = _read(args)
    channels = tuple(args.channels.split(","))
    if len(channels) != net.in_channels or len(set(channels)) != len(channels):
        raise SettingError(
            f"--channels {args.channels}: the network takes {net.in_channels} channels; name "
            "each once, in its order, such as flair,t1,t1gd,t2."
        )
    seen = None if args.patients is None else sorted(set(read_names(Path(args.patients))))
    segmenter = Segmenter(
        net=net, channels=channels, trained_on=tuple(seen or ()), patients_known=seen is not None,
        initialised_from=Path(args.weights).name,
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    segmenter.save(out)
    facts: dict[str, Any] = segmenter.describe()["architecture"] | {
        "parameters": sum(each.numel() for each in net.parameters()),
        "channels": list(channels),
        "trained_on": None if seen is None else len(seen),
        "model": str(out / "model.safetensors"),
    }
    lines = [
        f"U-Net of width {net.width} and depth {net.depth}, {facts['parameters']:,} parameters, "
        f"channels {', '.join(channels)}."
    ]
    if seen is None:
        lines.append(
            "Whom it was trained on is not known, so nobody can check that it has not seen your "
            "test patients; the report will say so. --patients FILE names them, one a line."
        )
    return finish(args, facts, *lines, f"Use it with --init {facts['model']}")


def _read(args: Namespace) -> UNet:
    from rarecase.segmenter.foreign import read_pytorch, read_tensorlayer
    from rarecase.yaml_text import read_mapping

    path = Path(args.weights)
    if path.suffix == ".npz":
        if args.names or args.joins or args.norm != "none":
            raise SettingError(
                "--names, --joins and --norm are for PyTorch files; an .npz is read in "
                "TensorLayer's order."
            )
        return read_tensorlayer(path)
    if path.suffix not in (".pth", ".pt", ".ckpt", ".bin"):
        raise SettingError(
            f"{path}: expected TensorLayer's .npz, or a PyTorch .pth, .pt, .ckpt or .bin. A "
            "model.safetensors of rarecase needs no import: give it to --init."
        )
    names = args.names
    if names not in (None, "in-order"):
        names = {str(ours): str(theirs) for ours, theirs in read_mapping(Path(names)).items()}
    return read_pytorch(path, names=names, joins=args.joins or "skip-first", norm=args.norm)
