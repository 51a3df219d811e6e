"""One contract for all pointer sources. Each says how it is made and what it cannot do."""

import csv
import gzip
import importlib.metadata
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, groupby
from pathlib import Path

import numpy as np
import pytest
import Xlib.display
from support.program import always
from support.waiting import wait_until
from support.xserver import (
    LEFT,
    MIDDLE,
    RIGHT,
    SIDE,
    WHEEL_DOWN,
    WHEEL_LEFT,
    WHEEL_RIGHT,
    WHEEL_UP,
    Pointer,
    Xvfb,
    xrandr,
)
from Xlib import X

from mousetrackd.capture.recording import read_recording
from mousetrackd.capture.replay import ReplaySource
from mousetrackd.capture.x11.source import PynputSource
from mousetrackd.core.errors import SourceError
from mousetrackd.core.events import AppChange, Events, Gap, Interruption, Item, Kind, LayoutChange, Source
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement

Row = tuple[Kind, int, int]
"""What the hand does, and what a source must say: kind and desktop pixel."""

STOP_WITHIN_S = 4.0
"""Less than the 5 s that a thread which does not end is waited for."""
NO_ANSWER_FOR_S = 0.2

MANY_MOVES = [(Kind.MOVE, 10 + 7 * i % 1900, 5 + 11 * i % 1070) for i in range(2000)]
EVERY_BUTTON = [
    *((Kind.MOVE, 100, 50), (Kind.LEFT, 100, 50), (Kind.LEFT, 100, 50)),
    *((Kind.MOVE, 1919, 1079), (Kind.MIDDLE, 1919, 1079), (Kind.RIGHT, 1919, 1079)),
    *((Kind.MOVE, 0, 0), (Kind.OTHER, 0, 0), (Kind.SCROLL, 0, 0)),
    *((Kind.MOVE, 640, 480), (Kind.SCROLL, 640, 480), (Kind.SCROLL, 640, 480), (Kind.LEFT, 640, 480)),
]


class Recorder:
    """Listens to a source as the daemon does, and keeps what it recorded."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.items: list[Item] = []
        self.calls = 0
        self.was_alive = True
        """When it notified the last time."""
        self._called = threading.Event()

    def notify(self) -> None:
        self.was_alive = self.source.is_alive()
        self.calls += 1
        self._called.set()

    def start(self) -> None:
        self.source.start(self.notify)

    def listen(self) -> list[Row]:
        """All events so far."""
        self.items += self.source.drain()
        return [row for item in self.items if not isinstance(item, Interruption) for row in rows_of(item)]

    def receive(self, count: int) -> list[Row]:
        """Wait for so many events; return all there are."""
        wait_until(lambda: len(self.listen()) >= count, f"{count} events were recorded")
        return self.listen()

    def receive_when_notified(self, count: int) -> list[Row]:
        """As ``receive``, but look only when told to."""
        while len(self.listen()) < count:
            assert self._called.wait(10), f"nobody said that there was more than {len(self.listen())} events"
            self._called.clear()
        return self.listen()

    def layouts(self) -> list[Layout]:
        self.listen()
        return [item.layout for item in self.items if isinstance(item, LayoutChange)]

    def windows(self, count: int) -> list[AppChange]:
        """Wait for so many changes of the windows; return all there are."""

        def received() -> list[AppChange]:
            self.listen()
            return [item for item in self.items if isinstance(item, AppChange)]

        wait_until(lambda: len(received()) >= count, f"{count} changes of the windows were recorded")
        return received()

    def times_ms(self) -> list[int]:
        return [
            time_ms
            for item in self.items
            for time_ms in ([item.time_ms] if isinstance(item, Interruption) else item["time_ms"].tolist())
        ]


def rows_of(events: Events) -> list[Row]:
    columns = (events[name].tolist() for name in ("kind", "x", "y"))
    return [(Kind(kind), x, y) for kind, x, y in zip(*columns, strict=True)]


def open_files() -> list[str]:
    """What this process has open, sockets by their number."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except FileNotFoundError:  # the one that reads the folder
            continue
    return sorted(name for name in found if not name.endswith("/fd"))


class SourceContract(ABC):
    """What holds of every source."""

    reads_to_the_end = True
    """After ``stop``, ``drain`` gives all that was done before. A source that cannot gives the beginning of it."""

    unreported: frozenset[Kind] = frozenset()
    """What its compositor reports to nobody, as its notes say."""

    @pytest.fixture(autouse=True)
    def _end(self) -> Iterator[None]:
        """A test that fails half way leaves no source behind for the next one."""
        self.recorders: list[Recorder] = []
        yield
        for recorder in self.recorders:
            recorder.source.stop()

    def started(self, rows: list[Row]) -> Recorder:
        recorder = Recorder(self.make(rows))
        self.recorders.append(recorder)
        recorder.start()
        return recorder

    def reported_of(self, rows: list[Row]) -> list[Row]:
        """What it reports of ``rows``."""
        return [row for row in rows if row[0] not in self.unreported]

    clock_slack_ms = 0
    """How far an event's time may be off, where two clocks of whole milliseconds meet."""

    @abstractmethod
    def make(self, rows: list[Row]) -> Source:
        """A source that will receive ``rows``, each once, when it is started and they are performed."""

    @abstractmethod
    def perform(self, rows: list[Row]) -> None:
        """Do ``rows``; a source that plays by itself does so without."""

    @abstractmethod
    def make_without_display(self) -> Source:
        """A source that cannot start, because what it listens to is not there."""

    def test_the_first_item_is_the_layout_of_the_monitors(self) -> None:
        recorder = self.started(MANY_MOVES[:5])
        self.perform(MANY_MOVES[:5])
        recorder.receive(5)
        recorder.source.stop()
        first = recorder.items[0]
        assert isinstance(first, LayoutChange)
        assert [
            (p.monitor.width_px, p.monitor.height_px, p.desktop_x, p.desktop_y) for p in first.layout.placements
        ] == [(1920, 1080, 0, 0)]
        assert len(recorder.layouts()) == 1

    def test_every_move_is_received_once_and_in_order(self) -> None:
        recorder = self.started(MANY_MOVES)
        self.perform(MANY_MOVES)
        assert recorder.receive(len(MANY_MOVES)) == MANY_MOVES
        recorder.source.stop()
        assert recorder.listen() == MANY_MOVES

    def test_the_very_first_event_after_start_is_received(self) -> None:
        for attempt in range(5):
            rows = [(Kind.MOVE, 30 + attempt, 40)]
            recorder = self.started(rows)
            self.perform(rows)
            assert recorder.receive(1) == rows
            recorder.source.stop()

    def test_presses_and_scroll_steps_are_received_by_kind_at_their_pixel(self) -> None:
        recorder = self.started(EVERY_BUTTON)
        self.perform(EVERY_BUTTON)
        expected = self.reported_of(EVERY_BUTTON)
        assert recorder.receive(len(expected)) == expected
        recorder.source.stop()

    def test_times_never_run_backwards_and_are_on_the_sources_clock(self) -> None:
        recorder = self.started(MANY_MOVES[:200])
        self.perform(MANY_MOVES[:200])
        recorder.receive(200)
        now_ms = recorder.source.now_ms()
        recorder.source.stop()
        times_ms = recorder.times_ms()
        assert times_ms == sorted(times_ms)
        assert times_ms[-1] <= now_ms + self.clock_slack_ms

    def test_who_looks_only_when_notified_misses_nothing(self) -> None:
        recorder = self.started(EVERY_BUTTON)
        for row in EVERY_BUTTON:
            self.perform([row])
        expected = self.reported_of(EVERY_BUTTON)
        assert recorder.receive_when_notified(len(expected)) == expected
        recorder.source.stop()

    def test_a_ping_is_answered_again_and_again_and_is_no_event(self) -> None:
        recorder = self.started(MANY_MOVES[:5])
        self.perform(MANY_MOVES[:5])
        for _ in range(3):
            wait_until(recorder.source.ping, "the ping before was answered")
        recorder.receive(5)
        recorder.source.stop()
        assert recorder.listen() == MANY_MOVES[:5]
        assert len(recorder.layouts()) == 1

    def test_drain_gives_everything_only_once(self) -> None:
        recorder = self.started(MANY_MOVES[:5])
        self.perform(MANY_MOVES[:5])
        recorder.receive(5)
        recorder.source.stop()
        assert recorder.source.drain() == []

    def test_stop_leaves_no_thread_and_no_connection_even_when_nothing_moves(self) -> None:
        threads, files = threading.enumerate(), open_files()
        source = self.make(MANY_MOVES[:1])
        source.start(lambda: None)
        assert source.is_alive()
        began_s = time.monotonic()
        source.stop()
        assert time.monotonic() - began_s < STOP_WITHIN_S
        assert threading.enumerate() == threads
        assert open_files() == files
        assert not source.is_alive()

    def test_stop_while_events_rain_in_leaves_no_thread_and_no_connection(self) -> None:
        threads, files = threading.enumerate(), open_files()
        recorder = self.started(MANY_MOVES)
        self.perform(MANY_MOVES)
        recorder.source.stop()
        assert threading.enumerate() == threads
        assert open_files() == files
        recorded = recorder.listen()
        assert recorded == MANY_MOVES[: len(recorded)]

    def test_stop_twice_is_one_stop(self) -> None:
        source = self.make(MANY_MOVES[:1])
        source.start(lambda: None)
        source.stop()
        files = open_files()
        source.stop()
        assert open_files() == files

    def test_stop_before_start_is_fine(self) -> None:
        source = self.make(MANY_MOVES[:1])
        assert not source.is_alive()
        assert source.drain() == []
        source.stop()
        assert not source.is_alive()

    def test_drain_after_stop_still_gives_what_had_arrived(self) -> None:
        recorder = self.started(MANY_MOVES[:500])
        recorder.listen()
        recorder.calls = 0
        self.perform(MANY_MOVES[:500])
        wait_until(lambda: recorder.calls > 0, "notify was called")
        recorder.source.stop()
        recorded = recorder.listen()
        assert recorded
        assert recorded == MANY_MOVES[: 500 if self.reads_to_the_end else len(recorded)]

    def test_a_source_that_cannot_start_says_so_and_leaves_nothing_open(self) -> None:
        threads, files = threading.enumerate(), open_files()
        source = self.make_without_display()
        with pytest.raises(SourceError) as raised:
            source.start(lambda: None)
        assert raised.value.message
        assert raised.value.hint
        assert not source.is_alive()
        assert not source.finished()
        assert source.drain() == []
        assert threading.enumerate() == threads
        assert open_files() == files
        source.stop()

    def test_a_source_has_a_name(self) -> None:
        assert self.make(MANY_MOVES[:1]).name


# Recordings -------------------------------------------------------------------------------------------

COLUMNS = ["record timestamp", "client timestamp", "button", "state", "x", "y"]

WORDS = {
    Kind.MOVE: ("NoButton", "Move"),
    Kind.LEFT: ("Left", "Pressed"),
    Kind.MIDDLE: ("Middle", "Pressed"),
    Kind.RIGHT: ("Right", "Pressed"),
    Kind.OTHER: ("X1", "Pressed"),
    Kind.SCROLL: ("Scroll", "Down"),
}


def write_recording(path: Path, lines: list[list[object]], *, zipped: bool = False) -> Path:
    with gzip.open(path, "wt", newline="") if zipped else path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *lines])
    return path


def recorded(rows: list[Row], step_s: float = 0.001) -> list[list[object]]:
    return [
        [number * step_s + 5, f"{number * step_s:.3f}", *WORDS[kind], x, y] for number, (kind, x, y) in enumerate(rows)
    ]


class ReplayContract(SourceContract):
    """It plays by itself: what is done to it is in the file already, and it ends when all is said."""

    reads_to_the_end = False  # stop means stop playing
    zipped = False

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self, rows: list[Row]) -> Source:
        # A last corner shows the size of the screen.
        corner = (Kind.MOVE, 1919, 1079)
        lines = recorded([*rows, corner])
        lines[-1][1] = 1000.0  # long after the rest
        return ReplaySource(write_recording(self.folder / "recording", lines, zipped=self.zipped), speed=4)

    def perform(self, rows: list[Row]) -> None:
        pass

    def make_without_display(self) -> Source:
        return ReplaySource(self.folder / "none.csv")


class TestReplay(ReplayContract):
    def test_a_recording_ends_by_itself_and_says_so(self) -> None:
        rows = MANY_MOVES[:50]
        recorder = Recorder(ReplaySource(write_recording(self.folder / "short", recorded(rows)), speed=100))
        recorder.start()
        assert recorder.receive_when_notified(50) == rows
        wait_until(recorder.source.finished, "the recording had ended")
        wait_until(lambda: not recorder.was_alive, "it had notified that it was dead")
        assert not recorder.source.is_alive()
        assert recorder.source.now_ms() == 49  # its clock has stopped: nobody rests at the last pixel without end
        recorder.source.stop()

    def test_the_end_of_a_recording_is_notified(self) -> None:
        path = write_recording(self.folder / "short", recorded(MANY_MOVES[:2]))
        ended = threading.Event()
        source = ReplaySource(path, speed=100)
        source.start(lambda: ended.set() if source.finished() else None)
        assert ended.wait(10)
        source.stop()

    def test_one_that_was_stopped_has_not_finished(self) -> None:
        source = self.make(MANY_MOVES)
        source.start(lambda: None)
        source.stop()
        assert not source.finished()

    def test_time_is_the_recordings_at_any_speed(self) -> None:
        path = write_recording(self.folder / "slow", recorded(MANY_MOVES[:20], step_s=60))
        recorder = Recorder(ReplaySource(path, speed=10_000))
        recorder.start()
        recorder.receive(20)
        recorder.source.stop()
        assert recorder.times_ms() == [0, *range(0, 20 * 60_000, 60_000)]


class TestReplayGzip(ReplayContract):
    zipped = True


def test_releases_are_no_events_and_drags_are_moves(tmp_path: Path) -> None:
    lines: list[list[object]] = [
        [0, 0.0, "Left", "Pressed", 1, 2],
        [0, 0.5, "NoButton", "Drag", 3, 4],
        [0, 0.6, "Left", "Released", 3, 4],
        [0, 0.7, "Scroll", "Up", 3, 4],
    ]
    events = read_recording(write_recording(tmp_path / "r.csv", lines)).events
    assert rows_of(events) == [(Kind.LEFT, 1, 2), (Kind.MOVE, 3, 4), (Kind.SCROLL, 3, 4)]
    assert events["time_ms"].tolist() == [0, 500, 700]


def test_a_recorders_clock_that_jitters_never_runs_backwards(tmp_path: Path) -> None:
    lines: list[list[object]] = [[0, time_s, "NoButton", "Move", 1, 2] for time_s in (0.0, 0.2, 0.1, 0.3)]
    assert read_recording(write_recording(tmp_path / "r.csv", lines)).events["time_ms"].tolist() == [0, 200, 200, 300]


@pytest.mark.parametrize(
    ("corner", "size"),
    [
        *(((1023, 767), (1024, 768)), ((1365, 5), (1366, 6)), ((1300, 700), (1366, 768))),
        *(((1919, 1079), (1920, 1080)), ((1079, 1919), (1080, 1920)), ((2559, 1079), (2560, 1080))),
        *(((1919, 1080), (1920, 1200)), ((9000, 10), (9001, 11))),
    ],
)
def test_the_screen_of_a_recording_holds_it_and_is_a_usual_one_that_it_nearly_covers(
    tmp_path: Path, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    rows: list[Row] = [(Kind.MOVE, 3, 4), (Kind.MOVE, *corner), (Kind.MOVE, 65535, 65535)]
    recorder = Recorder(ReplaySource(write_recording(tmp_path / "r.csv", recorded(rows)), speed=1000))
    recorder.start()
    assert recorder.receive(3) == rows  # the position the recorder was not sure of is for the accumulator to judge
    recorder.source.stop()
    assert recorder.layouts() == [Layout([Placement(Monitor("replay", *size), 0, 0)])]


@pytest.mark.parametrize(
    "line",
    [
        *(
            "0,zero,NoButton,Move,1,2",
            "0,0.1,NoButton,Move,one,2",
            "0,0.1,NoButton,Move,1",
            "0,0.1,NoButton,Move,1;5,2",
        ),
        *(
            "0,nan,NoButton,Move,1,2",
            "0,-1,NoButton,Move,1,2",
            "0,1e300,NoButton,Move,1,2",
            "0,1,NoButton,Move,99999,2",
        ),
    ],
)
def test_a_line_that_is_no_event_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "r.csv"
    path.write_text(f"{','.join(COLUMNS)}\n0,0.0,NoButton,Move,1,2\n{line}\n")
    with pytest.raises(SourceError, match="line 3") as raised:
        read_recording(path)
    assert str(path) in raised.value.message


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"a,b\n1,2\n", b"\xff\xfe\x00", ",".join(COLUMNS).encode() + b"\n", b"\x1f\x8b", b"\x1f\x8bnot gzip"),
        gzip.compress(b"x" * 5000)[:-12],
        gzip.compress(",".join(COLUMNS).encode() + b"\n0,0.0,NoButton,Move,1,2\n")[:-4],
        gzip.compress(b"x" * 50)[:10] + b"\xff" * 40,
        ",".join(COLUMNS).encode() + b'\n0,0.0,NoButton,Move,"' + b"1" * 200_000 + b'",2\n',
        ",".join(COLUMNS).encode() + b"\n0,0.0,NoButton,Move," + b"1" * 5000 + b",2\n",
    ],
    ids=lambda content: f"{len(content)} bytes",
)
def test_what_is_no_recording_is_a_source_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError) as raised:
        read_recording(path)
    assert str(path) in raised.value.message
    assert raised.value.hint


def sessions() -> list[Path]:
    return sorted(Path(os.environ["MOUSE_SESSIONS"]).glob("*.csv*")) if "MOUSE_SESSIONS" in os.environ else []


@pytest.mark.skipif("MOUSE_SESSIONS" not in os.environ, reason="MOUSE_SESSIONS names no folder of recorded sessions")
def test_a_real_persons_session_is_read_and_played_whole() -> None:
    assert sessions()
    for path in sessions():
        events = read_recording(path).events
        recorder = Recorder(ReplaySource(path, speed=1e6))
        recorder.start()
        assert recorder.receive(events.size) == rows_of(events)
        recorder.source.stop()
        assert recorder.times_ms()[1:] == events["time_ms"].tolist()
        expected = (1366, 768) if "user35" in path.name else (1920, 1080)
        assert [(m.width_px, m.height_px) for m in recorder.layouts()[0].monitors] == [expected]


# X11 --------------------------------------------------------------------------------------------------

BUTTONS = {Kind.LEFT: LEFT, Kind.MIDDLE: MIDDLE, Kind.RIGHT: RIGHT, Kind.OTHER: SIDE}

LEFT_HALF = ("--setmonitor", "L", "960/250x1080/280+0+0", "screen")
RIGHT_HALF = ("--setmonitor", "R", "960/250x1080/280+960+0", "none")

BY_HAND = ((LEFT_HALF, "L@960x1080"), (("--delmonitor", "L"), "screen@1920x1080"))
OFF_AND_ON = (
    (("--output", "screen", "--off", "--fb", "1280x720"), "screen@1280x720"),
    (("--fb", "1600x900"), "screen@1600x900"),
    (("--fb", "1920x1080", "--output", "screen", "--mode", "1920x1080"), "screen@1920x1080"),
)
MODES = ((1280, 720), (1600, 900))
HOT_PLUGS = tuple(
    (("--output", "screen", "--mode", f"{width}x{height}"), f"screen@{width}x{height}")
    for width, height in (*MODES, (1920, 1080))
)
"""Changes, and the monitor that holds the top left corner after each."""


python_xlib_forgets_a_socket = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
"""Where it cannot connect, it leaves closing to the garbage collector; ``open_files`` shows whether that was done."""


class X11Contract(SourceContract):
    """A source that listens to a real X server, whose pointer is really moved."""

    clock_slack_ms = 3

    @pytest.fixture(autouse=True)
    def _display(self, xvfb: Xvfb, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.server = xvfb
        self.environment = monkeypatch
        with Pointer() as self.pointer:
            yield

    @abstractmethod
    def make(self, rows: list[Row]) -> PynputSource: ...

    @abstractmethod
    def make_sleeper(self, asleep_ms: Callable[[], int]) -> PynputSource:
        """One on a machine that is suspended at times."""

    def perform(self, rows: list[Row]) -> None:
        wheel = cycle((WHEEL_UP, WHEEL_DOWN, WHEEL_LEFT, WHEEL_RIGHT))
        for kind, group in groupby(rows, key=lambda row: row[0]):
            if kind == Kind.MOVE:
                self.pointer.move(*((x, y) for _, x, y in group))
            else:
                for _ in group:
                    self.pointer.click(next(wheel) if kind == Kind.SCROLL else BUTTONS[kind])

    def make_without_display(self) -> Source:
        self.environment.delenv("DISPLAY")
        return self.make([])

    def wait_for_monitors(self, recorder: Recorder, *outputs: str) -> Layout:
        def arrived() -> bool:
            return tuple(monitor.output for monitor in recorder.layouts()[-1].monitors) == outputs

        wait_until(arrived, f"the monitors were {outputs}")
        return recorder.layouts()[-1]

    def press_at(self, recorder: Recorder, x: int, y: int) -> tuple[str, int, int]:
        """Press there; on which monitor did it land?"""
        self.pointer.move((x, y))
        self.pointer.click(LEFT)
        wait_until(lambda: (Kind.LEFT, x, y) in recorder.listen(), "the press was received")
        layout = recorder.layouts()[-1]
        owner, local_x, local_y = layout.locate(np.array([x]), np.array([y]))
        last = max(number for number, item in enumerate(recorder.items) if isinstance(item, LayoutChange))
        recorded = [item for item in recorder.items[last:] if not isinstance(item, Interruption)]
        assert (Kind.LEFT, x, y) in rows_of(np.concatenate(recorded)), "it came before the monitors it was made on"
        return layout.monitors[int(owner[0])].output, int(local_x[0]), int(local_y[0])

    @python_xlib_forgets_a_socket
    def test_a_display_that_is_dead_is_a_source_error_and_leaves_nothing_open(self) -> None:
        self.server.kill()
        files = open_files()
        source = self.make([])
        with pytest.raises(SourceError, match=self.server.name):
            source.start(lambda: None)
        assert open_files() == files
        assert not source.is_alive()

    @python_xlib_forgets_a_socket
    @pytest.mark.parametrize("name", ["nonsense", ":", ":x", "nowhere.invalid:0"])
    def test_a_display_name_that_leads_nowhere_is_a_source_error(self, name: str) -> None:
        self.environment.setenv("DISPLAY", name)
        files = open_files()
        source = self.make([])
        with pytest.raises(SourceError):
            source.start(lambda: None)
        source.stop()
        assert open_files() == files

    def test_a_press_is_stamped_with_the_time_it_was_made(self) -> None:
        recorder = self.started([])
        for _ in range(3):
            recorder.items.clear()
            recorder.listen()
            before_ms = recorder.source.now_ms()
            self.pointer.click(LEFT)
            recorder.receive(1)
            slack_ms = self.clock_slack_ms
            assert before_ms - slack_ms <= recorder.times_ms()[-1] <= recorder.source.now_ms() + slack_ms
        recorder.source.stop()

    def test_when_the_server_dies_the_source_is_dead_says_so_and_gives_what_it_received(self) -> None:
        files = open_files()
        recorder = self.started([])
        self.pointer.move((5, 6), (7, 8))
        assert recorder.receive(2) == [(Kind.MOVE, 5, 6), (Kind.MOVE, 7, 8)]
        recorder.calls = 0
        self.server.kill()
        wait_until(lambda: recorder.calls > 0 and not recorder.was_alive, "it had notified that it was dead")
        assert not recorder.source.is_alive()
        assert not recorder.source.finished()
        recorder.source.stop()
        assert open_files() == files
        assert len(recorder.listen()) == 2

    @python_xlib_forgets_a_socket
    def test_a_new_source_works_when_the_server_is_back(self) -> None:
        recorder = self.started([])
        for _ in range(2):
            self.server.kill()
            wait_until(lambda recorder=recorder: not recorder.source.is_alive(), "the source was dead")  # type: ignore[misc]
            recorder.source.stop()
            with pytest.raises(SourceError):
                self.make([]).start(lambda: None)
            self.server.start()
            with Pointer() as pointer:
                recorder = self.started([])
                pointer.move((11, 12))
                assert recorder.receive(1) == [(Kind.MOVE, 11, 12)]
        recorder.source.stop()

    def test_a_ping_is_not_answered_by_a_server_that_hangs_and_is_again_when_it_goes_on(self) -> None:
        recorder = self.started([])
        self.server.freeze()
        assert recorder.source.ping(), "the server was there when it was last asked"
        always(lambda: not recorder.source.ping(), "it is not answered", for_s=NO_ANSWER_FOR_S)
        assert recorder.source.is_alive()
        self.server.thaw()
        wait_until(recorder.source.ping, "it was answered")
        recorder.source.stop()

    def test_a_ping_of_a_dead_server_is_not_answered(self) -> None:
        recorder = self.started([])
        self.server.kill()
        recorder.source.ping()
        always(lambda: not recorder.source.ping(), "it is not answered", for_s=NO_ANSWER_FOR_S)
        recorder.source.stop()

    def test_a_ping_is_not_answered_while_the_thread_that_should_listen_hangs(self) -> None:
        go_on, hangs = threading.Event(), threading.Event()
        source = self.make([])

        def hang() -> None:
            if threading.current_thread() is not threading.main_thread():
                hangs.set()
                go_on.wait()

        try:
            source.start(hang)
            source.drain()
            self.pointer.move((5, 6))
            assert hangs.wait(10)
            self.pointer.move((7, 8))
            wait_until(lambda: not source.ping(), "it was seen that nobody listens")
            always(lambda: not source.ping(), "nobody listens", for_s=NO_ANSWER_FOR_S)
            go_on.set()
            wait_until(source.ping, "it listened again")
        finally:
            go_on.set()
            source.stop()

    def test_stop_returns_when_the_server_answers_nobody(self) -> None:
        files = open_files()
        recorder = self.started([])
        self.server.freeze()
        began_s = time.monotonic()
        recorder.source.stop()
        assert time.monotonic() - began_s < STOP_WITHIN_S
        assert open_files() == files

    def test_a_monitor_added_while_running_gets_the_presses_made_on_it(self) -> None:
        recorder = self.started([])
        assert self.press_at(recorder, 1000, 20) == ("screen", 1000, 20)
        xrandr(*LEFT_HALF)
        xrandr(*RIGHT_HALF)
        layout = self.wait_for_monitors(recorder, "L", "R")
        assert layout == Layout(
            [Placement(Monitor("L", 960, 1080), 0, 0, 250, 280), Placement(Monitor("R", 960, 1080), 960, 0, 250, 280)]
        )
        assert self.press_at(recorder, 959, 21) == ("L", 959, 21)
        assert self.press_at(recorder, 960, 21) == ("R", 0, 21)
        recorder.source.stop()

    def test_a_monitor_removed_while_running_loses_its_presses_to_who_is_left(self) -> None:
        xrandr(*LEFT_HALF)
        xrandr(*RIGHT_HALF)
        recorder = self.started([])
        assert self.press_at(recorder, 1000, 20) == ("R", 40, 20)
        xrandr("--delmonitor", "R")
        xrandr("--delmonitor", "L")
        self.wait_for_monitors(recorder, "screen")
        assert self.press_at(recorder, 1001, 21) == ("screen", 1001, 21)
        recorder.source.stop()

    def test_a_screen_resized_while_running_is_another_layout(self) -> None:
        recorder = self.started([])
        xrandr("--output", "screen", "--off", "--fb", "1280x720")
        wait_until(lambda: recorder.layouts()[-1].bounds() == (0, 0, 1280, 720), "the screen was smaller")
        assert self.press_at(recorder, 1279, 719) == ("screen", 1279, 719)
        recorder.source.stop()

    def test_a_press_made_before_the_monitors_changed_is_received_once_and_before_the_change(self) -> None:
        recorder = self.started([])
        for turn in range(6):
            self.pointer.move((500 + turn, 7))
            wait_until(lambda turn=turn: (Kind.MOVE, 500 + turn, 7) in recorder.listen(), "the move was received")  # type: ignore[misc]
            recorder.items.clear()
            self.pointer.click(LEFT)
            xrandr(*(RIGHT_HALF if turn % 2 == 0 else ("--delmonitor", "R")))
            wait_until(
                lambda: len(recorder.listen()) == 1 and any(isinstance(item, LayoutChange) for item in recorder.items),
                "the press and the change were recorded",
            )
            assert len(recorder.items) == 2
            assert isinstance(recorder.items[-1], LayoutChange), "the change was handed over before the press"
        recorder.source.stop()

    def test_every_move_of_a_flood_of_single_moves_is_received(self) -> None:
        # Each is an event of its own to the server, which drops some where the reader's socket is full. A machine
        # that is busy elsewhere may stop the reader for that long; a reader that sleeps too long fails every time.
        def hears_all() -> bool:
            recorder = self.started([])
            for _, x, y in MANY_MOVES:
                self.pointer.move((x, y))
            self.pointer.click(RIGHT)
            wait_until(lambda: any(kind == Kind.RIGHT for kind, _, _ in recorder.listen()), "the end was received")
            recorder.source.stop()
            return recorder.listen()[: len(MANY_MOVES)] == MANY_MOVES

        assert any(hears_all() for _ in range(3))

    def test_what_was_done_before_can_be_drained_after_catching_up(self) -> None:
        recorder = self.started([])
        for number in range(1, 51):
            self.pointer.click(LEFT)
            self.pointer.position()  # the server has sent it when it answers this
            recorder.source.catch_up()
            assert len(recorder.listen()) == number
        recorder.source.stop()
        recorder.source.catch_up()

    def test_a_suspend_is_a_gap_before_the_first_event_after_it(self) -> None:
        slept_ms = 1_000_000  # before this source began: none of its business
        source = self.make_sleeper(lambda: slept_ms)
        recorder = Recorder(source)
        self.recorders.append(recorder)
        recorder.start()
        for number in range(3):
            self.pointer.move((10 + number, 10))
            recorder.receive(2 * number + 1)
            slept_ms += 60_000
            self.pointer.move((20 + number, 10))
            recorder.receive(2 * number + 2)
            slept_ms += 500  # clocks read one after the other, on a busy machine
        recorder.source.stop()
        told = [item for item in recorder.items if not isinstance(item, LayoutChange | AppChange)]
        assert [rows_of(item)[0][1] if not isinstance(item, Gap) else "gap" for item in told] == [
            *(10, "gap", 20),
            *(11, "gap", 21),
            *(12, "gap", 22),
        ]
        assert recorder.times_ms() == sorted(recorder.times_ms())

    def test_changes_are_received_among_answers_to_pings(self) -> None:
        recorder = self.started([])
        for number in range(20):
            width = f"{1000 + number}/250x1080/280+0+0"
            xrandr("--setmonitor", "L", width, "screen")

            def is_received(number: int = number) -> bool:
                recorder.source.ping()
                return recorder.layouts()[-1].monitors[0].width_px == 1000 + number

            wait_until(is_received, "the change was received")
            xrandr("--delmonitor", "L")
        recorder.source.stop()

    def test_two_sources_receive_the_same(self) -> None:
        one, other = self.started([]), self.started([])
        self.pointer.move(*((x, y) for _, x, y in MANY_MOVES[:50]))
        assert one.receive(50) == other.receive(50) == MANY_MOVES[:50]
        one.source.stop()
        self.pointer.click(RIGHT)
        assert other.receive(51)[-1][0] == Kind.RIGHT
        other.source.stop()
        assert len(one.listen()) == 50


FIRST_START = """
import os
import re
import shutil
from mousetrackd.core.errors import SourceError
from mousetrackd.capture.x11.source import PynputSource

name = os.environ["DISPLAY"]
for wrong in ("", ":4242"):
    os.environ["DISPLAY"] = wrong
    try:
        PynputSource().start(lambda: None)
    except SourceError:
        print("refused")
os.environ["DISPLAY"] = name
source = PynputSource()
source.start(lambda: None)
source.stop()
print("started")
"""


@pytest.mark.usefixtures("xvfb")
def test_a_process_that_began_without_a_display_listens_once_there_is_one() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_START], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["refused", "refused", "started"]


def label_of(layout: Layout) -> str:
    return layout.monitors[0].label.partition("#")[0]


class TestPynputFast(X11Contract):
    def make(self, rows: list[Row]) -> PynputSource:
        del rows
        return PynputSource()

    def make_sleeper(self, asleep_ms: Callable[[], int]) -> PynputSource:
        return PynputSource(asleep_ms=asleep_ms)

    @pytest.mark.usefixtures("_modes")
    def test_a_storm_of_changes_keeps_every_press_on_its_monitor(self) -> None:
        recorder = self.started([])

        def is_received(monitor: str) -> None:
            wait_until(lambda: label_of(recorder.layouts()[-1]) == monitor, "the change was received")

        recorded, stood = self.storm(recorder, 100, (*BY_HAND, *OFF_AND_ON, *HOT_PLUGS), before_press=is_received)
        assert recorded == stood

    @pytest.mark.usefixtures("_modes")
    def test_a_storm_of_hot_plugs_that_waits_for_nobody_keeps_every_press_on_its_monitor(self) -> None:
        recorded, stood = self.storm(self.started([]), 100, HOT_PLUGS)
        assert recorded == stood

    def test_a_storm_of_monitors_made_by_hand_that_waits_for_nobody_keeps_presses_on_their_monitors(self) -> None:
        # What `xrandr --setmonitor` does is in no event: it has to be looked at before the next change. A machine that
        # is busy elsewhere may be late for a few; a reader that is slow loses half of them.
        def is_received_well() -> bool:
            recorded, stood = self.storm(self.started([]), 100, (*BY_HAND, *OFF_AND_ON))
            return sum(one == other for one, other in zip(recorded, stood, strict=True)) >= 80

        assert any(is_received_well() for _ in range(3))

    @pytest.mark.usefixtures("_modes")
    def test_hot_plugs_that_nobody_had_time_to_look_at_keep_every_press_on_its_monitor(self) -> None:
        go_on, hangs = threading.Event(), threading.Event()

        def hang() -> None:
            if threading.current_thread().name == "monitors":
                hangs.set()
                go_on.wait()

        def is_hanging(_monitor: str) -> None:
            assert hangs.wait(10)  # from the first change on, and to the end

        recorder = Recorder(self.make([]))
        self.recorders.append(recorder)
        recorder.source.start(hang)
        try:
            recorded, stood = self.storm(recorder, 12, HOT_PLUGS, before_press=is_hanging, after_all=go_on.set)
        finally:
            go_on.set()
        assert recorded == stood

    @pytest.fixture
    def _modes(self) -> None:
        for width, height in MODES:
            xrandr("--newmode", f"{width}x{height}", "60", *[str(width)] * 4, *[str(height)] * 4)
            xrandr("--addmode", "screen", f"{width}x{height}")

    def storm(
        self,
        recorder: Recorder,
        changes: int,
        steps: Sequence[tuple[tuple[str, ...], str]],
        *,
        before_press: Callable[[str], None] = lambda _monitor: None,
        after_all: Callable[[], None] = lambda: None,
    ) -> tuple[list[str], list[str]]:
        """Change the monitors often, with a press after each; returns the presses' monitors, counted and true."""
        stood: list[str] = []
        for number, (change, monitor) in zip(range(changes), cycle(steps), strict=False):
            xrandr(*change)
            before_press(monitor)
            self.pointer.move((number, 5))
            self.pointer.click(LEFT)
            stood.append(monitor)
            if number % 7 == 0:
                recorder.listen()
        after_all()
        recorder.source.stop()
        recorder.listen()
        recorded: list[str] = []
        for item in recorder.items:
            if isinstance(item, LayoutChange):
                now = label_of(item.layout)
            elif not isinstance(item, Interruption):
                recorded += [now for kind in item["kind"] if kind == Kind.LEFT]
        assert len(recorded) == changes, "every press is recorded once"
        seen = {label_of(layout) for layout in recorder.layouts()}
        assert seen <= {"screen@1920x1080", *stood}, "between two modes there is no monitor"
        return recorded, stood

    @python_xlib_forgets_a_socket
    def test_a_server_that_stood_still_while_it_was_begun_with_is_not_listened_to_later(self) -> None:
        threads, server = threading.enumerate(), self.server

        class UnluckySource(PynputSource):
            def _start_listener(self) -> None:
                server.freeze()
                super()._start_listener()

        source = UnluckySource()
        with pytest.raises(SourceError, match="does not answer"):
            source.start(lambda: None)
        server.thaw()
        wait_until(lambda: threading.enumerate() == threads, "who was still connecting gave up")
        self.pointer.move((5, 6))
        assert source.drain() == []

    def test_it_has_nothing_to_excuse(self) -> None:
        recorder = self.started([])
        recorder.source.stop()
        assert recorder.source.notes == ()


class TestPynputStock(X11Contract):
    reads_to_the_end = False  # pynput's own loop drops what it has not yet handed on

    def make(self, rows: list[Row]) -> PynputSource:
        del rows
        return PynputSource(fast=False)

    def make_sleeper(self, asleep_ms: Callable[[], int]) -> PynputSource:
        return PynputSource(fast=False, asleep_ms=asleep_ms)

    def test_it_says_that_it_is_expensive(self) -> None:
        recorder = self.started([])
        recorder.source.stop()
        assert "expensive" in recorder.source.notes[0]


def test_time_asleep_is_what_the_clock_of_the_boot_is_ahead() -> None:
    hour_of_sleep = ["unshare", "--time", "--boottime", "3600"]
    if os.getuid() != 0:
        hour_of_sleep[1:1] = ["--user", "--map-root-user"]
    tried = subprocess.run([*hour_of_sleep, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"clocks of one's own are not permitted here: {tried.stderr.strip()}")
    ask = [sys.executable, "-c", "from mousetrackd.capture.suspend import asleep_ms; print(asleep_ms())"]
    here, there = (
        int(subprocess.run([*how, *ask], capture_output=True, text=True, check=True).stdout)
        for how in ([], hour_of_sleep)
    )
    assert abs(there - here - 3_600_000) < 100


# The keyboard is nobody's business ------------------------------------------------------------------------


_RECORD_GET_CONTEXT = 4
_RANGE = struct.Struct("=2B 2B 2B2H 2B2H 2B 2B 2B 2?")
"""Core requests, core replies, extension requests and replies (major, minor), delivered events, device events, errors,
client started and died; each but the last a first and a last one (RECORD protocol, section 4)."""


def receive_whole(connection: socket.socket, size: int) -> bytes:
    """So many bytes: a server may send a reply in several parts."""
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        assert part, "the server closed the connection"
        received += part
    return received


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "stock"])
@pytest.mark.usefixtures("xvfb")
def test_the_server_is_asked_for_pointer_events_alone(fast: bool) -> None:
    """The RECORD context as the server itself describes it; python-xlib cannot read that answer.

    Of one client it repeats what it is sent about monitors: our own.
    """
    source = PynputSource(fast=fast)
    source.start(lambda: None)
    asker = Xlib.display.Display()
    try:
        randr = asker.query_extension("RANDR").first_event  # type: ignore[union-attr]
        ours = source._watch_display.display.info.resource_id_base  # type: ignore[union-attr]  # noqa: SLF001
        opcode = asker.display.get_extension_major("RECORD")
        context = source._listener._context  # type: ignore[union-attr]  # noqa: SLF001 - the context is pynput's
        asker.display.socket.sendall(struct.pack("=BBHI", opcode, _RECORD_GET_CONTEXT, 2, context))
        answer = receive_whole(asker.display.socket, 32)
        answer += receive_whole(asker.display.socket, 4 * int.from_bytes(answer[4:8], sys.byteorder))
    finally:
        asker.display.socket.close()
        source.stop()
    enabled, clients = answer[1], int.from_bytes(answer[12:16], sys.byteorder)
    assert enabled
    assert clients
    at = 32
    told: set[int] = set()
    for _ in range(clients):
        client, ranges = struct.unpack_from("=2I", answer, at)
        assert ranges
        for one in range(ranges):
            *others, first, last, _, _, _, _ = _RANGE.unpack_from(answer, at + 8 + one * _RANGE.size)
            if client == ours and fast:
                *others, told_first, told_last = others
                told |= {*range(told_first, told_last + 1)}
                assert (first, last) == (0, 0)
                assert not any(others)
                continue
            assert not any(others)
            asked_for = {*range(first, last + 1)}
            assert asked_for >= {X.ButtonPress, X.MotionNotify}
            assert not asked_for & {X.KeyPress, X.KeyRelease}
        at += 8 + ranges * _RANGE.size
    assert at == len(answer)
    assert told == ({X.ConfigureNotify, randr + 1} if fast else set())


@pytest.mark.usefixtures("xvfb")
def test_no_keyboard_module_that_listens_is_loaded() -> None:
    code = """
import sys
from mousetrackd.capture.x11.source import PynputSource
source = PynputSource()
source.start(lambda: None)
source.stop()
print(*sorted(name for name in sys.modules if name.startswith("pynput.keyboard")))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True).stdout
    assert {*said.split()} <= {"pynput.keyboard", "pynput.keyboard._base", "pynput.keyboard._dummy"}


# Another pynput -------------------------------------------------------------------------------------------


LISTEN_BY_ANOTHER_PYNPUT = """
from support.xserver import LEFT, Pointer
from mousetrackd.capture.x11.source import PynputSource
from mousetrackd.core.events import Gap, Interruption, LayoutChange
source = PynputSource()
source.start(lambda: None)
with Pointer() as pointer:
    pointer.move((5, 6), (7, 8))
    pointer.click(LEFT)
source.catch_up()
source.stop()
events = [item for item in source.drain() if not isinstance(item, Interruption)]
print(*[f"{kind},{x},{y}" for item in events for kind, x, y in item[["kind", "x", "y"]].tolist()])
print(*source.notes)
"""


@pytest.mark.parametrize(
    ("inside", "changed", "why"),
    [
        ("_initialize", "_prepare", "this pynput has no Listener._initialize"),
        ("_context", "_recorded", "has no attribute '_context'"),
    ],
)
@pytest.mark.usefixtures("xvfb")
def test_a_pynput_that_is_different_inside_is_listened_to_by_its_callbacks(
    inside: str, changed: str, why: str, tmp_path: Path
) -> None:
    package = Path(str(importlib.metadata.distribution("pynput").locate_file("pynput")))
    shutil.copytree(package, tmp_path / "pynput", ignore=shutil.ignore_patterns("__pycache__"))
    for file in (tmp_path / "pynput").rglob("*.py"):
        file.write_text(re.sub(rf"\b{inside}\b", changed, file.read_text("utf-8")), "utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])
    said = subprocess.run(
        [sys.executable, "-c", LISTEN_BY_ANOTHER_PYNPUT],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()
    assert said[0] == "0,5,6 0,7,8 1,7,8"
    assert "listening the expensive way" in said[1]
    assert why in said[1]
