"""Pictures of a page for the documentation: as it opens, at three widths, light and dark.

python tools/screenshots.py RUN/report/index.html [--name report] [--at ID] [--only 1400-light]
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
from itertools import product
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SIZES = {390: 844, 800: 1000, 1400: 900}
COLOURS = 256


def picture(browser: Browser, page: Path, *, width: int, scheme: str, at: str) -> bytes:
    """The window as PNG, its colours reduced to a palette."""
    context = browser.new_context(
        viewport={"width": width, "height": SIZES[width]}, color_scheme=scheme,
        reduced_motion="reduce",
    )  # fmt: skip
    tab = context.new_page()
    tab.goto(f"{page.resolve().as_uri()}{'#' if at else ''}{at}")
    shown = Image.open(io.BytesIO(tab.screenshot()))
    context.close()
    stream = io.BytesIO()
    # Rare colours, such as those of outlines, are kept.
    reduced = shown.convert("RGB").quantize(
        COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )
    reduced.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def main() -> None:
    """Write NAME-WIDTH-SCHEME.png into docs/images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--name", default="report")
    parser.add_argument("--at", default="", help="id of a section, table or figure")
    parser.add_argument("--only", help="one of them, as WIDTH-SCHEME")
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which(os.environ.get("CHROMIUM", "chromium")),
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        for width, scheme in product(SIZES, ("light", "dark")):
            if args.only not in (None, f"{width}-{scheme}"):
                continue
            data = picture(browser, args.page, width=width, scheme=scheme, at=args.at)
            path = IMAGES / f"{args.name}-{width}-{scheme}.png"
            path.write_bytes(data)
            print(f"{path.name}: {len(data) / 1e3:.0f} kB")
        browser.close()


if __name__ == "__main__":
    main()
