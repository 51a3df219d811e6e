"""What compositors report about windows, as it is read: anything but a report means that nothing is known."""

import json
from typing import Any

import pytest

from mousetrackd.capture.applications import Identities
from mousetrackd.capture.wayland.outputs import LayoutReader
from mousetrackd.capture.wayland.reader_thread import CompositorSource
from mousetrackd.capture.wayland.windows import WindowReports
from mousetrackd.core.events import NOBODY, AppChange, Window
from mousetrackd.system.desktop_entries import DesktopEntry

FRAME = [10, 20, 100, 50]


class Screen(LayoutReader):
    """Where a logical pixel is a pixel, without a compositor."""

    def __init__(self) -> None:
        self.scale = 1

    def to_areas(self, x: float, y: float, width: float, height: float) -> tuple[tuple[int, int, int, int], ...]:
        return (self.to_box(x, y, width, height),) if x >= 0 else ()

    def to_box(self, x: float, y: float, width: float, height: float) -> tuple[int, int, int, int]:
        left, top, right, bottom = (round(side) * self.scale for side in (x, y, x + width, y + height))
        return (left, top, right, bottom)


class Unconnected(CompositorSource):
    """A source that nobody starts."""

    def __init__(self) -> None:
        super().__init__("none", lambda _: pytest.fail("nobody starts it"))
        self.notified = 0
        self._notify = self._count

    def _count(self) -> None:
        self.notified += 1


@pytest.fixture
def source() -> Unconnected:
    return Unconnected()


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def reports(source: Unconnected, screen: Screen) -> WindowReports:
    installed = [DesktopEntry("org.example.One", "one", ("One!",))]
    identities = Identities(lambda: installed, lambda: (1,))
    return WindowReports(source, screen, "nothing came", identities=identities)


def changes(source: CompositorSource) -> list[AppChange]:
    return [item for item in source.drain() if isinstance(item, AppChange)]


def report(*windows: Any, focus: Any = None) -> str:
    return json.dumps({"windows": windows, "focus": focus})


def test_windows_are_named_and_placed_and_what_is_on_no_screen_is_left_out(
    source: Unconnected, reports: WindowReports
) -> None:
    assert reports.problem == "windows are not identified: nothing came"
    reports.take(
        report(
            [["", "one"], FRAME, [10, 30, 100, 40]],
            [["two"], [-500, 0, 10, 10], None],
            [["two"], [0, 0, 10.4, 10], None],
            focus=["One"],
        )
    )
    assert reports.problem == ""
    (found,) = changes(source)
    names = ("org.example.one", "one")
    assert found.windows == (
        Window(names, ((10, 20, 110, 70),), (10, 30, 110, 70)),
        Window(("two",), ((0, 0, 10, 10),), None),
    )
    assert found.focus == names


def test_the_same_report_again_changes_nothing_and_another_layout_does(
    source: Unconnected, screen: Screen, reports: WindowReports
) -> None:
    for _ in range(2):
        reports.take(report([["one"], FRAME, FRAME]))
    reports.place()
    assert len(changes(source)) == 1
    screen.scale = 2
    reports.place()
    (found,) = changes(source)
    assert found.windows is not None
    assert found.windows[0].areas == ((20, 40, 220, 140),)


def test_nobody_s_keyboard_is_known_to_be_nobody_s_and_a_window_without_a_name_is_not_known(
    source: Unconnected, reports: WindowReports
) -> None:
    reports.take(report([["", ""], FRAME, FRAME]))
    (found,) = changes(source)
    assert found.focus == NOBODY
    assert found.windows is not None
    assert found.windows[0].names == ()


@pytest.mark.parametrize(
    "nonsense",
    [
        *("", "{", "1", "[]", "{}", '{"windows": []}', '{"windows": {}, "focus": null}'),
        *(report(1), report([]), report([["one"], FRAME]), report([["one"], FRAME, FRAME, FRAME])),
        *(report(["one", FRAME, FRAME]), report([[1], FRAME, FRAME]), report([["a"] * 9, FRAME, FRAME])),
        *(report([["one"], None, FRAME]), report([["one"], [1, 2, 3], FRAME]), report([["one"], [1, 2, 3, "4"], None])),
        *(report([["one"], [1, 2, 3, 1e300], None]), report([["one"], [True, 2, 3, 4], None]), report(focus=7)),
        report(*[[["one"], FRAME, FRAME]] * 1001),
        '{"windows": [], "focus": NaN}',
        "[" * 100_000,
    ],
)
def test_what_is_no_report_leaves_nothing_known(source: Unconnected, reports: WindowReports, nonsense: str) -> None:
    reports.take(report([["one"], FRAME, FRAME], focus=["one"]))
    source.drain()
    reports.take(nonsense)
    assert [(one.windows, one.focus) for one in changes(source)] == [(None, ())]
    assert reports.problem.startswith("windows are not identified: they are reported as what cannot be understood")
    assert source.notified >= 2
    reports.take(report(focus=["one"]))
    assert [(one.windows, one.focus[0]) for one in changes(source)] == [((), "org.example.one")]
    assert reports.problem == ""
