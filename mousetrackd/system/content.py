"""A file, a stream or what is packed in one, opened to be looked at and then read from its beginning."""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from mousetrackd.system.input_files import open_regular
from mousetrackd.system.text_table import encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_BYTES: Final = 4096
STREAM_MAX_BYTES: Final = 2 * 1024**3
"""A stream, and what a packed file holds, ends here at the latest."""

_PACKED_FREE_BYTES: Final = 256 * 1024**2
_PACKED_MOST: Final = 100
"""What a packed file holds beyond the first is at most so many times its size: counts of people are packed 3 to 20
times, what was made to be endless a thousand times."""


@dataclass(frozen=True)
class Content:
    """An open file, at its beginning. head: its first bytes. size_bytes: of all; None where it was packed.

    path: where it is on the disk as it is; None for a stream and for what was packed.
    """

    file: BinaryIO
    head: bytes
    size_bytes: int | None
    path: Path | None

    def text(self, most_bytes: int) -> str:
        """All of it as text. Raises ValueError for what is larger, and for what is no text."""
        encoding = encoding_of(self.head)
        data = self.file.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise ValueError(f"it is larger than {most_bytes // 1024**2} MB: use CSV or npz for so much")
        return data.decode(encoding, "replace")


@contextlib.contextmanager
def opened(source: Path | BinaryIO, *, packed_free_bytes: int = _PACKED_FREE_BYTES) -> Iterator[Content]:
    """Open a path or a stream, unpacked where it is gzip. Raises OSError and ValueError, also where it is read.

    packed_free_bytes: what a packed file may hold whatever its size.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(source, Path):
            file = stack.enter_context(open_regular(source))
        else:
            file = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(_Bounded(source, STREAM_MAX_BYTES), file)
            file.seek(0)
        head = file.read(HEAD_BYTES)
        packed_bytes = file.seek(0, io.SEEK_END)
        size_bytes: int | None = packed_bytes
        file.seek(0)
        path = source if isinstance(source, Path) else None
        if head.startswith(b"\x1f\x8b"):
            unpacked = stack.enter_context(gzip.GzipFile(fileobj=file))
            most_bytes = min(max(packed_free_bytes, _PACKED_MOST * packed_bytes), STREAM_MAX_BYTES)
            file = stack.enter_context(io.BufferedReader(_Bounded(unpacked, most_bytes)))
            head, size_bytes, path = file.read(HEAD_BYTES), None, None
            file.seek(0)
        yield Content(file, head, size_bytes, path)


class _Bounded(io.RawIOBase):
    """A stream that ends with a ValueError where it has more than ``most_bytes``."""

    def __init__(self, file: BinaryIO | gzip.GzipFile, most_bytes: int) -> None:
        self._file = file
        self._most_bytes = most_bytes
        self._taken = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._taken = self._file.seek(offset, whence)
        return self._taken

    def tell(self) -> int:
        return self._taken

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        self._taken += len(data)
        if self._taken > self._most_bytes:
            raise ValueError(
                f"it holds more than {self._most_bytes // 1024**2} MB, which is more than is read at once: split it"
            )
        buffer[: len(data)] = data
        return len(data)
