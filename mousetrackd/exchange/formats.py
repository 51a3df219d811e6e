"""The formats of counts in files that other programs read and write. A new one is a module and a row here."""

from __future__ import annotations

import csv
import errno
import gzip
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.exchange import (
    csv_format,
    inputscope_format,
    json_format,
    mousetracks_format,
    numpy_format,
    parquet_format,
    png_format,
    python_format,
    refused,
)
from mousetrackd.exchange.reading import Options
from mousetrackd.system.content import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mousetrackd.exchange.reading import FileCounts
    from mousetrackd.exchange.table import Table
    from mousetrackd.system.content import Content

    Writer = Callable[[Mapping[str, Table], str], bytes]


class Format(NamedTuple):
    """A format of files.

    recognises: a file by its first bytes. read: raises ValueError for a file that is not of it after all; None where it
    is only written. ending: of the names of files to write. write: makes the content of a file of the counts of a
    layer, or of several, in a unit, empty for the layers' own; None where it is only read. Nothing counted makes an
    empty table.
    """

    recognises: Callable[[bytes], bool] | None
    read: Callable[[Content, Options], FileCounts] | None
    ending: str = ""
    write: Writer | None = None


FORMATS: Final = (
    Format(refused.recognises, refused.read),
    Format(mousetracks_format.recognises, mousetracks_format.read),
    Format(inputscope_format.recognises, inputscope_format.read),
    Format(png_format.recognises, png_format.read),
    Format(parquet_format.recognises, parquet_format.read, ".parquet", parquet_format.write),
    Format(numpy_format.recognises, numpy_format.read, ".npz", numpy_format.write),
    Format(python_format.recognises, python_format.read),
    Format(json_format.recognises, json_format.read, ".json", json_format.write),
    Format(csv_format.recognises, csv_format.read, ".csv", csv_format.write),
)
"""In the order in which a file is tried."""

_UNREADABLE: Final = (
    *(ValueError, MemoryError, EOFError, RuntimeError, OverflowError),
    *(csv.Error, zipfile.BadZipFile, zlib.error),
)
"""What the readers raise for a file that is not of their format. Only a ValueError explains itself."""


def writer_for(out: Path) -> Writer:
    """What makes the content of a file of this name; ``-``, standard output, is CSV. Raises UsageError for others."""
    if str(out) == "-":
        return csv_format.write
    writers = {one.ending: one.write for one in FORMATS if one.write is not None}
    is_packed = out.suffix.lower() == ".gz"
    writer = writers.get((out.with_suffix("") if is_packed else out).suffix.lower())
    if writer is None:
        raise UsageError(f"cannot export to {out}", f"Give a file name that ends in {_one_of(sorted(writers))}.")
    return (lambda tables, unit: gzip.compress(writer(tables, unit), mtime=0)) if is_packed else writer


def read(source: Path | BinaryIO, options: Options | None = None, *, name: str = "") -> FileCounts:
    """Read anyone's counts: a file or an open binary stream, whose format is found by its content.

    name: what errors call it; the path where there is one. Raises MousetrackError that names the line, row or key, and
    what to do.
    """
    name = name or (str(source) if isinstance(source, Path) else "the stream")
    try:
        with opened(source) as content:
            for one in FORMATS:
                if one.recognises is not None and one.read is not None and one.recognises(content.head):
                    return one.read(content, options or Options())
        raise ValueError("it is of no format that is known")
    except (OSError, *_UNREADABLE) as error:
        raise _problem(name, error) from error


def _problem(name: str, error: Exception) -> MousetrackError:
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return MousetrackError(f"{name}: {str(error).splitlines()[0]}", "Nothing was read from it.")
    if isinstance(error, OSError) and error.errno == errno.EINVAL and "pipe" in str(error):
        return MousetrackError(f"cannot read {name}: {error.strerror}", "Send it to standard input, as -.")
    if isinstance(error, OSError) and error.errno is not None:
        return MousetrackError(f"cannot read {name}: {error.strerror or error}", "Nothing was read from it.")
    if isinstance(error, MemoryError):
        return MousetrackError(f"{name}: it is too large for the memory there is", "Nothing was read from it.")
    return MousetrackError(f"{name}: it is damaged or cut short", "Nothing was read from it.")


def _one_of(endings: list[str]) -> str:
    return f"{', '.join(endings[:-1])} or {endings[-1]}"
