"""The one table."""

import statistics
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_BESIDE_COLUMNS = 58


@dataclass(frozen=True)
class Row:
    """One measured figure. beside: the alternatives, in words. met is None where there is no target."""

    name: str
    ours: str
    beside: str = ""
    target: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """How it went, in a word."""
        return {None: "", True: "ok", False: "MISSED"}[self.met]


def at_most(name: str, ours: float, limit: float, unit: str, *, beside: str = "", digits: int = 2) -> Row:
    """A row whose figure may be ``limit`` and no more."""
    return Row(name, f"{ours:.{digits}f} {unit}", beside, f"<= {limit:g} {unit}", ours <= limit)


def times_at_most(name: str, ours: float, other: float, limit: float, *, beside: str = "") -> Row:
    """A row that says how many times as much as another ours is, which may be ``limit`` times."""
    times = ours / other if other else float("inf")
    return Row(name, f"{times:.2f} x", beside, f"<= {limit:g} x", times <= limit)


def share(name: str, ours: float, other: float, limit: float, *, beside: str = "") -> Row:
    """A row that says how many times less than another ours is, which must be at least ``limit`` times."""
    times = other / ours if ours else float("inf")
    return Row(name, f"1/{times:.1f}", beside, f"<= 1/{limit:g}", times >= limit)


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def ms(seconds: float) -> str:
    """Seconds as milliseconds, three digits."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds * 1000:.0f} ms"


def text(rows: Sequence[Row]) -> str:
    """The table, ready to print."""
    lines = [("what", "ours", "beside it", "target", ""), *_lines(rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    printed = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    printed.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in printed)


def _lines(rows: Sequence[Row]) -> Iterable[tuple[str, str, str, str, str]]:
    for row in rows:
        first, *more = textwrap.wrap(row.beside, _BESIDE_COLUMNS) or [""]
        yield row.name, row.ours, first, row.target, row.verdict
        for rest in more:
            yield "", "", rest, "", ""
