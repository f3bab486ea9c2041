"""Which ids of two lists mean the same."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecase.cohort.ids import begins, is_number, listed, match, written_alike
from rarecase.errors import closest

# Few letters, so that ids of two lists often differ in writing alone.
IDS = st.lists(st.text("aAü019.-_ /", min_size=1, max_size=5), max_size=8)
NUMBERS = st.lists(st.integers(0, 300), min_size=1, max_size=8, unique=True)


@settings(max_examples=50, deadline=None)
@given(IDS, IDS)
def test_every_id_is_in_one_pair_or_reported(left, right):
    found = match(left, right)
    for names, paired, unsure, alone in (
        (left, [*found.pairs], found.unsure, found.alone),
        (right, [*found.pairs.values()], found.unsure_right, found.alone_right),
    ):
        assert sorted([*paired, *unsure, *alone]) == sorted(set(names))


@settings(max_examples=50, deadline=None)
@given(IDS, IDS)
def test_matching_is_symmetric(left, right):
    one, other = match(left, right), match(right, left)
    assert one.pairs == {a: b for b, a in other.pairs.items()}
    assert (one.unsure, one.alone) == (other.unsure_right, other.alone_right)


@settings(max_examples=50, deadline=None)
@given(IDS, IDS)
def test_ids_as_written_are_pairs_whatever_else_there_is(left, right):
    assert match(left, right).pairs.items() >= {(name, name) for name in {*left} & {*right}}


@settings(max_examples=50, deadline=None)
@given(IDS, IDS, IDS)
def test_more_ids_never_make_another_pair_of_two_that_were_one(left, right, more):
    before, after = match(left, right).pairs, match([*left, *more], right).pairs
    assert all(after[name] == before[name] for name in before.keys() & after.keys())


@settings(max_examples=25, deadline=None)
@given(NUMBERS, st.sampled_from(["{}", "{}.0", "{:03d}", "sub-{}", "sub-{:04d}", "SUB_{}"]),
       st.sampled_from(["{:03d}", "sub-{:02d}", "Case_{:05d}", "{}"]))  # fmt: skip
def test_numbers_in_any_writing_are_matched(numbers, one, other):
    left, right = [one.format(n) for n in numbers], [other.format(n) for n in numbers]
    expected = dict(zip(left, right, strict=True))
    if other.startswith("Case") and one.lower().startswith("sub"):
        expected = {}  # neither is a plain number
    assert match(left, right).pairs == expected


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ("Zoë", unicodedata.normalize("NFD", "Zoë"), "all in another Unicode form"),
        ("train/k7.nii.gz", "k7", "all with a path or a suffix"),
        ("TCGA-AB 1", "tcga_ab_1", "all with other capitals, blanks"),
        ("sub-k-7", "sub-k-007", r"all with other zeros"),
        ("12", "Glioma_0012", "all as the number at the end, such as '12' for 'Glioma_0012'"),
    ],
)
def test_what_was_needed_is_said(left, right, said):
    (words,) = match([left], [right]).rewritten()
    assert words.startswith(said)


def test_what_could_be_two_is_neither():
    found = match(["7", "8"], ["k_7", "l_7", "k_8"])
    assert found.pairs == {"8": "k_8"} and found.unsure == {"7": ("k_7", "l_7")}
    assert found.unsure_right == {"k_7": ("7",), "l_7": ("7",)}


def test_other_ids_are_none():
    found = match(["a1", "17.5", "x"], ["b1", "17", "y"])
    assert not found.pairs and found.alone == ("17.5", "a1", "x")


def test_guesses_and_words():
    assert closest("HF0O1", ["LF100", "HF001"]) == "HF001" and closest("q", ["xyz"]) is None
    names = [f"case{i}" for i in range(7)]
    assert listed(names, ["case9"]).endswith("'case4' (nearest: 'case9') and 2 more")
    assert written_alike(["A 1", "a-1", "b", "a_02"]) == [["A 1", "a-1"]]
    assert begins("P7_2019", "P7") and not begins("P71_2019", "P7")
    assert is_number("03.0") and not is_number("3.1")
