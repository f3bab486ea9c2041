"""Corrupted files: no crash, no hang, no hunger for memory, always a message that names the file.

    python benchmarks/fuzz.py FOLDER [--files 1000] [--seed 0]
    python benchmarks/fuzz.py --written [--files 1000] [--seed 0]

Takes every volume in FOLDER and one of each other format made from them, or one of each kind of
file that rarecase writes or takes besides (`fuzz_written`), corrupts copies (cut off,
bits flipped in the header or anywhere, a stretch overwritten, numbers of the header made huge or
not finite, emptied, given another format's suffix), and reads each in another process. Counts what
came: read after all, refused with a message that names the file, or a failure: another exception,
a crash, more than 10 s, more than 2 GB. Keeps the counts in results/fuzz.json or fuzz-written.json.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_written import readers, written

RESULTS = Path(__file__).with_name("results")
SECONDS, MEMORY = 10.0, 2 * 2**30
HEADER = 400  # bytes in which most formats keep what matters
TASKS = 40  # files a process reads before a fresh one takes over


def cut(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: int(rng.integers(0, len(data)))]


def flip_header(data: bytearray, rng: np.random.Generator) -> bytearray:
    return _flip(data, rng, min(HEADER, len(data)), int(rng.integers(1, 9)))


def flip_anywhere(data: bytearray, rng: np.random.Generator) -> bytearray:
    return _flip(data, rng, len(data), int(rng.integers(1, 60)))


def _flip(data: bytearray, rng: np.random.Generator, end: int, count: int) -> bytearray:
    for at in rng.integers(0, max(end, 1), count if end else 0):
        data[int(at)] ^= 1 << int(rng.integers(8))
    return data


def overwrite(data: bytearray, rng: np.random.Generator) -> bytearray:
    start = int(rng.integers(0, max(len(data) - 1, 1)))
    length = int(rng.integers(1, 2000))
    data[start : start + length] = rng.bytes(len(data[start : start + length]))
    return data


def huge(data: bytearray, rng: np.random.Generator) -> bytearray:
    """A number of the header as large as it can be."""
    at = int(rng.integers(0, max(min(HEADER, len(data)) - 8, 1)))
    number = rng.choice([b"\xff\x7f", b"\xff\xff\xff\x7f", b"99999999", struct.pack("<q", 2**40)])
    data[at : at + len(number)] = number
    return data


def not_finite(data: bytearray, rng: np.random.Generator) -> bytearray:
    """NaN or infinity somewhere in the header."""
    at = int(rng.integers(0, max(min(HEADER, len(data)) // 4, 1))) * 4
    value = float(rng.choice([np.nan, np.inf, -np.inf, 1e38]))
    data[at : at + 4] = struct.pack("<f", value)
    return data


def emptied(data: bytearray, rng: np.random.Generator) -> bytearray:
    return bytearray()


CORRUPTIONS: tuple[Callable[[bytearray, np.random.Generator], bytearray], ...] = (
    cut, flip_header, flip_anywhere, overwrite, huge, not_finite, emptied,
)  # fmt: skip


def originals(folder: Path, work: Path) -> list[Path]:
    """Volumes of a folder, and one of each format that it lacks, made from one of them."""
    import nibabel as nib
    import SimpleITK
    from PIL import Image

    found = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix != ".md")
    small = np.random.default_rng(0).integers(0, 200, (24, 20, 12)).astype(np.float32)
    image = SimpleITK.GetImageFromArray(small)
    for name in ("v.mha", "v.nrrd"):
        SimpleITK.WriteImage(image, str(work / name), useCompression=True)
    nib.save(nib.Nifti1Image(small, np.diag([1, 1, 3, 1])), work / "v.nii")
    nib.save(nib.Nifti1Image(small, np.diag([1, 1, 3, 1])), work / "v.nii.gz")
    np.save(work / "v.npy", small)
    np.savez_compressed(work / "v.npz", data=small, affine=np.eye(4))
    pages = [Image.fromarray(page) for page in small]
    pages[0].save(work / "v.tif", save_all=True, append_images=pages[1:])
    return [*found, *sorted(work.iterdir())]


def corrupted(
    sources: list[Path], work: Path, *, files: int, seed: int
) -> Iterator[tuple[Path, str]]:
    """Corrupted copies, one at a time, and what was done to each; headers inside gzip are reached
    too, as a file is packed again."""
    import gzip

    rng = np.random.default_rng(seed)
    suffixes = sorted({"".join(each.suffixes[-2:]) for each in sources if each.is_file()})
    for number in range(files):
        source = sources[int(rng.integers(len(sources)))]
        how = CORRUPTIONS[int(rng.integers(len(CORRUPTIONS)))]
        if source.is_dir():
            yield _with_one_corrupted(source, work / f"corrupt-{number}{source.suffix}", how, rng)
            continue
        raw = source.read_bytes()
        inside = source.suffix == ".gz" and rng.random() < 0.6
        data = how(bytearray(gzip.decompress(raw) if inside else raw), rng)
        several = source.suffix == ".gz" or source.name.startswith("w.")
        suffix = "".join(source.suffixes[-2:]) if several else source.suffix
        if rng.random() < 0.05:
            suffix = suffixes[int(rng.integers(len(suffixes)))]
        path = work / f"corrupt-{number}{suffix}"
        path.write_bytes(gzip.compress(bytes(data), 1) if inside else bytes(data))
        yield path, f"{source.name}: {how.__name__}{' inside gzip' if inside else ''}"


def _with_one_corrupted(
    source: Path, copy: Path, how: Callable[..., bytearray], rng: np.random.Generator
) -> tuple[Path, str]:
    """A copy of a folder with one of its files corrupted."""
    shutil.copytree(source, copy)
    files = sorted(file for file in copy.rglob("*") if file.is_file())
    file = files[int(rng.integers(len(files)))]
    file.write_bytes(bytes(how(bytearray(file.read_bytes()), rng)))
    return copy, f"{source.name}/{file.relative_to(copy)}: {how.__name__}"


def attempt(path: Path) -> tuple[str, float]:
    """What reading a file comes to, and the process's peak memory in bytes."""
    from rarecase.errors import RarecaseError
    from rarecase.imaging import read_volume

    read = next((r for end, r in readers().items() if path.name.endswith(end)), None)
    try:
        read_volume(path, several=True) if read is None else read(path)
        said = "read"
    except RarecaseError as error:
        said = "refused" if path.name in str(error) else f"does not name the file: {error}"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    return said, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _serve(pipe: Any) -> None:
    """Read files as they are named, until none is."""
    import warnings

    warnings.simplefilter("ignore")
    while (path := pipe.recv()) is not None:
        pipe.send(attempt(path))


class Reader:
    """A process that reads files, and is replaced when it dies, hangs or has read enough."""

    def __init__(self) -> None:
        self.process: Any = None

    def __call__(self, path: Path) -> str:
        if self.process is None:
            self._start()
        self.pipe.send(path)
        self.left -= 1
        try:
            if not self.pipe.poll(SECONDS):
                self.stop()
                return "hangs"
            said, peak = self.pipe.recv()
        except EOFError:
            self.process = None
            return "crashes"
        if not self.left or peak > MEMORY:
            self.stop()
        return said if peak <= MEMORY else f"takes {peak / 2**30:.1f} GB"

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.left = TASKS
        self.pipe.send(Path("warm-up.nii"))  # imports count for nobody
        self.pipe.recv()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
        self.process = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--written", action="store_true")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    counts: Counter[str] = Counter()
    failures, slowest = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        made, bad = Path(folder) / "made", Path(folder) / "bad"
        made.mkdir()
        bad.mkdir()
        reader = Reader()
        sources = written(made) if args.written else originals(args.folder, made)
        for path, how in corrupted(sources, bad, files=args.files, seed=args.seed):
            began = time.perf_counter()
            said = reader(path)
            slowest = max(slowest, time.perf_counter() - began)
            counts[said if said in ("read", "refused") else "failed"] += 1
            if said not in ("read", "refused"):
                failures.append(f"{how}: {said}")
                print(failures[-1], flush=True)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        reader.stop()
    found = {"files": args.files, "seed": args.seed, **counts, "slowest seconds": round(slowest, 2),
             "failures": failures}  # fmt: skip
    print(json.dumps(found, indent=2))
    name = "fuzz-written.json" if args.written else "fuzz.json"
    (RESULTS / name).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
