"""Tables as programs and people write them."""

import bz2
import gzip
import lzma
import unicodedata
import zipfile
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from rarecase.cohort import read_cohort
from rarecase.cohort.tables import is_table, read_table, read_values
from rarecase.errors import DataError

PLAIN = "id,grade,size\n001,low,1.5\n002,high,\n003,low,2\n"


@pytest.fixture
def put(tmp_path):
    def write(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def zipped(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_packed_tables_are_known_by_their_content(put, tmp_path):
    expected = read_table(put(PLAIN))
    data = PLAIN.encode()
    ways = {"a.csv.gz": gzip, "a.csv.bz2": bz2, "a.csv.xz": lzma, "a.csv": gzip}
    for name, how in ways.items():
        packed = how.compress(data)
        pd.testing.assert_frame_equal(read_table(put(packed, name)), expected)
    one = zipped(tmp_path / "one.zip", **{"t.csv": PLAIN, "__MACOSX/._t.csv": "x"})
    pd.testing.assert_frame_equal(read_table(one), expected)
    two = zipped(tmp_path / "two.zip", **{"t.csv": PLAIN, "u.csv": PLAIN})
    with pytest.raises(DataError, match=r"two\.zip: expected one table in it, found 2"):
        read_table(two)
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_table(put(gzip.compress(data)[:20], "half.csv.gz"))
    names = ("a.csv", "a.TSV.gz", "a.zip", "a.xlsx", "a.nii.gz", "a.npz")
    assert [is_table(tmp_path / name) for name in names] == [True, True, True, True, False, False]


def test_excel_is_read_as_csv_is_and_other_sheets_are_said(tmp_path, caplog):
    frame = pd.DataFrame({"id ": ["007", "012"], "grade": ["low ", "N/A"], "size": [1.5, None],
                          "n": [1, 2], "day": pd.to_datetime(["2011-03-20", None])})  # fmt: skip
    path = tmp_path / "t.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame().to_excel(book, sheet_name="empty")
        frame.to_excel(book, sheet_name="data", index=False)
        frame.to_excel(book, sheet_name="older", index=False)
    words = read_table(path)
    assert words.columns.tolist() == ["id", "grade", "size", "n", "day"]
    assert words.iloc[0].tolist() == ["007", "low", "1.5", "1", "2011-03-20"]
    assert words.iloc[1].isna().tolist() == [False, True, True, False, True]
    assert "of 2 sheets with cells the first, 'data', is read; not 'older'" in caplog.text
    typed = read_values(path, names=["id"], classes=["grade"])
    assert typed["size"].dtype == float and typed["n"].tolist() == [1, 2]
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 600)
    with pytest.raises(DataError, match=r"that is old .*Save the table as \.xlsx or CSV"):
        read_table(tmp_path / "old.xls")


def test_parquet_holds_decimals_lists_categories_and_blanks(tmp_path):
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({
        "id": [1.0, 2.0, None], " grade": pd.Categorical(["low ", "high", "low"]),
        "size": [Decimal("1.50"), None, Decimal("2.25")], "vector": [[1.0, 2.0], None, [3, 4]],
        "tags": [["a"], ["b", "c"], None], "n": pd.array([1, None, 3], dtype="Int64"),
    })  # fmt: skip
    frame.to_parquet(path)
    table = read_values(path, names=["id"], classes=["grade"])
    assert table["id"].dropna().tolist() == ["1", "2"]
    assert table["grade"].tolist() == ["low", "high", "low"]
    np.testing.assert_array_equal(table["size"], [1.5, np.nan, 2.25])
    np.testing.assert_array_equal(table[["vector_0", "vector_1"]], [[1, 2], [np.nan] * 2, [3, 4]])
    assert (
        "vector" not in table and read_values(path, whole=["vector"])["vector"].notna().sum() == 2
    )
    assert read_table(path)["size"].dropna().tolist() == ["1.50", "2.25"]
    frame["vector"] = [[1.0], [2.0, 3.0], None]
    frame.to_parquet(path)
    with pytest.raises(DataError, match="'vector' holds lists that are not all of one length"):
        read_values(path)


def test_a_quoted_gap_is_a_word_and_an_empty_one_is_none(put):
    path = put('id,grade,size\n"NA",None,1\nb,"None",2\nc, "n/a" ,"NA"\nd,"",3\n"e ""NA"" f",y,4\n')
    for table in (read_table(path), read_values(path, names=["id"], classes=["grade"])):
        assert table["id"].tolist() == ["NA", "b", "c", "d", 'e "NA" f']
        assert table["grade"].isna().tolist() == [True, False, False, True, False]
        assert table["grade"].dropna().tolist() == ["None", "n/a", "y"]
    assert np.isnan(read_values(path)["size"][2])


def test_none_is_a_class_where_there_is_no_other(put, caplog):
    path = put("case,MGMT,stage,n\na,None,x,None\nb,methylated,None,1.0\nc,methylated,y,2.0\n")
    for table in (read_table(path), read_values(path, classes=["MGMT", "stage"])):
        assert table["MGMT"].tolist() == ["None", "methylated", "methylated"]
        assert table["stage"].isna().tolist() == [False, True, False]
        assert table["n"].isna().tolist() == [True, False, False]
    assert "None, nil or - counts as missing in stage; where it is a class" in caplog.text
    asked = read_values(path, classes=["stage"], asked=["None"])
    assert asked["stage"].tolist() == ["x", "None", "y"]
    masks = read_table(put("case,mask,patient\na,None,None\nb,m.nii,p\nc,m.nii,p\n"))
    assert masks["mask"].isna().sum() == masks["patient"].isna().sum() == 1


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_fits_header_and_rows(put, separator):
    head = ['"age, years; all"', '"a|b, c|d"', "n"]
    rows = [['"1, 2; 3"', "x", "1"], ['"4|5\t6"', "y", "2"]]
    table = read_table(put("\n".join(separator.join(row) for row in [head, *rows])))
    assert table.shape == (2, 3) and table["n"].tolist() == ["1", "2"]


def test_r_writes_tables_with_blanks_and_a_name_before_each_row(put):
    path = put('"id" "grade" "size"\n"r1" "P1" "low" 1.5\n"r2" "P2" "NA" NA\n', "t.txt")
    table = read_values(path, names=["id"], classes=["grade"])
    assert table.index.tolist() == ["r1", "r2"] and table["grade"].tolist() == ["low", "NA"]
    np.testing.assert_array_equal(table["size"], [1.5, np.nan])
    with pytest.raises(DataError, match="a value more than the header has names"):
        read_table(path)
    assert read_values(put("id,size\n1,P1,2\n2,P2,3\n")).index.tolist() == [1, 2]


def test_commas_are_points_where_the_table_shows_it(put):
    first = "id;a;b\n1;1,234;x\n2;5,678;y\n"
    assert read_values(put(first))["a"].tolist() == [1.234, 5.678]
    second = "id\ta\tb\n1\t1,234\t0,5\n2\t5,678\t2,25\n"
    assert read_values(put(second))["a"].tolist() == [1.234, 5.678]
    unclear = 'id,a,b\n1,"1,234",0.5\n2,"5,678",2.25\n'
    assert read_values(put(unclear))["a"].tolist() == ["1,234", "5,678"]
    alone = "id\ta\n1\t1,234\n2\t5,678\n"
    assert read_values(put(alone))["a"].tolist() == ["1,234", "5,678"]


def test_rows_and_columns_of_nothing_are_none(put):
    table = read_table(put("id;a;;\n1;x;;\n;;;\n2;y;;\n\n"))
    assert table.to_dict("list") == {"id": ["1", "2"], "a": ["x", "y"]}
    saved = read_values(put(",id\n0,x\n1,y\n"))
    assert saved.columns.tolist() == ["Unnamed: 0", "id"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a,a \n1,2\n", "two columns are called a"),
     ("u\u0308,\u00fc\n1,2\n", "two columns are called \u00fc"),
     ("a,b\n1,2,\n3,4,\n", "line 2 has 3 values, the header 2 names"),
     ('a,b\n1,"2\n3,4\n', "a quote is opened and not closed"),
     ("a,b\n", "a header and no rows"), ("", "no columns"),
     ("a,b\n1,\0\n", "not a CSV table")],
)  # fmt: skip
def test_what_is_no_table_is_refused_and_named(put, text, expected):
    with pytest.raises(DataError, match=expected) as error:
        read_table(put(text))
    assert "t.csv" in str(error.value)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_header_alone_is_no_table_of_values_either(put, name):
    path = put("a,b\n", name)
    if name == "t.parquet":
        pd.DataFrame({"a": [], "b": []}).to_parquet(path)
    with pytest.raises(DataError, match=r"t\.\w+: the table has a header and no rows"):
        read_values(path)


@pytest.mark.filterwarnings("error")
def test_infinite_numbers_beside_others_give_no_warning(put):
    table = read_values(put('a,b\ninf,"1,5"\n2,"2,5"\n'))
    assert table["a"].tolist() == [np.inf, 2] and table["b"].tolist() == [1.5, 2.5]


def test_short_rows_are_filled_and_said(put, caplog):
    table = read_table(put("id,a,b\n1,x,y\n2\n"))
    assert table.iloc[1].isna().tolist() == [False, True, True]
    assert "1 rows have fewer values than the header has names (first row 1)" in caplog.text


def test_letters_are_composed_but_in_names_of_files(put):
    apart = unicodedata.normalize("NFD", "Müller")
    table = read_table(put(f"{apart},file\n{apart},{apart}.nii.gz\nb,x/{apart}\n"))
    assert table.columns[0] == "Müller" and table["Müller"][0] == "Müller"
    assert table["file"].tolist() == [f"{apart}.nii.gz", f"x/{apart}"]


def test_blanks_of_any_kind_are_none_of_a_word(put):
    table = read_table(put("\u00a0id ,a\n 1\u00a0,\u200bx \n2,\u3000NA\n"))
    assert table["id"].tolist() == ["1", "2"] and table["a"][0] == "x" and table["a"].isna()[1]


def test_numbers_are_exact_and_other_signs_are_none(put):
    values = [0.1, 1 / 3, 1e-300, 123456789.123456789, -2.5e17]
    text = "a,b,c\n" + "".join(f"{value!r},1_000,0x1F\n" for value in values)
    table = read_values(put(text))
    assert table["a"].tolist() == values
    assert table["b"].tolist() == ["1_000"] * 5 and table["c"].tolist() == ["0x1F"] * 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["\u22120.5", "0.25", "\u22121e-3"], [-0.5, 0.25, -0.001]),
     (["1'326.5", "12", "-1'000'000"], [1326.5, 12, -1e6]),
     (["1\u2019326", "2\u2019000", "3"], [1326, 2000, 3])],
)  # fmt: skip
def test_signs_for_printing_are_read_as_those_of_a_keyboard(put, words, expected):
    table = read_values(put("a;b\n" + "".join(f"{word};x\n" for word in words)))
    assert table["a"].tolist() == expected


@pytest.mark.parametrize("words", [["\u2212 mutant", "wild"], ["12'34", "5"], ["1'23'456", "5"]])
def test_other_words_with_such_signs_stay_words(put, words):
    table = read_values(put("a;b\n" + "".join(f"{word};x\n" for word in words)))
    assert table["a"].tolist() == words


def test_a_table_as_wide_as_an_array_of_methylation_is_read_or_refused_soon(put):
    n = 20_000
    text = ",".join(["id", "grade", *(f"cg{i}" for i in range(n))])
    row = ",".join(f"0.{i}" for i in range(n))
    path = put(f"{text}\n1,low,{row}\n2,high,{row}\n")
    table = read_values(path, names=["id"], classes=["grade"])
    assert table.shape == (2, n + 2) and table["cg7"].tolist() == [0.7, 0.7]
    with pytest.raises(DataError, match="20002 columns; a table of cases"):
        read_table(path)


def test_a_title_above_the_header_of_a_sheet_is_said(tmp_path, caplog):
    path = tmp_path / "t.xlsx"
    rows = [["Table S1. Patients", None], ["id", "grade"], ["001", "low"], ["002", "high"]]
    pd.DataFrame(rows).to_excel(path, index=False, header=False)
    assert read_table(path).to_dict("list") == {"id": ["001", "002"], "grade": ["low", "high"]}
    assert "'Table S1. Patients' stands above the header" in caplog.text


@pytest.mark.parametrize("text", ["Table 1\n", "Table 1;;\n", "\n# of the cohort\n\n"])
def test_a_title_above_the_header_of_text_is_said(put, caplog, text):
    table = read_table(put(text + "id;size;grade\n1;2,5;low\n2;3,5;high\n"))
    assert list(table.columns) == ["id", "size", "grade"] and len(table) == 2
    assert "stands above the header and is left out" in caplog.text


def test_a_column_alone_or_with_names_of_rows_has_no_title(put, caplog):
    assert read_table(put("id\n1\n2\n"))["id"].tolist() == ["1", "2"]
    named = read_values(put("size\nr1,2\nr2,3\n"))
    assert named["size"].tolist() == [2, 3] and list(named.index) == ["r1", "r2"]
    assert "above the header" not in caplog.text


def test_a_class_called_none_labels_a_cohort(build):
    for i in range(4):
        build.brats_case("", f"BraTS20_Training_{i:03d}", "_")
    rows = [f"BraTS20_Training_{i:03d},{'None' if i < 3 else 'Methylated'}" for i in range(4)]
    build.table("labels.csv", "\n".join(["id,MGMT", *rows]))
    assert sorted(read_cohort(build.root).patients.values()) == ["Methylated", *["None"] * 3]
