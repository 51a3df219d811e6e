"""What every test may ask for. Who needs a display gets a real one; nothing is skipped for want of it."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import settings
from support.xserver import Xvfb

# No deadline: a busy machine is no failure. No database: a test leaves nothing behind in the checkout.
settings.register_profile("mousetrackd", deadline=None, database=None)
settings.load_profile("mousetrackd")


SESSION_VARIABLES = (
    *("WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP", "DBUS_SESSION_BUS_ADDRESS"),
    *("HYPRLAND_INSTANCE_SIGNATURE", "WAYFIRE_SOCKET"),
)
"""By which the session of whoever runs the tests would be found."""


@pytest.fixture(autouse=True)
def _no_session(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the developer's own desktop."""
    for name in SESSION_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.getbasetemp()))


@pytest.fixture(autouse=True)
def _no_thread_is_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert not left, f"the test left threads behind: {left}"


@pytest.fixture
def xvfb(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Xvfb]:
    """A private X server for this test alone, at $DISPLAY."""
    server = Xvfb(tmp_path_factory.mktemp("xvfb"))
    server.start()
    monkeypatch.setenv("DISPLAY", server.name)
    monkeypatch.delenv("XAUTHORITY", raising=False)
    yield server
    server.stop()
