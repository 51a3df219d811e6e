"""A file of a study: what one machine counted in one month, by day, layer and cell; and what is written beside it.

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
from mousetrackd.core.layers import CLICK_LAYERS, CLICKS, LAYERS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT: Final = 1
GRID: Final = (480, 270)
"""Columns and rows into which a screen of any size is divided. Each pixel belongs wholly to one cell."""
CLICKS_GRID: Final = (160, 90)
"""For clicks, which are few: of 200 machines, half of them would be hidden in smaller cells."""
MACHINE: Final = re.compile("[0-9a-f]{16}")
COHORT: Final = re.compile("[a-z0-9][a-z0-9._-]{0,31}")
_FOLDER: Final = re.compile(r"month=(\d{4}-\d{2})")
_FILE_MAX_BYTES: Final = 256 * 1024**2
_ROWS_MAX: Final = 31 * (GRID[0] * GRID[1] * 3 + CLICKS_GRID[0] * CLICKS_GRID[1] * len(CLICK_LAYERS))
_EPOCH: Final = date(1970, 1, 1)
_META: Final = b"mousetrackd.fleet"


def grid_of(layer: str) -> tuple[int, int]:
    """Columns and rows of a layer's cells."""
    return CLICKS_GRID if layer == CLICKS or layer in CLICK_LAYERS else GRID


@dataclass(frozen=True)
class Month:
    """The rows of a machine's month, sorted by layer, day and cell; arrays of one length.

    day: days since 1970-01-01. layer: a place in ``LAYERS``. cell: row * columns + column. n: counts, in the layer's
    unit. cohort: empty for none.
    """

    machine: str
    month: str
    cohort: str
    day: NDArray[np.int32]
    layer: NDArray[np.int8]
    cell: NDArray[np.int32]
    n: NDArray[np.int64]

    def days(self) -> dict[str, dict[str, int]]:
        """The sum of each layer, by day: ``{"2026-11-02": {"dwell": 1200}}``."""
        sums: dict[str, dict[str, int]] = {}
        keys, where = np.unique(self.day.astype(np.int64) * len(LAYERS) + self.layer, return_inverse=True)
        totals = np.zeros(keys.size, np.int64)
        np.add.at(totals, where, self.n)
        for key, total in zip(keys.tolist(), totals.tolist(), strict=True):
            day, layer = divmod(key, len(LAYERS))
            sums.setdefault(str(_EPOCH + timedelta(days=day)), {})[LAYERS[layer]] = total
        return sums

    def facts(self, content: bytes) -> dict[str, Any]:
        """What is written beside ``content``, the file."""
        days = self.days()
        return {
            "format": FORMAT,
            "machine": self.machine,
            "month": self.month,
            "cohort": self.cohort,
            "grid": list(GRID),
            "clicks_grid": list(CLICKS_GRID),
            "sha256": hashlib.sha256(content).hexdigest(),
            "rows": int(self.n.size),
            "totals": {
                layer: sum(sums[layer] for sums in days.values() if layer in sums)
                for layer in LAYERS
                if any(layer in sums for sums in days.values())
            },
            "days": days,
        }

    def encode(self) -> bytes:
        """As Parquet, with a checksum of each page. Raises UsageError without pyarrow."""
        pa, pq = _arrow()
        layers = pa.DictionaryArray.from_arrays(pa.array(self.layer), pa.array(LAYERS))
        columns = {"day": pa.array(self.day, pa.date32()), "layer": layers, "cell": self.cell, "n": self.n}
        described = {"format": FORMAT, "machine": self.machine, "month": self.month, "cohort": self.cohort}
        described |= {"grid": list(GRID), "clicks_grid": list(CLICKS_GRID)}
        table = pa.table(columns).replace_schema_metadata({_META: json.dumps(described).encode()})
        file = io.BytesIO()
        pq.write_table(
            table,
            file,
            compression="zstd",
            write_page_checksum=True,
            use_dictionary=["day", "layer"],
            column_encoding={"cell": "DELTA_BINARY_PACKED", "n": "PLAIN"},
        )
        return file.getvalue()


def facts_beside(file: Path) -> Path:
    """Where the SHA-256 of a month's file is."""
    return file.with_suffix(".json")


def read(file: Path) -> Month:
    """A month's file, verified in every byte. Raises ValueError, with what is wrong with it; OSError."""
    pa, pq = _arrow()
    content, beside = _content(file), facts_beside(file)
    if not beside.is_file():
        raise ValueError(f"there is no {beside.name} beside it: it may still be on its way")
    try:
        facts = json.loads(_content(beside))
        expected = facts["sha256"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{beside.name} beside it is damaged") from error
    if not content:
        raise ValueError("it is empty")
    if hashlib.sha256(content).hexdigest() != expected:
        raise ValueError(f"it is not the file that {beside.name} describes: damaged, or still on its way")
    try:
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as opened:
            described = json.loads((opened.schema_arrow.metadata or {}).get(_META, b"null"))
            _check_description(described, file)
            if opened.metadata.num_rows > _ROWS_MAX:
                raise ValueError("it has more rows than a month has cells")
            table = opened.read(["day", "layer", "cell", "n"])
        month = _month_of(table, described, pa)
    except (pa.ArrowException, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise ValueError("it is no file of a study") from error
    if month.facts(content) != facts:
        raise ValueError(f"{beside.name} beside it has other sums")
    return month


def _check_description(described: Any, file: Path) -> None:
    if not isinstance(described, dict) or not isinstance(described.get("format"), int):
        raise ValueError("it is no file of a study")  # noqa: TRY004 - of the file
    if described["format"] != FORMAT:
        age = "a newer" if described["format"] > FORMAT else "an older"
        raise ValueError(f"it is of format {described['format']}, of {age} mousetrackd; this one reads {FORMAT}")
    found = _FOLDER.fullmatch(file.parent.name)
    if described["machine"] != file.stem or found is None or described["month"] != found[1]:
        raise ValueError(f"it is {described['machine']}'s of {described['month']} under another name: a copy")
    if (described["grid"], described["clicks_grid"]) != (list(GRID), list(CLICKS_GRID)):
        raise ValueError("its cells are of another grid")


def _month_of(table: Any, described: dict[str, Any], pa: Any) -> Month:
    """The rows of a table. Raises ValueError where they cannot be."""
    names = table["layer"].combine_chunks()
    if isinstance(names, pa.ChunkedArray):
        names = names.chunk(0) if names.num_chunks else pa.array([], pa.dictionary(pa.int8(), pa.string()))
    known = names.dictionary.to_pylist()
    place_of = np.array([LAYERS.index(name) if name in LAYERS else -1 for name in known] or [-1], np.int8)
    month = Month(
        str(described["machine"]),
        str(described["month"]),
        str(described["cohort"]),
        np.asarray(table["day"].cast(pa.int32()).to_numpy(), np.int32),
        place_of[names.indices.to_numpy(zero_copy_only=False)],
        np.asarray(table["cell"].to_numpy(), np.int32),
        np.asarray(table["n"].to_numpy(), np.int64),
    )
    cells = np.array([int(np.prod(grid_of(layer))) for layer in LAYERS])
    if not month.n.size:
        return month
    if month.layer.min() < 0 or month.n.min() < 1 or month.cell.min() < 0 or (month.cell >= cells[month.layer]).any():
        raise ValueError("it has rows that cannot be")
    if {str(_EPOCH + timedelta(days=day))[:7] for day in np.unique(month.day).tolist()} != {month.month}:
        raise ValueError("it has days of another month")
    return month


def _content(file: Path) -> bytes:
    if file.is_symlink() or not file.is_file():
        raise ValueError("it is no regular file")
    with file.open("rb") as opened:
        content = opened.read(_FILE_MAX_BYTES + 1)
    if len(content) > _FILE_MAX_BYTES:
        raise ValueError(f"it is larger than {_FILE_MAX_BYTES // 1024**2} MiB")
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
