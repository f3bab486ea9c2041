"""What the paper's protocol adds to the reported numbers: a sound run beside a faithful one.

    rarecase run DATA … --out runs/sound
    rarecase run DATA … --faithful-protocol --out runs/faithful
    python benchmarks/protocols.py runs/sound runs/faithful

Prints Markdown and keeps the numbers under `benchmarks/results/`. What a run reports is its row for
the paper's Table 3: the sound one by patient at the amount fixed beforehand, the faithful one by
slice at the amount that did best on the test set.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.evidence.rows import Key, key_of
from rarecase.files import read_json


def reported(run: Path) -> dict[str, Any]:
    """The scores of a run's Table 3, without and with synthetic samples, by slice and patient."""
    evidence = read_json(run / "evidence.json")
    shown = Key(*(evidence["paper"][name] for name in Key._fields))
    family = [row for row in evidence["rows"] if key_of(row).family == shown.family]
    with_ = next(row for row in family if key_of(row) == shown)
    without = next(row for row in family if row["reference"])
    histories = [
        pd.read_csv(path) for path in sorted(run.glob("repeat-0/fold-*/segmenter/history.csv"))
    ]
    best = [h.loc[h["part"] == "validation", "dice"].max() for h in histories]
    return {
        "protocol": evidence["protocol"],
        "arm": shown.arm,
        "amount": shown.amount,
        "segmenter_dice": sum(best) / len(best),
        **{
            f"{unit}_{name}": {
                score: value["value"] if isinstance(value, dict) else value
                for score, value in row[unit]["scores"].items()
            }
            for unit in ("slices", "patients")
            for name, row in (("without", without), ("with", with_))
        },
    }


def table(found: list[dict[str, Any]]) -> str:
    """Markdown: one row a protocol, unit and arm."""
    names = [n for n in found[0]["slices_with"] if not n.startswith("tuned_")]
    lines = [
        "| protocol | unit | synthetic | " + " | ".join(n.replace("_", " ") for n in names) + " |",
        "|---" * (3 + len(names)) + "|",
    ]
    for each in found:
        for unit in ("patients", "slices"):
            for name in ("without", "with"):
                scores = each[f"{unit}_{name}"]
                amount = f"{each['arm']} {each['amount']}" if name == "with" else "0"
                cells = ["–" if scores[n] is None else f"{scores[n]:.3f}" for n in names]
                lines.append(f"| {each['protocol']} | {unit} | {amount} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    found = [reported(Path(name)) for name in sys.argv[1:]]
    if len(found) != 2:
        raise SystemExit(__doc__)
    print(table(found))
    for each in found:
        print(
            f"\nSegmenter, {each['protocol']}: hard Dice {each['segmenter_dice']:.3f} on validation"
        )
    text = json.dumps(found, indent=2) + "\n"
    Path(__file__).with_name("results").joinpath("protocols.json").write_text(text)


if __name__ == "__main__":
    main()
