import os
import shutil

import pytest

from rarecase.report import make_report
from support.fake_run import fake_run

KINDS = {
    "two": {},
    "three": {
        "classes": ("glioma", "pituitary", "men <b>&$x$"), "patients": (12, 9, 8),
        "pretrain": False, "repeats": 2, "seeds": (0, 1), "folds": 3, "shape": (24,),
        "arms": ("acgan", "wgan"),
    },
    "bare": {"masks": False, "pretrain": False, "keep": False, "dropped": False},
    "unaugmented": {
        "generator": False, "features": False, "pretrain": False, "tuned": False,
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """name → (run folder, page's text) of every kind of run."""
    made = {}
    for name, kind in KINDS.items():
        run = fake_run(tmp_path_factory.mktemp(name), **kind)
        made[name] = (run, make_report(run).read_text(encoding="utf-8"))
    return made


@pytest.fixture(scope="session")
def chromium():
    """The browser; tests that need it are marked `browser`."""
    path = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if path is None:
        pytest.skip("no Chromium; CHROMIUM names one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """A function that opens a page and, at the end, asks that nothing went wrong there: no request
    but for the page itself, no error, no violation of the policy."""
    contexts, wrong = [], []

    def open_page(path, *, width=1400, scheme="light", at="", **options):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        address = f"file://{path}"
        inside = (address, "blob:", "data:")
        page.on("request", lambda r: r.url.startswith(inside) or wrong.append(r.url))
        page.on("console", lambda m: m.type in ("error", "warning") and wrong.append(m.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message) or dialog.dismiss())
        page.goto(address + at)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
