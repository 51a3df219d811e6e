"""A person's pointer, moved once more in a compositor, and what mousetrackd counted of it beside what it should be."""

import json
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from benchmarks import motion
from numpy.typing import NDArray
from support.program import Home, Running
from support.report import Report

from mousetrackd.core.accumulator import Accumulator
from mousetrackd.core.events import Events, Kind, batch
from mousetrackd.core.layers import DWELL, TRAVEL
from mousetrackd.core.series import Series

SCREEN = motion.SCREENS["1920x1080"]
MONITOR = SCREEN.monitors[0]
PLAY_MS = 15_000
LAST_REST_S = 1.0

# Positions that come 20 times a second cut a hand's curves and its trembling short. A recorded person loses 1 % of the
# way by it, and has 3 % of it more than 12 px beside; the made-up hour, which trembles all the time, loses 15 %, and
# has 3 % of its dwell in another cell. On a machine that is busy elsewhere each comes later, and that becomes 15 %.
SHORTEST_WAY, LONGEST_WAY = 0.8, 1.02
NEAR_PX = 20
NEAR_SHARE = 0.9
CELL_PX = 32
MISPLACED_SHARE = 0.25
LATE_MS = 400
"""A rest begins and ends up to 50 ms late, and a busy machine adds to it."""


def liveliest() -> Events:
    """The stretch with the most moves of the recorded sessions, or of a made-up hour; its first move is at 0 ms."""
    recorded = motion.sessions() or [motion.hour(np.random.default_rng(7), SCREEN)]
    return max(map(_liveliest, recorded), key=len)


def _liveliest(events: Events) -> Events:
    moves = events[(events["kind"] == Kind.MOVE) & (events["x"] < MONITOR.width_px) & (events["y"] < MONITOR.height_px)]
    times_ms = moves["time_ms"]
    ends = np.searchsorted(times_ms, times_ms + PLAY_MS)
    first = int(np.argmax(ends - np.arange(ends.size)))
    stretch: Events = moves[first : ends[first]].copy()
    stretch["time_ms"] -= stretch["time_ms"][0]
    return stretch


def presses(count: int, kinds: Sequence[Kind]) -> list[tuple[Kind, int, int]]:
    """Where a person clicked, of all that was recorded or made up, from the first; the buttons in turns.

    A person seldom uses any but the left one.
    """
    recorded = np.concatenate(motion.sessions() or [motion.hour(np.random.default_rng(7), SCREEN)])
    is_press = (recorded["kind"] != Kind.MOVE) & (recorded["kind"] != Kind.SCROLL)
    on_screen = (recorded["x"] < MONITOR.width_px) & (recorded["y"] < MONITOR.height_px)
    chosen = recorded[is_press & on_screen][:count]
    return [
        (kinds[number % len(kinds)], x, y)
        for number, (x, y) in enumerate(zip(chosen["x"].tolist(), chosen["y"].tolist(), strict=True))
    ]


def perform(moves: Events, move: Callable[[int, int], None]) -> Events:
    """Make each move when it is due, and rest a moment. The moves as they were made, on the monotonic clock."""
    began_s = time.monotonic()
    made = []
    for due_ms, kind, x, y in moves.tolist():
        time.sleep(max(0.0, began_s + due_ms / 1000 - time.monotonic()))
        move(x, y)
        made.append((Running.clock_ms(), kind, x, y))
    time.sleep(LAST_REST_S)
    return batch(made)


def compare(report: Report, made: Events, ended_ms: int, home: Home, *, per_s: float) -> None:
    """Check what a daemon counted of moves before it ended. per_s: how often it is sent positions at most."""
    events = home.status()["events"]
    most = per_s * (ended_ms - int(made["time_ms"][0])) / 1000 + 2
    report.check(f"at most {per_s:g} positions a second come", 0 < events <= most, f"{events} of {made.size} moves")

    accumulator = Accumulator(rest_cap_ms=motion.REST_CAP_MS, warp_px=motion.WARP_PX)
    accumulator.change_layout(SCREEN, 0)
    accumulator.feed(made)
    true = accumulator.take(ended_ms)

    should, travel = true.counts[Series(MONITOR, TRAVEL)].dense(), counted(home, TRAVEL)
    way = travel.sum() / should.sum()
    report.check("travel is as long as the way", SHORTEST_WAY <= way <= LONGEST_WAY, f"{way:.1%}")
    around = cv2.dilate((should > 0).astype(np.uint8), np.ones((2 * NEAR_PX + 1, 2 * NEAR_PX + 1), np.uint8))
    near = travel[around > 0].sum() / travel.sum()
    report.check(f"travel lies within {NEAR_PX} px of the way", near >= NEAR_SHARE, f"{near:.1%}")

    should, dwell = true.counts[Series(MONITOR, DWELL)].dense(), counted(home, DWELL)
    off_ms = int(dwell.sum()) - int(should.sum())
    report.check("dwell is as long as the moves took", abs(off_ms) <= LATE_MS, f"{off_ms:+d} of {should.sum()} ms")
    misplaced = np.abs(in_cells(dwell) - in_cells(should)).sum() / 2 / should.sum()
    report.check(
        f"dwell lies where it should, in cells of {CELL_PX} px",
        misplaced <= MISPLACED_SHARE,
        f"{misplaced:.1%} elsewhere",
    )

    said = json.loads(home.run_ok("stats", "--json"))["total"]
    same = abs(said["active_ms"] - dwell.sum()) <= 1 and said["distance_px"] > 0
    report.check("stats says the same", same, f"{said['active_ms']} ms, {said['distance_px']} px")


def counted(home: Home, layer: str) -> NDArray[np.int64]:
    """A layer of the only screen, (H, W)."""
    picture = np.zeros((MONITOR.height_px, MONITOR.width_px), np.int64)
    for (x, y), count in home.cells(layer).items():
        picture[y, x] = count
    return picture


def in_cells(picture: NDArray[np.int64]) -> NDArray[np.int64]:
    """Its sums over squares of ``CELL_PX``."""
    rows, columns = (np.arange(0, size, CELL_PX) for size in picture.shape)
    in_rows = np.add.reduceat(picture, rows, axis=0)
    sums: NDArray[np.int64] = np.add.reduceat(in_rows, columns, axis=1)
    return sums
