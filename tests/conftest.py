"""What every test may ask for. Who needs a display gets a real one; nothing is skipped for want of it."""

import os
import tempfile
import threading
from collections.abc import Iterator
from functools import cache
from types import CodeType

import pytest
from hypothesis import settings
from support.xserver import Xvfb

# No deadline: a busy machine is no failure. No database: a test leaves nothing behind in the checkout.
settings.register_profile("quick", deadline=None, database=None, max_examples=25)
settings.register_profile("thorough", deadline=None, database=None, max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

MARKED_BY_USE = {
    "x11": {"Xvfb", "Logins"},
    "wayland": {"Compositor", "PrivateBus", "KWin", "GnomeShell"},
}
"""Markers, and the parts of tests/support by whose use in a test or in its fixtures it gets them."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test by what it uses, so that nobody has to remember to."""
    if isinstance(item, pytest.Function):
        fixtures = item._fixtureinfo.name2fixturedefs.values()  # noqa: SLF001 - there is no public way to its fixtures
        codes = [fixture.func.__code__ for same_name in fixtures for fixture in same_name]
        used = _names_in(item.function.__code__).union(*map(_names_in, codes))
        for marker, parts in MARKED_BY_USE.items():
            if used & parts:
                item.add_marker(marker)


@cache
def _names_in(code: CodeType) -> frozenset[str]:
    """Every name that a function and the functions inside it use."""
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    return frozenset(code.co_names).union(*map(_names_in, inner))


SESSION_VARIABLES = (
    *("WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP", "DBUS_SESSION_BUS_ADDRESS"),
    *("HYPRLAND_INSTANCE_SIGNATURE", "WAYFIRE_SOCKET"),
)
"""By which the session of whoever runs the tests would be found."""


@pytest.fixture(scope="session", autouse=True)
def _own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests beside each other share no temporary folder: ``forget`` clears it of what other commands left."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", tempfile.tempdir)
        yield
    tempfile.tempdir = before


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
