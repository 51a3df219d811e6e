"""The state of KWin's effect as ``doctor`` and ``install`` report it, beside a KWin on a private bus."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.bus import PrivateBus
from support.shells import KWin

from mousetrackd.capture.wayland import kwin_effect
from mousetrackd.core.findings import Level
from mousetrackd.desktop import kwin
from mousetrackd.desktop.autostart import Places


class Desk:
    """A user's folders, and a session of Plasma's on Wayland."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(folder / "config", folder / "data")
        self.bus = PrivateBus(folder)
        self.bus.start()
        self.peers: list[KWin] = []

    def start_kwin(self, **how: Any) -> KWin:
        self.peers.append(peer := KWin(self.bus.address, **how))
        return peer

    def install(self) -> list[str]:
        """Write the effect's files. The sentences that follow."""
        own = kwin.files(self.places)
        changed = [file.path.name for file in own if file.write()]
        return [*kwin.advise(own, changed)]

    def examine(self) -> list[tuple[str, str, str]]:
        return [(finding.level, finding.says, finding.hint) for finding in kwin.examine(self.places)]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    (tmp_path / "share" / "kwin").mkdir(parents=True)
    desk = Desk(tmp_path)
    monkeypatch.setenv("XDG_DATA_DIRS", f"/nowhere:{tmp_path / 'share'}")
    monkeypatch.setenv("XDG_DATA_HOME", str(desk.places.data_home))
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desk.bus.address)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    yield desk
    desk.bus.stop()
    for peer in desk.peers:
        peer.quit()


@pytest.mark.parametrize(
    ("is_installed", "how", "level", "says", "hint"),
    [
        (False, {"has_effect": False}, Level.WARNING, "is not installed", "`mousetrackd install`, then log out and in"),
        (True, {"has_effect": False}, Level.WARNING, "does not know mousetrackd's effect yet", "log out and in once"),
        (True, {"has_opengl": False}, Level.WARNING, "draws without OpenGL", "Motion is recorded"),
        (True, {}, Level.OK, "knows mousetrackd's effect", ""),
    ],
)
def test_each_state_is_named(
    desk: Desk, is_installed: bool, how: dict[str, bool], level: Level, says: str, hint: str
) -> None:
    desk.start_kwin(**how)
    if is_installed:
        desk.install()
    ((found, text, advice),) = desk.examine()
    assert found == level
    assert says in text
    assert hint in advice


def test_where_it_is_loaded_it_says_so(desk: Desk) -> None:
    desk.start_kwin().is_effect_loaded = True
    desk.install()
    assert desk.examine() == [(Level.OK, "KWin has loaded mousetrackd's effect", "")]


def test_files_of_another_version_are_a_warning(desk: Desk) -> None:
    desk.start_kwin()
    desk.install()
    desk.places.kwin_effect["main.js"].write_text("// old\n")
    levels = [level for level, _, _ in desk.examine()]
    assert levels == [Level.OK, Level.WARNING]
    assert desk.examine()[1][2] == "To update it: mousetrackd install"


def test_one_new_login_is_asked_for_only_while_kwin_does_not_know_it(desk: Desk) -> None:
    peer = desk.start_kwin(has_effect=False)
    assert any("log out and in once" in sentence for sentence in desk.install())
    assert desk.install() == []
    peer.has_effect = True
    desk.places.kwin_effect["metadata.json"].unlink()
    assert desk.install() == []


@pytest.mark.parametrize("variables", [{"WAYLAND_DISPLAY": ""}, {"XDG_SESSION_TYPE": "x11"}])
def test_in_an_x11_session_there_is_nothing_to_examine(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    desk.start_kwin()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert desk.examine() == []


def test_without_kwin_there_is_nothing_to_examine_and_nothing_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_DIRS", "/nowhere")
    assert desk.examine() == []
    assert kwin.files(desk.places) == []


def test_a_kwin_that_does_not_say_what_it_knows_is_no_state(desk: Desk) -> None:
    peer = desk.start_kwin()
    peer.known = ("s", "all of them")
    assert kwin_effect.look_from_outside() is None
