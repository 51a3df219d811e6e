"""What install puts into the menu of applications, as the desktop's own tools read it and as a click runs it."""

import configparser
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from support.bus import PrivateBus
from support.desktop import Desktop
from support.program import Home
from support.shells import staying
from support.xserver import Pointer, Xvfb

from mousetrackd.desktop import launcher
from mousetrackd.desktop.autostart import Launch, Places

pytest_plugins = ("support.fixtures",)


@pytest.fixture
def places(home: Home) -> Places:
    """Where everything is after install, without systemd."""
    home.variables["PATH"] = str(home.folder)
    home.run_ok("install", "--allow-root")
    return Places(home.folder / "config", home.folder / "data")


def entry_of(text: str) -> configparser.ConfigParser:
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment,method-assign]  # keys are case-sensitive here
    entry.read_string(text)
    return entry


def clicked(entry: configparser.ConfigParser, section: str, folder: Path) -> list[str]:
    """What runs when a section's Exec is clicked: the words of each program, by stand-ins that write them down."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    ran = folder / "ran"
    ran.unlink(missing_ok=True)
    for name in ("mousetrackd", "xdg-open"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name}" "$@" >> "{ran}"\n')
        (programs / name).chmod(0o755)
    value = entry[section]["Exec"].replace("\\\\", "\\")  # first the escapes of a value, then the quotes of Exec
    # The quoting of Exec is a shell's, so a shell is asked.
    subprocess.run(
        ["sh", "-c", value.replace("%%", "%")],
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        check=True,
        timeout=30,
    )
    return ran.read_text().splitlines()


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("Desktop Entry", ["mousetrackd from-menu page --open"]),
        ("Desktop Action draw", ["mousetrackd from-menu snapshot", "mousetrackd from-menu latest --open"]),
        ("Desktop Action pause", ["mousetrackd from-menu pause"]),
        ("Desktop Action resume", ["mousetrackd from-menu resume"]),
        ("Desktop Action settings", ["xdg-open {folder}/a $HOME\"s 100% 'folder'/mousetrackd"]),
        ("Desktop Action start", ["mousetrackd from-menu install"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_entry_of_the_menu_runs_what_it_says(tmp_path: Path, section: str, expected: list[str]) -> None:
    folders = {"XDG_CONFIG_HOME": str(tmp_path / "a $HOME\"s 100% 'folder'")}
    launch = Launch((str(tmp_path / "programs" / "mousetrackd"), "run"), folders)
    text = launcher.launcher_text(launch, for_every_user=True)
    assert clicked(entry_of(text), section, tmp_path) == [line.replace("{folder}", str(tmp_path)) for line in expected]


def test_a_click_runs_the_program_itself_but_not_one_whose_name_the_specification_forbids() -> None:
    """Not all launchers understand quotes within quotes."""
    usual = launcher.launcher_text(Launch(("/usr/bin/mousetrackd", "run")))
    assert "\nExec=/usr/bin/mousetrackd from-menu page --open\n" in usual
    assert "\nExec=sh -c " in launcher.launcher_text(Launch(("/opt/a=b/mousetrackd", "run"))).partition("Actions")[0]


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="there is no desktop-file-validate")
def test_the_launcher_is_valid(places: Places) -> None:
    done = subprocess.run(
        [str(shutil.which("desktop-file-validate")), places.launcher], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(shutil.which("appstreamcli") is None, reason="there is no appstreamcli")
def test_the_description_is_valid_as_far_as_it_can_be_without_an_address(places: Places) -> None:
    done = subprocess.run(
        [str(shutil.which("appstreamcli")), "validate", "--no-net", "--no-color", places.metainfo],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "E: " not in done.stdout, done.stdout
    warnings = [line for line in done.stdout.splitlines() if line.startswith("W: ")]
    assert all("url-homepage-missing" in line for line in warnings), done.stdout


def test_the_icons_are_of_their_sizes_and_the_launcher_names_them(places: Places) -> None:
    entry = entry_of(places.launcher.read_text("utf-8"))
    for px in (48, 128, 256):
        path = places.icon(f"{px}x{px}")
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        assert picture.shape == (px, px, 4)
        assert path.stem == entry["Desktop Entry"]["Icon"] == places.launcher.stem
    assert places.icon("scalable").read_bytes().startswith(b"<svg ")


def test_uninstall_leaves_an_icon_of_the_users_own(home: Home, places: Places) -> None:
    own = places.icon("48x48")
    own.write_bytes(b"\x89PNG\r\n\x1a\n of the user's own")
    result = home.run_ok("uninstall", "--allow-root")
    assert f"left {own}, which mousetrackd did not write" in result
    assert [path for path in places.data_home.rglob("*") if path.is_file()] == [own]


# What a click does, where no terminal shows what is printed ---------------------------------------------


@pytest.fixture
def notified(home: Home) -> Iterator[Desktop]:
    """The user's desktop, which shows notifications."""
    bus = PrivateBus(home.folder / "runtime")
    bus.start()
    home.variables["DBUS_SESSION_BUS_ADDRESS"] = bus.address
    yield from staying(bus, Desktop(bus.address))
    bus.stop()


def test_a_click_before_anything_was_counted_says_so_in_a_notification(home: Home, notified: Desktop) -> None:
    assert home.run("from-menu", "page", "--open").code == 1
    (shown,) = notified.shown
    assert shown.summary == "mousetrackd could not do it"
    assert shown.body == "there is nothing to show yet: nothing has been counted\nTo begin: mousetrackd install"


def test_on_the_first_day_a_click_opens_a_page_and_pause_and_resume_are_answered(
    home: Home, notified: Desktop, desktop: Xvfb
) -> None:
    opened = home.folder / "opened"
    opener = home.folder / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$1" > "{opened}"\n')
    opener.chmod(0o755)
    home.variables |= {"PATH": f"{opener.parent}:{os.environ['PATH']}", "DISPLAY": desktop.name}
    home.configure("notifications = []\n")
    with home.running() as daemon:
        with Pointer() as pointer:
            pointer.move((5, 5), (300, 200))
        daemon.await_read()
        home.run_ok("from-menu", "page", "--open")
        assert opened.read_text() == f"{home.paths.history}\n"
        assert home.cells("travel"), "the page is also of what was counted a moment ago"
        assert notified.shown == []
        home.run_ok("from-menu", "pause")
        home.run_ok("from-menu", "resume")
    assert [(shown.summary, shown.body) for shown in notified.shown] == [
        ("mousetrackd: paused", ""),
        ("mousetrackd: tracking", ""),
    ]


def test_where_no_notification_can_be_shown_the_error_is_printed_all_the_same(home: Home) -> None:
    home.variables["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={home.folder}/none"
    result = home.run("from-menu", "stop")
    assert result.code == 3
    assert result.err.startswith("mousetrackd: mousetrackd is not running")
    assert "no notification could be shown" in result.err
