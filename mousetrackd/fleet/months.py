"""A file of a study: what one machine counted in one month, and what is written beside it.

A row has a day, an application (empty for all of them together), a layer, a cell and a count.

``month=2026-11/MACHINE.parquet`` has the rows, ``MACHINE.json`` beside it a SHA-256 of that file and its sums. One list
of all files would lose entries in a folder that is synced. Format 1.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mousetrackd.core.errors import UsageError
from mousetrackd.core.layers import CLICK_LAYERS, LAYERS
from mousetrackd.core.validity import APPLICATION_MAX
from mousetrackd.fleet.grid import CLICKS_GRID, GRID, grid_of
from mousetrackd.system.input_files import open_regular

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT: Final = 1
MACHINE: Final = re.compile("[0-9a-f]{16}")
COHORT: Final = re.compile("[a-z0-9][a-z0-9._-]{0,31}")
APPLICATION: Final = re.compile(rf"\w[\w .+@()-]{{0,{APPLICATION_MAX - 1}}}")
"""The identity of an application, without a comma or a quote, so that rows can be printed as they are."""
APPLICATIONS_MAX: Final = 200
SUM_MAX: Final = 1 << 42
"""Of a month's counts of a layer: 139 years in ms. A million such months are added up without overflow."""
FOLDER: Final = re.compile(r"month=(\d{4}-(?:0[1-9]|1[0-2]))")
_FILE_MAX_BYTES: Final = 64 * 1024**2
_FACTS_MAX_BYTES: Final = 1024**2
_UNPACKED_MAX_BYTES: Final = 256 * 1024**2
_ROWS_MAX: Final = 31 * (GRID[0] * GRID[1] * 3 + CLICKS_GRID[0] * CLICKS_GRID[1] * len(CLICK_LAYERS))
_EPOCH: Final = date(1970, 1, 1)
_META: Final = b"mousetrackd.fleet"


@dataclass(frozen=True)
class Month:
    """The rows of a machine's month, sorted by application, layer, day and cell; arrays of one length.

    day: days since 1970-01-01. application: a place in ``applications``, the first of which is "", all together. layer:
    a place in ``LAYERS``. cell: row * columns + column. n: counts, in the layer's unit; travel as ``grid.in_cells``.
    cohort: empty for none. source: a mark of the counts that it was made from, for the machine itself.
    """

    machine: str
    month: str
    cohort: str
    source: str
    applications: tuple[str, ...]
    day: NDArray[np.int32]
    application: NDArray[np.int16]
    layer: NDArray[np.int8]
    cell: NDArray[np.int32]
    n: NDArray[np.int64]

    def days(self) -> dict[str, dict[str, int]]:
        """The sum of each layer, by day: ``{"2026-11-02": {"dwell": 1200}}``."""
        all_of_it = self.application == 0
        sums = _sums(self.day[all_of_it], self.layer[all_of_it], self.n[all_of_it])
        return {str(_EPOCH + timedelta(days=day)): of_day for day, of_day in sums.items()}

    def facts(self, content: bytes) -> dict[str, Any]:
        """What is written beside ``content``, the file."""
        return {
            "format": FORMAT,
            "machine": self.machine,
            "month": self.month,
            "cohort": self.cohort,
            "source": self.source,
            "grid": list(GRID),
            "clicks_grid": list(CLICKS_GRID),
            "sha256": hashlib.sha256(content).hexdigest(),
            "rows": int(self.n.size),
            "totals": {
                self.applications[place]: of_it for place, of_it in _sums(self.application, self.layer, self.n).items()
            },
            "days": self.days(),
        }

    def encode(self) -> bytes:
        """As Parquet, with a checksum of each page. Raises UsageError without pyarrow."""
        pa, pq = _arrow()
        columns = {
            "day": pa.array(self.day, pa.date32()),
            "application": pa.DictionaryArray.from_arrays(
                pa.array(self.application), pa.array(self.applications, pa.string())
            ),
            "layer": pa.DictionaryArray.from_arrays(pa.array(self.layer), pa.array(LAYERS)),
            "cell": self.cell,
            "n": self.n,
        }
        described = {"format": FORMAT, "machine": self.machine, "month": self.month, "cohort": self.cohort}
        described |= {"source": self.source, "grid": list(GRID), "clicks_grid": list(CLICKS_GRID)}
        table = pa.table(columns).replace_schema_metadata({_META: json.dumps(described).encode()})
        file = io.BytesIO()
        pq.write_table(
            table,
            file,
            compression="zstd",
            write_page_checksum=True,
            use_dictionary=["day", "application", "layer"],
            column_encoding={"cell": "DELTA_BINARY_PACKED", "n": "PLAIN"},
        )
        return file.getvalue()


def _sums(key: NDArray[np.integer[Any]], layer: NDArray[np.int8], n: NDArray[np.int64]) -> dict[int, dict[str, int]]:
    """The sum of each layer, by key."""
    found: dict[int, dict[str, int]] = {}
    keys, where = np.unique(key.astype(np.int64) * len(LAYERS) + layer, return_inverse=True)
    sums = np.zeros(keys.size, np.int64)
    np.add.at(sums, where, n)
    for one, total in zip(keys.tolist(), sums.tolist(), strict=True):
        place, of_layer = divmod(one, len(LAYERS))
        found.setdefault(place, {})[LAYERS[of_layer]] = total
    return found


def facts_beside(file: Path) -> Path:
    """Where the SHA-256 of a month's file is."""
    return file.with_suffix(".json")


def read(file: Path) -> Month:
    """A month's file, verified in every byte. Raises ValueError, with what is wrong with it; OSError."""
    pa, pq = _arrow()
    content, facts = read_pair(file)
    try:
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as opened:
            described = json.loads((opened.schema_arrow.metadata or {}).get(_META, b"null"))
            _check_description(described, file)
            _check_table(opened, pa)
            table = opened.read()
        month = _month_of(table, described, pa)
    except (pa.ArrowException, KeyError, TypeError, AttributeError, OSError, OverflowError, RecursionError) as error:
        raise ValueError("it is no file of a study") from error
    if month.facts(content) != facts:
        raise ValueError(f"{facts_beside(file).name} beside it has other sums")
    return month


def read_pair(file: Path) -> tuple[bytes, dict[str, Any]]:
    """A month's file, and what is beside it, which has its SHA-256. Raises ValueError and OSError."""
    content, beside = _content(file, _FILE_MAX_BYTES), facts_beside(file)
    if not beside.exists():
        raise ValueError(f"there is no {beside.name} beside it: it may still be on its way")
    try:
        facts = json.loads(_content(beside, _FACTS_MAX_BYTES))
        expected = facts["sha256"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{beside.name} beside it is damaged") from error
    if not content:
        raise ValueError("it is empty")
    if hashlib.sha256(content).hexdigest() != expected:
        raise ValueError(f"it is not the file that {beside.name} describes: damaged, or still on its way")
    return content, facts


def _check_description(described: Any, file: Path) -> None:
    if not isinstance(described, dict) or not isinstance(described.get("format"), int):
        raise ValueError("it is no file of a study")  # noqa: TRY004 - of the file
    if described["format"] != FORMAT:
        age = "a newer" if described["format"] > FORMAT else "an older"
        raise ValueError(f"it is of format {described['format']}, of {age} mousetrackd; this one reads {FORMAT}")
    found = FOLDER.fullmatch(file.parent.name)
    if described["machine"] != file.stem or found is None or described["month"] != found[1]:
        raise ValueError(f"it is {described['machine']:.40}'s of {described['month']:.40} under another name: a copy")
    if described["cohort"] and not COHORT.fullmatch(described["cohort"]):
        raise ValueError("its cohort has no possible name")
    if (described["grid"], described["clicks_grid"]) != (list(GRID), list(CLICKS_GRID)):
        raise ValueError("its cells are of another grid")


def _check_table(opened: Any, pa: Any) -> None:
    """Raise ValueError where its rows would be more than a month has, or of other columns."""
    meta = opened.metadata
    groups = [meta.row_group(place) for place in range(meta.num_row_groups)]
    unpacked = sum(group.total_byte_size for group in groups)
    if max(meta.num_rows, sum(group.num_rows for group in groups)) > _ROWS_MAX or unpacked > _UNPACKED_MAX_BYTES:
        raise ValueError("it has more rows than a month has cells")
    types = {name: (opened.schema_arrow.field(name).type) for name in opened.schema_arrow.names}
    name = pa.dictionary(pa.int32(), pa.string())
    expected = {"day": pa.date32(), "cell": pa.int32(), "n": pa.int64()}
    if {one: types.pop(one, None) for one in expected} != expected or set(types) != {"application", "layer"}:
        raise ValueError("it has other columns")
    if any(not pa.types.is_dictionary(one) or one.value_type != name.value_type for one in types.values()):
        raise ValueError("it has other columns")


def _month_of(table: Any, described: dict[str, Any], pa: Any) -> Month:
    """The rows of a table. Raises ValueError where they cannot be."""
    if any(column.null_count for column in table.columns):
        raise ValueError("it has rows that cannot be")
    applications, application = _names_of(table["application"], pa)
    names, layer = _names_of(table["layer"], pa)
    if any(one and not APPLICATION.fullmatch(one) for one in applications) or len(applications) > APPLICATIONS_MAX + 1:
        raise ValueError("it has applications that cannot be")
    ordered = ("", *sorted({*applications} - {""}))
    place_of = np.array([LAYERS.index(name) if name in LAYERS else -1 for name in names] or [-1], np.int8)
    month = Month(
        str(described["machine"]),
        str(described["month"]),
        str(described["cohort"]),
        str(described["source"]),
        ordered,
        np.asarray(table["day"].cast(pa.int32()).to_numpy(), np.int32),
        np.array([ordered.index(name) for name in applications] or [0], np.int16)[application],
        place_of[layer],
        np.asarray(table["cell"].to_numpy(), np.int32),
        np.asarray(table["n"].to_numpy(), np.int64),
    )
    cells = np.array([int(np.prod(grid_of(layer))) for layer in LAYERS])
    if not month.n.size:
        return month
    if month.layer.min() < 0 or month.n.min() < 1 or month.cell.min() < 0 or (month.cell >= cells[month.layer]).any():
        raise ValueError("it has rows that cannot be")
    if month.n.sum(dtype=np.float64) > SUM_MAX:
        raise ValueError("it has more counts than a month has time for")
    if {str(_EPOCH + timedelta(days=day))[:7] for day in np.unique(month.day).tolist()} != {month.month}:
        raise ValueError("it has days of another month")
    return month


def _names_of(column: Any, pa: Any) -> tuple[list[str], NDArray[np.int64]]:
    """The names of a column, and which of them each row has."""
    joined = column.unify_dictionaries().combine_chunks()
    if isinstance(joined, pa.ChunkedArray):
        joined = joined.chunk(0) if joined.num_chunks else pa.array([], pa.dictionary(pa.int32(), pa.string()))
    return joined.dictionary.to_pylist(), joined.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _content(file: Path, at_most_bytes: int) -> bytes:
    if file.is_symlink():
        raise ValueError("it is no regular file")
    with open_regular(file) as opened:
        content = opened.read(at_most_bytes + 1)
    if len(content) > at_most_bytes:
        raise ValueError(f"it is larger than {at_most_bytes // 1024**2} MiB")
    return content


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional part
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            "a study needs pyarrow, which is not installed", "Install it: pip install 'mousetrackd[parquet]'"
        ) from error
    return pa, pq
