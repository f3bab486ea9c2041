"""The whole preset `paper` on a simulated cohort of the paper's size, timed step by step.

    python benchmarks/paper_preset.py --out RUN [--device cuda] [--set segmenter.epochs=30 …]

101 patients (61 HGG, 40 LGG), 50 slices of 240×240 each, FLAIR, fed to a U-Net that was pre-trained
on 100 other simulated patients with four channels. While it runs, `nvidia-smi` is asked twice a
second for how busy the GPU is and how much of its memory is taken. The same command goes on where
one was stopped; the result says what has been done so far.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import platform
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from rarecase import Study

RESULTS = Path(__file__).with_name("results")


@contextmanager
def watched(log: Path) -> Any:
    """Append time, utilisation (%) and memory (MiB) of the GPU to `log` while this lasts."""
    if shutil.which("nvidia-smi") is None:
        yield
        return
    wanted = "timestamp,utilization.gpu,memory.used"
    with log.open("a") as out:
        command = ["nvidia-smi", f"--query-gpu={wanted}", "--format=csv,noheader,nounits", "-lms"]
        process = subprocess.Popen([*command, "500"], stdout=out)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def samples(log: Path) -> list[tuple[datetime.datetime, float, float]]:
    """What was logged; a line cut by a kill is left out."""
    found = []
    if log.is_file():
        for row in csv.reader(log.read_text().splitlines(), skipinitialspace=True):
            try:
                when = datetime.datetime.strptime(row[0], "%Y/%m/%d %H:%M:%S.%f")
                found.append((when, float(row[1]), float(row[2])))
            except (ValueError, IndexError):
                continue
    return found


def steps_of(run: Path, log: Path) -> list[dict[str, Any]]:
    """Every step that is done: seconds, and how busy the GPU was meanwhile."""
    seen, rows = samples(log), []
    for record in run.glob("**/step.json"):
        said = json.loads(record.read_text())
        end = datetime.datetime.fromisoformat(said["finished"])
        start = end - datetime.timedelta(seconds=said["seconds"])
        mine = [(busy, taken) for when, busy, taken in seen if start <= when <= end]
        rows.append(
            {
                "step": said["step"],
                "seconds": said["seconds"],
                "finished": said["finished"],
                "process_gb": round(said["peak_memory_mb"] / 1024, 2),
                "gpu_busy_percent": round(statistics.mean(b for b, _ in mine)) if mine else None,
                "gpu_memory_gb": round(max(t for _, t in mine) / 1024, 1) if mine else None,
            }
        )
    return sorted(rows, key=lambda row: row["finished"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--results", type=Path, default=RESULTS / "paper_preset.json")
    args = parser.parse_args()
    settings: dict[str, Any] = {"cohort.channels": ["flair"], "compute.device": args.device}
    settings |= {name: json.loads(value) for name, _, value in (s.partition("=") for s in args.set)}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    log = args.out.with_name(args.out.name + "-gpu.csv")
    began = time.perf_counter()
    finished = False
    try:
        with watched(log):
            study = Study(preset="paper", out=args.out, settings=settings)
            study.run()
            finished = True
    finally:
        cuda = torch.cuda.is_available()
        result = {
            "device": torch.cuda.get_device_name() if cuda else platform.processor(),
            "torch": torch.__version__,
            "python": sys.version.split()[0],
            "settings": settings,
            "finished": finished,
            "seconds_of_this_call": round(time.perf_counter() - began, 1),
            "steps": steps_of(args.out, log),
        }
        args.results.write_text(json.dumps(result, indent=2) + "\n")
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
