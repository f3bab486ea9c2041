"""Ten hard kills at random moments, then compare with a run that was never killed.

    python benchmarks/kills.py [kills] [seed]

Each run lives until a random moment behind its imports and is killed with SIGKILL; one that
finishes first starts again from nothing. Predictions and evidence must be the same to the bit.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

WORDS = [
    "--preset", "demo", "--simulation.patients", "{HGG: 12, LGG: 8}", "--slices.size", "48",
    "--split.folds", "2", "--pretrain.patients", "{HGG: 4, LGG: 4}", "--pretrain.epochs", "3",
    "--segmenter.epochs", "4", "--generator.max_steps", "120", "--quiet",
]  # fmt: skip


def start(run: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "rarecase", "run", *WORDS, "--out", str(run)]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL)


def main() -> None:
    kills, rng = int((sys.argv[1:] or ["10"])[0]), random.Random(int((sys.argv[2:] or ["0"])[0]))
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        assert start(whole).wait() == 0
        done, moments = 0, []
        while done < kills:
            process, moment = start(killed), rng.uniform(5, 14)
            try:
                assert process.wait(timeout=moment) == 0
                shutil.rmtree(killed)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                done += 1
                beside = sorted(p.relative_to(killed).as_posix() for p in killed.rglob("*.partial"))
                moments.append({"after_seconds": round(moment, 1), "was_doing": beside})
        assert start(killed).wait() == 0
        tables = [pd.read_parquet(run / "predictions.parquet") for run in (whole, killed)]
        pd.testing.assert_frame_equal(*tables, check_exact=True)
        assert (whole / "evidence.json").read_text() == (killed / "evidence.json").read_text()
        result = {"kills": kills, "identical": True, "rows": len(tables[0]), "moments": moments}
    text = json.dumps(result, indent=2)
    print(text)
    Path(__file__).with_name("results").joinpath("kills.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
