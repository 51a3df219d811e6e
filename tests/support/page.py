"""Reads a page as its script does, by another way: what it holds, and what of it is summed."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

HOUR_UNKNOWN = 24


@dataclass(frozen=True)
class Row:
    """One entry of the totals."""

    day: int
    days: int
    hour: int
    monitor: int
    layer: int
    total: int


class Page:
    """A page's text, decoded."""

    def __init__(self, html: str) -> None:
        self.html = html
        found = re.findall(r'<script type="(?:text/plain|application/json)" id="([^"]+)">([^<]*)</script>', html)
        texts = dict(found)
        assert len(texts) == len(found)
        self.meta: dict[str, Any] = json.loads(texts.pop("meta"))
        texts.pop("code", None)
        self.blocks = {name: zlib.decompress(bytes_of(text), -15) for name, text in texts.items()}

    def rows(self, name: str) -> list[Row]:
        """The columns of a table, as rows."""
        data = self.blocks[name]
        (size,) = struct.unpack_from("<I", data)
        at = 10
        columns = []
        for planes in data[4:10]:
            part = data[at : at + planes * size]
            columns.append([_number(part, row, size) for row in range(size)])
            at += planes * size
        assert at == len(data)
        return [Row(day - 366, *rest) for day, *rest in zip(*columns, strict=True)]

    def hours(self, series: str) -> list[tuple[int, int, dict[int, tuple[int, int]]]]:
        """As ``entries``, of the blocks of all weekdays of a series, each of which has days of its own only."""
        found = []
        first = self.meta["sums"][int(series.split(".", 1)[0])]["first"]
        for weekday in range(7):
            of_it = self.entries(f"h{weekday}.{series}") if f"h{weekday}.{series}" in self.blocks else []
            assert {(first + day + 3) % 7 for day, _, _ in of_it} <= {weekday}
            found += of_it
        return found

    def entries(self, name: str) -> list[tuple[int, int, dict[int, tuple[int, int]]]]:
        """Day, hour, and the count and place of each cell by its number, of each entry of a block."""
        data = self.blocks[name]
        size, cells, differences, counts = struct.unpack_from("<4I", data)
        days, hours, rest = data[16 : 16 + size], data[16 + size : 16 + 2 * size], data[16 + 2 * size :]
        sizes, rest = [_number(rest[: 3 * size], nth, size) for nth in range(size)], rest[3 * size :]
        assert len(rest) == (differences + counts + 1) * cells
        gaps, sums, places = rest[: differences * cells], rest[differences * cells : -cells or None], rest[-cells:]
        found, at = [], 0
        for day, hour, of_entry in zip(days, hours, sizes, strict=True):
            index, here = 0, {}
            for nth in range(at, at + of_entry):
                index += _number(gaps, nth, cells)
                here[index] = (_number(sums, nth, cells), places[nth])
            at += of_entry
            found.append((day, hour, here))
        assert at == cells
        return found

    def total_of(self, name: str) -> int:
        """The sum of all counts in a block."""
        return sum(count for _, _, here in self.entries(name) for count, _ in here.values())

    def totals_by_layer(self) -> dict[str, int]:
        """What the totals sum to."""
        names = [layer["name"] for layer in self.meta["layers"]]
        summed: Counter[str] = Counter()
        for row in self.rows("totals"):
            summed[names[row.layer]] += row.total
        return dict(summed)

    def sums_by_layer(self, kind: str) -> dict[str, int]:
        """What all blocks of a kind ("s": sums, "h": hours) sum to."""
        names = [layer["name"] for layer in self.meta["layers"]]
        summed: Counter[str] = Counter()
        for name in self.blocks:
            if name.startswith(kind):
                summed[names[int(name.split(".")[-1])]] += self.total_of(name)
        return dict(summed)


def bytes_of(text: str) -> bytes:
    """The bytes of a block's text: its characters are the digits of a number to the base of 128, the lowest first."""
    size = len(text) * 7 // 8
    digits = [ord(letter) - (0xC0 if ord(letter) > 127 else 0) for letter in text]
    number = int("".join(f"{digit:07b}" for digit in reversed(digits)) or "0", 2)
    return (number & (1 << 8 * size) - 1).to_bytes(size, "little")


def _number(planes: bytes, nth: int, size: int) -> int:
    """The number of which every ``size`` bytes have one more byte, the lowest first."""
    return sum(byte << 8 * place for place, byte in enumerate(planes[nth::size])) if size else 0
