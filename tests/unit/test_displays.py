"""Which display is asked from, which is followed, and when there is something to report about it."""

import os
from typing import Any

import pytest

from mousetrackd.system import displays

HOST = os.uname().nodename
SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}


def status(source: str, *, state: str = "tracking", gives_way: bool = False, **environment: str) -> dict[str, Any]:
    """What a daemon with this source and environment reports about its display."""
    named = displays.named_in({"XDG_RUNTIME_DIR": "/run/user/1", **environment})
    followed = displays.followed_by(source, named)
    return {"state": state, "gives_way": gives_way, "display": followed, "displays": named}


def asked(said: dict[str, Any], **environment: str) -> str:
    return displays.asked_from(said, {"XDG_RUNTIME_DIR": "/run/user/1", **environment})


X11 = status("pynput (X11 :0)", DISPLAY=":0")
WAYLAND = status("KWin (Wayland)", DISPLAY=":0", WAYLAND_DISPLAY="wayland-0")
WAYLAND_ALONE = status("GNOME Shell (Wayland)", WAYLAND_DISPLAY="wayland-0")


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("", ""),
        (":0", ":0"),
        (":0.0", ":0"),
        (":00", ":0"),
        (":0.1", ":0.1"),
        ("unix:7", ":7"),
        ("unix/:7.0", ":7"),
        ("localhost:7.0", ":7"),
        (f"{HOST}:7", ":7"),
        (":7\x1b]0;\nproblem", r":7\x1b]0;\nproblem"),
        ("elsewhere.example:7.0", "elsewhere.example:7"),
        ("/tmp/launch-1/org.x:0", "/tmp/launch-1/org.x:0"),  # noqa: S108 - a name only
    ],
)
def test_one_x11_display_has_one_name(name: str, means: str) -> None:
    assert displays.named_in({"DISPLAY": name})["x11"] == means


@pytest.mark.parametrize(
    ("said", "environment"),
    [
        (X11, {}),
        (X11, {"DISPLAY": ":0.0"}),
        (X11, {"DISPLAY": "unix:0", "WAYLAND_DISPLAY": "wayland-9"}),
        (X11, {"DISPLAY": "localhost:10.0", **SSH}),
        (WAYLAND, {}),
        (WAYLAND, {"DISPLAY": ":0"}),
        (WAYLAND, {"DISPLAY": ":1", "WAYLAND_DISPLAY": "wayland-0"}),
        (WAYLAND, {"WAYLAND_DISPLAY": "/run/user/1/wayland-0"}),
        (WAYLAND_ALONE, {"DISPLAY": ":0"}),
        (status("replay:session.csv", DISPLAY=":0"), {"DISPLAY": ":9"}),
        ({"state": "tracking"}, {"DISPLAY": ":9"}),
        ({"state": "tracking", "display": ":0", "displays": "nonsense"}, {"DISPLAY": ":9"}),
    ],
)
def test_where_they_agree_or_nobody_knows_there_is_nothing_to_report(
    said: dict[str, Any], environment: dict[str, str]
) -> None:
    assert asked(said, **environment) == ""
    assert displays.compare(said, {"XDG_RUNTIME_DIR": "/run/user/1", **environment}) == ()


@pytest.mark.parametrize(
    ("said", "environment", "other"),
    [
        (X11, {"DISPLAY": ":1"}, ":1"),
        (X11, {"DISPLAY": ":1", **SSH}, ":1"),
        (X11, {"DISPLAY": ":0.1"}, ":0.1"),
        (X11, {"WAYLAND_DISPLAY": "wayland-0"}, "/run/user/1/wayland-0"),
        (WAYLAND, {"DISPLAY": ":1"}, ":1"),
        (WAYLAND, {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-1"}, "/run/user/1/wayland-1"),
        (WAYLAND_ALONE, {"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": "/run/user/2"}, "/run/user/2/wayland-0"),
    ],
)
def test_another_display_is_named(said: dict[str, Any], environment: dict[str, str], other: str) -> None:
    assert asked(said, **environment) == other


def test_what_to_do_depends_on_what_the_daemon_does() -> None:
    def told(state: str, display: str, *, stays: bool = False) -> tuple[str, ...]:
        gives_way = state in ("waiting", "blind") and not stays
        said = status("pynput (X11 :0)", state=state, gives_way=gives_way, DISPLAY=":0")
        return displays.compare(said, {"DISPLAY": display})

    stop_first = "To follow this one instead: mousetrackd stop, then mousetrackd run"
    assert told("tracking", ":1") == ("It tracks :0, not :1.", stop_first)
    assert told("paused", ":1") == ("It is paused on :0, not :1.", stop_first)
    assert told("waiting", ":1") == ("It waits for :0, not :1.", "To follow this one instead: mousetrackd run")
    assert told("blind", ":1") == ("It is blind on :0, not :1.", "To follow this one instead: mousetrackd run")
    assert told("waiting", ":1", stays=True) == ("It waits for :0, not :1.", stop_first)
    assert told("waiting", ":0") == ("It waits for :0.", "If you see that display now: mousetrackd run")
    nowhere = status("pynput (X11 )", state="waiting", gives_way=True)
    assert displays.compare(nowhere, {"DISPLAY": ":1"}) == (
        "It waits for a display.",
        "To follow this one: mousetrackd run",
    )
    assert told("waiting", "") == told("tracking", ":0") == told("stopped", ":1") == ()


def test_a_wayland_display_is_named_without_its_folder_unless_that_is_the_difference() -> None:
    here = {"XDG_RUNTIME_DIR": "/run/user/1", "WAYLAND_DISPLAY": "wayland-1"}
    assert displays.compare(WAYLAND_ALONE, here)[0] == "It tracks wayland-0, not wayland-1."
    here = {"XDG_RUNTIME_DIR": "/run/user/2", "WAYLAND_DISPLAY": "wayland-0"}
    assert displays.compare(WAYLAND_ALONE, here)[0] == ("It tracks /run/user/1/wayland-0, not /run/user/2/wayland-0.")
