"""arms, blocks, settings: what there is to choose from."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace

from rarecase.cli.arguments import add_options
from rarecase.cli.show import finish, table
from rarecase.cli.study_options import ALL, START, resolved

ARMS_EPILOG = """\
examples:
  rarecase arms
  rarecase run DATA --arms smote,gaussian --out RUN --dry-run"""

BLOCKS_EPILOG = """\
examples:
  rarecase blocks
  rarecase blocks --preset paper --segmenter.width 32 --slices.size 128"""

SETTINGS_EPILOG = """\
examples:
  rarecase settings
  rarecase settings generator
  rarecase settings --preset demo
  rarecase settings segmenter.epochs --preset paper --json"""


def add_blocks(parser: ArgumentParser) -> None:
    """What `rarecase blocks` takes: what makes the shape of the U-Net."""
    parser.set_defaults(takes=("segmenter.", "slices."))
    add_options(parser, START)


def add_settings(parser: ArgumentParser) -> None:
    """What `rarecase settings` takes."""
    parser.set_defaults(takes=ALL)
    parser.add_argument(
        "word", nargs="?", metavar="WORD",
        help="only settings whose name, or else whose explanation, has it",
    )  # fmt: skip
    add_options(parser, START)


def arms(args: Namespace) -> int:
    """List every arm, and what it does."""
    from rarecase.experiment.arms import describe_arms, is_trained, make_arms

    known, texts = make_arms(), describe_arms()
    listed = [
        {"arm": name, "text": texts[name], "verdict": arm.synthetic, "trains": is_trained(arm)}
        for name, arm in known.items()
    ]
    rows = [
        [each["arm"], each["text"], *("yes" if each[key] else "" for key in ("verdict", "trains"))]
        for each in listed
    ]
    heads = ["arm", "what it does, or generates", "gets a verdict", "trains a network"]
    return finish(args, listed, table("Arms: ways to treat imbalance", heads, rows, text=4))


def blocks(args: Namespace) -> int:
    """List the blocks of the U-Net that the settings describe."""
    from rarecase.features import source_of
    from rarecase.features.sources.registry import VECTORS
    from rarecase.segmenter.networks import network_like

    settings = resolved(args)
    shape, size = settings.segmenter, settings.slices.size
    sides = (settings.slices.planes, size, size) if shape.dimensions == 3 else (size, size)
    net = network_like(shape, in_channels=1)
    listed, rows = [], []
    reductions = {block.name: block.reduction for block in net.blocks()} | dict.fromkeys(VECTORS)
    for name, reduction in reductions.items():
        found = source_of(name).shape(net, sides=sides)
        megabytes = round(math.prod(found) * 2 * 1000 / 2**20, 1)
        listed.append(
            {"block": name, "channels": found[0], "reduction": reduction, "shape": list(found),
             "megabytes_per_1000_slices": megabytes}
        )  # fmt: skip
        rows.append([name, found[0], reduction, "×".join(map(str, found)), megabytes])
    title = f"U-Net of width {shape.width} and depth {shape.depth} at {'×'.join(map(str, sides))}"
    heads = ["block", "channels", "reduction", "features", "MB for 1,000 samples"]
    return finish(args, listed, table(title, heads, rows))


def settings(args: Namespace) -> int:
    """Explain every setting, or those that a word is about."""
    from rarecase.pipeline.described import about, described, parts_described, shown_value

    found = resolved(args)
    known = [*described(found), *parts_described(found)]
    kept = about(known, args.word)
    rows = [
        [each.name, shown_value(each.value), ", ".join(each.choices), each.text] for each in kept
    ]
    named = f" about {args.word!r}" if args.word else ""
    title = f"Settings{named}, of preset {found.preset}"
    said = [each._asdict() | {"choices": list(each.choices)} for each in kept]
    value = said if args.word else found.model_dump(mode="json")
    return finish(
        args, value, table(title, ["setting", "value", "choices", "what it is"], rows, text=4)
    )
