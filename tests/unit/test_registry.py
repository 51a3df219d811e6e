"""Which source is chosen for a session, and what is said of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bus import PrivateBus
from support.compositor import CAPTURE, Compositor
from support.shells import GnomeShell, KWin, Peer
from support.xserver import Xvfb

from mousetrackd.capture import registry
from mousetrackd.capture.registry import NAMES, choose, explain_applications, is_known
from mousetrackd.capture.replay import ReplaySource
from mousetrackd.capture.x11.source import PynputSource
from mousetrackd.core.errors import BlindError, SourceError, UsageError
from mousetrackd.system.session_bus import bus_address


def explain() -> list[str]:
    """What doctor would say, without trying it."""
    return [finding.says for finding in registry.explain("auto", try_it=False)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The runtime folder of a session without a display."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_without_an_address_the_session_bus_is_where_systemd_puts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/folder")
    assert bus_address() == "unix:path=/folder/bus"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "")
    assert bus_address() == f"unix:path=/run/user/{os.getuid()}/bus"
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/elsewhere")
    assert bus_address() == "unix:path=/elsewhere"


@pytest.fixture
def plain(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Compositor]:
    """A compositor that has no cursor sessions."""
    compositor = Compositor(folder, without=CAPTURE)
    compositor.start()
    monkeypatch.setenv("WAYLAND_DISPLAY", compositor.name)
    yield compositor
    compositor.kill()


@pytest.fixture
def capable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Compositor]:
    """A compositor that has."""
    compositor = Compositor(folder)
    compositor.start()
    monkeypatch.setenv("WAYLAND_DISPLAY", compositor.name)
    yield compositor
    compositor.kill()


@pytest.fixture
def bus(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    bus = PrivateBus(folder)
    bus.start()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
    yield bus
    bus.stop()


def test_pynput_can_be_forced() -> None:
    assert isinstance(choose("pynput"), PynputSource)


@pytest.mark.usefixtures("xvfb")
def test_a_real_x_server_is_listened_to_through_pynput() -> None:
    assert isinstance(choose("auto"), PynputSource)
    assert explain()[-1].startswith("pynput")


@pytest.mark.usefixtures("folder")
def test_without_any_display_it_is_the_one_that_waits_for_one() -> None:
    assert isinstance(choose("auto"), PynputSource)
    assert explain()[0].startswith("X11: no, there is no display")


@pytest.mark.usefixtures("capable")
def test_a_real_x_server_comes_before_a_compositor_that_runs_inside_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Xvfb(tmp_path)
    server.start()
    monkeypatch.setenv("DISPLAY", server.name)
    assert isinstance(choose("auto"), PynputSource)
    monkeypatch.setenv("XDG_SESSION_TYPE", "x11")
    assert isinstance(choose("auto"), PynputSource)
    server.stop()


@pytest.mark.usefixtures("capable")
def test_cursor_sessions_are_chosen_where_they_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("auto").name == choose("wlroots").name
    monkeypatch.setenv("XDG_SESSION_TYPE", "wayland")
    assert explain() == [
        "X11: no, this is a Wayland session",
        "cursor sessions: yes, tinyway offers them (ext-image-copy-capture-v1)",
        "cursor sessions (Wayland), the first that fits",
    ]


def test_a_service_that_lacks_the_sessions_variables_finds_its_compositor(
    capable: Compositor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY")
    (folder / "wayland-9").touch()
    assert choose("auto").name == choose("wlroots").name
    other = Compositor(folder, name="wayland-8")
    other.start()
    assert any(f"which one of {capable.name}, wayland-8?" in line for line in explain())
    other.kill()


@pytest.mark.parametrize(("peer_class", "name"), [(KWin, "kwin"), (GnomeShell, "gnome")])
@pytest.mark.usefixtures("plain")
def test_who_reports_over_the_session_bus_is_chosen(bus: PrivateBus, peer_class: type[Peer], name: str) -> None:
    peer = peer_class(bus.address)
    assert choose("auto").name == choose(name).name
    assert explain()[-1] == f"{choose(name).name}, the first that fits"
    peer.quit()
    assert explain()[-1].startswith("no source fits")


def test_hyprland_is_asked_even_though_it_has_cursor_sessions(
    capable: Compositor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "hypr" / "abc").mkdir(parents=True)
    capable.answer_as_hyprland(folder / "hypr" / "abc" / ".socket.sock")
    monkeypatch.setenv("HYPRLAND_INSTANCE_SIGNATURE", "abc")
    assert choose("auto").name == choose("hyprland").name
    assert any(line.startswith("cursor sessions: no, Hyprland") for line in explain())


@pytest.mark.usefixtures("plain")
def test_wayfire_is_chosen_where_its_socket_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYFIRE_SOCKET", "/tmp/wayfire-wayland-1.socket")  # noqa: S108 - as Wayfire calls it
    assert choose("auto").name == choose("wayfire").name


@pytest.mark.usefixtures("plain")
def test_where_nothing_fits_it_is_blind_and_names_the_compositor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "Weston")
    source = choose("auto")
    with pytest.raises(BlindError, match=r"Weston \(tinyway\)") as raised:
        source.start(lambda: None)
    assert "Nothing is recorded" in raised.value.hint
    assert not source.is_alive()
    assert source.drain() == []
    source.stop()
    assert [line.split(",")[0] for line in explain()[:-1]] == [
        *("X11: no", "cursor sessions: no", "KWin: no", "GNOME Shell: no", "Hyprland: no", "Wayfire: no")
    ]


@pytest.mark.usefixtures("folder")
def test_a_compositor_that_is_named_but_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-8")
    with pytest.raises(SourceError, match="wayland-8") as raised:
        choose("auto").start(lambda: None)
    assert not isinstance(raised.value, BlindError)


def test_a_recording_is_chosen_by_its_file() -> None:
    chosen = choose("replay:/a/b.csv.gz")
    assert isinstance(chosen, ReplaySource)
    assert chosen.name == "replay:/a/b.csv.gz"


@pytest.mark.parametrize("wanted", ["", "usb", "replay", "replay:", "Auto", "KWin"])
def test_a_source_nobody_knows_is_wrong_usage(wanted: str) -> None:
    assert not is_known(wanted)
    with pytest.raises(UsageError, match=f'"{wanted}"') as raised:
        choose(wanted)
    assert all(f'"{name}"' in raised.value.hint for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_known(name: str) -> None:
    assert is_known(name)
    assert choose(name).name


def test_windows_are_identified_only_where_that_is_asked_for_and_possible() -> None:
    assert not choose("pynput").wants_windows  # type: ignore[attr-defined]
    assert choose("pynput", identify_windows=True).wants_windows  # type: ignore[attr-defined]
    assert choose("kwin", identify_windows=True).wants_windows  # type: ignore[attr-defined]
    assert not choose("kwin").wants_windows  # type: ignore[attr-defined]
    choose("hyprland", identify_windows=True)  # which cannot, and says so in doctor
    assert explain_applications("pynput").level == "ok"
    assert "nothing is counted by application" in explain_applications("hyprland").says
