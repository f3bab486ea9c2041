"""The page in Chromium: every control by mouse and by keyboard, nothing fetched, nothing in the
way of those who do not see it or do not use a mouse."""

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from rarecase.charts.svg import SVG, told
from rarecase.imaging.drawing import INK, canvas, look, panels
from rarecase.report import make_report
from rarecase.report.blocks import Bullets, Cell, Code, Details, Section, Table, Text, drawn
from rarecase.report.page import Page, write_page
from support.fake_run import fake_run

pytestmark = pytest.mark.browser
WIDTHS, SCHEMES = (390, 800, 1400), ("light", "dark")
SCRIPT, LONG = "<script>alert(1)</script>", "x" * 10_000
NAMES = (SCRIPT, "\"'`&\u202egnp", "אבגד", LONG)
VALUES = ["+0.10", "−0.05", "1,234", "12 %", "–", "2 h 3 min", "0.5 to 0.9", "below 0.001",
          "1 of 9"]  # fmt: skip
UPWARDS = [1, 7, 0, 6, 8, 3, 2, 5]  # without the dash, which stands last either way
NUMBERS, TEXTS = "table-numbers-of-all-kinds", "table-text-that-runs"
TRIM = """for (const body of document.querySelectorAll("tbody")) {
  for (const row of [...body.rows].slice(2)) row.remove();
}
for (const chart of document.querySelectorAll(".chart svg")) chart.replaceChildren();
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.slice(0, 500);
document.querySelectorAll("details").forEach((each) => { each.open = true; });"""
"""axe is slow by what there is of a kind, not by what kinds there are."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The page of a run whose classes, patients and cases have hostile names."""
    run = fake_run(tmp_path_factory.mktemp("hostile"), classes=NAMES, patients=(6,) * 4,
                   pretrain=False, tuned=False)  # fmt: skip
    return make_report(run)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A page with one of each block."""
    with look():
        figure = canvas(2.0)
        (axes,) = panels(figure, 1, 1)
        marks = axes.plot([0, 1, 2], [0, 1, 0], "o", color=INK)[0]
        told(marks, ["first", "second", "<b>third</b>"])
    rows = [[f"case {i}", Cell(value, "0.1 to 0.2" if i == 0 else "")]
            for i, value in enumerate(VALUES)]  # fmt: skip
    text = [["=2+3", "a"], ['quo"te, comma', "b"], ["-1.5", "c"], ["@x", "d"]]
    sections = [
        Section("numbers", "Numbers", [
            Text("A paragraph."),
            Table("Numbers of all kinds", ["Case", "Value"], rows),
            drawn(figure, name="marks", caption="Marks", alt="Three marks on a plane of two axes"),
        ]),
        Section("folded", "Folded", [
            Details("Opens", [Table("Text that runs", ["Text", "Letter"], text, heads=2)]),
            Code("a: 1\n" * 80),
        ]),
        Section("last", "Last", [Bullets(["one", "two"]), *[Text("More.")] * 40]),
    ]  # fmt: skip
    return write_page(Page("What?", ("test",), sections), tmp_path_factory.mktemp("small"))


def column(page, table, place):
    """What stands in the visible rows, first lines only."""
    return page.evaluate(
        """([id, place]) => [...document.getElementById(id).querySelectorAll("tbody tr")]
           .filter((row) => row.checkVisibility())
           .map((row) => row.cells[place].innerText.split("\\n")[0])""",
        [table, place],
    )


def saved(page, button):
    with page.expect_download() as found:
        button.click()
    return found.value.suggested_filename, Path(found.value.path()).read_bytes()


def serious(page, *, contrast=True):
    """What axe-core finds of the two upper of its four grades; slow by the number of elements."""
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": contrast}}}
    found = Axe().run(page, options=options).response["violations"]
    return [
        (each["id"], [node["html"][:200] for node in each["nodes"]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_window(
    opened, hostile, small, width, scheme
):
    page = opened(hostile, width=width, scheme=scheme, bypass_csp=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(TRIM)
    assert not serious(page, contrast=(width, scheme) in ((390, "light"), (1400, "dark")))
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    page = opened(small, width=width, scheme=scheme, bypass_csp=True)
    page.evaluate(TRIM)
    if width < 1200:
        page.get_by_role("button", name="Contents").click()
    assert not serious(page)


def test_hostile_names_are_text_on_a_page_that_runs_nothing(opened, hostile):
    page = opened(hostile, width=390)  # a dialog would be found
    words = page.inner_text("body")
    assert page.locator("script:not([type])").count() == 1
    assert SCRIPT in words and LONG in words and "אבגד" in words and "[U+202E]gnp" in words
    figures = hostile.parent / "figures"
    names = [file.stem for file in figures.glob("*.svg")]
    assert len(names) == page.locator("figure.chart").count() == len(list(figures.glob("*.pdf")))


def test_a_table_is_sorted_by_mouse_and_by_keyboard_up_down_and_as_it_was(opened, small):
    page = opened(small)
    table = page.locator(f"#{NUMBERS}")
    head = table.get_by_role("columnheader", name="Value")
    button = head.get_by_role("button")
    button.click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, NUMBERS, 1) == [*(VALUES[i] for i in UPWARDS), "–"]
    button.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, NUMBERS, 1) == [*(VALUES[i] for i in reversed(UPWARDS)), "–"]
    button.press("Space")
    assert head.get_attribute("aria-sort") is None
    assert column(page, NUMBERS, 1) == VALUES
    table.get_by_role("columnheader", name="Case").get_by_role("button").click()
    assert column(page, NUMBERS, 0) == [f"case {i}" for i in range(len(VALUES))]


def test_a_filter_leaves_the_rows_that_hold_its_words_and_says_how_many(opened, small):
    page = opened(small)
    table = page.locator(f"#{NUMBERS}")
    box = table.get_by_role("searchbox")
    box.fill("CASE below")
    assert column(page, NUMBERS, 0) == ["case 7"]
    assert table.get_by_role("status").inner_text() == "1 of 9 rows"
    box.fill("")
    assert len(column(page, NUMBERS, 0)) == 9
    assert table.get_by_role("status").inner_text() == ""
    assert page.locator(f"#{TEXTS}").get_by_role("searchbox").count() == 0  # few rows


def test_a_table_is_saved_as_csv_as_it_is_shown(opened, small):
    page = opened(small)
    table = page.locator(f"#{NUMBERS}")
    table.get_by_role("searchbox").fill("case")
    table.get_by_role("columnheader", name="Value").get_by_role("button").click()
    name, data = saved(page, table.get_by_role("button", name="CSV"))
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert name == f"{NUMBERS}.csv" and data.endswith(b"\r\n")
    assert lines[0] == ["Case", "Value", "Value low", "Value high"]
    assert lines[1] == ["case 1", "-0.05", "", ""]
    assert lines[3] == ["case 0", "0.10", "0.1", "0.2"]
    assert [line[1] for line in lines[-3:]] == ["1234", "2 h 3 min", ""]


def test_no_spreadsheet_runs_a_cell_and_quotes_are_doubled(opened, small):
    page = opened(small, at=f"#{TEXTS}")
    _, data = saved(page, page.locator(f"#{TEXTS}").get_by_role("button", name="CSV"))
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [line[0] for line in lines] == ["Text", "'=2+3", 'quo"te, comma', "-1.5", "'@x"]
    assert b'"quo""te, comma",b\r\n' in data


def test_a_table_is_copied_for_a_spreadsheet(opened, small):
    page = opened(small, permissions=["clipboard-read", "clipboard-write"])
    page.locator(f"#{NUMBERS}").get_by_role("button", name="Copy").press("Enter")
    expect(page.locator(".said")).to_have_text("Copied 9 rows")
    lines = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert lines[:2] == ["Case\tValue\tValue low\tValue high", "case 0\t0.10\t0.1\t0.2"]


def test_a_figure_is_saved_in_the_colours_of_paper_also_from_a_dark_page(opened, small):
    page = opened(small, scheme="dark")
    figure = page.locator("#figure-marks")
    name, data = saved(page, figure.get_by_role("button", name="SVG"))
    root = ElementTree.fromstring(data)
    assert name == "marks.svg" and b"var(" not in data
    assert INK in data.decode()
    titles = [each.text for each in root.iter(f"{{{SVG}}}title")]
    assert titles == ["first", "second", "<b>third</b>"]
    name, data = saved(page, figure.get_by_role("button", name="PNG"))
    with Image.open(io.BytesIO(data)) as image:
        assert name == "marks.png"
        assert image.width == pytest.approx(3 * float(root.get("width")), abs=1)
        colours = {c: n for n, c in image.convert("RGB").getcolors(10**6)}
    assert max(colours, key=colours.get) == (255, 255, 255)
    assert (0x1F, 0x24, 0x30) in colours


def test_marks_say_their_values_under_the_mouse_and_the_arrow_keys(opened, small):
    page = opened(small)
    chart, tip = page.locator("#figure-marks svg"), page.locator(".tip")
    chart.scroll_into_view_if_needed()
    box = page.locator("#figure-marks [data-told=second]").bounding_box()
    page.mouse.move(box["x"] + 12, box["y"] + 12)  # near is enough
    assert tip.inner_text() == "second"
    page.mouse.move(2, 2)
    assert not tip.is_visible()
    chart.focus()
    for key, words in (("ArrowRight", "first"), ("ArrowLeft", "<b>third</b>")):
        page.keyboard.press(key)
        assert tip.inner_text() == words == page.locator(".said").inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_a_link_into_what_is_closed_opens_it(opened, small):
    page = opened(small, at=f"#{TEXTS}")
    place = page.locator(f"#{TEXTS}")
    assert place.is_visible()
    page.evaluate("document.querySelector('details').open = false; location.hash = ''")
    page.evaluate(f"location.hash = '{TEXTS}'")
    place.wait_for(state="visible")
    opened(small, at="#%E0%A4%A")  # no address, and no error


def test_every_link_sign_is_the_address_of_what_it_stands_at(opened, small):
    page = opened(small)
    signs = page.locator("a.link")
    assert signs.count() == 3 + 2 + 1
    page.locator("#figure-marks a.link").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#figure-marks"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_contents_mark_where_the_reader_is_and_open_on_narrow_screens(opened, small, width):
    page = opened(small, width=width)
    links = page.get_by_role("navigation").get_by_role("link")
    current = page.locator("nav a[aria-current]")
    assert current.inner_text() == "Numbers" if width >= 1200 else links.count() == 0
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(current).to_have_attribute("href", "#last")
    if width < 1200:
        toggle = page.get_by_role("button", name="Contents")
        toggle.press("Enter")
        assert toggle.get_attribute("aria-expanded") == "true" and links.count() == 3
        page.keyboard.press("Escape")
        assert links.count() == 0
        toggle.click()
    links.nth(1).click()
    expect(current).to_have_attribute("href", "#folded")
    assert page.locator("#folded h2").bounding_box()["y"] >= (40 if width < 1200 else 0)
    assert (links.count() == 0) == (width < 1200)


def test_the_first_stop_of_the_keyboard_skips_the_contents(opened, small):
    page = opened(small)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip the contents"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_dark_and_light_are_switched_and_kept(opened, small):
    page = opened(small)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    switch = page.get_by_role("button", name="Dark")
    switch.press("Enter")
    assert switch.get_attribute("aria-pressed") == "true"
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) == light


def test_on_paper_all_is_open_light_and_without_controls(opened, small):
    page = opened(small, scheme="dark")
    page.locator(f"#{NUMBERS}").get_by_role("searchbox").fill("nothing")
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(f"#{TEXTS}").is_visible()
    assert len(column(page, NUMBERS, 0)) == 9
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    controls = page.locator("button:not(.sort), input, nav, a.link")
    assert controls.count() > 10
    assert not any(each.is_visible() for each in controls.all())
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert not page.locator(f"#{TEXTS}").is_visible()


def test_without_scripts_all_is_there_and_no_control(opened, small):
    page = opened(small, width=390, java_script_enabled=False)
    assert page.locator("button, input").count() == 0
    assert page.get_by_role("navigation").get_by_role("link").count() == 3
    assert page.locator(f"#{NUMBERS} tbody tr").count() == 9
    page.locator("summary").click()
    assert page.locator(f"#{TEXTS}").is_visible()
    assert page.locator("#figure-marks title").count() == 3
