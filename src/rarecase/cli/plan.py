"""compare --plan: what could be decided, before anything is trained."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from rarecase.cli.arguments import refuse
from rarecase.cli.compare import first_set, protocol_of, read_said, with_paths
from rarecase.cli.show import finish, table
from rarecase.errors import SettingError

TRAINING = (
    "--out", "--scarcity", "--cluster", "--no-checks", "--allow-seen", "--combat", "--html",
    "--no-html",
)  # fmt: skip


def run(args: Namespace) -> int:
    """What could be decided with the patients of a table, from their labels or a pilot."""
    from rarecase.evidence.metrics import AUC
    from rarecase.evidence.planning import plan, plan_lines, plan_rows
    from rarecase.evidence.result import Result

    refuse(args, TRAINING, why="is of a comparison; --plan trains nothing.")
    auc = 0.7 if args.auc is None else args.auc
    if not 0 < auc < 1:
        raise SettingError(f"--auc {args.auc}: expected a number between 0 and 1.")
    args.sets = with_paths(args.sets)
    found, protocol = read_said(Path(args.features), vars(args)), protocol_of(vars(args))
    first = first_set(found, found.y, protocol, rare=args.rare)
    name = first.classes[first.rare]
    rare = first.per_class[name]
    pilot = Result.read(args.plan).evidence if args.plan else None
    for where, metric in (
        ("--metric", protocol.metric),
        (args.plan, (pilot or {}).get("metric", AUC)),
    ):
        if metric != AUC:
            raise SettingError(
                f"{where}: verdicts are about {metric}, and a plan is of {AUC} alone."
            )
    said = plan(
        rare, sum(first.per_class.values()) - rare, auc=auc, margin=protocol.margin,
        questions=max(sum(arm.synthetic for arm in protocol.designs()[0].arms), 1), pilot=pilot,
    )  # fmt: skip
    heads, rows = plan_rows(said)
    title = f"What {rare} patients of {name} and {said['common']} others can decide"
    return finish(args, said, table(title, heads, rows), *plan_lines(said))
