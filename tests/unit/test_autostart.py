"""What is written so that the daemon starts with the session, and which program it names."""

import configparser
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from mousetrackd.core.errors import MousetrackError
from mousetrackd.desktop.autostart import (
    Launch,
    Places,
    console_script,
    entry_text,
    files,
    own_launch,
    own_package,
    unit_text,
)
from mousetrackd.desktop.installer import install, packaged_for_all
from mousetrackd.desktop.managed_files import OwnFile
from mousetrackd.desktop.systemctl import UserSystemd
from mousetrackd.system.paths import Paths

WEIRD = [
    "/opt/a=b",
    '/home/a b/100%/$HOME/"q"/it\'s/bäckup',
    "/opt/back\\slash",
    "/opt/new\nline",
    "/srv/`id`;{}#",
    "/srv/a b=c%d$e\"f'g\\h",
]
"""Folders that people may have, and that quoting has to get right."""

LAUNCH = Launch(("/usr/bin/mousetrackd", "run"))


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def installed(site_packages: Path, record: str | None) -> metadata.Distribution:
    """A package as an installer leaves it: the notes beside it, with or without a list of its files."""
    notes = site_packages / "mousetrackd-0.1.0.dist-info"
    notes.mkdir(parents=True)
    (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: mousetrackd\nVersion: 0.1.0\n")
    if record is not None:
        (notes / "RECORD").write_text(f"mousetrackd/cli.py,,\n{record},,\n")
    return metadata.Distribution.at(notes)


# Which program ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefix",
    [".venv", ".local/share/pipx/venvs/mousetrackd", ".local/share/uv/tools/mousetrackd", ".local", "with a space/env"],
    ids=["venv", "pipx", "uv", "pip --user", "space"],
)
def test_the_script_is_the_one_its_installer_noted(tmp_path: Path, prefix: str) -> None:
    home = tmp_path / prefix
    package = installed(home / "lib/python3.11/site-packages", "../../../bin/mousetrackd")
    script = program(home / "bin/mousetrackd")
    other = program(tmp_path / "usr/bin/mousetrackd")
    assert console_script(package, other.parent / "python3") == script


def test_a_distribution_that_notes_no_files_has_it_beside_its_python(tmp_path: Path) -> None:
    package = installed(tmp_path / "usr/lib/python3/dist-packages", None)
    script = program(tmp_path / "usr/bin/mousetrackd")
    assert console_script(package, tmp_path / "usr/bin/python3") == script


def test_a_noted_script_that_is_gone_is_not_taken(tmp_path: Path) -> None:
    package = installed(tmp_path / "lib/python3.11/site-packages", "../../../bin/mousetrackd")
    script = program(tmp_path / "other/mousetrackd")
    assert console_script(package, script.with_name("python3")) == script


@pytest.mark.parametrize("there", ["nothing", "a file that cannot be run", "a folder"])
def test_without_a_script_it_says_what_to_install(tmp_path: Path, there: str) -> None:
    script = tmp_path / "bin/mousetrackd"
    if there == "a folder":
        script.mkdir(parents=True)
    elif there != "nothing":
        program(script).chmod(0o644)
    with pytest.raises(MousetrackError, match="there is no mousetrackd command beside") as raised:
        console_script(None, tmp_path / "bin/python3")
    assert raised.value.hint


def test_one_that_may_be_gone_tomorrow_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    program(tmp_path / "cache/uv/archive-v0/x/bin/mousetrackd")
    with pytest.raises(MousetrackError, match="is in a cache folder"):
        console_script(None, tmp_path / "cache/uv/archive-v0/x/bin/python3")


def test_this_very_installation_has_one() -> None:
    script = console_script(own_package(), Path(sys.executable))
    assert script.parent == Path(sys.executable).parent


# The unit -----------------------------------------------------------------------------------------------


def exec_start(text: str) -> str:
    (line,) = (line for line in text.splitlines() if line.startswith("ExecStart="))
    return line.removeprefix("ExecStart=")


def test_an_ordinary_path_is_written_as_it_is() -> None:
    line = exec_start(unit_text(Launch(("/home/ada/.local/bin/mousetrackd", "run"))))
    assert line.endswith(" /home/ada/.local/bin/mousetrackd run")


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/home/a b/mousetrackd", '"/home/a b/mousetrackd"'),
        ("/home/100%/mousetrackd", '"/home/100%%/mousetrackd"'),
        ("/home/$USER/mousetrackd", '"/home/$$USER/mousetrackd"'),
        ('/home/"/mousetrackd', r'"/home/\x22/mousetrackd"'),
        ("/home/\\/mousetrackd", r'"/home/\x5c/mousetrackd"'),
        ("/home/\n/mousetrackd", r'"/home/\x0a/mousetrackd"'),
        ("/home/'/mousetrackd", '"/home/\'/mousetrackd"'),
        ("/home/ä/mousetrackd", '"/home/ä/mousetrackd"'),
    ],
)
def test_what_means_something_to_systemd_is_written_so_that_it_does_not(path: str, written: str) -> None:
    assert exec_start(unit_text(Launch((path, "run")))).endswith(f" {written} run")


def test_the_unit_is_the_packaged_one_but_for_the_program() -> None:
    packaged = (Path(__file__).parents[2] / "systemd" / "mousetrackd.service").read_text("utf-8")
    before = packaged[packaged.index("[Unit]") :].splitlines()
    after = unit_text(LAUNCH).splitlines()[1:]
    changed = [line for line, old in zip(after, before, strict=True) if line != old]
    assert changed == [f"ExecStart={exec_start(packaged).replace('mousetrackd run', '/usr/bin/mousetrackd run')}"]


def test_folders_of_the_users_choice_are_passed_on_and_may_be_written() -> None:
    folders = {"XDG_DATA_HOME": "/disk/100% of $it", "XDG_CONFIG_HOME": "/etc/mine"}
    text = unit_text(Launch(LAUNCH.command, folders))
    assert (
        '\n[Service]\nEnvironment="XDG_DATA_HOME=/disk/100%% of $it"\nEnvironment=XDG_CONFIG_HOME=/etc/mine\n' in text
    )
    assert "%h/.local/share" not in text
    values = entry_values(entry_text(Launch(LAUNCH.command, folders), beside_unit=False))
    told = arguments(values["Exec"])[2].partition(" || exec ")[2]
    assert told == "env 'XDG_DATA_HOME=/disk/100% of $it' XDG_CONFIG_HOME=/etc/mine /usr/bin/mousetrackd run"


@pytest.mark.parametrize("folder", ["/usr/bin", *WEIRD])
def test_the_unit_runs_the_program_wherever_it_is(tmp_path: Path, folder: str) -> None:
    script = program(tmp_path / folder.lstrip("/") / "mousetrackd")
    script.write_text('#!/bin/sh\nprintf "%s|" "$0" "$@"\n')
    line = exec_start(unit_text(Launch((str(script), "run"))))
    # As systemd.syntax(7) and systemd.service(5) have it: quotes, escapes, then specifiers and variables.
    words = [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)]
    words = [re.sub(r"\\x(..)", lambda found: chr(int(found[1], 16)), word) for word in words]
    words = [word.replace("%%", "%").replace("$$", "$") for word in words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == f"{script}|run|"


@pytest.mark.parametrize("name", ["/home/\udcff/mousetrackd", "/home/\ufffe/mousetrackd"])
def test_a_name_that_nothing_can_start_is_refused(tmp_path: Path, name: str) -> None:
    systemd = UserSystemd(exists=True, answers=False, has_display=False)
    for launch in (Launch((name, "run")), Launch(LAUNCH.command, {"XDG_DATA_HOME": name})):
        with pytest.raises(MousetrackError, match="is not text"):
            files(Places(tmp_path, tmp_path), systemd, launch)


def test_only_folders_other_than_the_usual_ones_are_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / ".local/share"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    assert own_launch().folders == {"XDG_CONFIG_HOME": str(tmp_path / "elsewhere")}


# The entry ----------------------------------------------------------------------------------------------


def entry_values(text: str) -> dict[str, str]:
    """The keys of a desktop entry, with the escapes of its strings undone."""
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys are as they are written
    parser.read_string(text)
    escapes = {"\\": "\\", "n": "\n", "t": "\t", "r": "\r"}  # any other is an error

    def plain(value: str) -> str:
        return re.sub(r"\\(.?)", lambda found: escapes[found[1]], value)

    return {key: plain(value) for key, value in parser["Desktop Entry"].items()}


def arguments(value: str) -> list[str]:
    """The words of an Exec= value. Its quoting is a shell's, so a shell is asked."""
    done = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\0' {value}"], capture_output=True, text=True, timeout=20, check=True
    )
    # A percent sign by itself begins a field code, like %f.
    return [re.sub(r"%(.?)", lambda found: {"%": "%"}[found[1]], word) for word in done.stdout.split("\0")[:-1]]


@pytest.mark.parametrize("folder", ["/usr/bin", *WEIRD])
def test_the_entry_runs_the_program_wherever_it_is(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder.lstrip("/")
    script = program(place / "mousetrackd")
    script.write_text('#!/bin/sh\nprintf "%s|" "$0" "$@"\n')
    values = entry_values(entry_text(Launch((str(script), "run")), beside_unit=False))
    assert values["TryExec"] == str(script)
    without_systemctl = {"PATH": "/nonexistent"}
    shell, *words = arguments(values["Exec"])
    assert shell == "sh"
    done = subprocess.run(
        ["/bin/sh", *words], env=without_systemctl, capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == f"{script}|run|"
    values = entry_values(entry_text(Launch((str(script), "run"), {"XDG_DATA_HOME": folder}), beside_unit=False))
    script.write_text('#!/bin/sh\nprintf %s "$XDG_DATA_HOME"\n')
    directly = arguments(values["Exec"])[2].partition(" || exec ")[2]
    done = subprocess.run(["/bin/sh", "-c", directly], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == folder


@pytest.mark.parametrize("session_is_systemds", [True, False])
def test_the_entry_asks_systemd_first(tmp_path: Path, session_is_systemds: bool) -> None:
    asked = tmp_path / "asked"
    systemctl = program(tmp_path / "bin/systemctl")
    refusing = "" if session_is_systemds else '[ "$3" = is-active ] && exit 3; exit 0'
    systemctl.write_text(f'#!/bin/sh\necho "$@" >>"{asked}"\n{refusing}\n')
    values = entry_values(entry_text(LAUNCH, beside_unit=True))
    _, *words = arguments(values["Exec"])
    subprocess.run(["/bin/sh", *words], env={"PATH": str(systemctl.parent)}, timeout=20, check=True)
    is_active, *rest = asked.read_text().splitlines()
    assert is_active == "--user -q is-active graphical-session.target"
    if session_is_systemds:
        assert rest == ["--user start mousetrackd"]
    else:
        assert rest[0].startswith("--user import-environment DISPLAY XAUTHORITY")
        assert rest[1:] == ["--user restart mousetrackd"]


def test_only_beside_a_unit_is_the_entry_skipped_by_systemd() -> None:
    assert entry_values(entry_text(LAUNCH, beside_unit=True))["X-systemd-skip"] == "true"
    assert "X-systemd-skip" not in entry_values(entry_text(LAUNCH, beside_unit=False))


# Which files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exists", [True, False])
def test_without_systemctl_there_is_no_unit_but_always_an_entry(tmp_path: Path, exists: bool) -> None:
    places = Places(tmp_path / "config", tmp_path / "data")
    systemd = UserSystemd(exists=exists, answers=False, has_display=False)
    paths = [file.path for file in files(places, systemd, LAUNCH)]
    assert paths == ([places.unit, places.entry] if exists else [places.entry])
    assert not os.listdir(tmp_path)  # noqa: PTH208 - nothing is written yet


@pytest.mark.parametrize(
    ("command", "folders", "has_unit", "is_packaged"),
    [
        (("bin/mousetrackd", "run"), {}, True, True),
        (("bin/mousetrackd", "run"), {}, False, False),
        (("local/bin/mousetrackd", "run"), {}, True, False),
        (("bin/mousetrackd", "run", "--allow-root"), {}, True, False),
        (("bin/mousetrackd", "run"), {"XDG_DATA_HOME": "/elsewhere"}, True, False),
    ],
    ids=["packaged", "no unit", "another installation", "root", "other folders"],
)
def test_the_unit_of_a_package_is_used_for_the_program_of_that_package(
    tmp_path: Path, command: tuple[str, ...], folders: dict[str, str], has_unit: bool, is_packaged: bool
) -> None:
    places = Places(tmp_path / "config", tmp_path / "data", usr=tmp_path)
    unit = tmp_path / "lib/systemd/user/mousetrackd.service"
    if has_unit:
        unit.parent.mkdir(parents=True)
        unit.touch()
    launch = Launch((str(tmp_path / command[0]), *command[1:]), folders)
    assert places.packaged_unit(launch) == (unit if is_packaged else None)
    systemd = UserSystemd(exists=True, answers=True, has_display=True)
    assert (files(places, systemd, launch)[0].path == places.entry) == is_packaged


def test_what_a_package_brings_replaces_what_an_earlier_installation_wrote(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # so that there is no GNOME Shell
    places, usual = Places(tmp_path / "config", tmp_path / "data"), UserSystemd(True, False, False, "no bus")
    superseded = packaged_for_all(places)
    own = [OwnFile(path, "ours\n", comment='.\\"') for path in superseded if path.suffix != ".png"]
    for file in own:
        file.write()
    foreign = own.pop().path
    foreign.write_text("the user's own\n")
    paths = Paths(*(tmp_path / name for name in ("config", "data", "runtime", "state")))
    done = list(install([], usual, paths, start=True, superseded=superseded))
    assert done[:-1] == [f"removed {file.path}" for file in own]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [foreign]
    assert list(install([], usual, paths, start=True, superseded=superseded)) == []
