"""The page of a large study: how large it is, and when its first chart is seen.

    PYTHONPATH=tests python benchmarks/page_size.py [--patients 500] [--slices 10] [--runs 5]

A run folder is made up (tests/support/fake_run.py): 500 patients with 10 slices of 32 × 32 each,
20 arms, five folds; `make_report` writes its page as it does that of any run. Headless Chromium (as
in tests/report/test_browser.py) opens the file anew for each of five runs, without a cache; the
first chart counts as drawn in the frame in which it has a size.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from rarecase.report import make_report
from support.fake_run import fake_run

RESULTS = Path(__file__).with_name("results")
ARMS = ("acgan", "wgan", "vae", "diffusion", "gaussian", "kde", "smote", "copula", "mixup")
WATCH = """
const look = () => {
  const chart = document.querySelector("figure.chart svg");
  if (!chart || !chart.getBoundingClientRect().height) return requestAnimationFrame(look);
  // The frame is drawn when the next one begins.
  requestAnimationFrame(() => { window.firstChart = performance.now(); });
};
requestAnimationFrame(look);
"""
"""Milliseconds since the page was asked for."""


def opened(browser: Browser, page: Path) -> dict[str, float]:
    """Seconds until something is drawn, until the first chart is, and until all is loaded."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.add_init_script(WATCH)
    tab = context.new_page()
    tab.goto(f"file://{page}", wait_until="load")
    tab.wait_for_function("() => window.firstChart")
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    loaded = "performance.getEntriesByType('navigation')[0].loadEventEnd"
    times = tab.evaluate(f"[{paint}, window.firstChart, {loaded}]")
    context.close()
    return dict(
        zip(("first_paint", "first_chart", "loaded"), (t / 1000 for t in times), strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=500)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        common = args.patients * 7 // 10
        run = fake_run(
            Path(place), patients=(common, args.patients - common), slices=args.slices, folds=5,
            arms=ARMS, amounts=(256,), pretrain=False,
        )  # fmt: skip
        evidence = json.loads((run / "evidence.json").read_text())
        start = time.process_time()
        page = make_report(run)
        written = time.process_time() - start
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which(os.environ.get("CHROMIUM", "chromium")),
                args=["--no-sandbox", "--disable-dev-shm-usage"],
            )
            times = [opened(browser, page) for _ in range(args.runs)]
            browser.close()
        found = {
            "patients": args.patients,
            "slices": args.patients * args.slices,
            "arms": len(evidence["rows"]),
            "report_seconds": round(written, 1),
            "megabytes": round(page.stat().st_size / 1e6, 2),
            "median_seconds": {
                name: round(statistics.median(each[name] for each in times), 2) for name in times[0]
            },
            "first_chart_seconds": [round(each["first_chart"], 2) for each in times],
            "load_average": round(os.getloadavg()[0], 1),
        }
    (RESULTS / "page_size.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
