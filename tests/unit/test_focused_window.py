"""The focused window of compositors that do not say where windows are, over the socket of a made-up one."""

import gc
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.compositor import DONE, HANDLES, SERVER_IDS, STATE, TOPLEVELS, Compositor
from support.waiting import wait_until

from mousetrackd.capture import registry
from mousetrackd.capture.wayland import hyprland, wayfire, wlroots
from mousetrackd.capture.wayland.foreign_toplevel import FOCUS_ONLY
from mousetrackd.capture.wayland.outputs import LayoutReader
from mousetrackd.capture.wayland.reader_thread import IdentifyingSource
from mousetrackd.core.accumulator import Accumulator
from mousetrackd.core.applications import ApplicationRules
from mousetrackd.core.errors import FaultError
from mousetrackd.core.events import NOBODY, AppChange, Interruption, Item, LayoutChange
from mousetrackd.core.layers import DWELL

pytest_plugins = ("support.fixtures",)

UNKNOWN: tuple[str, ...] = ()


@pytest.fixture
def compositor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compositor: Compositor) -> Compositor:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("SWAYSOCK", raising=False)
    return compositor


class Reader:
    """A source that reports windows, and what it has given."""

    def __init__(self, make: Callable[[], IdentifyingSource] = wlroots.make_source) -> None:
        self.source = make()
        self.source.identify_windows()
        self.source.start(lambda: None)
        self.items: list[Item] = []

    def changes(self) -> list[AppChange]:
        self.source.catch_up()
        self.items += self.source.drain()
        return [item for item in self.items if isinstance(item, AppChange)]

    def focus(self) -> tuple[str, ...]:
        """Who has it now, and the pointer with it."""
        last = self.changes()[-1]
        under = NOBODY if last.windows == () else last.windows and last.windows[0].names
        assert under == last.focus or last.windows is None
        return last.focus

    def order(self) -> list[Any]:
        """The names of who got the focus and the places of moves, in their order."""
        self.changes()
        found: list[Any] = []
        for item in self.items:
            if isinstance(item, AppChange):
                found.append(item.focus[0])
            elif not isinstance(item, Interruption):
                found += item["x"].tolist()
        return found


@pytest.fixture
def reader(compositor: Compositor) -> Iterator[Reader]:
    compositor.open("w1", app_id="org.example.One", focused=True)
    compositor.open("w2", app_id="Two.desktop")
    reader = Reader()
    yield reader
    reader.source.stop()


def test_who_has_the_focus_has_the_pointer_wherever_it_is(reader: Reader) -> None:
    (found,) = reader.changes()
    assert found.focus == ("org.example.one",)
    assert found.windows is not None
    (window,) = found.windows
    assert (window.names, window.content) == (found.focus, None)
    ((left, top, right, bottom),) = window.areas
    assert max(left, top) < -(10**6)
    assert min(right, bottom) > 10**6
    assert FOCUS_ONLY in reader.source.notes


def test_changes_of_the_focus_and_positions_keep_their_order(compositor: Compositor, reader: Reader) -> None:
    compositor.move("DP-1", (1, 0))
    compositor.focus("w2")
    compositor.move("DP-1", (2, 0))
    compositor.focus()
    compositor.move("DP-1", (3, 0))
    compositor.focus("w1")
    compositor.move("DP-1", (4, 0))
    assert reader.order() == ["org.example.one", 1, "two", 2, "other", 3, "org.example.one", 4]


def test_nothing_is_put_where_nothing_has_changed(compositor: Compositor, reader: Reader) -> None:
    compositor.retitle("w1", "another title")
    compositor.rename("w2", "three")
    compositor.focus("w1")
    compositor.send_state("w2", b"\x00\x00\x00\x00\x01\x00\x00\x00")  # maximised and minimised
    compositor.plug("DP-2", x=1920)
    assert len(reader.changes()) == 1


@pytest.mark.parametrize(
    ("change", "focus"),
    [
        (lambda it: it.focus("w1", "w2"), UNKNOWN),
        (lambda it: it.focus(), NOBODY),
        (lambda it: it.close("w1"), NOBODY),
        (lambda it: it.close("w2"), ("org.example.one",)),
        (lambda it: it.rename("w1", "Three"), ("three",)),
        (lambda it: it.rename("w1", ""), UNKNOWN),
        (lambda it: it.rename("w1", "x" * 4000), ("x" * 256,)),
        (lambda it: it.rename("w1", "e\x1b[31mvil\n"), ("e[31mvil",)),
        (lambda it: it.retitle("w1", "\udcff\udcfe"), ("org.example.one",)),
        (lambda it: it.retitle("w1", "t" * 4000), ("org.example.one",)),
        (lambda it: it.send_state("w1", b""), NOBODY),
        (lambda it: it.send_state("w1", b"\x02\x00\x00"), NOBODY),
        (lambda it: it.send_state("w1", b"\xff" * 2000), NOBODY),
        (lambda it: it.send_state("w1", b"\x02\x00\x00\x00" * 500), ("org.example.one",)),
        (lambda it: it.open("w3", app_id="three", focused=True), UNKNOWN),
        (lambda it: it.open("w3", app_id="org.example.one", focused=True), ("org.example.one",)),
        (lambda it: it.finish(), UNKNOWN),
    ],
)
def test_who_has_the_focus_after_each_change(
    compositor: Compositor, reader: Reader, change: Callable[[Compositor], None], focus: tuple[str, ...]
) -> None:
    change(compositor)
    wait_until(lambda: reader.focus() == focus, f"{focus} had it")
    assert reader.source.is_alive()


def test_an_ended_list_leaves_nothing_known_and_a_note(compositor: Compositor, reader: Reader) -> None:
    compositor.finish()
    wait_until(lambda: reader.changes()[-1].windows is None, "nothing is known")
    assert any("windows are not identified" in note for note in reader.source.notes)
    assert FOCUS_ONLY not in reader.source.notes


def test_closed_windows_are_let_go_of(compositor: Compositor, reader: Reader) -> None:
    for number in range(300):
        compositor.open(f"n{number}", app_id="many", focused=True)
        compositor.close(f"n{number}")
    assert reader.focus() == ("org.example.one",)
    wait_until(lambda: compositor.count(HANDLES) == 2, "their handles are let go of")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda it: [it.open(f"n{number}") for number in range(1100)], "more than 1000 windows"),
        (lambda it: it.rename("w1", "\udcff\udcfe"), "cannot be decoded"),
    ],
    ids=["too many windows", "a name that is no text"],
)
def test_a_list_that_cannot_be_ends_the_source_with_a_reason(
    compositor: Compositor, reader: Reader, harm: Callable[[Compositor], None], said: str
) -> None:
    harm(compositor)
    wait_until(lambda: not reader.source.is_alive(), "it was dead", timeout_s=30)
    assert isinstance(reader.source.failure, FaultError)
    assert said in reader.source.failure.message


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("=IHH", SERVER_IDS, 99, 8),  # an event that a window does not have
        struct.pack("=IHHI", SERVER_IDS, STATE, 12, (1 << 31) - 1),  # an array longer than the message
        struct.pack("=IHHI", SERVER_IDS, 2, 12, 77),  # a monitor that there is not
    ],
)
def test_what_is_no_event_of_a_window_ends_the_source_with_a_reason(
    compositor: Compositor, reader: Reader, data: bytes
) -> None:
    compositor.send_raw(data)
    wait_until(lambda: not reader.source.is_alive(), "it was dead")
    assert reader.source.failure is not None
    assert "Wayland compositor" in reader.source.failure.message


def test_a_flood_of_changes_is_counted_in_order_and_events_of_a_closed_window_are_dropped(
    compositor: Compositor, reader: Reader
) -> None:
    flips = [struct.pack("=IHHI", SERVER_IDS, STATE, 12, 0), struct.pack("=IHHII", SERVER_IDS, STATE, 16, 4, 2)]
    done = struct.pack("=IHH", SERVER_IDS, DONE, 8)
    compositor.send_raw(b"".join(flip + done for flip in flips * 2000))
    compositor.focus("w1", "w2")
    wait_until(lambda: reader.focus() == UNKNOWN, "all of them were read")
    compositor.close("w1")
    compositor.send_raw((flips[1] + done) * 10)
    wait_until(lambda: reader.focus() == ("two",), "the other one alone has it")
    assert reader.source.is_alive()


def test_windows_of_one_connection_go_with_it_whichever_was_opened_first(compositor: Compositor) -> None:
    compositor.open("w1", app_id="one", focused=True)
    first = LayoutReader()  # pywayland takes the windows of any other connection for this one's
    reader = Reader()
    assert reader.focus() == ("one",)
    reader.source.stop()
    first.close()
    gc.collect()
    again = Reader()
    assert again.focus() == ("one",)
    again.source.stop()


def test_at_rest_nothing_wakes_it_and_a_title_does_for_a_moment(compositor: Compositor, reader: Reader) -> None:
    reader.changes()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "pointer"]
    before = wake_ups(thread)
    time.sleep(0.5)  # nothing is waited for: it is about nothing happening
    assert wake_ups(thread) - before <= 1
    notified = len(reader.items)
    for number in range(50):
        compositor.retitle("w1", f"title {number}")
    reader.changes()
    assert len(reader.items) == notified


def wake_ups(thread: threading.Thread) -> int:
    """How often a thread has gone to sleep of its own will so far."""
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("voluntary_ctxt_switches")]
    return int(line.split()[1])


@pytest.mark.parametrize("by_focus", [False, True])
def test_a_denied_application_counts_nowhere_nor_does_one_that_is_not_known(
    compositor: Compositor, reader: Reader, by_focus: bool
) -> None:
    for x, focused in enumerate([("w1",), ("w2",), (), ("w1", "w2"), ("w1",)], 1):
        compositor.focus(*focused)
        compositor.move("DP-1", (x, 0))
        compositor.move("DP-1", (x, 1))
    reader.changes()
    made = Accumulator(rest_cap_ms=60_000, warp_px=1000)
    made.rule_applications(ApplicationRules(is_on=True, deny=("two",), by_focus=by_focus))
    for number, item in enumerate(reader.items):
        now_ms = number * 1000
        if isinstance(item, AppChange):
            made.change_applications(replace(item, time_ms=now_ms))
        elif isinstance(item, LayoutChange):
            made.change_layout(item.layout, now_ms)
        elif not isinstance(item, Interruption):
            item["time_ms"] = now_ms + np.arange(item.size)
            made.feed(item)
    tally = made.take(len(reader.items) * 1000)
    dwell = {series.application: counts.dense() for series, counts in tally.counts.items() if series.layer == DWELL}
    assert {name: set(np.nonzero(counts)[1].tolist()) for name, counts in dwell.items()} == {
        "": {1, 3, 5},
        "org.example.one": {1, 5},
        "other": {3},
    }


@pytest.mark.parametrize("kind", ["hyprland", "wayfire"])
def test_compositors_that_have_to_be_asked_report_it_as_well(
    compositor: Compositor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = tmp_path / "hypr" / "abc_1"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HYPRLAND_INSTANCE_SIGNATURE", "abc_1")
    monkeypatch.setenv("WAYFIRE_SOCKET", str(tmp_path / "wayfire"))
    compositor.answer_as_hyprland(folder / ".socket.sock")
    compositor.answer_as_wayfire(tmp_path / "wayfire")
    compositor.open("w1", app_id="one", focused=True)
    # It is asked once a second, so that a change of the focus comes first.
    reader = Reader(partial({"hyprland": hyprland, "wayfire": wayfire}[kind].make_source, moving_interval_s=1))
    assert reader.focus() == ("one",)
    assert FOCUS_ONLY in reader.source.notes
    compositor.open("w2", app_id="two")
    compositor.point(5, 6)
    compositor.focus("w2")
    wait_until(lambda: reader.focus() == ("two",), "the other one has it")
    assert reader.order() == ["one", 5, "two"]
    reader.source.stop()


def test_who_has_it_off_has_nothing_asked(compositor: Compositor) -> None:
    source = wlroots.make_source()
    source.start(lambda: None)
    assert compositor.count(TOPLEVELS) == 0
    assert FOCUS_ONLY not in source.notes
    source.stop()


def test_a_compositor_without_such_a_list_identifies_nothing(tmp_path: Path, compositor: Compositor) -> None:
    assert registry.explain_applications("wlroots").says.startswith(
        "windows are identified by app_id or WM_CLASS of the focused window"
    )
    compositor.kill()
    compositor = Compositor(tmp_path, without=[TOPLEVELS])
    compositor.start()
    compositor.plug("DP-1")
    assert "does not identify windows" in registry.explain_applications("wlroots").says
    reader = Reader()
    assert reader.changes() == []
    assert reader.source.is_alive()
    reader.source.stop()
    compositor.kill()
    assert wlroots.make_source().identifies_by == ""
