"""What the tests of the whole program ask for. A test file gets it with ``pytest_plugins``."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.compositor import Compositor
from support.program import Home
from support.systemctl import FakeSystemctl
from support.xserver import Xvfb


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A new user's folders, without a display."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("XAUTHORITY", raising=False)
    # What a daemon within the test starts goes by the real clock: it finds no store, and not the developer's.
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
    return Home(tmp_path)


@pytest.fixture
def desktop(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Xvfb]:
    """A private X server at the user's $DISPLAY."""
    server = Xvfb(home.folder)
    server.start()
    monkeypatch.setenv("DISPLAY", server.name)
    yield server
    server.stop()


@pytest.fixture
def compositor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Compositor]:
    """The compositor of a Wayland session, with one screen."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    compositor = Compositor(tmp_path)
    monkeypatch.setenv("WAYLAND_DISPLAY", compositor.name)
    compositor.start()
    compositor.plug("DP-1")
    yield compositor
    compositor.kill()


@pytest.fixture
def systemctl(home: Home) -> FakeSystemctl:
    """The only systemctl that the user's programs find; no GNOME Shell and no KWin, whatever this machine has."""
    fake = FakeSystemctl(home.folder)
    hidden = fake.bin / "gnome-shell"
    hidden.write_text("#!/bin/sh\n")
    hidden.chmod(0o755)
    home.variables["PATH"] = f"{fake.bin}:{os.environ['PATH']}"
    home.variables["XDG_DATA_DIRS"] = str(home.folder / "share")
    return fake
