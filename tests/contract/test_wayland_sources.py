"""Sources that speak with a compositor's sockets: the contract of all sources, and what is particular about them."""

import socket
import threading
import time
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.compositor import CAPTURE, IDLE, Compositor
from support.program import always
from support.waiting import wait_until
from test_sources import MANY_MOVES, NO_ANSWER_FOR_S, STOP_WITHIN_S, Recorder, Row, SourceContract, open_files

from mousetrackd.capture.wayland import hyprland, polling, wayfire, wlroots
from mousetrackd.capture.wayland.reader_thread import CompositorSource
from mousetrackd.core.errors import SourceError
from mousetrackd.core.events import Gap, Interruption, Item, Kind, Source
from mousetrackd.core.layout import Layout

NOT_MOTION = frozenset(Kind) - {Kind.MOVE}


class WaylandContract(SourceContract):
    """A source of a compositor with one screen."""

    unreported = NOT_MOTION

    @pytest.fixture(autouse=True)
    def _session(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        self.environment = monkeypatch
        self.folder = tmp_path
        self.compositor = Compositor(tmp_path)
        self.compositor.start()
        self.compositor.plug("DP-1")
        monkeypatch.setenv("WAYLAND_DISPLAY", self.compositor.name)
        yield
        for recorder in self.recorders:
            recorder.source.stop()
        self.compositor.kill()

    def restart_compositor(self) -> None:
        self.compositor.start()
        self.compositor.plug("DP-1")

    def gaps(self, recorder: Recorder) -> list[Gap]:
        recorder.listen()
        return [item for item in recorder.items if isinstance(item, Gap)]

    def wait_for_monitors(self, recorder: Recorder, *outputs: str) -> Layout:
        def arrived() -> bool:
            return tuple(monitor.output for monitor in recorder.layouts()[-1].monitors) == outputs

        wait_until(arrived, f"the monitors were {outputs}")
        return recorder.layouts()[-1]

    def test_when_the_compositor_dies_the_source_is_dead_says_so_and_gives_what_it_received(self) -> None:
        recorder = self.started(MANY_MOVES[:2])
        self.perform(MANY_MOVES[:2])
        recorder.receive(2)
        recorder.calls = 0
        self.compositor.kill()
        wait_until(lambda: not recorder.source.is_alive() and recorder.calls > 0, "the source was dead and had said so")
        assert not recorder.source.finished()
        recorder.source.stop()
        assert len(recorder.listen()) == 2
        self.restart_compositor()
        recorder = self.started(MANY_MOVES[:1])
        self.perform(MANY_MOVES[:1])
        assert recorder.receive(1) == MANY_MOVES[:1]
        recorder.source.stop()

    def test_stop_returns_when_the_compositor_answers_nobody(self) -> None:
        recorder = self.started(MANY_MOVES[:1])
        self.compositor.freeze()
        began_s = time.monotonic()
        recorder.source.stop()
        assert time.monotonic() - began_s < STOP_WITHIN_S
        assert not recorder.source.is_alive()

    def test_a_ping_is_not_answered_by_a_compositor_that_hangs(self) -> None:
        recorder = self.started([])
        self.compositor.freeze()
        assert recorder.source.ping(), "the compositor was there when it was last asked"
        always(lambda: not recorder.source.ping(), "it is not answered", for_s=NO_ANSWER_FOR_S)
        recorder.source.stop()

    def test_who_has_it_catch_up_need_not_wait(self) -> None:
        recorder = self.started(MANY_MOVES[:1])
        self.perform(MANY_MOVES[:1])
        began_s = time.monotonic()
        recorder.source.catch_up()
        assert time.monotonic() - began_s < STOP_WITHIN_S
        if self.reads_to_the_end:
            assert recorder.listen() == MANY_MOVES[:1]
        recorder.source.stop()
        recorder.source.catch_up()

    def test_it_says_what_it_cannot_see(self) -> None:
        recorder = self.started(MANY_MOVES[:1])
        assert "clicks and scroll" in recorder.source.notes[0]
        recorder.source.stop()

    def test_monitors_that_come_and_go_are_reported(self) -> None:
        recorder = self.started([])
        self.compositor.plug("DP-2", x=1920)
        assert self.wait_for_monitors(recorder, "DP-1", "DP-2").bounds() == (0, 0, 3840, 1080)
        self.compositor.unplug("DP-1")
        self.wait_for_monitors(recorder, "DP-2")
        recorder.source.stop()


class TestCursorSessions(WaylandContract):
    def make(self, rows: list[Row]) -> Source:
        del rows
        return wlroots.make_source()

    def perform(self, rows: list[Row]) -> None:
        self.compositor.move("DP-1", *((x, y) for kind, x, y in rows if kind == Kind.MOVE))

    def make_without_display(self) -> Source:
        self.environment.setenv("WAYLAND_DISPLAY", "wayland-8")
        return self.make([])

    def started_watching(self, unseen_after_s: float) -> Recorder:
        recorder = Recorder(wlroots.make_source(unseen_after_s=unseen_after_s))
        self.recorders.append(recorder)
        recorder.start()
        return recorder

    def test_where_the_pointer_is_found_is_no_event(self) -> None:
        self.compositor.move("DP-1", (300, 400))
        recorder = self.started([])
        self.compositor.move("DP-1", (301, 400))
        assert recorder.receive(1) == [(Kind.MOVE, 301, 400)]
        recorder.source.stop()

    def test_a_new_screen_gets_a_session_and_a_lost_one_loses_it(self) -> None:
        sessions = "ext_image_copy_capture_cursor_session_v1"
        recorder = self.started([])
        self.compositor.plug("DP-2", x=1920, width=1280, height=720, mode=(1280, 720))
        self.wait_for_monitors(recorder, "DP-1", "DP-2")
        wait_until(lambda: self.compositor.count(sessions) == 2, "there was a second session")
        self.compositor.move("DP-2", (10, 20))
        assert recorder.receive(1) == [(Kind.MOVE, 1930, 20)]
        self.compositor.unplug("DP-1")
        self.wait_for_monitors(recorder, "DP-2")
        wait_until(lambda: self.compositor.count(sessions) == 1, "the session was let go")
        assert self.compositor.count("ext_image_capture_source_v1") == 0
        self.compositor.plug("DP-1", x=-1920)
        wait_until(lambda: self.compositor.count(sessions) == 2, "it was there again")
        self.compositor.move("DP-1", (5, 6))
        assert recorder.receive(2)[1:] == [(Kind.MOVE, -1915, 6)]
        recorder.source.stop()

    def test_positions_are_the_screens_own_pixels_whatever_its_scale_and_turn(self) -> None:
        self.compositor.plug("DP-1", width=1280, height=720, scale=2)
        self.compositor.plug("DP-2", x=1280, width=960, height=1707, mode=(2560, 1440), transform=1, scale=2)
        recorder = self.started([])
        self.compositor.move("DP-1", (1919, 1079))
        self.compositor.move("DP-2", (0, 0), (1439, 2559))
        assert recorder.receive(3) == [(Kind.MOVE, 1919, 1079), (Kind.MOVE, 1920, 0), (Kind.MOVE, 3359, 2559)]
        recorder.source.stop()

    def test_a_cursor_whose_picture_reaches_onto_a_neighbour_is_reported_once(self) -> None:
        self.compositor.plug("DP-2", x=1920)
        recorder = self.started([])
        for x in (1918, 1919):
            self.compositor.move("DP-1", (x, 7))
            self.compositor.move("DP-2", (x - 1920, 7))
        for x in (0, 1):
            self.compositor.move("DP-2", (x, 7))
            self.compositor.move("DP-1", (x + 1920, 7))
        self.compositor.move("DP-1", (3, -1), (3, 1080), (3, 8))
        moves = [*((x, 7) for x in range(1918, 1922)), (3, 8)]
        assert recorder.receive(5) == [(Kind.MOVE, x, y) for x, y in moves]
        recorder.source.stop()

    def test_no_line_is_drawn_over_a_time_asleep(self) -> None:
        asleep_ms = [0]
        source = CompositorSource(
            "a sleeper", lambda source: wlroots.CursorSessions(source, None, 10), asleep_ms=lambda: asleep_ms[0]
        )
        recorder = Recorder(source)
        self.recorders.append(recorder)
        recorder.start()
        for slept_ms, x in ((0, 1), (10, 2), (5000, 3), (5000, 4)):
            asleep_ms[0] = slept_ms
            self.compositor.move("DP-1", (x, 0))
            recorder.receive(x)
        said = [x for item in recorder.items[1:] for x in (["gap"] if isinstance(item, Gap) else xs_of(item))]
        assert said == [1, 2, "gap", 3, 4]
        source.stop()

    def test_the_pointer_is_asked_for_when_there_is_one(self) -> None:
        self.compositor.kill()
        self.compositor = Compositor(self.folder, pointer=False)
        self.compositor.start()
        self.compositor.plug("DP-1")
        recorder = self.started([])
        assert recorder.source.is_alive()
        self.compositor.give_pointer()
        wait_until(lambda: self.compositor.count("wl_pointer") == 1, "the pointer was asked for")
        wait_until(
            lambda: self.compositor.count("ext_image_copy_capture_cursor_session_v1") == 1, "there was a session"
        )
        self.compositor.move("DP-1", (5, 6))
        assert recorder.receive(1) == [(Kind.MOVE, 5, 6)]
        recorder.source.stop()

    def test_a_cursor_that_is_nowhere_while_the_seat_is_used_is_a_gap_from_when_it_left(self) -> None:
        recorder = self.started_watching(unseen_after_s=0.05)
        self.compositor.move("DP-1", (5, 6))
        recorder.receive(1)
        assert wlroots.UNSEEN not in recorder.source.notes
        before_ms = recorder.source.now_ms()
        self.compositor.leave("DP-1")
        wait_until(lambda: len(self.gaps(recorder)) == 1, "there was a gap")
        assert before_ms <= self.gaps(recorder)[0].time_ms <= recorder.source.now_ms() - 50
        assert wlroots.UNSEEN in recorder.source.notes
        self.compositor.move("DP-1", (7, 8))
        assert recorder.receive(2)[1:] == [(Kind.MOVE, 7, 8)]
        wait_until(lambda: wlroots.UNSEEN not in recorder.source.notes, "the pointer was seen again")
        self.compositor.leave("DP-1")
        wait_until(lambda: len(self.gaps(recorder)) == 2, "there was another gap")
        assert recorder.times_ms() == sorted(recorder.times_ms())
        recorder.source.stop()

    def test_a_cursor_that_was_never_anywhere_is_a_gap(self) -> None:
        recorder = self.started_watching(unseen_after_s=0.05)
        wait_until(lambda: len(self.gaps(recorder)) == 1, "there was a gap")
        recorder.source.stop()

    def test_a_cursor_that_crosses_to_another_screen_is_no_gap(self) -> None:
        self.compositor.plug("DP-2", x=1920)
        recorder = self.started_watching(unseen_after_s=0.2)
        self.compositor.move("DP-1", (5, 6))
        for _ in range(20):
            self.compositor.leave("DP-1")
            self.compositor.move("DP-2", (5, 6))
            self.compositor.leave("DP-2")
            self.compositor.move("DP-1", (5, 6))
        recorder.receive(41)
        assert self.gaps(recorder) == []
        recorder.source.stop()

    def test_nobody_at_the_seat_is_no_gap_until_somebody_comes_back(self) -> None:
        recorder = self.started_watching(unseen_after_s=0.2)
        self.compositor.move("DP-1", (5, 6))
        recorder.receive(1)
        self.compositor.idle(idled=True)
        self.compositor.leave("DP-1")
        self.compositor.plug("DP-2", x=1920)  # its news come after the others
        self.wait_for_monitors(recorder, "DP-1", "DP-2")
        deadline_ms = recorder.source.now_ms() + 300
        wait_until(lambda: recorder.source.now_ms() > deadline_ms, "a gap would have been reported")
        assert self.gaps(recorder) == []
        self.compositor.idle(idled=False)
        wait_until(lambda: len(self.gaps(recorder)) == 1, "there was a gap")
        recorder.source.stop()

    def test_where_the_compositor_does_not_report_idleness_the_worse_is_assumed(self) -> None:
        self.compositor.kill()
        self.compositor = Compositor(self.folder, without=[IDLE])
        self.restart_compositor()
        recorder = self.started_watching(unseen_after_s=0.05)
        self.compositor.move("DP-1", (5, 6))
        recorder.receive(1)
        self.compositor.leave("DP-1")
        wait_until(lambda: len(self.gaps(recorder)) == 1, "there was a gap")
        recorder.source.stop()

    def test_the_compositor_reports_idleness_by_itself(self) -> None:
        recorder = self.started([])
        assert self.compositor.idle_timeouts_ms() == [1000]
        recorder.source.stop()

    def test_nothing_wakes_it_while_nothing_moves(self) -> None:
        recorder = self.started([])
        self.compositor.move("DP-1", (5, 6))
        recorder.receive(1)
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "pointer"]
        before = wake_ups(thread)
        time.sleep(0.5)  # nothing is waited for: it is about nothing happening
        assert wake_ups(thread) - before <= 1
        recorder.source.stop()


class PollingContract(WaylandContract):
    """A source that asks. What it is answered is what it reports, so a test answers each question differently."""

    reads_to_the_end = False  # what it has not asked for before it stops, it never learns

    @abstractmethod
    def make(self, rows: list[Row], moving_interval_s: float = 0) -> Source: ...

    @abstractmethod
    def listen_for_questions(self) -> None:
        """Let the compositor answer."""

    @pytest.fixture(autouse=True)
    def _answers(self, _session: None) -> None:
        self.listen_for_questions()

    def perform(self, rows: list[Row]) -> None:
        self.compositor.answer(*((x, y) for kind, x, y in rows if kind == Kind.MOVE))

    def restart_compositor(self) -> None:
        super().restart_compositor()
        self.listen_for_questions()

    def test_where_the_pointer_is_found_is_no_event(self) -> None:
        self.compositor.answer((300, 400))
        recorder = self.started([])
        self.compositor.answer((301, 400))
        assert recorder.receive(1) == [(Kind.MOVE, 301, 400)]
        recorder.source.stop()

    def test_logical_positions_become_pixels(self) -> None:
        self.compositor.plug("DP-1", width=1280, height=720, scale=2)
        self.compositor.plug("DP-2", x=1280, width=1280, height=720, scale=2)
        recorder = self.started([])
        self.compositor.answer((640, 360), (1279, 719), (1281, 1))
        assert recorder.receive(3) == [(Kind.MOVE, 960, 540), (Kind.MOVE, 1918, 1078), (Kind.MOVE, 1921, 1)]
        recorder.source.stop()

    def test_it_asks_ever_more_rarely_while_nothing_moves(self) -> None:
        recorder = Recorder(self.make([], polling.MOVING_INTERVAL_S))
        self.recorders.append(recorder)
        recorder.start()
        before = self.compositor.questions()
        time.sleep(1)  # nothing is waited for: it is about how little happens
        assert 5 <= self.compositor.questions() - before <= 1 + 1 / polling.MOVING_INTERVAL_S
        assert polling.pause_s(0, 0.02) == 0.02
        assert polling.pause_s(1, 0.02) == 0.125
        assert polling.pause_s(8, 0.02) == polling.pause_s(3600, 0.02) == 1
        recorder.source.stop()

    def test_it_asks_nothing_while_nobody_is_at_the_seat(self) -> None:
        recorder = self.started(MANY_MOVES[:2])
        self.perform(MANY_MOVES[:2])
        recorder.receive(2)
        self.compositor.idle(idled=True)
        self.compositor.plug("DP-2", x=1920)  # its news come after the others
        self.wait_for_monitors(recorder, "DP-1", "DP-2")
        before = self.compositor.questions()
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "pointer"]
        woken_before = wake_ups(thread)
        time.sleep(0.5)  # nothing is waited for: it is about nothing happening
        assert self.compositor.questions() == before
        assert wake_ups(thread) - woken_before <= 1
        self.perform(MANY_MOVES[2:4])
        self.compositor.idle(idled=False)
        assert recorder.receive(4) == MANY_MOVES[:4]
        recorder.source.stop()

    @pytest.mark.parametrize(
        "answer", ["unknown request", "{}", '{"error": "No such method found!"}', "[1", "1;2", "x"]
    )
    def test_an_answer_that_is_no_position_is_reported_and_nothing_is_left_open(self, answer: str) -> None:
        self.compositor.answer_wrongly(answer)
        files = open_files()
        source = self.make([])
        with pytest.raises(SourceError) as raised:
            source.start(lambda: None)
        assert raised.value.hint
        assert open_files() == files

    def test_an_answer_that_stops_making_sense_ends_it(self) -> None:
        recorder = self.started([])
        self.compositor.answer_wrongly("1; 2")
        wait_until(lambda: not recorder.source.is_alive(), "the source was dead")
        recorder.source.stop()


class TestHyprland(PollingContract):
    def listen_for_questions(self) -> None:
        folder = self.folder / "hypr" / "abc_1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".socket.sock").unlink(missing_ok=True)
        self.compositor.answer_as_hyprland(folder / ".socket.sock")
        self.environment.setenv("HYPRLAND_INSTANCE_SIGNATURE", "abc_1")

    def make(self, rows: list[Row], moving_interval_s: float = 0) -> Source:
        del rows
        return hyprland.make_source(moving_interval_s=moving_interval_s)

    def make_without_display(self) -> Source:
        self.environment.setenv("HYPRLAND_INSTANCE_SIGNATURE", "abc_2")
        return self.make([])

    def test_a_service_that_lacks_the_signature_finds_the_only_instance_that_lives(self) -> None:
        self.environment.delenv("HYPRLAND_INSTANCE_SIGNATURE")
        dead = self.folder / "hypr" / "dead_0"
        dead.mkdir()
        with socket.socket(socket.AF_UNIX) as nobody:
            nobody.bind(str(dead / ".socket.sock"))
        recorder = self.started([])
        self.compositor.answer((3, 4))
        assert recorder.receive(1) == [(Kind.MOVE, 3, 4)]
        recorder.source.stop()
        (self.folder / "hypr" / "abc_1" / ".socket.sock").unlink()
        with pytest.raises(SourceError, match="no Hyprland"):
            self.make([]).start(lambda: None)


class TestWayfire(PollingContract):
    def listen_for_questions(self) -> None:
        path = self.folder / "wayfire.socket"
        path.unlink(missing_ok=True)
        self.compositor.answer_as_wayfire(path)
        self.environment.setenv("WAYFIRE_SOCKET", str(path))

    def make(self, rows: list[Row], moving_interval_s: float = 0) -> Source:
        del rows
        return wayfire.make_source(moving_interval_s=moving_interval_s)

    def make_without_display(self) -> Source:
        self.environment.delenv("WAYFIRE_SOCKET")
        return self.make([])

    def test_a_plugin_that_is_not_on_is_reported_with_what_to_write_where(self) -> None:
        self.compositor.answer_wrongly('{"error": "No such method found!"}')
        with pytest.raises(SourceError, match="No such method") as raised:
            self.make([]).start(lambda: None)
        assert "wayfire.ini" in raised.value.hint


@pytest.mark.parametrize("missing", CAPTURE)
def test_a_compositor_without_cursor_sessions_is_reported_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    compositor = Compositor(tmp_path, without=[missing])
    compositor.start()
    files = open_files()
    with pytest.raises(SourceError, match="tinyway has no cursor sessions"):
        wlroots.make_source(compositor.name).start(lambda: None)
    assert open_files() == files
    compositor.kill()


def xs_of(item: Item) -> list[int]:
    """Where the events of a batch were, from the left."""
    assert not isinstance(item, Interruption)
    xs: list[int] = item["x"].tolist()
    return xs


def wake_ups(thread: threading.Thread) -> int:
    """How often a thread has gone to sleep of its own will so far."""
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("voluntary_ctxt_switches")]
    return int(line.split()[1])
