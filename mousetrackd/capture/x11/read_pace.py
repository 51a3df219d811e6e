"""How often the listener reads: seldom, so that it costs little, and in time, so that no event is lost. Pure.

A socket takes about 278 small writes, and where the server finds it full it drops events (seen with Xvfb 21.1: 1 to 3
of 2,000 moves that were flushed one by one while nobody read). So a pause begins short, grows only while little
gathers in it, and stays shorter permanently once a mouse has shown that it can fill a socket in a long one.
"""

from __future__ import annotations

_LONG_S = 0.1
"""The longest pause, while few events come: a wake-up costs more than all that it finds."""
_FEW_PER_S = 300
"""Few. From there to a full socket a mouse would have to become nine times as fast within one pause."""
_USUAL_S = 0.05
"""The longest pause otherwise."""
_GATHERED_MAX = 100
"""How many events may gather in a pause."""
_FIRST_S = 0.005
"""The pause when the pointer begins to move."""
_IDLE_S = 0.2
"""No events for so long, beyond the pause: the pointer lay still."""
_FAST_MOUSE_PER_S = 2000
_FAST_MOUSE_S = 0.03
"""The longest pause, permanently, once so many events a second have come."""
_FLOOD_PER_S = 12_000
"""Faster than any mouse: a program's burst, which is read without a pause."""


class ReadPace:
    """How long to let events gather before the next read."""

    def __init__(self) -> None:
        self._pause_s = 0.0
        self._longest_s = _LONG_S

    def next_interval_s(self, events: float, gathered_s: float) -> float:
        """Seconds to sleep, after ``events`` have gathered in ``gathered_s``."""
        per_s = events / max(gathered_s, 1e-6)
        if gathered_s > self._pause_s + _IDLE_S:
            self._pause_s = _FIRST_S
        elif per_s > _FLOOD_PER_S:
            self._pause_s = 0.0
        else:
            if per_s > _FAST_MOUSE_PER_S:
                self._longest_s = _FAST_MOUSE_S
            grown_s = max(self._pause_s * 1.3, _FIRST_S)
            at_this_pace_s = _LONG_S if per_s < _FEW_PER_S else _USUAL_S
            self._pause_s = min(grown_s, _GATHERED_MAX / per_s, self._longest_s, at_this_pace_s)
        return self._pause_s
