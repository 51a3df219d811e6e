"""A recorded session, played again: for the demo, the tests, bug reports and the curious.

The file is CSV, plain or gzip, with the columns of the Balabit Mouse Dynamics Challenge
(github.com/balabit/Mouse-Dynamics-Challenge): record timestamp, client timestamp, button, state, x, y.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import math
import threading
import time
import zlib
from typing import TYPE_CHECKING, TextIO

import numpy as np

from mousetrackd.core.errors import RecordingError
from mousetrackd.core.events import Events, Item, Kind, LayoutChange, batch
from mousetrackd.core.layout import Layout, ReportedMonitor, admit
from mousetrackd.core.monitors import SIDE_MAX_PX
from mousetrackd.system.input_files import bounded_lines, open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_COLUMNS = ("client timestamp", "button", "state", "x", "y")
_OFF_SCREEN = 65535
"""What the recorder wrote when it did not know the position."""

_COMMON_SIZES = (
    *(
        (1024, 768),
        (1280, 720),
        (1280, 800),
        (1366, 768),
        (1280, 1024),
        (1440, 900),
        (1600, 900),
        (1680, 1050),
    ),
    *((1920, 1080), (1920, 1200), (2560, 1440), (2560, 1600), (3440, 1440), (3840, 2160), (5120, 2880)),
)

_EVENTS_MAX = 20_000_000
"""Weeks of moving without a pause; half a gigabyte of memory."""

_TICK_S = 0.05
"""Events due within a tick are handed over together."""


class ReplaySource:
    """Plays ``path`` at ``speed`` times its own pace. See ``events.Source``.

    Time is the recording's: at any speed, dwell is what the recorded person's was. Started again after a stop it goes
    on with the first event that it has not handed over.
    """

    def __init__(self, path: Path, *, speed: float = 1.0) -> None:
        self._path = path
        self._speed = speed
        self._lock = threading.Lock()
        self._pending: list[Item] = []
        self._notify: Callable[[], None] = lambda: None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._events: Events | None = None
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
        """Nothing is hidden from it."""
        return ()

    def start(self, notify: Callable[[], None]) -> None:
        """Read the whole file, then play it. Raises RecordingError when it is no such recording."""
        if self._events is None:
            self._events = read_recording(self._path)
        layout = _layout_of(self._events)
        if not layout.placements:
            raise RecordingError(f"no screen holds the positions of the recording {self._path}", *layout.left_out)
        self._notify = notify
        self._last_ms = int(self._events["time_ms"][-1])
        self._pending.append(LayoutChange(self.now_ms(), layout))
        self._stop.clear()
        self._began_ns = time.monotonic_ns()
        self._thread = threading.Thread(target=self._play, args=(self._events,), name="replay", daemon=True)
        self._thread.start()
        notify()

    def now_ms(self) -> int:
        """The recording's time; it waits for an event that is still to be drained, and for ever at the end.

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
        return self._thread is not None and self._thread.is_alive()

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
            # Wait for the next event, then a tick more, so that a fast mouse wakes nobody oftener.
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


def read_recording(path: Path, *, events_max: int = _EVENTS_MAX) -> Events:
    """Read a recording. Raises RecordingError saying which line is wrong; it holds at least one event."""
    try:
        with _open_text(path) as file:
            events = batch(itertools.islice(_rows(path, file), events_max + 1))
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        raise RecordingError(
            f"cannot read the recording {path}: {error}", "Check the file's name and content."
        ) from error
    if events.size == 0:
        raise RecordingError(f"the recording {path} holds no events", f"Its columns should be: {', '.join(_COLUMNS)}")
    if events.size > events_max:
        raise RecordingError(f"the recording {path} holds more than {events_max:,} events", "Split it.")
    # A recorder's clock may jitter; time that runs backwards would be credited to nobody.
    events["time_ms"] = np.maximum.accumulate(events["time_ms"])
    return events


def _open_text(path: Path) -> TextIO:
    with open_regular(path) as file:
        zipped = file.read(2) == b"\x1f\x8b"
    if zipped:
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _rows(path: Path, file: TextIO) -> Iterator[tuple[int, int, int, int]]:
    reader = csv.DictReader(bounded_lines(file))
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise RecordingError(
            f"{path} is not a recording: it has no column {', '.join(missing)}",
            f"The first line should name the columns: record timestamp, {', '.join(_COLUMNS)}",
        )
    last_x, last_y = 0, 0
    for row in reader:
        kind = _kind(row["button"], row["state"])
        if kind is None:
            continue
        try:
            time_s, x, y = float(row["client timestamp"]), int(row["x"]), int(row["y"])
        except (TypeError, ValueError):
            time_s, x, y = math.nan, 0, 0
        if not (0 <= time_s < 1e9 and abs(x) <= _OFF_SCREEN and abs(y) <= _OFF_SCREEN):
            raise RecordingError(
                f"{path}, line {reader.line_num}: expected a time and a position, got {str([*row.values()])[:200]}",
                "Remove that line, or the file is not a recording.",
            )
        if kind == Kind.SCROLL and (x, y) == (0, 0):
            # The Balabit recorder notes no position with a wheel step: it is turned where the pointer is.
            x, y = last_x, last_y
        last_x, last_y = x, y
        yield round(time_s * 1000), kind, x, y


def _kind(button: str | None, state: str | None) -> Kind | None:
    """What a row means; None for a release, which nobody counts."""
    if state in ("Move", "Drag"):
        return Kind.MOVE
    if state in ("Up", "Down"):
        return Kind.SCROLL
    if state == "Pressed":
        return {"Left": Kind.LEFT, "Middle": Kind.MIDDLE, "Right": Kind.RIGHT}.get(button or "", Kind.OTHER)
    return None


def _layout_of(events: Events) -> Layout:
    """One screen: the smallest common size that holds every position the recorder was sure of."""
    known = events[(events["x"] < SIDE_MAX_PX) & (events["y"] < SIDE_MAX_PX)]
    right = int(known["x"].max(initial=0)) + 1
    bottom = int(known["y"].max(initial=0)) + 1
    holding = [size for size in _COMMON_SIZES if size[0] >= right and size[1] >= bottom]
    width_px, height_px = min(holding, key=lambda size: size[0] * size[1], default=(right, bottom))
    layout, _ = admit([ReportedMonitor("replay", width_px, height_px, "", 0, 0)])
    return layout
