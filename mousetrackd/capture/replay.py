"""A recorded session, played again: for the demo, the tests, bug reports and the curious. See ``recording``."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from mousetrackd.capture.recording import read_recording
from mousetrackd.core.events import Item, LayoutChange

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mousetrackd.capture.recording import Recording, RecordingOptions
    from mousetrackd.core.events import Events

_TICK_S = 0.05
"""Events due within a tick are handed over together."""


class ReplaySource:
    """Plays ``path`` at ``speed`` times its own pace. See ``events.Source``.

    Time is the recording's: at any speed, dwell is what the recorded person's was. Started again after a stop it goes
    on with the first event that it has not handed over.
    """

    def __init__(self, path: Path, *, speed: float = 1.0, options: RecordingOptions | None = None) -> None:
        self._path = path
        self._options = options
        self._speed = speed
        self._lock = threading.Lock()
        self._pending: list[Item] = []
        self._notify: Callable[[], None] = lambda: None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._recording: Recording | None = None
        self._done = 0
        """So many events have been handed over."""
        self._played = False
        self._began_ns = 0
        self._before_ms = 0
        """How much was played until the last stop."""
        self._last_ms = 0
        self._next_ms = 0
        self._drained_ms = 0
        """When the first event is that has not been handed over, or that had not been at the last drain."""

    @property
    def name(self) -> str:
        """How status calls it."""
        return f"replay:{self._path}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed of the recording, and what of it is not counted."""
        return () if self._recording is None else self._recording.notes

    def start(self, notify: Callable[[], None]) -> None:
        """Read the whole file, then play it. Raises RecordingError when it is no such recording."""
        if self._recording is None:
            self._recording = read_recording(self._path, self._options)
        events = self._recording.events
        self._notify = notify
        self._last_ms = int(events["time_ms"][-1])
        self._pending.append(LayoutChange(self.now_ms(), self._recording.layout))
        self._stop.clear()
        self._began_ns = time.monotonic_ns()
        self._thread = threading.Thread(target=self._play, args=(events,), name="replay", daemon=True)
        self._thread.start()
        notify()

    def now_ms(self) -> int:
        """The recording's time; it waits for an event that is still to be drained, and without end at the end.

        Otherwise the time of the events on their way would be credited to where the pointer was before them.
        """
        return min(self._played_ms(), self._drained_ms)

    def catch_up(self) -> None:
        """Nothing lies unread in a recording but what has not been played yet."""

    def drain(self) -> list[Item]:
        """Everything since the last call."""
        with self._lock:
            items, self._pending = self._pending, []
            self._drained_ms = self._next_ms
        return items

    def is_alive(self) -> bool:
        """True while there is more to play."""
        # Whoever is notified of the end asks at once, while the thread itself still lives.
        return not self._played and self._thread is not None and self._thread.is_alive()

    def ping(self) -> bool:
        """A file always answers."""
        return True

    def finished(self) -> bool:
        """True when all of it was played."""
        return self._played

    def stop(self) -> None:
        """Stop playing, and the recording's time with it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._before_ms, self._thread = self._played_ms(), None

    def _played_ms(self) -> int:
        since_ms = 0 if self._thread is None else int((time.monotonic_ns() - self._began_ns) / 1e6 * self._speed)
        return min(self._before_ms + since_ms, self._last_ms)

    def _play(self, events: Events) -> None:
        times_ms = events["time_ms"]
        while self._done < events.size:
            # Wait for the next event, then a tick more, so that a fast mouse wakes nobody more often.
            due_s = (int(times_ms[self._done]) - self._played_ms()) / 1000 / self._speed
            if self._stop.wait(min(max(due_s, 0) + _TICK_S, 3600)):
                return
            upto = int(np.searchsorted(times_ms, self._played_ms(), "right"))
            if upto > self._done:
                with self._lock:
                    was_empty = not self._pending
                    self._pending.append(events[self._done : upto])
                    self._next_ms = int(times_ms[min(upto, events.size - 1)])
                if was_empty:
                    self._notify()
                self._done = upto
        self._played = True
        self._notify()
