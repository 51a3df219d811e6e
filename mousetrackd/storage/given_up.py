"""Rows on pages that were given up: what is found there, and was rolled up since, is counted in a longer row already.

A damaged pointer may lead to such a page, and a file that was copied while it was written has old pages beside new
ones. What a roll-up makes has a higher number than all that it takes in, as it is written before that is deleted; and
what lies in it and is counted later, or came from another store, has a higher one still: a merge copies the longest
first, and who changes a row leaves it its number.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from mousetrackd.storage.tiers import HOUR

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

_EVERY_ZONE_S = 900
"""Hours, days, months and years of all zones begin and end with a quarter of an hour."""


class Found(NamedTuple):
    """A row that was found. row: its number in the new store; number: in the damaged one. series: of what it is."""

    row: int
    number: int
    series: Hashable
    start_s: int
    span_s: int

    @property
    def end_s(self) -> int:
        """UTC seconds at which it ends."""
        return self.start_s + self.span_s

    def is_rolled_up(self) -> bool:
        """May a roll-up have made it?"""
        is_a_period = self.start_s % _EVERY_ZONE_S == 0 and self.span_s % _EVERY_ZONE_S == 0
        return self.span_s >= HOUR.shortest_s and is_a_period

    def took_in(self, other: Found, *, is_known: bool) -> bool:
        """Was another row of its series rolled up into it? is_known: the other is in the index of its table."""
        return (
            self.span_s > other.span_s
            and self.start_s <= other.start_s
            and other.end_s <= self.end_s
            # Version 0.1 deleted first, and what it rolled up could get the number of a part. Such a part is not known.
            and (other.number < self.number or not is_known)
        )


def given_up(found: Iterable[Found], known: set[int] | None) -> list[int]:
    """The rows, in the new store, of what was rolled up into another that was found.

    known: the numbers that the index of their table has; None where it cannot be read.
    """
    by_series: dict[Hashable, list[Found]] = defaultdict(list)
    for one in found:
        by_series[one.series].append(one)
    gone: list[int] = []
    for of_series in by_series.values():
        around: list[Found] = []
        for one in sorted(of_series, key=lambda one: (one.start_s, -one.span_s)):
            around = [whole for whole in around if whole.end_s > one.start_s]
            is_known = known is None or one.number in known
            if any(whole.took_in(one, is_known=is_known) for whole in around):
                gone.append(one.row)
            if one.is_rolled_up():
                around.append(one)
    return gone
