"""What ran out of memory in the paper: features of a decoder block for every slice, and the ACGAN.

    python benchmarks/decoder_features.py [--samples 5110] [--block dec2] [--device auto]
    python benchmarks/decoder_features.py --work FOLDER --only extract,read     parts, one by one
    python benchmarks/decoder_features.py --flat      memory against the number of samples: 500
                                                      and 2,000 beside the full run that is kept

Extraction with the paper's U-Net (width 64, random weights) from 240×240×4 slices, one epoch of the
ACGAN of width 64 from the store, 50 steps at width 512. Each part is a process of its own; the peak
is the resident memory of its whole process tree, sampled ten times a second. The slices are those
of ten simulated patients, taken again and again until there are enough.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")
SIZE, PATIENTS, SLICES = 240, {"HGG": 6, "LGG": 4}, 51
STRIDE = 37  # has no factor in common with 510


class Repeated:
    """An array on disk whose first axis starts again when it ends, in strides, so that few rows are
    of all patients."""

    def __init__(self, array: Any, length: int) -> None:
        self._array = array
        self.shape = (length, *array.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Any:
        return self._array[rows * STRIDE % len(self._array)]


def prepare(work: Path) -> None:
    """Ten simulated patients and their cache of slices."""
    from rarecase.cohort import cache_slices, read_cohort
    from rarecase.simulate import simulate_cohort

    folder = simulate_cohort(work / "cohort", patients=PATIENTS, size=SIZE, slices=SLICES, seed=0)
    cache_slices(read_cohort(folder), work / "slices", size=SIZE, normalise="case")


def fabric_of(args: argparse.Namespace) -> Any:
    from rarecase.pipeline.compute import make_fabric
    from rarecase.pipeline.settings import ComputeSettings

    return make_fabric(ComputeSettings(device=args.device))


def extract(args: argparse.Namespace) -> dict[str, Any]:
    """Features of every slice to a store."""
    import numpy as np
    import pandas as pd

    from rarecase.cohort import SliceCache
    from rarecase.features import feature_batches, write_features
    from rarecase.seeds import torch_seeded
    from rarecase.segmenter import Segmenter, Slices, UNet

    cache = SliceCache.open(args.work / "slices")
    with torch_seeded(0, "benchmark"):
        net = UNet(in_channels=len(cache.channels))
    rows = cache.rows.iloc[np.arange(args.samples) * STRIDE % len(cache.rows)].reset_index(
        drop=True
    )
    rows["row"] = np.arange(args.samples)
    slices = Slices(
        Repeated(cache.images, args.samples),  # type: ignore[arg-type]
        Repeated(cache.masks, args.samples),  # type: ignore[arg-type]
        range(len(cache.channels)),
    )
    batches = feature_batches(
        Segmenter(net=net, channels=cache.channels), slices, rows=pd.DataFrame(rows),
        block=args.block, fabric=fabric_of(args), batch=8,
    )  # fmt: skip
    store = write_features(args.work / "features.zarr", batches, block=args.block, rows=rows)
    raw = 2 * len(store) * int(np.prod(store.shape))
    return {"shape": list(store.shape), "disk_gb": store.nbytes / 2**30, "raw_gb": raw / 2**30}


def fit(args: argparse.Namespace, *, width: int, steps: int | None) -> dict[str, Any]:
    """An epoch, or so many steps, of the ACGAN."""
    from rarecase.features import FeatureStore
    from rarecase.generators import ACGAN

    store = FeatureStore.open(args.work / "features.zarr")
    labels = store.rows["label"].astype(str).to_numpy()
    gan = ACGAN(width=width, epochs=1, max_steps=steps, random_state=0)
    gan.fit(store, labels, fabric=fabric_of(args))
    row = gan.history_.iloc[-1].to_dict()
    done = steps or -(-len(store) // 16)
    return {"steps": done, "steps_a_second": done / row["seconds"], "d_loss": row["d_loss"],
            "g_loss": row["g_loss"], "training_seconds": row["seconds"]}  # fmt: skip


def read(args: argparse.Namespace) -> dict[str, Any]:
    """How fast shuffled batches of 16 come out of the store."""
    import numpy as np

    from rarecase.features import FeatureStore

    store = FeatureStore.open(args.work / "features.zarr")
    order = np.random.default_rng(0).permutation(len(store))[: 16 * 30].reshape(-1, 16)
    began = time.perf_counter()
    for batch in order:
        store.read(batch, stored=True)
    return {"samples_a_second": order.size / (time.perf_counter() - began)}


PARTS = {
    "extract": extract,
    "read": read,
    "acgan-64": lambda args: fit(args, width=64, steps=args.steps),
    "acgan-512": lambda args: fit(args, width=512, steps=args.wide_steps),
}


def tree_memory(pid: int) -> int:
    """Resident bytes of a process and all of its descendants."""
    total, waiting = 0, [pid]
    while waiting:
        each = waiting.pop()
        try:
            status = Path(f"/proc/{each}/status").read_text()
            total += 1024 * int(status.split("VmRSS:")[1].split()[0])
            for task in Path(f"/proc/{each}/task").iterdir():
                waiting += [int(c) for c in (task / "children").read_text().split()]
        except (OSError, IndexError, ValueError):
            continue  # ended meanwhile
    return total


def measured(part: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run a part in a process of its own and watch its memory."""
    words = [sys.executable, __file__, "--part", part, "--work", str(args.work)]
    for name in ("samples", "block", "device", "steps", "wide_steps"):
        value = getattr(args, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    began, peak, ended = time.perf_counter(), [0], threading.Event()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def watch() -> None:
        while not ended.wait(0.1):
            peak[0] = max(peak[0], tree_memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, _ = process.communicate()
    ended.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{part}: exit code {process.returncode}")
    found = {k: round(v, 3) if isinstance(v, float) else v for k, v in json.loads(out).items()}
    result = {"seconds": round(time.perf_counter() - began, 1),
              "peak_memory_gb": round(peak[0] / 2**30, 2), **found}  # fmt: skip
    print(f"{part}: {result}", flush=True)
    return result


def device_name() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads, {platform.machine()}"


def flat(args: argparse.Namespace) -> dict[str, Any]:
    """Peak memory of extraction and of the ACGAN, for more and more samples: a few steps with few,
    and the whole epoch of the last full run."""
    file = kept("decoder_features")
    if not file.exists():
        raise SystemExit(f"--flat: no full run in {file}; start one without --flat first.")
    full = json.loads(file.read_text())
    names, found = ("extract", "acgan-64"), {}
    args.steps = 10
    for args.samples in (500, 2000):
        shutil.rmtree(args.work / "features.zarr", ignore_errors=True)
        found[args.samples] = {part: measured(part, args) for part in names}
    return found | {full["samples"]: {part: full["parts"][part] for part in names}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=5110)
    parser.add_argument("--block", default="dec2")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, help="of width 64; without it a whole epoch")
    parser.add_argument("--wide-steps", type=int, default=50, help="of width 512")
    parser.add_argument("--flat", action="store_true")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--only", help="parts, of " + ",".join(PARTS))
    parser.add_argument("--part", choices=PARTS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(PARTS[args.part](args)))
        return
    with tempfile.TemporaryDirectory() as folder:
        args.work = args.work or Path(folder)
        if not (args.work / "slices").exists():
            prepare(args.work)
        if args.flat:
            keep(args, flat(args))
            return
        for name in args.only.split(",") if args.only else PARTS:
            keep(args, {name: measured(name, args)})


def keep(args: argparse.Namespace, parts: dict[Any, Any]) -> None:
    """Write parts down, beside those that were measured before."""
    result = {"device": device_name(), "block": args.block, "parts": parts}
    file = kept("decoder_features_flat" if args.flat else "decoder_features")
    if not args.flat:
        before = json.loads(file.read_text()) if file.exists() else {}
        same = before.get("samples") == args.samples
        result["parts"] = (before["parts"] if same else {}) | parts
        result["samples"] = args.samples
    file.write_text(json.dumps(result, indent=2) + "\n")


def kept(name: str) -> Path:
    """The file of results on this kind of device."""
    gpu = device_name().startswith(("NVIDIA", "AMD"))
    return RESULTS / f"{name}-{'gpu' if gpu else 'cpu'}.json"


if __name__ == "__main__":
    main()
