"""Parquet, where pyarrow is installed: the columns of a table as in CSV."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mousetrackd.core.columns import roles_of
from mousetrackd.core.errors import UsageError
from mousetrackd.exchange import csv_format
from mousetrackd.exchange.points import Points

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mousetrackd.exchange.reading import FileCounts, Options
    from mousetrackd.exchange.table import Table
    from mousetrackd.system.content import Content

_ROWS_MAX: Final = 200_000_000
_BATCH_ROWS: Final = 1 << 17
_INSTALL: Final = "pip install 'mousetrackd[parquet]'"


def write(tables: Mapping[str, Table], _unit: str = "") -> bytes:
    """The rows of ``csv_format``. Raises UsageError without pyarrow."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional part
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow, which is not installed", f"Install it: {_INSTALL}") from error
    names, parts = csv_format.columns_of(tables)
    columns: dict[str, Any] = {
        "monitor": pa.array(
            [monitor.label for monitor, columns in parts for _ in range(len(columns[0]))], pa.string()
        ).dictionary_encode()
    }
    for place, name in enumerate(names):
        columns[name] = np.concatenate([np.empty(0, np.int64), *(columns[place] for _, columns in parts)])
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def recognises(head: bytes) -> bool:
    """Its first bytes."""
    return head.startswith(b"PAR1")


def read(content: Content, options: Options) -> FileCounts:
    """Points, as from CSV. Raises ValueError."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional part
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise ValueError(f"it is a Parquet file, which needs pyarrow: {_INSTALL}") from error
    try:
        with pq.ParquetFile(content.file) as file:
            if file.metadata.num_rows > _ROWS_MAX:
                raise ValueError(f"it has more than {_ROWS_MAX:,} rows")
            return _read(file, options)
    except (pa.ArrowException, OSError) as error:
        raise ValueError("it is damaged, or no Parquet file") from error


def _read(file: Any, options: Options) -> FileCounts:
    names = list(options.columns) or file.schema_arrow.names
    roles = csv_format.with_layer(roles_of(names), names, options.layer)
    if not {"x", "y"} <= roles.keys():
        raise ValueError(f"there is no column x or y; its columns: {', '.join(names)[:200]}. Name them with --columns")
    time_name = names[roles["time"]] if "time" in roles else ""
    points = Points(options, time_name=time_name)
    first = 1
    for batch in file.iter_batches(_BATCH_ROWS):
        columns = {role: batch.column(place) for role, place in roles.items() if role in ("x", "y", "count", "time")}
        arrays = {role: _numbers(column, names[roles[role]]) for role, column in columns.items()}
        labels = batch.column(roles["monitor"]).to_pylist() if "monitor" in roles else [""] * batch.num_rows
        which = np.array([str(label or "") for label in labels])
        for label in dict.fromkeys(which.tolist()):
            here = which == label
            rows = np.flatnonzero(here) + first
            points.add(
                arrays["x"][here],
                arrays["y"][here],
                arrays["count"][here] if "count" in arrays else None,
                lambda number, rows=rows: f"row {rows[number]}",  # type: ignore[misc]
                label=label,
                time=arrays["time"][here] if "time" in arrays else None,
            )
        first += batch.num_rows
    return points.finish()


def _numbers(column: Any, name: str) -> np.ndarray[tuple[int], np.dtype[Any]]:
    """A column as numbers; dates as nanoseconds since 1970."""
    if column.null_count:
        raise ValueError(f'the column "{name}" has empty values: fill or drop them first')
    array = column.to_numpy(zero_copy_only=False)
    if array.dtype.kind == "M":
        return np.asarray(array.astype("datetime64[ns]").astype(np.int64), np.float64)
    if array.dtype.kind not in "biuf":
        raise ValueError(f'the column "{name}" is not of numbers')
    return np.asarray(array)
