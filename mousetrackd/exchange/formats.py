"""The formats of counts in files that other programs read and write. A new one is a module and a row here."""

from __future__ import annotations

import csv
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.exchange import csv_format, json_format, numpy_format, python_format, refused
from mousetrackd.exchange.reading import Options
from mousetrackd.system.content import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mousetrackd.core.counts import Counts
    from mousetrackd.core.monitors import Monitor
    from mousetrackd.exchange.reading import FileCounts
    from mousetrackd.system.content import Content

    Writer = Callable[[Mapping[Monitor, Counts], str], bytes]


class Format(NamedTuple):
    """A format of files.

    recognises: a file by its first bytes. read: raises ValueError for a file that is not of it after all; None where it
    is only written. ending: of the names of files to write. write: makes the content of a file of a layer's counts;
    None where it is only read. Nothing counted makes an empty table.
    """

    recognises: Callable[[bytes], bool] | None
    read: Callable[[Content, Options], FileCounts] | None
    ending: str = ""
    write: Writer | None = None


FORMATS: Final = (
    Format(refused.recognises, refused.read),
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
    """What makes the content of a file of this name. Raises UsageError for an unknown ending."""
    writers = {one.ending: one.write for one in FORMATS if one.write is not None}
    writer = writers.get(out.suffix.lower())
    if writer is None:
        raise UsageError(f"cannot export to {out}", f"Give a file name that ends in {_one_of(sorted(writers))}.")
    return writer


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
    if isinstance(error, OSError) and error.errno is not None:
        return MousetrackError(f"cannot read {name}: {error.strerror or error}", "Nothing was read from it.")
    if isinstance(error, MemoryError):
        return MousetrackError(f"{name}: it is too large for the memory there is", "Nothing was read from it.")
    return MousetrackError(f"{name}: it is damaged or cut short", "Nothing was read from it.")


def _one_of(endings: list[str]) -> str:
    return f"{', '.join(endings[:-1])} or {endings[-1]}"
