"""import: a U-Net trained with other software becomes one that `--init` takes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cli.show import console, print_json, reporting
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
    parser.add_argument("weights", metavar="FILE", help="TensorLayer's .npz, or PyTorch's .pth")
    parser.add_argument("--out", metavar="FOLDER", required=True, help="new folder for the model")
    parser.add_argument(
        "--channels", metavar="NAMES", default="flair,t1,t1gd,t2",
        help="what the network's inputs are, in order (default: flair,t1,t1gd,t2)",
    )  # fmt: skip
    parser.add_argument(
        "--patients", metavar="FILE", help="whom it was trained on, a patient a line"
    )
    parser.add_argument(
        "--names", metavar="FILE",
        help="YAML, 'our name: name in the file' a line; or in-order: one after another",
    )  # fmt: skip
    parser.add_argument(
        "--joins", choices=("skip-first", "up-first"),
        help="what its decoders expect first (default for PyTorch: skip-first)",
    )  # fmt: skip
    parser.add_argument("--norm", choices=("none", "batch"), default="none", help="its layers")


def run(args: Namespace, rest: Sequence[str]) -> int:
    """Read the weights, say what they are, and write model.safetensors and model.json."""
    from rarecase.segmenter import Segmenter

    if rest:
        raise SettingError(f"Unexpected argument {rest[0]!r}.")
    out = Path(args.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(
            f"{out} is not empty, and nothing in it is overwritten. Choose a new --out."
        )
    with reporting(args):
        net = _read(args)
        channels = tuple(args.channels.split(","))
        if len(channels) != net.in_channels or len(set(channels)) != len(channels):
            raise SettingError(
                f"--channels {args.channels}: the network takes {net.in_channels} channels; name "
                "each once, in its order, such as flair,t1,t1gd,t2."
            )
        seen = None if args.patients is None else _patients(Path(args.patients))
        segmenter = Segmenter(
            net=net,
            channels=channels,
            trained_on=seen or (),
            patients_known=seen is not None,
            initialised_from=str(args.weights),
        )
        out.mkdir(parents=True, exist_ok=True)
        segmenter.save(out)
    facts: dict[str, Any] = segmenter.describe()["architecture"] | {
        "parameters": sum(each.numel() for each in net.parameters()),
        "channels": list(channels),
        "trained_on": None if seen is None else len(seen),
        "model": str(out / "model.safetensors"),
    }
    if args.json:
        print_json(facts)
        return 0
    shown = console()
    shown.print(
        f"U-Net of width {net.width} and depth {net.depth}, {facts['parameters']:,} parameters, "
        f"channels {', '.join(channels)}."
    )
    if seen is None:
        shown.print(
            "Whom it was trained on is not known, so nobody can check that it has not seen your "
            "test patients; the report will say so. --patients FILE names them, one a line."
        )
    shown.print(f"Use it with --init {facts['model']}", soft_wrap=True)
    return 0


def _read(args: Namespace) -> UNet:
    from rarecase.segmenter.foreign import read_pytorch, read_tensorlayer

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
        names = _names(Path(names))
    return read_pytorch(path, names=names, joins=args.joins or "skip-first", norm=args.norm)


def _names(path: Path) -> dict[str, str]:
    from rarecase.pipeline.resolve import read_mapping

    return {str(ours): str(theirs) for ours, theirs in read_mapping(path).items()}


def _patients(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None
    return tuple(sorted({line.strip() for line in lines} - {""}))
