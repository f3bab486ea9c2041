"""What runs on real cohorts gave: Dice of patients never seen, scores, time and memory by step.

    rarecase run ../shared/data/tcga-lgg --label COCCluster=2 --preset quick --out runs/tcga-all
    python benchmarks/summarise_runs.py runs/tcga-all …

Reads run folders alone and recomputes the scores from their predictions; prints Markdown and
keeps the numbers under `benchmarks/results/`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.evidence import make_evidence
from rarecase.evidence.tables import as_text
from rarecase.files import read_json


def dice(run: Path) -> dict[str, float]:
    """Mean and median Dice a volume over test patients, each by the network that never saw them."""
    tables = [
        pd.read_csv(path) for path in sorted(run.glob("repeat-0/fold-*/segmenter/volumes.csv"))
    ]
    tested = pd.concat(tables).query("part == 'test'")["dice"]
    return {"volumes": len(tested), "mean": tested.mean(), "median": tested.median()}


def steps(run: Path) -> dict[str, dict[str, float]]:
    """Seconds by kind of step, and the largest peak memory in MB."""
    found: dict[str, dict[str, float]] = {}
    for path in sorted(run.glob("**/step.json")):
        record = read_json(path)
        parts = str(record["step"]).split("/")
        kind = parts[2] if parts[0].startswith("repeat-") else parts[-1]
        each = found.setdefault(kind, {"times": 0, "seconds": 0.0, "peak_memory_mb": 0})
        each["times"] += 1
        each["seconds"] = round(each["seconds"] + record["seconds"], 1)
        each["peak_memory_mb"] = max(each["peak_memory_mb"], record["peak_memory_mb"])
    return found


def summary(run: Path) -> dict[str, Any]:
    kept = read_json(run / "evidence.json")
    # Every number can be had from the predictions table alone: this is the proof.
    evidence = make_evidence(
        pd.read_parquet(run / "predictions.parquet"),
        rare=kept["rare"],
        primary=(kept["primary"]["features"], kept["primary"]["classifier"]),
        faithful=kept["protocol"] == "faithful",
        checks=kept["checks"],
        seed=kept["bootstrap"]["seed"],
    )
    return {
        "run": run.name,
        "counts": evidence["counts"],
        "dice": {name: round(value, 3) for name, value in dice(run).items()},
        "rows": evidence["rows"],
        "verdicts": evidence["verdicts"],
        "text": as_text(evidence),
        "steps": steps(run),
        "seconds": round(sum(each["seconds"] for each in steps(run).values())),
    }


def markdown(found: dict[str, Any]) -> str:
    """A section of the results page."""
    patients = ", ".join(f"{n} {name}" for name, n in found["counts"]["patients"].items())
    peak = max(each["peak_memory_mb"] for each in found["steps"].values())
    lines = [
        f"## {found['run']}",
        "",
        f"Patients: {patients}; slices: {sum(found['counts']['slices'].values())}. Dice a volume, "
        f"patients never seen: mean {found['dice']['mean']:.2f}, median "
        f"{found['dice']['median']:.2f}. Time in steps, added up over processes: "
        f"{found['seconds'] / 60:.0f} min; peak memory of a process {peak:.0f} MB.",
        "",
        "```",
        found["text"],
        "```",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    found = [summary(Path(word)) for word in sys.argv[1:]]
    print("\n".join(markdown(each) for each in found))
    results = Path(__file__).with_name("results") / "real-cohorts.json"
    names = {each["run"] for each in found}
    others = [each for each in read_json(results) if each["run"] not in names]
    results.write_text(json.dumps([*others, *found], indent=2) + "\n")


if __name__ == "__main__":
    main()
