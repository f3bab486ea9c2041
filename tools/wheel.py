"""What is released: one wheel and one source archive, with what they need and nothing else, and a
wheel that works where there is nothing but Python.

python tools/wheel.py DIST
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase import __version__

ROOT = Path(__file__).parent.parent
PARTS = ("py.typed", "report/", "segmenter/weights/model.safetensors")
LARGEST = 5.0  # MB
ARCHIVED = ("tests/", "docs/conf.py", "constraints.txt", "CHANGELOG.md")


def amiss(wheel: Path, archive: Path) -> Iterator[str]:
    """What the two files have too much or too little of, a line for each."""
    names = zipfile.ZipFile(wheel).namelist()
    metadata = f"rarecase-{__version__}.dist-info/"
    yield from (
        f"{wheel.name}: {name} does not belong there"
        for name in names
        if not name.startswith(("rarecase/", metadata)) or "/test" in name
    )
    yield from (
        f"{wheel.name}: {part} is missing"
        for part in PARTS
        if not any(name.startswith(f"rarecase/{part}") for name in names)
    )
    size = wheel.stat().st_size / 1e6
    if size > LARGEST:
        yield f"{wheel.name}: {size:.1f} MB; at most {LARGEST:g}"
    with tarfile.open(archive) as found:
        held = [name.partition("/")[2] for name in found.getnames()]
    yield from (
        f"{archive.name}: {part} is missing"
        for part in ARCHIVED
        if not any(name.startswith(part) for name in held)
    )


def call(*words: object, folder: Path) -> str:
    """What a program says that ends well, run in `folder`, where only its own packages are seen."""
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, words)], check=True, cwd=folder, env=alone, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def try_out(wheel: Path, folder: Path) -> None:
    """Install the wheel into a bare environment in `folder`: compare a table with it, then, with
    the extra `imaging`, look at volumes; without PyTorch."""
    venv.create(folder / "bare", with_pip=True)
    python, rarecase = folder / "bare/bin/python", folder / "bare/bin/rarecase"
    install = (python, "-m", "pip", "install", "-c", ROOT / "constraints.txt", "--quiet")
    call(*install, wheel, folder=folder)
    if (said := call(rarecase, "--version", folder=folder)) != f"rarecase {__version__}\n":
        raise SystemExit(f"{wheel.name} says it is {said!r}.")
    rng, rare = np.random.default_rng(0), np.repeat([False, True], [60, 20])
    table = pd.DataFrame(rng.normal(size=(80, 3)) + rare[:, None], columns=["a", "b", "c"])
    table.assign(grade=np.where(rare, "low", "high")).to_csv(folder / "table.csv", index=False)
    words = "compare table.csv --label grade --arms smote --repeats 1 --out found"
    if "smote" not in call(rarecase, *words.split(), folder=folder):
        raise SystemExit(f"{wheel.name}: no verdict on SMOTE.")
    call(*install, f"{wheel}[imaging]", folder=folder)
    words = "simulate cohort --patients HGG=3,LGG=2 --size 32 --slices 6"
    call(rarecase, *words.split(), folder=folder)
    if "3 HGG, 2 LGG" not in call(rarecase, "inspect", "cohort", folder=folder):
        raise SystemExit(f"{wheel.name}: a cohort of five is not read.")
    held = call(python, "-m", "pip", "list", "--format", "freeze", folder=folder)
    if "\ntorch==" in held:
        raise SystemExit(f"{wheel.name}: PyTorch came without being asked for.")


def main() -> int:
    """Check what lies in a folder; exit 1 if anything is amiss."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    dist = Path(sys.argv[1]).resolve()
    (wheel,), (archive,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    if found := list(amiss(wheel, archive)):
        print("\n".join(found))
        return 1
    with tempfile.TemporaryDirectory() as folder:
        try_out(wheel, Path(folder))
    print(f"{wheel.name}, {wheel.stat().st_size / 1e6:.2f} MB: as it should be.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
