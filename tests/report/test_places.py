from rarecase.imaging.drawing import canvas, panels
from rarecase.report.blocks import Details, Section, Table, Text, drawn, file_stem
from rarecase.report.places import places


def test_every_table_and_figure_has_an_id_of_its_own_that_its_words_give():
    one, two, three = (
        Table(caption, ["A"], []) for caption in ("Same Words", "Same Words", "Other")
    )
    empty = canvas(1.0)
    panels(empty, 1, 1)
    figure = drawn(empty, name="curve (a)", caption="", alt="")
    sections = [
        Section("table-other", "", [one, Details("", [two])]),
        Section("b", "", [three, figure, Text("none")]),
    ]
    place = places(sections)
    assert [place(block) for block in (one, two, three, figure)] == [
        "table-same-words", "table-same-words-2", "table-other-2", "figure-curve-a"
    ]  # fmt: skip


def test_names_of_files_are_short_and_those_of_other_names_are_others():
    names = ["x" * 10_000, "x" * 10_001, "<b>", "b", "a/b", "a b", "../a", "", "אב" * 99, "\u202e"]
    stems = [file_stem(name) for name in names]
    assert len(set(stems)) == len(stems)
    assert all(len(f"figure-{stem}.partial".encode()) < 255 for stem in stems)
    assert not any(c in stem for stem in stems for c in "/<> \u202e") and ".." not in "".join(stems)
