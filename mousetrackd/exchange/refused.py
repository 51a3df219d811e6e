"""Files that are not read, known by how they begin: what each looks like, and how its counts can be saved instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mousetrackd.exchange.reading import FileCounts, Options
    from mousetrackd.system.content import Content

_PICKLE: Final = (
    "it is a pickle, which is never loaded because that would run its code. In the program that wrote it: "
    'json.dump({f"{x},{y}": int(n) for (x, y), n in counts.items()}, open("counts.json", "w"))'
)
_LOOKS: Final[Mapping[bytes, str]] = {
    **{b"\x80" + bytes([version]): _PICKLE for version in (2, 3, 4, 5)},
    b"(dp0": _PICKLE,
    b"\xff\xd8\xff": "it is a JPEG picture, whose colours are no counts",
    b"GIF8": "it is a GIF picture, whose colours are no counts",
    b"%PDF": "it is a PDF document: save its table as CSV",
    b"\xd0\xcf\x11\xe0": "it is an old spreadsheet or document: save its table as CSV",
    b"\x89HDF": "it is an HDF5 file: save its array with numpy.save",
    b"ARROW1": "it is a Feather file: save it as Parquet or CSV",
    b"BZh": "it is packed with bzip2: unpack it first, with bunzip2",
    b"\xfd7zXZ": "it is packed with xz: unpack it first, with unxz",
    b"\x28\xb5\x2f\xfd": "it is packed with zstd: unpack it first, with unzstd",
    b"7z\xbc\xaf": "it is packed with 7-Zip: unpack it first",
    b"\x7fELF": "it is a program",
    b"<!DOCTYPE": "it is a web page: save its data as CSV or JSON",
    b"<html": "it is a web page: save its data as CSV or JSON",
    b"<?xml": "it is XML: save its data as CSV or JSON",
}


def recognises(head: bytes) -> bool:
    """One of those above."""
    return head.startswith((*_LOOKS,))


def read(content: Content, _options: Options) -> FileCounts:
    """Raises ValueError with what it looks like."""
    raise ValueError(next(why for begin, why in _LOOKS.items() if content.head.startswith(begin)))
