"""doctor as a user runs it: whatever is wrong it says what, changes nothing, and never falls over."""

import json
import platform
import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from support.in_process import Result
from support.program import Home
from support.systemctl import FakeSystemctl

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.clock_guard import Known, Moment
from mousetrackd.core.counts import Counts
from mousetrackd.core.series import Series
from mousetrackd.storage.store import Store

pytest_plugins = ("support.fixtures",)

LEVELS = ("ok", "warning", "problem")


def doctor(home: Home, *options: str, own_process: bool = False) -> Result:
    """What it says; it has changed nothing, and a line that is no finding belongs to the one above it.

    Within this process most libraries are loaded already; in its own process it has to try each. It needs one where
    the display refuses: python-xlib then leaves a socket unclosed, which this process would report.
    """
    before = files_in(home.folder)
    run = home.run_process if own_process else home.run
    result = run("doctor", *options)
    assert files_in(home.folder) == before
    assert "Traceback" not in result.out + result.err
    assert result.err == ""
    return result


def files_in(folder: Path) -> dict[Path, bytes]:
    """Every file below ``folder`` but what SQLite makes beside a store that is read, and a fake's notes."""
    passing = ("-shm", "-wal", "calls", "status.json", ".log")
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.name.endswith(passing)}


def found(result: Result) -> dict[str, str]:
    """The level of each finding by what it is about; the worst where there are several."""
    levels: dict[str, str] = {}
    for line in result.out.splitlines():
        level, about = line[:8].strip(), line[9:].partition(":")[0]
        if level:
            assert level in LEVELS
            levels[about] = max(level, levels.get(about, "ok"), key=LEVELS.index)
    assert result.code == ("problem" in levels.values())
    return levels


def count_something(home: Home) -> None:
    file = home.folder / "pairs.json"
    file.write_text('{"(15341, 3973)": 1}')
    home.run_ok("import", file, "--size", "16000x4000", "--monitor", "DP-1")


# Good days ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("desktop", "systemctl")
def test_where_all_is_well_it_says_so_in_every_point(home: Home) -> None:
    home.run_ok("install", "--allow-root")
    assert found(doctor(home))["source"] == "ok"  # tried, for no daemon listens
    with home.running():
        result = doctor(home, own_process=True)
    assert set(found(result)) == {
        "versions",
        "system",
        "session",
        "configuration",
        "source",
        "libraries",
        "unit",
        "unit file",
        "autostart entry",
        "daemon",
        "folders",
        "store",
        "clock",
        "disk",
    }
    assert set(found(result).values()) == {"ok"}
    assert re.search(r"source: pynput \(X11 :\d+\), the first that fits", result.out)
    assert "daemon: tracking" in result.out


def test_a_key_under_an_old_name_is_a_warning_that_says_what_to_write(home: Home) -> None:
    home.configure("[store]\nhours_days = 3\n")
    result = doctor(home)
    assert found(result)["configuration"] == "warning"
    assert "uses store.hours_days, the old name of store.keep_hourly_pixels_days" in result.out
    assert "Write keep_hourly_pixels_days instead" in result.out


def test_without_anything_it_only_warns(home: Home) -> None:
    home.variables["PATH"] = str(home.folder)
    levels = found(doctor(home))
    assert "problem" not in levels.values()
    assert {about for about, level in levels.items() if level == "warning"} == {
        "session",
        "source",
        "unit",
        "autostart entry",
        "daemon",
    }


def test_the_autostart_entry_is_named_as_the_starter_only_where_there_is_one(home: Home) -> None:
    home.variables["PATH"] = str(home.folder)
    instead = "The autostart entry starts mousetrackd instead."
    before = doctor(home).out
    assert "systemd cannot be asked" in before
    assert instead not in before
    home.run_ok("install", "--allow-root")
    assert instead in doctor(home).out


@pytest.mark.parametrize(
    ("library", "level", "breaks"),
    [
        ("cv2", "problem", "import os; os.abort()"),
        ("pynput", "problem", "raise ImportError('libwanted.so.1: cannot open')"),
        ("pywayland", "warning", "raise ImportError('libwanted.so.1: cannot open')"),
    ],
)
def test_a_library_that_cannot_be_loaded_is_never_ok(home: Home, library: str, level: str, breaks: str) -> None:
    package = home.folder / "broken" / library
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(breaks)
    # The helper looks whether doctor has written anything, and bytecode is not doctor's.
    home.variables |= {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    result = doctor(home, own_process=True)
    assert found(result)["libraries"] == level
    (line,) = [line for line in result.out.splitlines() if "libraries:" in line]
    assert f"{library} cannot be loaded, so " in line
    assert line.endswith("libwanted.so.1: cannot open") == ("raise" in breaks)


def test_without_a_display_the_name_of_the_source_has_no_stray_blank(home: Home) -> None:
    result = doctor(home)
    assert "pynput (X11) cannot listen" in result.out


# Whatever is wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["a chunk", "cut short", "empty", "a folder", "text", "someone else's"])
def test_a_store_that_is_not_whole_is_a_problem(home: Home, damage: str) -> None:
    count_something(home)
    store = home.paths.store
    content = store.read_bytes()
    match damage:
        case "a chunk":
            with closing(sqlite3.connect(store)) as connection, connection:
                connection.execute("UPDATE chunk SET checksum = checksum + 1")
        case "cut short":
            store.write_bytes(content[: len(content) // 2])
        case "empty":
            store.write_bytes(b"")
        case "a folder":
            store.unlink()
            store.mkdir()
        case "text":
            store.write_text("nothing of SQLite's" * 100)
        case _:
            store.unlink()
            with closing(sqlite3.connect(store)) as connection, connection:
                connection.execute("CREATE TABLE theirs (x)")
    assert found(doctor(home))["store"] == "problem"


def test_counts_in_the_future_are_reported_and_the_command_that_removes_them(home: Home) -> None:
    count_something(home)
    with Store.open(home.paths.store) as store:
        ((screen, *_),) = store.read(("dwell",)).counts
        counts = Counts.from_pixels(screen.width_px, screen.height_px, np.array([7]))
        begin_s = int(time.time()) + 1100 * 86_400
        store.commit(Tally({Series(screen, "dwell"): counts}), begin_s, begin_s + 60)
    result = doctor(home)
    assert found(result)["clock"] == "warning"
    assert "1 piece of the counts is in the future" in result.out
    (command,) = re.findall(r"mousetrackd (forget --since \S+)", result.out)
    assert "1 piece of the counts" in home.run_ok(*command.split(), "--yes")
    assert found(doctor(home))["clock"] == "ok"
    assert home.cells("dwell") == {(15341, 3973): 1}


def test_a_clock_that_leapt_is_reported(home: Home) -> None:
    count_something(home)
    leap = Moment(int(time.time()) + 90 * 86_400, 0, "1 1")
    home.paths.clock.write_text(Known(int(time.time()), leap).to_json())
    result = doctor(home)
    assert found(result)["clock"] == "warning"
    assert "90 days ahead" in result.out


def test_stores_set_aside_are_named(home: Home) -> None:
    count_something(home)
    shutil.copy(home.paths.store, home.paths.data_dir / "heat.damaged-20260101T000000Z.sqlite3")
    result = doctor(home)
    assert found(result)["set aside"] == "warning"
    assert "heat.damaged-20260101T000000Z.sqlite3" in result.out


def test_an_excluded_monitor_that_was_never_seen_is_named(home: Home) -> None:
    count_something(home)
    with Store.open_read_only(home.paths.store) as store:
        (screen,) = store.monitors().values()
    home.configure(f'[privacy]\nexclude = ["{screen.output} 0,0 9x9", "DP-7 0,0 640x480", "0,0 5x5"]\n')
    result = doctor(home)
    assert found(result)["exclusions"] == "warning"
    assert (
        f"names DP-7, a monitor that was never seen: it excludes nothing\n         Seen were: {screen.label}"
        in result.out
    )
    assert result.out.count("privacy.exclude") == 1


def test_a_wrong_configuration_is_reported_key_by_key(home: Home) -> None:
    home.configure('warp_px = 0\nsuorce = "auto"\n')
    result = doctor(home)
    assert found(result)["configuration"] == "problem"
    assert "warp_px: expected" in result.out
    assert "did you mean source?" in result.out


def test_a_display_that_does_not_answer_is_a_problem(home: Home) -> None:
    home.variables["DISPLAY"] = ":987"
    assert found(doctor(home, own_process=True))["source"] == "problem"


def test_while_paused_nobody_listens_not_even_the_doctor(home: Home) -> None:
    home.variables["DISPLAY"] = ":987"
    assert home.run("pause").code == 3
    assert found(doctor(home, own_process=True))["source"] == "ok"


@pytest.mark.usefixtures("systemctl")
def test_a_unit_that_failed_is_a_problem(home: Home, systemctl: FakeSystemctl) -> None:
    home.run_ok("install", "--allow-root")
    systemctl.unit_is("failed")
    result = doctor(home)
    assert found(result)["unit"] == "problem"
    assert "journalctl --user -u mousetrackd" in result.out


@pytest.mark.usefixtures("systemctl")
def test_an_entry_of_the_users_own_is_reported(home: Home) -> None:
    home.run_ok("install", "--allow-root")
    entry = home.folder / "config" / "autostart" / "mousetrackd.desktop"
    entry.write_text("[Desktop Entry]\nmine")
    levels = found(doctor(home))
    assert (levels["autostart entry"], levels["unit file"]) == ("warning", "ok")


def test_a_folder_that_others_can_enter_is_reported(home: Home) -> None:
    home.paths.data_dir.mkdir(parents=True, mode=0o755)
    home.paths.data_dir.chmod(0o755)
    result = doctor(home)
    assert found(result)["folders"] == "warning"
    assert f"chmod 700 {home.paths.data_dir}" in result.out


@pytest.mark.usefixtures("desktop")
def test_what_the_daemon_complains_of_is_repeated(home: Home) -> None:
    home.paths.data_dir.mkdir(parents=True)
    home.paths.snapshots.write_text("a file in the way of the pictures")
    with home.running() as daemon:
        result = home.run("snapshot")
        assert result.code == 1
        daemon.await_status(lambda status: bool(status["problems"]), "it has a problem")
        assert found(doctor(home))["daemon"] == "problem"


# For bug reports ----------------------------------------------------------------------------------------


def test_the_json_holds_nothing_private(home: Home) -> None:
    person = home.folder / "home-of-ada"
    person.mkdir()
    home.variables |= {"HOME": str(person), "LOGNAME": "ada", "USER": "ada", "DISPLAY": f"{platform.node()}:9"}
    home.variables |= dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"))
    count_something(home)
    data = person / ".local/share/mousetrackd"
    (data / "heat.sqlite3").rename(data / "heat.damaged-20260101T000000Z.sqlite3")
    (data / "heat.sqlite3").write_bytes(b"")
    configuration = person / ".config/mousetrackd/config.toml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(f'source = "replay:{person}/by-ada.csv"\nsnapshot.scale = "{person}"\n')

    plain = doctor(home, own_process=True)
    assert str(person) in plain.out  # so there is something to hide
    result = doctor(home, "--json", own_process=True)
    assert result.code == plain.code == 1
    for private in (str(person), "ada", platform.node(), "15341", "3973"):
        assert not re.search(rf"(?<!\w){re.escape(private)}(?!\w)", result.out), private
    findings = json.loads(result.out)["findings"]
    assert {finding["level"] for finding in findings} == set(LEVELS)
    assert "<data>/heat.sqlite3 is damaged" in next(f["says"] for f in findings if f["about"] == "store")
