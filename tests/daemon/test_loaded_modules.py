"""A daemon runs for months, and what it has imported stays in memory: it has nothing that it does not use."""

import re

import pytest
from support.program import Home
from support.waiting import wait_until

pytest_plugins = ("support.fixtures",)
pytestmark = pytest.mark.without_coverage

UNUSED = {
    **dict.fromkeys(("cv2", "PIL", "isal", "pywayland.client", "jeepney"), "pictures and Wayland"),
    **dict.fromkeys(("click", "mousetrackd.cli.commands", "mousetrackd.cli.daemon_commands"), "other commands"),
    **dict.fromkeys(("difflib", "uuid"), "rare cases"),
    **dict.fromkeys(("mousetrackd.storage.recovery", "mousetrackd.storage.forget"), "rare cases"),
    **dict.fromkeys(("mousetrackd.storage.query", "mousetrackd.storage.rollup"), "reading and adding up, by children"),
    **dict.fromkeys(("pynput._util.xorg_keysyms", "Xlib.keysymdef.greek"), "names of keys"),
    **dict.fromkeys(("Xlib.ext.composite", "Xlib.ext.xinerama"), "extensions that nobody uses"),
    **dict.fromkeys(("mousetrackd.capture.x11.windows", "Xlib.ext.shape"), "counting by application, which is off"),
    **dict.fromkeys(("hashlib", "ssl", "base64"), "OpenSSL, for screens with an EDID, and the network"),
    "mousetrackd.capture.wayland.connection": "other sessions",
}
"""Modules that the daemon does without on X11, and what they are for."""


@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("session", ["x11", ""], ids=["by its login manager", "by startx"])
def test_a_daemon_that_has_saved_has_loaded_nothing_that_it_does_not_use(home: Home, session: str) -> None:
    home.configure("checkpoint_interval_s = 1\n")
    home.variables |= {"PYTHONPROFILEIMPORTTIME": "1", "XDG_SESSION_TYPE": session}
    with home.running() as daemon:
        home.run_ok("pause")  # which saves
        wait_until(lambda: home.status().get("state") == "paused", "it is paused")
        lines = daemon.log.splitlines()
    loaded = {match[1] for line in lines if (match := re.fullmatch(r"import time:.*\| +(\S+)", line))}
    assert {"numpy", "Xlib.display", "mousetrackd.storage.store_file", "mousetrackd.daemon.daemon"} <= loaded
    looks_for_compositor = set() if session else {"mousetrackd.capture.wayland.connection"}
    assert UNUSED.keys() & loaded == looks_for_compositor
