"""KWin and GNOME Shell on a private session bus: the contract of all sources, and what is particular about them."""

import contextlib
import re
import resource
import subprocess
import sys
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call, new_signal
from jeepney.bus_messages import Monitoring, message_bus
from jeepney.io.blocking import open_dbus_connection
from support.bus import PrivateBus
from support.compositor import Compositor
from support.program import always
from support.shells import DISABLED, ERROR, OUT_OF_DATE, POINTER, GnomeShell, KWin, Peer
from support.waiting import wait_until
from test_sources import MANY_MOVES, STOP_WITHIN_S, Recorder, Row, SourceContract, open_files

from mousetrackd.capture.wayland import gnome, gnome_extension, kwin
from mousetrackd.capture.wayland.dbus import is_on_bus
from mousetrackd.core.errors import BlindError, SourceError
from mousetrackd.core.events import NOBODY, AppChange, Gap, Kind, LayoutChange, Source, Window

BITS = {Kind.LEFT: 1 << 8, Kind.MIDDLE: 1 << 9, Kind.RIGHT: 1 << 10, Kind.OTHER: 1 << 11}
"""Of Clutter's mask."""

QT_BITS = {Kind.LEFT: 1, Kind.RIGHT: 2, Kind.MIDDLE: 4, Kind.OTHER: 8}
"""Of Qt::MouseButton."""


class BusContract(SourceContract):
    """A source that receives from a program on the session bus."""

    @pytest.fixture(autouse=True)
    def _session(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        self.environment = monkeypatch
        self.folder = tmp_path
        self.bus = PrivateBus(tmp_path)
        self.bus.start()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", self.bus.address)
        self.screens = Compositor(tmp_path)
        self.screens.start()
        self.screens.plug("DP-1")
        monkeypatch.setenv("WAYLAND_DISPLAY", self.screens.name)
        self.peers: list[Peer] = []
        self.shell = self.start_shell()
        yield
        for recorder in self.recorders:
            recorder.source.stop()
        self.bus.stop()
        for peer in self.peers:
            peer.quit()
        self.screens.kill()

    @abstractmethod
    def start_shell(self) -> Any:
        """What reports to the source, in a session of its own kind."""

    def make_without_display(self) -> Source:
        self.environment.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={self.folder}/none")
        return self.make([])

    def watch_bus(self) -> Any:
        """A connection that gets a copy of all that is said from now on."""
        monitor = open_dbus_connection(self.bus.address)
        monitor.send_and_get_reply(Monitoring().BecomeMonitor([]))
        return monitor

    def test_nothing_is_broadcast_and_only_the_daemon_receives(self) -> None:
        with self.watch_bus() as monitor:
            recorder = self.started([])
            daemon = self.listener()
            self.perform(MANY_MOVES[:3])
            recorder.receive(3)
            recorder.source.stop()
            said = []
            with contextlib.suppress(TimeoutError):
                while True:
                    said.append(monitor.receive(timeout=0.2).header)
        moves = [header for header in said if header.fields.get(HeaderFields.member) == "Moved"]
        assert len(moves) == 3
        assert {header.message_type for header in moves} == {MessageType.method_call}
        assert {header.fields[HeaderFields.destination] for header in moves} == {daemon}
        ours = [header for header in said if header.fields.get(HeaderFields.sender) == daemon]
        assert ours
        assert MessageType.signal not in {header.message_type for header in ours}

    @abstractmethod
    def listener(self) -> str:
        """To whom the shell reports."""

    def report(self, member: str, signature: str, *values: Any) -> None:
        """Call the source as what runs inside the compositor does."""
        self.shell.call(self.listener(), member, signature, *values)

    def test_who_is_not_the_compositor_moves_nothing(self) -> None:
        recorder = self.started([])
        path, interface = POINTER
        there = DBusAddress(path, self.listener(), interface)
        with open_dbus_connection(self.bus.address) as stranger:
            for signature, values in (("ii", (1, 2)), ("ddu", (1.0, 2.0, 256)), ("u", (1,)), ("b", (False,))):
                for member in ("Moved", "Hello", "Bye"):
                    stranger.send(new_method_call(there, member, signature, values))
            stranger.send_and_get_reply(message_bus.GetId())  # by now the bus has passed them on
        self.perform(MANY_MOVES[:1])
        assert recorder.receive(1) == MANY_MOVES[:1]
        assert recorder.source.is_alive()
        recorder.source.stop()

    @pytest.mark.parametrize(
        ("signature", "values"),
        [
            *(("", ()), ("s", ("1",)), ("ss", ("1", "2")), ("dd", (float("nan"), 1.0)), ("dd", (1.0, float("inf")))),
            *(("ii", (2**30, 5)), ("iis", (1, 2, "3")), ("ddu", (float("-inf"), 1.0, 256)), ("ddd", (1.0, 2.0, 3.0))),
            *(("xxt", (2**63 - 1, -(2**63), 256)), ("iiii", (1, 2, 256, 3)), ("bbu", (True, True, 0)), ("av", ([],))),
            ("a{sv}vu", ({"x": ("d", 1.0)}, ("av", [("i", 1)]), 7)),
        ],
    )
    def test_a_position_that_is_none_is_not_counted(self, signature: str, values: tuple[Any, ...]) -> None:
        recorder = self.started([])
        for member in ("Moved", "Unheard"):
            self.report(member, signature, *values)
        self.perform(MANY_MOVES[:1])
        assert recorder.receive(1)[-1] == MANY_MOVES[0]
        recorder.source.stop()
        assert all(abs(x) <= 1920 and abs(y) <= 1080 for _, x, y in recorder.listen())

    def test_when_the_compositor_leaves_the_bus_the_source_is_dead_says_so_and_gives_what_it_received(self) -> None:
        recorder = self.started([])
        self.perform(MANY_MOVES[:2])
        recorder.receive(2)
        recorder.calls = 0
        self.shell.quit()
        wait_until(lambda: not recorder.source.is_alive() and recorder.calls > 0, "the source was dead and had said so")
        assert not recorder.source.finished()
        recorder.source.stop()
        assert recorder.listen() == MANY_MOVES[:2]
        with pytest.raises(SourceError, match="not running"):
            self.make([]).start(lambda: None)

    def test_a_new_source_works_when_the_compositor_is_back(self) -> None:
        recorder = self.started([])
        for _ in range(2):
            self.shell.quit()
            wait_until(lambda recorder=recorder: not recorder.source.is_alive(), "the source was dead")  # type: ignore[misc]
            recorder.source.stop()
            self.shell = self.start_shell()
            recorder = self.started([])
            self.perform(MANY_MOVES[:2])
            assert recorder.receive(2) == MANY_MOVES[:2]
        recorder.source.stop()

    def test_whether_it_is_there_can_be_asked(self) -> None:
        name = self.shell.bus_name
        assert is_on_bus(name)
        self.shell.quit()
        assert not is_on_bus(name)
        self.bus.stop()
        assert not is_on_bus(name)

    def test_what_had_come_is_there_once_it_has_caught_up(self) -> None:
        recorder = self.started([])
        for row in MANY_MOVES[:20]:
            self.perform([row])
            self.shell.settle()
            recorder.source.catch_up()
            assert recorder.listen()[-1:] == [row]
        recorder.source.stop()
        recorder.source.catch_up()

    def test_when_the_bus_dies_the_source_is_dead_and_leaves_nothing_open(self) -> None:
        recorder = self.started([])
        self.bus.stop()
        wait_until(lambda: not recorder.source.is_alive(), "the source was dead")
        recorder.source.stop()
        self.shell.quit()
        assert not [name for name in open_files() if "eventfd" in name or "eventpoll" in name]

    def test_when_the_wayland_socket_dies_the_source_is_dead(self) -> None:
        recorder = self.started([])
        self.screens.kill()
        wait_until(lambda: not recorder.source.is_alive() and recorder.calls > 0, "the source was dead and had said so")
        recorder.source.stop()

    def test_without_a_wayland_socket_it_says_so_and_leaves_nothing_open(self) -> None:
        self.screens.kill()
        files_before = open_files()
        source = self.make([])
        with pytest.raises(SourceError, match=self.screens.name):
            source.start(lambda: None)
        assert open_files() == files_before

    def test_a_flood_is_received_and_a_stop_is_obeyed_meanwhile(self) -> None:
        recorder = self.started([])
        ended = threading.Event()

        def flood() -> None:
            with contextlib.suppress(OSError, ValueError):  # nobody listens any more
                while not ended.is_set():
                    self.perform(MANY_MOVES[:50])

        flooding = threading.Thread(target=flood)
        flooding.start()
        recorder.receive(1000)
        began_s = time.monotonic()
        recorder.source.stop()
        assert time.monotonic() - began_s < STOP_WITHIN_S
        ended.set()
        flooding.join()
        assert not [thread for thread in threading.enumerate() if thread.name == "pointer"]

    @pytest.mark.parametrize("frozen", ["compositor", "bus"])
    def test_stop_returns_when_nobody_answers(self, frozen: str) -> None:
        recorder = self.started([])
        {"compositor": self.shell, "bus": self.bus}[frozen].freeze()
        began_s = time.monotonic()
        recorder.source.stop()
        assert time.monotonic() - began_s < STOP_WITHIN_S
        assert not recorder.source.is_alive()

    def test_a_monitor_plugged_in_while_running_is_another_layout_and_gets_its_pixels(self) -> None:
        recorder = self.started([])
        # Logical 960x540 at 1920,0, with two pixels each way for one of the compositor's.
        self.screens.plug("DP-2", x=1920, width=960, height=540, scale=2)
        wait_until(lambda: len(recorder.layouts()) == 2, "the second monitor was reported")
        layout = recorder.layouts()[-1]
        assert [monitor.output for monitor in layout.monitors] == ["DP-1", "DP-2"]
        second = layout.placements[1]
        self.perform([(Kind.MOVE, 1920 + 100, 50)])
        assert recorder.receive(1) == [(Kind.MOVE, second.desktop_x + 200, second.desktop_y + 100)]
        recorder.source.stop()

    def test_at_rest_nothing_of_it_runs(self) -> None:
        recorder = self.started([])
        self.perform(MANY_MOVES[:1])
        recorder.receive(1)
        (thread,) = (thread for thread in threading.enumerate() if thread.name == "pointer")
        status = Path(f"/proc/self/task/{thread.native_id}/status")

        def switches() -> list[str]:
            return [line for line in status.read_text().splitlines() if "ctxt_switches" in line]

        wait_until(lambda: "sleeping" in status.read_text(), "it sleeps")
        at_rest = switches()
        always(lambda: switches() == at_rest, "it sleeps", for_s=0.3)
        recorder.source.stop()

    def test_it_says_what_it_cannot_see(self) -> None:
        recorder = self.started([])
        notes = " ".join(recorder.source.notes)
        assert "scroll" in notes
        assert "clicks" in notes
        assert "50 ms" in notes
        recorder.source.stop()


# KWin -------------------------------------------------------------------------------------------------

KILLED = """
import os, signal
from mousetrackd.capture.wayland import kwin
kwin.make_source().start(lambda: None)
os.kill(os.getpid(), signal.SIGKILL)
"""


class TestKWin(BusContract):
    unreported = frozenset({Kind.SCROLL})
    shell: KWin

    def start_shell(self) -> KWin:
        return self.start_kwin()

    def start_kwin(self, **how: Any) -> KWin:
        self.peers.append(shell := KWin(self.bus.address, **how))
        return shell

    def make(self, rows: list[Row]) -> Source:
        del rows
        return kwin.make_source()

    def perform(self, rows: list[Row]) -> None:
        for kind, x, y in rows:
            if kind == Kind.MOVE:
                self.shell.move((x, y))
            elif kind in QT_BITS:
                self.shell.press(x, y, QT_BITS[kind])

    def report(self, member: str, signature: str, *values: Any) -> None:
        self.shell.report_motion(member, signature, *values)
        self.shell.report_clicks(member, signature, *values)

    def listener(self) -> str:
        (listener,) = self.shell.listeners
        return listener

    def listening(self, source: Source) -> Recorder:
        self.recorders.append(recorder := Recorder(source))
        recorder.start()
        return recorder

    def restart_kwin(self, **how: Any) -> None:
        self.shell.quit()
        self.shell = self.start_kwin(**how)

    def test_scripts_and_effect_are_there_while_the_source_is_and_no_longer(self) -> None:
        recorder = self.started([])
        assert len(self.shell.running) == 2
        assert self.shell.is_effect_loaded
        calls = [call for call in self.shell.calls if call.startswith(("load", "unload"))]
        assert calls == [
            *("unloadEffect", "unloadScript", "unloadScript", "unloadScript", "loadScript"),
            *("unloadEffect", "unloadScript", "unloadScript", "loadDeclarativeScript", "loadEffect"),
        ]
        recorder.source.stop()
        assert not self.shell.running
        assert not self.shell.is_effect_loaded

    def test_a_killed_ones_script_is_unloaded_by_the_next(self) -> None:
        done = subprocess.run([sys.executable, "-c", KILLED], timeout=30, check=False)
        assert done.returncode < 0
        (killed,) = self.shell.listeners
        recorder = self.started([])
        assert self.listener() != killed
        rows = [*MANY_MOVES[:2], (Kind.LEFT, *MANY_MOVES[1][1:])]
        self.perform(rows)
        assert recorder.receive(3) == rows
        recorder.source.stop()

    def test_the_script_lies_nowhere_once_it_runs_and_nobody_else_could_have_read_it(self) -> None:
        modes = []
        self.shell.on_run = lambda file: modes.append((file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777))
        recorder = self.started([])
        assert modes == [(0o600, 0o700)] * 2
        assert not list((self.folder / "mousetrackd").iterdir())
        recorder.source.stop()

    def test_a_script_that_cannot_be_written_is_a_source_error(self) -> None:
        before = open_files()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # as a disk that is full
        try:
            with pytest.raises(SourceError, match="cannot write"):
                self.make([]).start(lambda: None)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert open_files() == before
        assert not list((self.folder / "mousetrackd").iterdir())

    def test_a_script_that_kwin_does_not_run_is_a_source_error_and_leaves_nothing_open(self) -> None:
        self.shell.refuses = True
        before = open_files()
        with pytest.raises(SourceError, match="does not run") as raised:
            self.make([]).start(lambda: None)
        assert raised.value.hint
        assert open_files() == before
        assert not list((self.folder / "mousetrackd").iterdir())

    def test_a_kwin_that_does_not_answer_is_a_source_error(self) -> None:
        self.shell.freeze()
        source = kwin.make_source(answer_timeout_s=0.05)
        with pytest.raises(SourceError, match="does not answer"):
            source.start(lambda: None)
        assert not source.is_alive()

    def test_another_kwin_in_its_place_is_another_kwin(self) -> None:
        recorder = self.started([])
        self.shell.give_up_name()
        wait_until(lambda: not recorder.source.is_alive(), "the source was dead")
        recorder.source.stop()

    def test_plasma_5_keeps_scripts_elsewhere(self) -> None:
        self.restart_kwin(plasma=5)
        recorder = self.started([])
        rows = [*MANY_MOVES[:2], (Kind.LEFT, *MANY_MOVES[1][1:])]
        self.perform(rows)
        assert recorder.receive(3) == rows
        recorder.source.stop()
        assert not self.shell.running

    def test_a_press_brings_its_own_position(self) -> None:
        recorder = self.started([])
        self.shell.move((5, 6))
        self.shell.press(700.9, 80.2, 1)
        self.shell.press(700, 80, 2 | 4 | 1 << 20)
        assert recorder.receive(6) == [
            *((Kind.MOVE, 5, 6), (Kind.MOVE, 700, 80), (Kind.LEFT, 700, 80)),
            *((Kind.RIGHT, 700, 80), (Kind.MIDDLE, 700, 80), (Kind.OTHER, 700, 80)),
        ]
        recorder.source.stop()

    @pytest.mark.parametrize(
        ("signature", "values"),
        [
            *(
                ("", ()),
                ("i", (1,)),
                ("ii", (5, 5)),
                ("iii", (2**30, 5, 1)),
                ("iis", (5, 5, "1")),
                ("iib", (5, 5, True)),
            ),
            *(
                ("ddi", (float("nan"), 5.0, 1)),
                ("iii", (5, 5, 0)),
                ("iii", (5, 5, -(2**31) + 2**27)),
                ("iiii", (5, 5, 1, 1)),
            ),
            *(("iid", (5, 5, 1.0)), ("sss", ("5", "5", "1")), ("ixt", (5, 5, 2**40))),
        ],
    )
    def test_a_press_that_is_none_is_not_counted(self, signature: str, values: tuple[Any, ...]) -> None:
        recorder = self.started([])
        self.shell.report_clicks("Pressed", signature, *values)
        self.shell.press(7, 7, 1)
        recorder.receive(2)
        assert [row for row in recorder.listen() if row[0] != Kind.MOVE] == [(Kind.LEFT, 7, 7)]
        recorder.source.stop()

    def test_a_script_of_another_in_kwin_counts_nothing(self) -> None:
        recorder = self.started([])
        for token in ("", "0" * 32):
            self.shell.call(self.listener(), "Pressed", "siii", token, 5, 5, 1)
            self.shell.call(self.listener(), "Moved", "sii", token, 5, 5)
        self.shell.call(self.listener(), "Pressed", "iii", 5, 5, 1)
        self.shell.call(self.listener(), "Moved", "ii", 5, 5)
        self.perform(MANY_MOVES[:1])
        assert recorder.receive(1) == MANY_MOVES[:1]
        recorder.source.stop()

    def test_a_stranger_who_has_overheard_the_token_counts_nothing(self) -> None:
        recorder = self.started([])
        path, interface = POINTER
        there = DBusAddress(path, self.listener(), interface)
        tokens = [re.search(r'TOKEN = "(.*?)"|\["(.*?)", \.\.\.', text) for text in self.shell.running.values()]
        with open_dbus_connection(self.bus.address) as stranger:
            for token in [found[1] or found[2] for found in tokens if found]:
                stranger.send(new_method_call(there, "Moved", "sii", (token, 1, 2)))
                stranger.send(new_method_call(there, "Pressed", "siii", (token, 1, 2, 1)))
                stranger.send(new_method_call(there, "Reconfigured", "s", (token,)))
            stranger.send_and_get_reply(message_bus.GetId())
        self.perform(MANY_MOVES[:1])
        assert recorder.receive(1) == MANY_MOVES[:1]
        assert self.shell.calls[-1] == "loadEffect"
        recorder.source.stop()

    def test_a_kwin_that_answers_nonsense_about_effects_is_believed_nothing(self) -> None:
        self.shell.known = ("s", "all of them")
        recorder = self.started([])
        self.perform(MANY_MOVES[:1])
        assert recorder.receive(1) == MANY_MOVES[:1]
        assert "KWin does not say which effects it knows" in recorder.source.notes[0]
        recorder.source.stop()

    @pytest.mark.parametrize(
        ("how", "is_there", "says"),
        [
            ({"has_effect": False}, False, "is not installed. Run `mousetrackd install`, then log out and in once"),
            ({"has_effect": False}, True, "does not know mousetrackd's effect yet. KWin looks for new effects only at"),
            ({"has_opengl": False}, True, "without OpenGL"),
            ({"has_qml": False}, True, "QtQuick.Window"),
            ({"has_window": False}, True, "the effect does not report"),
        ],
    )
    def test_without_the_effect_it_sees_motion_and_says_why(
        self, how: dict[str, bool], is_there: bool, says: str
    ) -> None:
        self.restart_kwin(**how)
        if is_there:
            place = self.folder / "data/kwin/effects/mousetrackd/metadata.json"
            place.parent.mkdir(parents=True)
            place.write_text("{}")
        recorder = self.listening(kwin.make_source(ready_timeout_s=0.05))
        self.perform(MANY_MOVES[:2])
        assert recorder.receive(2) == MANY_MOVES[:2]
        wait_until(lambda: says in recorder.source.notes[0], f"it says {says}, not only {recorder.source.notes[0]}")
        assert recorder.source.notes[0].startswith("clicks are not seen: ")
        recorder.source.stop()

    @pytest.mark.parametrize("change", [KWin.reconfigure, KWin.restart_compositing])
    def test_an_effect_that_kwin_unloads_is_loaded_again_and_the_time_between_is_said(
        self, change: Callable[[KWin], None]
    ) -> None:
        recorder = self.listening(kwin.make_source(look_after_s=(0.01,)))
        assert not any(note.startswith("clicks") for note in recorder.source.notes)
        for times in ("once", "2 times"):
            recorder.calls = 0
            change(self.shell)
            wait_until(lambda times=times: times in recorder.source.notes[0], f"it was lost {times}")  # type: ignore[misc]
            assert re.search(r"clicks were not seen for [\d.]+ s: ", recorder.source.notes[0])
            assert recorder.calls > 0
            self.shell.press(8, 9, 1)
        assert recorder.receive(3) == [(Kind.MOVE, 8, 9), (Kind.LEFT, 8, 9), (Kind.LEFT, 8, 9)]
        recorder.source.stop()

    def test_a_number_that_kwin_gives_twice_leads_to_a_new_source_that_works(self) -> None:
        self.shell.loaded["another"] = 0
        recorder = self.listening(kwin.make_source(ready_timeout_s=0.05, look_after_s=(0.01,)))
        assert self.shell.loaded == {"another": 0, "mousetrackd": 1, "mousetrackd-clicks": 2}
        del self.shell.loaded["another"]
        self.shell.reconfigure()
        wait_until(lambda: not recorder.source.is_alive(), "the source was dead")
        recorder.source.stop()
        recorder = self.started([])
        self.perform([(Kind.LEFT, 5, 6)])
        assert recorder.receive(2) == [(Kind.MOVE, 5, 6), (Kind.LEFT, 5, 6)]
        recorder.source.stop()

    def test_an_effect_that_stays_is_left_alone(self) -> None:
        recorder = self.listening(kwin.make_source(look_after_s=(0.01, 0.02)))
        self.shell.calls.clear()
        self.shell.report_clicks("Reconfigured")
        wait_until(lambda: len(self.shell.calls) == 2, "it was looked twice")
        assert self.shell.calls == ["isEffectLoaded"] * 2
        assert not any(note.startswith("clicks") for note in recorder.source.notes)
        recorder.source.stop()

    def test_an_effect_that_is_unloaded_without_notice_is_found_with_the_next_sign_of_life(self) -> None:
        recorder = self.started([])
        self.shell.is_effect_loaded = False
        assert recorder.source.ping()
        wait_until(lambda: self.shell.is_effect_loaded, "it was loaded again")
        wait_until(lambda: "not seen for" in recorder.source.notes[0], "it says so")
        recorder.source.stop()

    def test_behind_a_locked_screen_is_a_gap_and_then_it_goes_on(self) -> None:
        recorder = self.started([])
        self.shell.move((5, 6))
        self.shell.lock(is_locked=True)
        self.shell.lock(is_locked=True)
        self.shell.move((7, 8))
        self.shell.report_clicks("Pressed", "iii", 7, 8, 1)
        self.shell.lock(is_locked=False)
        self.shell.press(9, 9, 1)
        assert recorder.receive(3) == [(Kind.MOVE, 5, 6), (Kind.MOVE, 9, 9), (Kind.LEFT, 9, 9)]
        assert [type(item) for item in recorder.items].count(Gap) == 1
        recorder.source.stop()

    def test_a_screen_that_is_locked_already_is_known(self) -> None:
        self.restart_kwin(is_locked=True)
        recorder = self.started([])
        self.shell.move((7, 8))
        self.shell.lock(is_locked=False)
        self.shell.move((9, 9))
        assert recorder.receive(1) == [(Kind.MOVE, 9, 9)]
        recorder.source.stop()

    def test_nobody_else_locks_the_screen(self) -> None:
        recorder = self.started([])
        with open_dbus_connection(self.bus.address) as stranger:
            address = DBusAddress("/ScreenSaver", interface="org.freedesktop.ScreenSaver")
            stranger.send(new_signal(address, "ActiveChanged", "b", (True,)))
            stranger.send_and_get_reply(message_bus.GetId())
        self.perform(MANY_MOVES[:1])
        assert recorder.receive(1) == MANY_MOVES[:1]
        recorder.source.stop()

    def started_with_windows(self) -> Recorder:
        source = kwin.make_source()
        source.identify_windows()
        return self.listening(source)

    def test_windows_are_reported_where_somebody_asked_for_them(self) -> None:
        recorder = self.started_with_windows()
        assert "mousetrackd-windows" in self.shell.running
        assert any("not identified" in note for note in recorder.source.notes)
        for _ in range(2):
            self.shell.report_windows(ONE_WINDOW)
        self.shell.report_windows(ONE_WINDOW.replace('["one"]}', "null}"))
        found = recorder.windows(2)
        assert not any("not identified" in note for note in recorder.source.notes)
        window = Window(("one",), ((10, 20, 110, 70),), (12, 30, 108, 70))
        assert [(item.windows, item.focus) for item in found] == [((window,), ("one",)), ((window,), NOBODY)]
        recorder.source.stop()
        assert not self.shell.running

    def test_a_report_that_is_none_leaves_nothing_known_and_says_so(self) -> None:
        recorder = self.started_with_windows()
        self.shell.report_windows(ONE_WINDOW)
        self.shell.report_windows("nonsense")
        last = recorder.windows(2)[-1]
        assert (last.windows, last.focus) == (None, ())
        assert any("not identified" in note for note in recorder.source.notes)
        recorder.source.stop()

    def test_a_kwin_that_refuses_the_script_of_windows_reports_motion_all_the_same(self) -> None:
        self.shell.refuses_windows = True
        recorder = self.started_with_windows()
        self.shell.move((5, 6))
        assert recorder.receive(1) == [(Kind.MOVE, 5, 6)]
        assert any("does not load mousetrackd's script for them" in note for note in recorder.source.notes)
        recorder.source.stop()


ONE_WINDOW = '{"windows": [[["One"], [10, 20, 100, 50], [12, 30, 96, 40]]], "focus": ["one"]}'


def test_the_script_of_windows_calls_one_connection_at_most_20_times_a_second_and_reads_no_title() -> None:
    text = files("mousetrackd.capture.wayland").joinpath("js", "kwin-windows.js").read_text("utf-8")
    assert "const PACE_MS = 50;" in text
    assert text.count("callDBus(") == text.count("callDBus(LISTENER,") == 1
    assert text.count("@LISTENER@") == text.count("@TOKEN@") == 1
    assert "caption" not in text


def test_the_script_calls_one_connection_at_most_20_times_a_second() -> None:
    text = files("mousetrackd.capture.wayland").joinpath("js", "kwin.js").read_text("utf-8")
    assert "const INTERVAL_MS = 50;" in text
    assert "timer.interval = INTERVAL_MS;" in text
    assert "timer.singleShot = true;" in text
    assert text.count("callDBus(") == text.count("callDBus(LISTENER,") == 1
    assert text.count("@LISTENER@") == text.count("@TOKEN@") == 1


# GNOME ------------------------------------------------------------------------------------------------


class TestGnome(BusContract):
    unreported = frozenset({Kind.SCROLL})
    shell: GnomeShell

    def start_shell(self) -> GnomeShell:
        return self.start_gnome()

    def start_gnome(self, **how: Any) -> GnomeShell:
        self.peers.append(shell := GnomeShell(self.bus.address, **how))
        return shell

    def restart_gnome(self, **how: Any) -> None:
        self.shell.quit()
        self.shell = self.start_gnome(**how)

    def make(self, rows: list[Row]) -> Source:
        del rows
        return gnome.make_source()

    def perform(self, rows: list[Row]) -> None:
        for kind, x, y in rows:
            if kind == Kind.MOVE:
                self.shell.move((x, y))
            elif kind in BITS:
                self.shell.press(BITS[kind])
        self.shell.settle()

    def listener(self) -> str:
        return self.shell.listener

    def test_a_button_held_since_before_is_no_press(self) -> None:
        self.shell.hold(BITS[Kind.LEFT])
        recorder = self.started([])
        self.shell.move((5, 6))
        self.shell.press(BITS[Kind.RIGHT] | BITS[Kind.LEFT])
        assert recorder.receive(2) == [(Kind.MOVE, 5, 6), (Kind.RIGHT, 5, 6)]
        recorder.source.stop()

    def test_behind_a_locked_screen_is_a_gap_and_then_it_goes_on(self) -> None:
        recorder = self.started([])
        self.shell.move((5, 6))
        self.shell.disable(locked=True)
        self.shell.enable()
        self.shell.move((7, 8))
        assert recorder.receive(2) == [(Kind.MOVE, 5, 6), (Kind.MOVE, 7, 8)]
        kinds = [type(item) for item in recorder.items]
        assert kinds[0] is LayoutChange
        assert kinds[2] is Gap
        assert len(kinds) == 4
        recorder.source.stop()

    def test_an_extension_that_is_switched_off_ends_the_source_and_the_next_says_how_to_switch_it_on(self) -> None:
        recorder = self.started([])
        self.shell.disable(locked=False)
        wait_until(lambda: not recorder.source.is_alive() and recorder.calls > 0, "the source was dead and had said so")
        recorder.source.stop()
        with pytest.raises(BlindError, match="switched off") as raised:
            self.make([]).start(lambda: None)
        assert f"gnome-extensions enable {gnome_extension.UUID}" in raised.value.hint

    @pytest.mark.parametrize(
        ("state", "is_there", "says", "hint"),
        [
            (None, False, "not installed", "mousetrackd install"),
            (None, True, "does not know", "Log out and in once"),
            (DISABLED, True, "switched off", "gnome-extensions enable"),
            (ERROR, True, "failed: oh", "mousetrackd install"),
            (OUT_OF_DATE, True, "does not fit", "mousetrackd install"),
        ],
    )
    def test_without_the_extension_it_is_blind_and_says_what_to_do(
        self, state: float | None, is_there: bool, says: str, hint: str
    ) -> None:
        self.restart_gnome(state=state)
        if is_there:
            place = self.folder / "data/gnome-shell/extensions" / gnome_extension.UUID
            place.mkdir(parents=True)
            (place / "metadata.json").write_text("{}")
        before = open_files()
        source = self.make([])
        with pytest.raises(BlindError, match=says) as raised:
            source.start(lambda: None)
        assert hint in raised.value.hint
        assert "Nothing is recorded" in raised.value.hint
        assert open_files() == before
        assert not source.is_alive()

    def test_an_extension_that_says_nothing_is_blind(self) -> None:
        self.restart_gnome(silent=True)
        with pytest.raises(BlindError, match="silent"):
            gnome.make_source(answer_timeout_s=0.05).start(lambda: None)

    def test_another_program_of_our_name_is_a_source_error(self) -> None:
        with open_dbus_connection(self.bus.address) as other:
            other.send_and_get_reply(message_bus.RequestName("org.mousetrackd.Daemon"))
            with pytest.raises(SourceError, match="another program"):
                self.make([]).start(lambda: None)

    def started_with_windows(self) -> Recorder:
        source = gnome.make_source()
        source.identify_windows()
        self.recorders.append(recorder := Recorder(source))
        recorder.start()
        return recorder

    def test_windows_are_reported_where_somebody_asked_for_them(self) -> None:
        self.restart_gnome(windows=ONE_WINDOW)
        recorder = self.started_with_windows()
        assert not any("not identified" in note for note in recorder.source.notes)
        self.shell.windows = ONE_WINDOW.replace('["one"]}', "null}")
        self.shell.report_windows()
        window = Window(("one",), ((10, 20, 110, 70),), (12, 30, 108, 70))
        found = [(item.windows, item.focus) for item in recorder.windows(2)]
        assert found == [((window,), ("one",)), ((window,), NOBODY)]
        recorder.source.stop()

    def test_who_does_not_ask_is_sent_no_windows(self) -> None:
        self.restart_gnome(windows=ONE_WINDOW)
        recorder = self.started([])
        self.perform(MANY_MOVES[:3])
        recorder.receive(3)
        assert not any(isinstance(item, AppChange) for item in recorder.items)
        recorder.source.stop()

    def test_the_extension_of_an_earlier_version_reports_motion_and_the_note_says_what_to_do(self) -> None:
        recorder = self.started_with_windows()
        self.perform(MANY_MOVES[:3])
        recorder.receive(3)
        assert any("not identified" in note and "`mousetrackd install`" in note for note in recorder.source.notes)
        recorder.source.stop()
