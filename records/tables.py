"""CSV and Parquet tables of numbers, read strictly: the only module that knows pyarrow."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from analysis.model import FloatArray
from records.errors import RecordError

__all__ = ["TABLE_ENDINGS", "column_names", "first_row", "is_table", "read_columns", "read_metadata", "write_parquet"]

_ROWS_AT_ONCE = 1 << 16

TABLE_ENDINGS = (".csv", ".parquet")
HEADER_BYTES = 1 << 16
SHOWN_CHARACTERS = 40
HEADER_ROWS = 1


def is_table(path: Path) -> bool:
    """Tell by the ending whether a file is a table."""
    return path.suffix.lower() in TABLE_ENDINGS


def first_row(path: Path) -> int:
    """Return the number that a person counts for the first row of values: a CSV's header is row 1."""
    return 1 if _is_parquet(path) else 1 + HEADER_ROWS


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def column_names(path: Path) -> tuple[str, ...]:
    """Return the names of a table's columns.

    Raises
    ------
    RecordError
        If the file is missing, empty or no table.
    """
    if _is_parquet(path):
        return tuple(_parquet_schema(path).names)
    return tuple(_csv_header(path))


def read_columns(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, FloatArray]:
    """Read columns of numbers from a CSV or Parquet file, told apart by its ending; other columns are passed over.

    Parameters
    ----------
    path
        The file.
    required
        Columns that must be there.
    optional
        Columns that are read where they are there.

    Returns
    -------
    dict
        Each column as float64, shape (n,); an empty cell is NaN. Values are finite or NaN.

    Raises
    ------
    RecordError
        If the file is missing, empty, no table, lacks a column, or holds text or an infinite value where a number
        belongs. Rows are counted as a spreadsheet shows them: the header is row 1 (Parquet: the first row is row 1).
    """
    names = column_names(path)
    wanted = _wanted(path, names, required, optional)
    table = _read_parquet(path, wanted) if _is_parquet(path) else _read_csv(path, names, wanted)
    columns = {name: _numbers(path, name, table.column(name)) for name in wanted}
    for name, values in columns.items():
        if np.isinf(values).any():
            row = first_row(path) + int(np.argmax(np.isinf(values)))
            raise RecordError(path, f"column {name}, row {row}: the value is infinite; leave the cell empty instead")
    return columns


def _wanted(path: Path, names: Sequence[str], required: Sequence[str], optional: Sequence[str]) -> list[str]:
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise RecordError(path, f"column {_shown(twice[0])} occurs twice; keep one")
    missing = [name for name in required if name not in names]
    if missing:
        raise RecordError(
            path,
            f"column{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing: expected "
            f"{', '.join(required)}; got {_shown(', '.join(names))}",
        )
    known = {name.casefold(): name for name in optional}
    for name in names:
        if name.casefold() in known and name not in optional:
            raise RecordError(path, f"column {_shown(name)} is unknown; spell it {known[name.casefold()]}")
    return [*required, *(name for name in optional if name in names)]


def _shown(text: str) -> str:
    """Shorten what a file says so that a message stays one line."""
    line = " ".join(text.split())
    return repr(line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "…")


def _reason(error: Exception) -> str:
    """Return the first line of a message of pyarrow's."""
    return str(error).split("\n", 1)[0][:200].rstrip(".")


def _csv_header(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror})") from error
    if not head.strip():
        raise RecordError(path, "the file is empty; record or export it again")
    line = head.splitlines()[0]
    if b"\0" in head or len(line) == HEADER_BYTES:
        raise RecordError(path, "is not a CSV table but binary data; give a CSV or Parquet file")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(path, "is not UTF-8 text; save it as CSV in UTF-8") from error
    if ";" in text and "," not in text:
        raise RecordError(path, "columns are separated by semicolons; save it with commas, and points in numbers")
    try:
        return [name.strip() for name in next(csv.reader([text], strict=True), [])]
    except csv.Error as error:
        raise RecordError(path, f"row 1 is no header of a CSV table ({error}); name the columns there") from error


def _read_csv(path: Path, names: Sequence[str], wanted: Sequence[str]) -> pa.Table:
    # The header was read by us (byte order mark, blanks around names), so the parser is told positions, not names.
    keys = [name if name in wanted else f"#{place}" for place, name in enumerate(names)]
    broken: list[pa_csv.InvalidRow] = []

    def refuse(row: pa_csv.InvalidRow) -> str:
        broken.append(row)
        return "error"

    try:
        return pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=keys, skip_rows=HEADER_ROWS),
            parse_options=pa_csv.ParseOptions(invalid_row_handler=refuse),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=list(wanted),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        if broken:
            row = broken[0]
            what = f"row {row.number}: expected {row.expected_columns} cells, got {row.actual_columns}"
            raise RecordError(path, f"{what}; is the file cut off?") from error
        if "skip initial" in str(error):
            raise RecordError(path, "there are no rows below the header; record or export it again") from error
        raise RecordError(path, f"is not a CSV table ({_reason(error)}); export it again") from error
    except OSError as error:
        raise RecordError(path, f"cannot be read ({_reason(error)})") from error


def _parquet_schema(path: Path) -> pa.Schema:
    try:
        if path.stat().st_size == 0:
            raise RecordError(path, "the file is empty; record or export it again")
        with pq.ParquetFile(path) as file:
            return file.schema_arrow
    except pa.ArrowException as error:
        raise RecordError(path, f"is not a Parquet table ({_reason(error)}); export it again") from error
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror or _reason(error)})") from error


def _read_parquet(path: Path, wanted: Sequence[str]) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            return file.read(columns=list(wanted), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise RecordError(path, f"is a damaged Parquet table ({_reason(error)}); export it again") from error


def _numbers(path: Path, name: str, column: pa.ChunkedArray) -> FloatArray:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        trimmed = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise RecordError(path, f"column {name} holds {kind}, not numbers; export it as numbers")
    try:
        numbers = column.cast(pa.float64())
    except pa.ArrowInvalid as error:
        row, text = _first_text(column)
        raise RecordError(
            path,
            f"column {name}, row {first_row(path) + row}: {_shown(text)} is not a number; correct it or leave it empty",
        ) from error
    return np.array(numbers.to_numpy(), dtype=np.float64)


def _first_text(column: pa.ChunkedArray) -> tuple[int, str]:
    """Find the first cell that is no number, by the parser that refused it."""
    for row, cell in enumerate(column):
        try:
            cell.cast(pa.float64())
        except pa.ArrowInvalid:
            return row, str(cell.as_py())
    return 0, ""


def write_parquet(path: Path, columns: Mapping[str, FloatArray], metadata: Mapping[str, str] | None = None) -> None:
    """Write columns of equal length as Parquet, with optional texts beside them.

    Raises
    ------
    OSError
        If the file cannot be written; the caller knows what to say of it.
    """
    types = pa.table({name: pa.array(values[:0]) for name, values in columns.items()}).schema
    n_rows = max((len(values) for values in columns.values()), default=0)
    with pq.ParquetWriter(path, types.with_metadata(dict(metadata or {})), compression="zstd") as file:
        for first in range(0, max(n_rows, 1), _ROWS_AT_ONCE):  # a whole hour's columns are not copied at once
            rows = slice(first, first + _ROWS_AT_ONCE)
            file.write_table(pa.table([pa.array(values[rows]) for values in columns.values()], schema=file.schema))


def read_metadata(path: Path) -> dict[str, str]:
    """Return the texts that `write_parquet` put beside the columns.

    Raises
    ------
    RecordError
        If the file is missing or no Parquet table.
    """
    found = _parquet_schema(path).metadata or {}
    return {key.decode(): value.decode() for key, value in found.items()}
