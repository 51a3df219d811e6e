"""The formats of counts in files that other programs read and write. A new one is a module and a row here."""

from __future__ import annotations

import csv
import zipfile
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.exchange import csv_format, json_format, numpy_format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mousetrackd.core.counts import Counts
    from mousetrackd.core.monitors import Monitor
    from mousetrackd.exchange.table import Table

    Reader = Callable[[Path, str, tuple[int, int] | None], Table]
    Writer = Callable[[Mapping[Monitor, Counts]], bytes]


class Format(NamedTuple):
    """A format, known by how the names of its files end.

    read: as ``load``. write: makes the content of a file of a layer; None where that is only read. Nothing counted
    makes an empty table.
    """

    ending: str
    read: Reader
    write: Writer | None


FORMATS: Final = (
    Format(".csv", csv_format.read, csv_format.write),
    Format(".json", json_format.read, json_format.write),
    Format(".npz", numpy_format.read, numpy_format.write),
    Format(".npy", numpy_format.read, None),
)

_UNREADABLE: Final = (
    *(ValueError, MemoryError, EOFError, RuntimeError, OverflowError),
    *(csv.Error, zipfile.BadZipFile, zlib.error),
)
"""What the readers raise for a file that is not of their format."""


def writer_for(path: Path) -> Writer:
    """What makes the content of a file of this name. Raises UsageError for an unknown ending."""
    writers = {one.ending: one.write for one in FORMATS if one.write is not None}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise UsageError(f"cannot export to {path}", f"Give a file name that ends in {_one_of(list(writers))}.")
    return writer


def load(path: Path, output: str, size: tuple[int, int] | None) -> Table:
    """Read a file that a writer made, or anyone's counts of that form.

    output: the name of the screen where the file has none. size: its width and height in px, needed where the file
    does not contain it. Raises MousetrackError that names the line or key.
    """
    readers = {one.ending: one.read for one in FORMATS}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f'cannot import "{path}"', f"Give a file whose name ends in {_one_of(list(readers))}.")
    try:
        return reader(path, output, size)
    except OSError as error:
        raise MousetrackError(f"cannot read {path}: {error.strerror or error}", "Nothing was imported.") from error
    except _UNREADABLE as error:
        raise MousetrackError(
            f"{path}: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            "Nothing was imported.",
        ) from error


def _one_of(endings: list[str]) -> str:
    return f"{', '.join(endings[:-1])} or {endings[-1]}"
