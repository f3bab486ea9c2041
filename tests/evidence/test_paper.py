from decimal import Decimal

from rarecase.evidence.paper import (
    PUBLISHED_TABLE_3,
    WITH,
    WITHOUT,
    recomputation_note,
    recompute_table_3,
)


def test_as_printed():
    assert [(r.hgg, r.lgg, r.overall) for r in PUBLISHED_TABLE_3] == [
        ("0.95", "0.05", "0.61"),
        ("0.569", "0.384", "0.524"),
    ]
    assert all("2209.14097" in r.source for r in PUBLISHED_TABLE_3)


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
