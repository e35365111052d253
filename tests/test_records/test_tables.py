"""Tables of numbers, read strictly."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records.errors import RecordError
from records.tables import column_names, read_columns, read_metadata, write_parquet

TableWriter = Callable[[Path, str, np.ndarray], Path]
COLUMNS = ("time_s", "angle_deg")

numbers = st.floats(allow_nan=True, allow_infinity=False, width=64)
tables = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30).filter(
    lambda rows: not any(math.isnan(a) and math.isnan(b) for a, b in rows)
)


@given(rows=tables, bom=st.booleans(), crlf=st.booleans(), blank_lines=st.integers(0, 3))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_number_that_is_written_as_csv_is_read_again(
    tmp_path: Path, rows: list[tuple[float, float]], bom: bool, crlf: bool, blank_lines: int
) -> None:
    cell = lambda value: "" if math.isnan(value) else repr(value)  # noqa: E731
    lines = ["time_s, angle_deg ", *(f"{cell(a)},{cell(b)}" for a, b in rows), *[""] * blank_lines]
    text = ("\r\n" if crlf else "\n").join(lines)
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode("utf-8-sig" if bom else "utf-8"))
    found = read_columns(path, COLUMNS)
    np.testing.assert_array_equal(np.c_[found["time_s"], found["angle_deg"]], np.array(rows))


@given(rows=tables)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_number_that_is_written_as_parquet_is_read_again(tmp_path: Path, rows: list[tuple[float, float]]) -> None:
    path = tmp_path / "table.parquet"
    written = np.array(rows)
    write_parquet(path, {"time_s": written[:, 0], "angle_deg": written[:, 1]}, {"unit": "deg"})
    found = read_columns(path, COLUMNS)
    np.testing.assert_array_equal(np.c_[found["time_s"], found["angle_deg"]], written)
    assert read_metadata(path) == {"unit": "deg"}


def test_columns_that_nobody_asked_for_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('note,angle_deg,,time_s\n"a, b",1,x,0\n,2,,1\n', encoding="utf-8")
    found = read_columns(path, COLUMNS, ("velocity_deg_s",))
    assert list(found) == ["time_s", "angle_deg"]
    assert found["angle_deg"].tolist() == [1, 2]


def test_written_out_nan_is_missing_too(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("time_s,angle_deg\n0,nan\n 1 , NaN\n2, \n3,4\n", encoding="utf-8")
    assert np.isnan(read_columns(path, COLUMNS)["angle_deg"]).tolist() == [True, True, True, False]


BAD_CSV = [
    (b"", "empty"),
    (b"\n\n", "empty"),
    (b"\xef\xbb\xbf", "time_s"),
    (b"time_s,angle_deg", "no rows below the header"),
    (b"time_s;angle_deg\n0;1\n", "semicolons"),
    (b"time_s,angle\n0,1\n1,2\n", "column angle_deg missing"),
    (b"t,a\n0,1\n1,2\n", "columns time_s, angle_deg missing"),
    (b"0,1\n1,2\n", "missing"),
    (b"time_s,angle_deg,angle_deg\n0,1,1\n", "twice"),
    (b"time_s,angle_deg\n0,1\n1,two\n", "column angle_deg, row 3: 'two' is not a number"),
    (b"time_s,angle_deg\n0,1\n1s,2\n", "column time_s, row 3: '1s'"),
    (b"time_s,angle_deg\n0,1\n1,2\n2,inf\n", "column angle_deg, row 4: the value is infinite"),
    (b"time_s,angle_deg\n0,1\n1\n", "row 3: expected 2 cells, got 1; is the file cut off?"),
    (b"time_s,angle_deg\n0,1\n0,5,1\n", "row 3: expected 2 cells, got 3"),
    (b"time_s,angle_deg\n0,1\n\xff\xfe,2\n", "not a CSV table"),
    (b"time_s,\xe9\n0,1\n", "UTF-8"),
    (bytes(range(256)) * 20, "binary"),
    (b"\x00" * 5000, "binary"),
    (b"a" * 200_000, "binary"),
    (b'time_s,"angle_deg\n0,1\n', "row 1"),
    ("time_s,angle_deg\n0,１\n".encode("utf-16"), "binary"),
    (b"time_s,angle_deg,Velocity_deg_s\n0,1,2\n", "spell it velocity_deg_s"),
]


@pytest.mark.parametrize(("content", "said"), BAD_CSV, ids=[str(number) for number in range(len(BAD_CSV))])
def test_a_csv_that_breaks_a_rule_is_refused_with_the_place(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(RecordError) as error:
        read_columns(path, COLUMNS, ("velocity_deg_s",))
    message = str(error.value)
    assert said in message
    assert str(path) in message
    assert "\n" not in message


@given(junk=st.binary(max_size=400))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_no_junk_gets_through_or_crashes(tmp_path: Path, ending: str, junk: bytes) -> None:
    path = tmp_path / f"junk{ending}"
    path.write_bytes(junk)
    with pytest.raises(RecordError):
        read_columns(path, COLUMNS)


def test_a_cut_parquet_file_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    write_parquet(whole, {"time_s": np.arange(100.0), "angle_deg": np.arange(100.0)})
    content = whole.read_bytes()
    for length in (0, 3, 4, 100, len(content) // 2, len(content) - 1):
        path = tmp_path / "cut.parquet"
        path.write_bytes(content[:length])
        with pytest.raises(RecordError, match=r"empty|Parquet"):
            read_columns(path, COLUMNS)
    damaged = bytearray(content)
    damaged[40:90] = b"\xa5" * 50
    (tmp_path / "damaged.parquet").write_bytes(bytes(damaged))
    with pytest.raises(RecordError, match="Parquet"):
        read_columns(tmp_path / "damaged.parquet", COLUMNS)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.parquet").mkdir()
    for name in ("absent.csv", "absent.parquet", "folder.csv", "folder.parquet"):
        with pytest.raises(RecordError, match="cannot be read"):
            column_names(tmp_path / name)
