"""One file of each kind that rarecase writes or takes besides volumes, and what reads it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def written(folder: Path) -> list[Path]:
    """Make them in `folder`: tables, archives, weights, stores, cards, settings, pictures, a
    classifier and a generator."""
    import torch
    from PIL import Image

    from rarecase.features import FeatureStore
    from rarecase.files import write_json, write_table
    from rarecase.generators import Gaussian
    from rarecase.pipeline.resolve import dump, resolve
    from rarecase.segmenter import Segmenter, UNet

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 5)), np.repeat(["HGG", "LGG"], 20)
    who = [f"p{i}" for i in range(40)]
    table = pd.DataFrame(X, columns=list("abcde")).assign(y=y, case=who)
    write_table(folder / "w.table.csv", table)
    write_table(folder / "w.written.csv", table)
    write_table(folder / "w.table.parquet", table)
    write_table(folder / "w.written.parquet", table)
    np.savez_compressed(folder / "w.table.npz", X=X, y=y)
    arrays = np.empty(2, dtype=object)
    arrays[:] = [X.astype("f4"), X[0]]
    np.savez(folder / "w.params.npz", params=arrays)
    np.save(folder / "w.map.npy", X)
    write_json(folder / "w.json", {"classes": ["HGG", "LGG"], "cases": table.to_dict("records")})
    (folder / "w.yaml").write_text(dump(resolve(preset="quick")))
    net = UNet(in_channels=1, width=2, depth=1)
    torch.save(net.state_dict(), folder / "w.pth")
    torch.save(net.state_dict(), folder / "w.old.pth", _use_new_zipfile_serialization=False)
    for shape, name in (((20, 24), "L"), ((20, 24, 3), "RGB")):
        Image.fromarray(rng.integers(0, 255, shape).astype("u1")).save(folder / f"{name}.png")
        Image.fromarray(rng.integers(0, 255, shape).astype("u1")).save(folder / f"{name}.jpg")
    rows = pd.DataFrame({"case": who, "patient": who, "label": y})
    with FeatureStore.create(folder / "w.zarr", block="b", shape=(5,), rows=rows) as store:
        store.append(X)
    (folder / "w.unet").mkdir()
    Segmenter(net=net, channels=("flair",)).save(folder / "w.unet")
    Gaussian().fit(X, y).save(folder / "w.generator")
    for file in folder.rglob("checksums.json"):
        file.unlink()  # which would find every change before a reader does
    _classifier(folder / "w.skops", X, y)
    return sorted(folder.iterdir())


def _classifier(path: Path, X: Any, y: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    from rarecase.deploy.final import Final, save_final
    from rarecase.features.columns import Columns
    from rarecase.features.standardise import Space

    columns = Columns.of(5, names=list("abcde"))
    model = LogisticRegression().fit(X, y == "LGG")
    save_final(path, Final(Space.fit(X, columns), (model,), 2, columns, {"arm": "none"}))


def readers() -> dict[str, Callable[[Path], Any]]:
    """What reads each kind, by how its name ends."""
    from rarecase.deploy.final import load_final
    from rarecase.features import FeatureStore
    from rarecase.features.read_features import read_features
    from rarecase.files import map_array, read_csv, read_json, read_parquet
    from rarecase.generators import Gaussian
    from rarecase.imaging.pictures import read_mask_picture, read_picture
    from rarecase.pipeline.resolve import resolve
    from rarecase.restricted import read_npz
    from rarecase.segmenter import load_segmenter
    from rarecase.weights import read_weights

    def store(path: Path) -> Any:
        return FeatureStore.open(path).read_all()

    def picture(path: Path) -> Any:
        read_mask_picture(path)
        return read_picture(path, channels=1)

    features = partial(read_features, label="y")
    return {
        ".table.csv": features, ".table.parquet": features, ".table.npz": features,
        ".written.csv": read_csv, ".written.parquet": read_parquet, ".params.npz": read_npz,
        ".map.npy": map_array, ".json": read_json, ".pth": read_weights, ".png": picture,
        ".jpg": picture, ".zarr": store, ".unet": load_segmenter, ".generator": Gaussian.load,
        ".skops": load_final, ".yaml": lambda path: resolve(preset=None, file=path),
    }  # fmt: skip
