"""The shared reader: three formats that say the same, stated rules, and a clear error for what is broken."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from choral.errors import UsageError
from choral.simulation.tables import read_names, read_values

ROWS = [("狐", 2.0, "ja", "a"), ("007", 0.5, "en", "b"), ("", 1.0, "en", "b"), ("狐", 0.0, "en", "a"), ("NA", 1.0, "ja", "c")]
NAMES = ("value", "weight", "locale", "person")


def written(folder, suffix):
    path = folder / f"rows.{suffix}"
    if suffix.startswith("csv"):
        text = "\n".join(",".join(map(str, row)) for row in (NAMES, *ROWS)) + "\n"
        path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    elif suffix == "parquet":
        columns = [[row[i] or None for row in ROWS] if i == 0 else [row[i] for row in ROWS] for i in range(4)]
        pa.parquet.write_table(pa.table(dict(zip(NAMES, columns, strict=True))), path)
    else:
        lines = [{name: value for name, value in zip(NAMES, row, strict=True) if value != ""} for row in ROWS]
        path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet", "jsonl", "ndjson"])
def test_every_format_says_the_same(tmp_path, suffix):
    table = read_values(written(tmp_path, suffix), "value", weight="weight", group="locale", person="person")
    assert [table.values.names[code] for code in table.values.codes] == ["狐", "007", "狐", "NA"]
    assert table.weights.tolist() == [2.0, 0.5, 0.0, 1.0]
    assert [table.groups.names[code] for code in table.groups.codes] == ["ja", "en", "en", "ja"]
    assert table.people.tolist() == [0, 1, 0, 2]
    assert (len(table), table.skipped) == (4, 1)


def test_what_is_not_asked_for_is_not_read(tmp_path):
    table = read_values(written(tmp_path, "csv"), "value")
    assert (table.weights, table.groups, table.people) == (None, None, None)


def test_numbers_are_labels_too(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"value": 7}\n{"value": 8}\n{"value": 7}\n')
    assert read_values(path, "value").values.names == ("7", "8")


def test_many_blocks_share_their_names(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("value,rest\n" + "".join(f"v{number % 1000},{'x' * 40}\n" for number in range(60_000)))
    values = read_values(path, "value").values
    assert len(values.names) == 1000
    assert np.bincount(values.codes).tolist() == [60] * 1000


BROKEN = [
    ("rows.csv", b"value,weight\nx,1\ny", "ends mid-row"),
    ("rows.csv", b'value,weight\nx,1\n"y,2\nz,3\n', "odd number of quote marks"),
    ("rows.csv", b"value,weight\n\xff\xfe,1\n", "not UTF-8"),
    ("rows.csv", b"", "Empty CSV"),
    ("rows.csv", b"value,weight\n", "no row with a value"),
    ("rows.csv", b"value,weight\n,1\n", "no row with a value"),
    ("rows.csv", b"word,weight\nx,1\n", "no column 'value'; it has 'word', 'weight'"),
    ("rows.csv", b"value,value,weight\nx,y,1\n", "more than one column 'value'"),
    ("rows.csv", b"value,weight\nx,much\n", "not a double"),
    ("rows.csv", b"value,weight\nx,-1\n", "none below 0"),
    ("rows.csv", b"value,weight\nx,nan\n", "finite"),
    ("rows.csv", b"value,weight\nx,\n", "no row"),
    ("rows.csv", b"value,weight\nx,0\n", "some above"),
    ("rows.csv.gz", gzip.compress(b"value,weight\n" + b"x,1\n" * 9999, mtime=0)[:40], "cannot read"),
    ("rows.jsonl", b'{"value": "x", "weight": 1}\n{"value":', "one whole JSON object a line"),
    ("rows.jsonl", b'[{"value": "x", "weight": 1}]', "one whole JSON object a line"),
    ("rows.jsonl", b'{"value": "\xff", "weight": 1}', "not UTF-8"),
    ("rows.jsonl", b'{"value": ["x"], "weight": 1}', "cannot read"),
    ("rows.parquet", b"PAR1 and then nothing", "cannot read"),
    ("rows.xlsx", b"x", "name a file that ends in"),
]


@pytest.mark.parametrize(("name", "content", "words"), BROKEN)
def test_a_broken_file_is_refused_in_words_that_quote_no_value(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words) as refused:
        read_values(path, "value", weight="weight")
    assert "much" not in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no file"):
        read_values(tmp_path / "none.csv", "value")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UsageError, match="there is no file"):
        read_values(tmp_path / "folder.csv", "value")


def test_a_row_of_a_person_without_a_name_is_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("value,person\nx,a\ny,\n")
    with pytest.raises(UsageError, match="1 rows with a value have nothing in the column 'person'"):
        read_values(path, "value", person="person")


def test_a_dictionary_is_one_name_a_line(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("\ufeffone\n\ntwo words\n", encoding="utf-8")
    assert read_names(path) == ("one", "two words")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a\nb\na\n", b"\xff\n"])
def test_a_broken_dictionary_is_refused(tmp_path, content):
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="dictionary"):
        read_names(path)
