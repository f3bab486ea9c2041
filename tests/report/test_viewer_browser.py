"""The viewer of slices in a browser, by mouse and by keyboard."""

import base64
import io
import json
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image

pytestmark = pytest.mark.browser
DIALOG = "dialog.viewer"


@pytest.fixture
def page(opened, reports):
    """The page of a run; at the end nothing was complained of, or asked for outside of the file."""
    return opened(reports["two"][0] / "report" / "index.html")


def part(page, name):
    return page.locator(f'{DIALOG} [data-part="{name}"]')


def pixels(page):
    """The canvas as it is, (h, w, 3)."""
    text = part(page, "canvas").evaluate("c => c.toDataURL()").split(",")[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"), dtype=int)


def wait_for(page, words):
    """Until the slice that is drawn is said to be this one. (`wait_for_function` would evaluate
    text, which the page's policy forbids.)"""
    part(page, "said").filter(has_text=words).wait_for()


def open_patient(page, number=0):
    """Open a patient from the table, by mouse; wait for the first slice."""
    page.locator("#patients figure.table tbody th a").nth(number).click()
    wait_for(page, "Slice ")


def move(page, name, to):
    """A slider, as if it were dragged there."""
    part(page, name).evaluate(
        "(s, to) => { s.value = to; s.dispatchEvent(new Event('input', { bubbles: true })) }", to
    )


def held(reports):
    text = (reports["two"][0] / "report" / "index.html").read_text(encoding="utf-8")
    found = re.findall(r'<script type="application/json" class="slices">(.*?)</script>', text)
    return [json.loads(each) for each in found]


def test_a_patient_opens_by_mouse_and_closes_by_escape(page, reports):
    open_patient(page, 2)
    case = next(case for case in held(reports) if case["patient"] == 2)
    assert part(page, "name").inner_text() == case["case"]
    assert page.url.endswith("#patient-3")
    assert pixels(page).any()
    page.keyboard.press("Escape")
    assert not page.locator(DIALOG).is_visible()
    assert page.evaluate("document.activeElement.textContent") == case["case"]


def test_the_keyboard_alone_opens_scrolls_and_closes(page):
    link = page.locator("#patients figure.table tbody th a").first
    link.focus()
    page.keyboard.press("Enter")
    wait_for(page, "Slice ")
    said, before = part(page, "said"), pixels(page)
    page.keyboard.press("Home")
    wait_for(page, "Slice 1 of 4")
    first = pixels(page)
    assert (first != before).any()
    page.keyboard.press("ArrowDown")
    wait_for(page, "Slice 2 of 4")
    assert (pixels(page) != first).any()
    assert "predicted mask" in said.inner_text()
    masks = pixels(page)
    page.keyboard.press("m")
    assert (pixels(page) != masks).any()
    part(page, "close").focus()
    page.keyboard.press("Enter")
    assert not page.locator(DIALOG).is_visible()


def test_wheel_and_slider_scroll(page):
    open_patient(page)
    move(page, "slice", 0)
    wait_for(page, "Slice 1 of 4")
    part(page, "canvas").hover()
    before = pixels(page)
    page.mouse.wheel(0, 120)
    wait_for(page, "Slice 2 of 4")
    assert (pixels(page) != before).any()
    assert part(page, "slice").input_value() == "1"


def test_window_opacity_and_style_change_what_is_seen(page):
    open_patient(page)
    seen = [pixels(page)]
    for name, value in (("level", 40), ("width", 90), ("opacity", 30)):
        move(page, name, value)
        seen.append(pixels(page))
    part(page, "style").select_option("fill")
    seen.append(pixels(page))
    for before, after in pairwise(seen):
        assert (before != after).any()
    part(page, "reset").click()
    part(page, "style").select_option("outline")
    move(page, "opacity", 100)
    assert (pixels(page) == seen[0]).all()


def test_dragging_on_the_picture_moves_the_window(page):
    open_patient(page)
    before, level = pixels(page), part(page, "level-said").inner_text()
    box = part(page, "canvas").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 140)
    page.mouse.up()
    assert part(page, "level-said").inner_text() != level
    assert (pixels(page) != before).any()


@pytest.mark.parametrize("kind", ["masks", "swap"])
def test_flicker_goes_back_and_forth_and_ends_with_the_dialog(page, kind):
    open_patient(page)
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    part(page, "flicker").select_option(kind)
    one = pixels(page)
    page.clock.run_for(500)
    other = pixels(page)
    page.clock.run_for(500)
    assert (one != other).any()
    assert (pixels(page) == one).all()
    page.keyboard.press("Escape")
    open_patient(page)
    still = pixels(page)
    page.clock.run_for(500)
    assert (pixels(page) == still).all()


def test_what_is_drawn_are_the_cached_slice_and_its_masks(page, reports):
    run = reports["two"][0]
    case = next(case for case in held(reports) if "true" in case["slices"][0])
    options = part(page, "case").locator("option").all_inner_texts()
    open_patient(page)
    part(page, "case").select_option(str(options.index(case["case"])))
    move(page, "slice", 2)
    wait_for(page, "Slice 3 of 4")
    rows = pd.read_parquet(run / "slices" / "rows.parquet")
    at = rows.index[rows["case"] == case["case"]][2]
    image = np.load(run / "slices" / "images.npy")[at, 1]  # flair
    true = np.load(run / "slices" / "masks.npy")[at]
    side = len(image)
    move(page, "level", 127.5)
    move(page, "width", 255)
    part(page, "predicted").uncheck()
    part(page, "true").uncheck()

    def cells():
        """The middle of every pixel."""
        drawn = pixels(page)
        step = len(drawn) // side
        return drawn[step // 2 :: step, step // 2 :: step]

    low, high = case["values"]
    grey = cells()
    assert (grey.max(axis=2) == grey.min(axis=2)).all()
    error = low + grey[..., 0] * (high - low) / 255 - np.clip(image, low, high)
    assert np.sqrt(np.mean(error**2)) < 0.06  # of tissue whose mean is about 1
    part(page, "true").check()
    part(page, "style").select_option("fill")
    assert (cells() == [0x56, 0xB4, 0xE9]).all(axis=2).astype(int).tolist() == true.tolist()


def test_a_link_opens_its_patient(page):
    page.goto(page.url + "#patient-2")
    page.locator(f"{DIALOG}[open]").wait_for()
    name = page.locator("#patients figure.table tbody th a").nth(1).text_content()
    assert part(page, "name").inner_text() == name


def test_without_scripts_the_table_stands(opened, reports):
    page = opened(reports["two"][0] / "report" / "index.html", java_script_enabled=False)
    assert page.locator("#patients tbody tr").count() == 24
    assert page.locator("#patients noscript").count() == 1
    assert not page.locator(DIALOG).is_visible()


@pytest.mark.parametrize("width", [390, 1400])
def test_every_control_has_a_name_and_fits(page, width):
    page.set_viewport_size({"width": width, "height": 844})
    open_patient(page)
    fields = page.locator(f"{DIALOG} :is(input, select, button, canvas)")
    for i in range(fields.count()):
        field = fields.nth(i)
        name = field.evaluate(
            "f => f.getAttribute('aria-label') || f.labels?.[0]?.textContent || f.textContent"
        )
        assert name.strip()
        box = field.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
