from decimal import Decimal

from rarecase.evidence.paper import (
    PUBLISHED_TABLE_3,
    WITH,
    WITHOUT,
    paper_row,
    recomputation_note,
    recompute_table_3,
)


def test_as_printed():
    assert [(r.hgg, r.lgg, r.overall) for r in PUBLISHED_TABLE_3] == [
        ("0.95", "0.05", "0.61"),
        ("0.569", "0.384", "0.524"),
    ]
    assert "2209.14097" in recomputation_note()


def test_recomputed_by_hand():
    # (0.569 * 362 + 0.384 * 208) / 570 = (205.978 + 79.872) / 570 = 0.50149
    assert recompute_table_3(WITH).overall == Decimal("0.501")
    # (343.9 + 10.4) / 570 = 0.62158
    assert recompute_table_3(WITHOUT).overall == Decimal("0.622")
    assert recompute_table_3(WITHOUT).balanced == Decimal("0.500")
    assert recompute_table_3(WITH).balanced == Decimal("0.477")


def test_note_names_the_mismatch():
    note = recomputation_note()
    for piece in ("0.501", "0.524", "362", "208", "0.500 to 0.477"):
        assert piece in note


def synthetic(amount, *, planned=False, features="maps", balanced=0.5):
    key = {"features": features, "arm": "acgan", "classifier": "cnn", "amount": amount}
    scores = {"scores": {"balanced_accuracy": balanced}}
    return key | {"synthetic": True, "planned": planned, "slices": scores}


def test_the_row_beside_the_papers_is_the_planned_count():
    rows = [synthetic("tuned", planned=True), synthetic("64"), synthetic("128", planned=True)]
    assert paper_row(rows, primary=("maps", "cnn"), faithful=False)["amount"] == "128"
    assert paper_row(rows[:2], primary=("maps", "cnn"), faithful=False) is None
    assert paper_row(rows[:1], primary=("maps", "cnn"), faithful=True) is None


def test_of_equally_good_ones_the_paper_would_take_the_smaller():
    rows = [synthetic("128"), synthetic("64"), synthetic("256", balanced=None)]
    rows.append(synthetic("8", features="tumour", balanced=0.9))  # not the primary family
    assert paper_row(rows, primary=("maps", "cnn"), faithful=True)["amount"] == "64"
