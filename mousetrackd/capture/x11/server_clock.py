"""The X server's clock, mapped onto ours. Pure: numbers in, numbers out.

The server counts milliseconds in 32 bits, which wrap after 49.7 days, from a start of its own. As a rule its clock
goes on as ours does; one that follows the wall clock, or a server on another machine, does not.
"""

from __future__ import annotations

_OFF_MS = 500
"""Events are read within a tenth of a second. What seems older or younger by this is reason to ask the server."""

_ROUNDING_MS = 2
"""Two clocks of whole milliseconds."""


class ServerClock:
    """What to add to the server's time stamps to get ours, in ms. Used from several threads, each call at once."""

    def __init__(self) -> None:
        self.offset_ms = 0
        self._is_known = False

    def seems_off(self, stamp_ms: int, now_ms: int) -> bool:
        """Whether an event with this stamp, read at ``now_ms`` by our clock, is hardly of now."""
        return abs(self._age_ms(stamp_ms, now_ms)) > _OFF_MS

    def ours_ms(self, stamp_ms: int, now_ms: int) -> int:
        """A stamp of lately as a time of our clock."""
        return now_ms - self._age_ms(stamp_ms, now_ms)

    def measure(self, asked_ms: int, received_ms: int, stamp_ms: int) -> None:
        """The server stamped an answer between these two times of ours: the offset is corrected where it cannot be."""
        if not self._is_known:
            self._is_known = True
            self.offset_ms = received_ms - stamp_ms
            return
        age_ms = self._age_ms(stamp_ms, received_ms)
        oldest_ms = received_ms - asked_ms
        if not -_ROUNDING_MS <= age_ms <= oldest_ms + _ROUNDING_MS:
            self.offset_ms += age_ms if age_ms < 0 else age_ms - oldest_ms

    def _age_ms(self, stamp_ms: int, now_ms: int) -> int:
        return (now_ms - self.offset_ms - stamp_ms + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
