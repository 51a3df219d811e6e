"""Whose a click is on X11: real windows of a real window manager, and the source that daemons use."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.waiting import wait_until
from support.windows_recorder import WindowsRecorder, is_quiet
from support.xserver import LEFT, Pointer, Xvfb
from support.xwindows import Program, WindowManager

from mousetrackd.capture.applications import IdentifiesWindows, Identities
from mousetrackd.capture.x11.source import PynputSource
from mousetrackd.core.applications import GRID, ApplicationRules
from mousetrackd.core.events import NOBODY, AppChange
from mousetrackd.core.validity import plain_name
from mousetrackd.system.desktop_entries import DesktopEntry, installed


@pytest.fixture
def recorder(xvfb: Xvfb) -> Iterator[WindowsRecorder]:
    del xvfb
    made = WindowsRecorder()
    yield made
    made.source.stop()


@pytest.fixture
def openbox(xvfb: Xvfb, tmp_path: Path) -> Iterator[None]:
    del xvfb
    with WindowManager("openbox", tmp_path):
        yield


@pytest.mark.usefixtures("openbox")
def test_of_twelve_clicks_that_switch_windows_each_program_gets_its_own_six(recorder: WindowsRecorder) -> None:
    with Program("a", "One") as one, Program("b", "Two") as two, Pointer() as pointer:
        one.open(100, 100, 500, 400)
        two.open(400, 300, 500, 400)
        recorder.await_at(800, 600, "two", "b")
        recorder.await_at(150, 150, "one", "a")
        for number in range(12):
            at, name = [((150, 150), "one"), ((850, 650), "two")][number % 2]
            pointer.move(at)
            pointer.click(LEFT)
            recorder.await_focus(name)
    recorder.drain()
    counted = recorder.counted(ApplicationRules(is_on=True))
    clicks = {name: counted[name, "clicks.left", 0] for name in ("one", "two", "other", "")}
    assert clicks == {"one": 6, "two": 6, "other": 0, "": 12}
    assert counted["one", "clicks.left", GRID] == 6
    by_focus = recorder.counted(ApplicationRules(is_on=True, by_focus=True))
    assert by_focus["one", "clicks.left", GRID] == by_focus["two", "clicks.left", GRID] == 0, "it comes after the press"


@pytest.mark.usefixtures("openbox")
def test_windows_that_overlap_move_grow_close_and_are_minimised(recorder: WindowsRecorder) -> None:
    with Program("a", "One") as one, Program("b", "Two") as two:
        first = one.open(100, 100, 500, 400)
        recorder.await_at(450, 350, "one", "a")
        second = two.open(400, 300, 500, 400)
        recorder.await_at(450, 350, "two", "b")
        one.activate(first)
        recorder.await_at(450, 350, "one", "a")
        one.move(first, 1000, 100, 300, 200)
        recorder.await_at(450, 350, "two", "b")
        recorder.await_at(1290, 250, "one", "a")
        two.move(second, 400, 300, 700, 500)
        recorder.await_at(1090, 790, "two", "b")
        two.minimise(second)
        recorder.await_at(450, 350, *NOBODY)
        two.activate(second)
        recorder.await_at(450, 350, "two", "b")
        one.show_desktop(1)
        recorder.await_at(450, 350, *NOBODY)
        one.show_desktop(0)
        recorder.await_at(450, 350, "two", "b")
        two.close(second)
        recorder.await_at(450, 350, *NOBODY)


@pytest.mark.usefixtures("openbox")
def test_the_frame_of_a_window_is_its_program_s_and_its_content_is_without(recorder: WindowsRecorder) -> None:
    with Program("a", "One") as one:
        window = one.open(200, 200, 300, 200)
        recorder.await_at(300, 300, "one", "a")
        (found,) = (window for window in recorder.last.windows or () if window.names == ("one", "a"))
        at = one.root.translate_coords(window, 0, 0)
        assert found.content == (at.x, at.y, at.x + 300, at.y + 200)
        recorder.await_at(at.x + 100, at.y - 5, "one", "a")


@pytest.mark.parametrize("manager", ["openbox", ""])
def test_a_menu_is_its_program_s(
    manager: str, recorder: WindowsRecorder, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if manager:
        request.getfixturevalue("openbox")
    with Program("a", "One") as one, Program("b", "Two") as two:
        one.open(100, 100, 500, 400)
        two.open(700, 100, 500, 400)
        recorder.await_at(200, 200, "one", "a")
        recorder.await_at(1000, 300, "two", "b")
        menu = one.open(900, 200, 200, 200, is_menu=True)
        recorder.await_at(1000, 300, "one", "a")
        assert [window.content for window in recorder.last.windows or ()][-1] is None
        one.close(menu)
        recorder.await_at(1000, 300, "two", "b")
    del tmp_path


def test_a_window_without_a_name_is_not_of_a_program_that_has_ended(recorder: WindowsRecorder) -> None:
    """The server gives the numbers of its connection to the next one."""
    with Program("a", "One") as one:
        number = one.open(100, 100, 500, 400).id
        recorder.await_at(200, 200, "one", "a")
    recorder.await_at(200, 200, *NOBODY)
    with Program() as other:
        assert other.open(100, 100, 500, 400, is_menu=True).id == number
        wait_until(lambda: len(recorder.last.windows or ()) == 1, "the window is there")
        assert recorder.names_at(200, 200) == ()


def test_windows_that_come_and_go_and_have_any_name_do_no_harm(recorder: WindowsRecorder) -> None:
    with Program("a", "One") as one, Program("b", "Two") as two:
        one.open(100, 100, 500, 400)
        for _ in range(20):
            opened = [two.open(700 + number, 300, 200, 200) for number in range(5)]
            for window in opened:
                two.close(window)
        for instance, wm_class in (("x", "A" * 65536), ("y", "e/../vil\x1b[31m\n</script>"), ("z", "\xff\xfe")):
            with Program(instance, wm_class) as named:
                window = named.open(700, 300, 200, 200)
                window.change_property(
                    *(named.display.intern_atom(name) for name in ("WM_TRANSIENT_FOR", "STRING")), 8, b"x"
                )
                expected = plain_name(wm_class)
                recorder.await_at(750, 350, expected, instance)
                assert expected.isprintable()
        for name in ("_NET_ACTIVE_WINDOW", "_NET_CLIENT_LIST_STACKING", "_NET_SUPPORTING_WM_CHECK"):
            one.root.change_property(*(one.display.intern_atom(atom) for atom in (name, "STRING")), 8, b"zz")
        two.open(700, 300, 200, 200)
        recorder.await_at(750, 350, "two", "b")
        recorder.await_at(150, 150, "one", "a")
        assert recorder.source.notes == ()


def test_a_shaped_window_has_the_pointer_only_in_its_shape(recorder: WindowsRecorder) -> None:
    with Program("a", "One") as one, Program("b", "Two") as two:
        one.open(100, 100, 500, 400)
        shaped = two.open(100, 100, 400, 400)
        recorder.await_at(450, 450, "two", "b")
        two.shape(shaped, 0, 0, 100, 100)
        two.move(shaped, 100, 100, 401, 400)
        recorder.await_at(450, 450, "one", "a")
        recorder.await_at(150, 150, "two", "b")


def test_without_a_window_manager_the_focus_is_not_known(recorder: WindowsRecorder) -> None:
    with Program("a", "One") as one:
        window = one.open(100, 100, 500, 400)
        recorder.await_at(150, 150, "one", "a")
        window.set_input_focus(1, 0)
        one.display.sync()
        one.move(window, 110, 100, 500, 400)
        recorder.await_at(605, 150, "one", "a")
        assert recorder.last.focus == ()


@pytest.mark.usefixtures("openbox")
def test_a_program_that_retitles_itself_wakes_nobody(recorder: WindowsRecorder) -> None:
    with Program("a", "One") as one:
        window = one.open(100, 100, 500, 400)
        recorder.await_at(150, 150, "one", "a")
        recorder.await_focus("one")
        thread = recorder.source.windows
        assert thread is not None
        wait_until(lambda: is_quiet(thread), "all changes are over")
        before = thread.wake_ups
        for number in range(50):
            one.retitle(window, f"title {number}")
        one.move(window, 100, 100, 501, 400)  # which does wake it, after all the titles
        wait_until(lambda: thread.wake_ups > before, "it wakes for a change of size")
        wait_until(lambda: is_quiet(thread), "all changes are over")
        assert thread.wake_ups - before <= 4, "once or twice for the size: the frame's, and the client's"


def test_off_nothing_is_asked_of_the_display(xvfb: Xvfb) -> None:
    del xvfb
    source = PynputSource()
    source.start(lambda: None)
    try:
        assert source.windows is None
        assert not any(isinstance(item, AppChange) for item in source.drain())
    finally:
        source.stop()
    assert isinstance(source, IdentifiesWindows)


def test_a_display_that_goes_away_leaves_nothing_known(xvfb: Xvfb, recorder: WindowsRecorder) -> None:
    with Program("a", "One") as one:
        one.open(100, 100, 500, 400)
        recorder.await_at(150, 150, "one", "a")
        xvfb.kill()
        wait_until(lambda: not recorder.source.is_alive(), "the source has ended")
        wait_until(lambda: recorder.last.windows is None, "nothing is known any more")


# Names -----------------------------------------------------------------------------------------------


def identities(*entries: DesktopEntry) -> Identities:
    return Identities(lambda: entries, lambda: (1,))


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (("org.Example.App.desktop", "", "App", "app"), ("org.example.app", "app")),
        (("", "org.example.GtkApp", "Gtkapp.py", "gtkapp.py"), ("org.example.gtkapp", "gtkapp.py")),
        (("", "", "firefox-esr", "Navigator"), ("firefox-esr", "navigator")),
        (("", "", "Blender", "blender"), ("org.blender.blender", "blender")),
        (("", "", "", "only"), ("only",)),
        (("", "", "", ""), ()),
        (("", "", "Evil\x1b[31m\nName", ""), ("evil[31mname",)),
    ],
)
def test_a_program_has_one_name(given: tuple[str, ...], names: tuple[str, ...]) -> None:
    entries = (DesktopEntry("org.blender.Blender", "Blender", ("Blender",)), DesktopEntry("firefox-esr", "", ()))
    assert identities(*entries).names(*given) == names


def test_what_is_installed_later_is_found() -> None:
    entries: list[DesktopEntry] = []
    made = Identities(lambda: entries, lambda: (len(entries),))
    assert made.names("", "", "Other", "") == ("other",)
    entries.append(DesktopEntry("org.new.App", "New", ()))
    assert made.names("", "", "New", "") == ("org.new.app", "new")


def test_a_long_name_is_cut() -> None:
    assert len(plain_name("x" * 1000)) == 256


def test_installed_applications_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, theirs = tmp_path / "mine/applications", tmp_path / "theirs/applications"
    (theirs / "kde").mkdir(parents=True)
    mine.mkdir(parents=True)
    (theirs / "a.desktop").write_text("[Desktop Entry]\nName=Theirs\n")
    (mine / "a.desktop").write_text(
        "# mine\n[Desktop Entry]\nName=Mine\nName[de]=Meins\nStartupWMClass=A\n[Desktop Action x]\nName=No\n"
    )
    (theirs / "kde/b.desktop").write_bytes(b"[Desktop Entry]\nName=\xff\n")
    (theirs / "c.desktop").mkdir()
    monkeypatch.setenv("XDG_DATA_HOME", str(mine.parent))
    monkeypatch.setenv("XDG_DATA_DIRS", f"{theirs.parent}:relative")
    assert {one.id: (one.wm_class, one.names) for one in installed()} == {
        "a": ("A", ("Mine", "Meins")),
        "kde-b": ("", ("\ufffd",)),
        "c": ("", ()),
    }
