"""Lines of a table that somebody else wrote: none is read that is too long to be one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

LINE_MAX: Final = 65536
"""No line of a table is longer, in characters."""


def bounded_lines(file: TextIO) -> Iterator[str]:
    """The lines of a text file. Raises ValueError at one of more than ``LINE_MAX`` characters, and reads no further."""
    for number in itertools.count(1):
        line = file.readline(LINE_MAX)
        if not line:
            return
        if len(line) == LINE_MAX and not line.endswith(("\n", "\r")):
            raise ValueError(f"line {number} is longer than {LINE_MAX} characters")
        yield line
