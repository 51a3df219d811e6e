"""Tables of text, whoever wrote them: their separator, their header, and their rows in bounded pieces.

Commas, semicolons, tabs, bars or spaces; with or without a header; comment lines begin with ``#``, ``%`` or ``//``.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import numpy as np

from mousetrackd.core.columns import roles_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

LINE_MAX: Final = 65536
"""No line of a table is longer, in characters."""
_BLOCK_CHARS: Final = 1 << 20
_SAMPLE_LINES: Final = 50
_COMMENTS: Final = ("#", "%", "//")
_SEPARATORS: Final = ("\t", ";", "|", ",", None)
"""In the order in which they are tried; None is any run of spaces. Commas late: they may be decimal ones."""

_SEPARATOR_LINE: Final = re.compile(r'"?sep=([\t;|,])"?', re.IGNORECASE)
"""The first line by which spreadsheets name the separator."""

SEPARATOR_NAMES: Final = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", None: "spaces"}

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(head: bytes) -> str:
    """The encoding of a text by its first bytes. Raises ValueError for what is no text."""
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    sample = head[:1024]
    if b"\0" in sample:  # UTF-16 without its mark has them at every second place
        for name, place in (("utf-16-le", 1), ("utf-16-be", 0)):
            if len(sample) > 3 and sample[place::2].count(0) > len(sample) * 0.4:
                return name
        raise ValueError("it is neither a text nor a format that is known")
    if sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample) > len(sample) // 20:
        raise ValueError("it is neither a text nor a format that is known")
    return "utf-8"


class Block(NamedTuple):
    """Some lines of a table, without comments and blank ones. numbers: the number of each line in the file."""

    lines: list[str]
    numbers: Sequence[int]
    is_clean: bool = True
    """Certainly without comments and blank lines."""


class TextTable:
    """A table in an open file. Raises ValueError, where it is read, for a line that is too long.

    names: those of the header; empty where there is none, or of ``columns``. width: how many columns the first row
    has. separator: None for spaces. first_row: the fields of the first row of data, empty where there is none.
    """

    def __init__(self, file: BinaryIO, encoding: str, columns: Sequence[str] = ()) -> None:
        self._text = io.TextIOWrapper(file, encoding, errors="replace", newline=None)
        self._carry = ""
        self._line = 1
        self._ended = False
        self._first = self._next_block()
        self._last_comment = ""
        self._skipped = 0
        kept = self._without_comments(self._first)
        named = _SEPARATOR_LINE.fullmatch(kept.lines[0]) if kept.lines else None
        if named:
            kept = self._first = Block(kept.lines[1:], kept.numbers[1:])
        self.separator = named[1] if named else _separator_of(kept.lines[:_SAMPLE_LINES])
        rows = [self.split(line) for line in kept.lines[:2]]
        head = rows[0] if rows else []
        self.names: tuple[str, ...] = ()
        if _is_header(head):
            self.names = tuple(head)
            self._skipped = 1
            rows = rows[1:]
        elif self._last_comment:
            names = self.split(self._last_comment)
            if len(names) == len(head) and {"x", "y"} <= roles_of(names).keys():
                self.names = tuple(names)
        self.first_row = rows[0] if rows else []
        self.width = len(self.first_row) or len(head)
        if columns:
            self.names = tuple(columns)

    def close(self) -> None:
        """Leave the file to who opened it."""
        self._text.detach()

    def split(self, line: str) -> list[str]:
        """The fields of a line."""
        if self.separator is None:
            return line.split()
        return [field.strip() for field in next(csv.reader([line], delimiter=self.separator), [])]

    def sample(self, columns: Sequence[int]) -> NDArray[np.float64]:
        """(N, len(columns)) of the first rows; empty where they are not plain numbers."""
        kept = self._without_comments(self._first)
        lines = kept.lines[self._skipped : self._skipped + _SAMPLE_LINES]
        found = self.numbers(Block(lines, range(len(lines))), columns, np.float64)
        return np.empty((0, len(columns))) if found is None else found

    def blocks(self) -> Iterator[Block]:
        """All rows of data."""
        block: Block | None = self._first
        skip = self._skipped
        while block is not None:
            kept = self._without_comments(block)
            if skip:
                kept, skip = Block(kept.lines[1:], kept.numbers[1:]), 0
            if kept.lines:
                yield kept
            block = None if self._ended else self._next_block()

    def numbers(self, block: Block, columns: Sequence[int] | None, kind: type[Any]) -> NDArray[Any] | None:
        """(N, len(columns)) of plain numbers of the type ``kind``; None where one of them is something else.

        columns: None is all, which have to be as many in each line.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found = np.loadtxt(
                    block.lines,
                    kind,
                    comments=None,
                    delimiter=self.separator,
                    usecols=columns,
                    ndmin=2,
                    quotechar='"',
                )
            except (ValueError, OverflowError, Warning):
                return None
        return found if len(found) == len(block.lines) else None

    def _next_block(self) -> Block:
        """The next lines: as many as fit into some MB, and no more of one that is too long."""
        text = self._carry + self._text.read(_BLOCK_CHARS)
        self._ended = len(text) - len(self._carry) < _BLOCK_CHARS
        end = len(text) if self._ended else text.rfind("\n") + 1
        lines = text[:end].split("\n")
        if lines[-1] == "":
            lines.pop()
        self._carry = text[end:]
        first, self._line = self._line, self._line + len(lines)
        if len(self._carry) > LINE_MAX:
            raise ValueError(f"line {self._line} is longer than {LINE_MAX} characters")
        # A line that is too long leaves half as many characters in a row without an end of a line.
        if any(text.find("\n", place, place + LINE_MAX // 2) < 0 for place in range(0, end, LINE_MAX // 2)):
            for number, line in enumerate(lines, first):
                if len(line) > LINE_MAX:
                    raise ValueError(f"line {number} is longer than {LINE_MAX} characters")
        has_marks = any(mark[0] in text and mark in text for mark in (*_COMMENTS, " ", "\t"))
        is_clean = "" not in lines and not (has_marks and any(map(_is_nothing, lines)))
        return Block(lines, range(first, self._line), is_clean)

    def _without_comments(self, block: Block) -> Block:
        if block.is_clean:
            return block
        kept = [number for number, line in enumerate(block.lines) if line and not _is_nothing(line)]
        if len(kept) == len(block.lines):
            return block
        comments = [line for line in block.lines if line.startswith("#")]
        if comments and not self._last_comment:
            self._last_comment = comments[-1].lstrip("# \t")
        return Block([block.lines[number] for number in kept], [block.numbers[number] for number in kept])


def _is_nothing(line: str) -> bool:
    return line.startswith(_COMMENTS) or line.isspace()


def _separator_of(lines: list[str]) -> str | None:
    """Which one gives every line as many fields; else the one that gives the first line most."""
    best: tuple[int, str | None] = (1, ",")
    for separator in _SEPARATORS:
        try:
            widths = [
                len(line.split() if separator is None else next(csv.reader([line], delimiter=separator), []))
                for line in lines
            ]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        if sum(width == widths[0] for width in widths) >= 0.9 * len(widths):
            return separator
        best = max(best, (widths[0], separator), key=lambda pair: pair[0])
    return best[1]


def _is_header(fields: list[str]) -> bool:
    """Names, not values: none of them is a number, or x and y are among them."""
    return bool(fields) and (not any(is_number(field) for field in fields) or {"x", "y"} <= roles_of(fields).keys())


def is_number(text: str) -> bool:
    """Is it a number as tables have them, with a point or a comma?"""
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
