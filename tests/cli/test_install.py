"""install and uninstall as a user types them, beside a systemctl that notes what it is asked."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.program import Home
from support.systemctl import FakeSystemctl

from mousetrackd.capture.wayland.gnome_extension import UUID
from mousetrackd.desktop.autostart import Places
from mousetrackd.desktop.managed_files import OwnFile

pytest_plugins = ("support.fixtures",)

AS_ROOT = ("--allow-root",)
"""Means nothing to anyone else."""


@pytest.fixture
def without_systemctl(home: Home) -> None:
    home.variables |= {"PATH": str(home.folder), "XDG_DATA_DIRS": str(home.folder / "share")}


def places_of(home: Home) -> Places:
    return Places(home.folder / "config", home.folder / "data")


def install(home: Home, *options: str) -> str:
    return home.run_ok("install", *AS_ROOT, *options)


def uninstall(home: Home, *options: str) -> str:
    return home.run_ok("uninstall", *AS_ROOT, *options)


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file and link below ``folder``, with its content."""
    paths = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def everything(home: Home) -> dict[str, bytes]:
    return files_in(home.folder / "config") | files_in(home.folder / "data")


# Good days ----------------------------------------------------------------------------------------------


def test_install_writes_enables_and_starts(home: Home, systemctl: FakeSystemctl) -> None:
    result = install(home)
    assert set(everything(home)) == {
        "systemd/user/mousetrackd.service",
        "systemd/user/graphical-session.target.wants/mousetrackd.service",
        "autostart/mousetrackd.desktop",
        "bash-completion/completions/mousetrackd",
        "zsh/site-functions/_mousetrackd",
        "fish/vendor_completions.d/mousetrackd.fish",
        "man/man1/mousetrackd.1",
        "applications/org.mousetrackd.mousetrackd.desktop",
        "metainfo/org.mousetrackd.mousetrackd.metainfo.xml",
        "icons/hicolor/scalable/apps/org.mousetrackd.mousetrackd.svg",
        "icons/hicolor/48x48/apps/org.mousetrackd.mousetrackd.png",
        "icons/hicolor/128x128/apps/org.mousetrackd.mousetrackd.png",
        "icons/hicolor/256x256/apps/org.mousetrackd.mousetrackd.png",
    }
    assert systemctl.changes() == ["daemon-reload", "enable mousetrackd.service", "start mousetrackd.service"]
    assert "enabled: it starts with every graphical session\nstarted;" in result


@pytest.mark.usefixtures("systemctl")
def test_a_systemd_that_starts_entries_itself_is_told_to_skip_this_one(home: Home) -> None:
    install(home)
    assert "\nX-systemd-skip=true\n" in places_of(home).entry.read_text()


def test_a_second_install_changes_nothing_and_says_so(home: Home, systemctl: FakeSystemctl) -> None:
    install(home)
    systemctl.changes()
    before = {path: (home.folder / "config" / path).lstat() for path in files_in(home.folder / "config")}
    assert install(home) == "nothing to change: mousetrackd is installed\n"
    assert {path: (home.folder / "config" / path).lstat() for path in before} == before
    assert systemctl.changes() == []


@pytest.mark.usefixtures("without_systemctl")
def test_without_systemd_there_is_only_the_entry(home: Home) -> None:
    result = install(home)
    assert not places_of(home).unit.exists()
    assert "X-systemd-skip" not in places_of(home).entry.read_text()
    assert "there is no systemctl" in result
    assert install(home) == "nothing to change: mousetrackd is installed\n"


def test_where_systemd_cannot_be_asked_the_entry_does_it_until_it_can(home: Home, systemctl: FakeSystemctl) -> None:
    systemctl.fails("show-environment", "Failed to connect to bus: No medium found")
    result = install(home)
    assert "(Failed to connect to bus: No medium found): the autostart entry starts mousetrackd" in result
    assert places_of(home).unit.exists()
    assert "X-systemd-skip" not in places_of(home).entry.read_text()
    assert systemctl.changes() == []
    (systemctl.bin.parent / "fail-show-environment").unlink()
    assert f"updated {places_of(home).entry}\n" in install(home)
    assert "enable mousetrackd.service" in systemctl.changes()


def test_a_session_without_a_display_starts_nothing(home: Home, systemctl: FakeSystemctl) -> None:
    systemctl.knows_display(yes=False)
    assert "not started now, because systemd knows no display;" in install(home)
    assert systemctl.changes() == ["daemon-reload", "enable mousetrackd.service"]


def test_in_gnome_the_extension_comes_and_goes_with_the_rest(home: Home, systemctl: FakeSystemctl) -> None:
    enabled = home.folder / "enabled"
    enabled.write_text("@as []\n")
    programs = {
        "gnome-shell": "echo GNOME Shell 43.9",
        "gsettings": f'case $1 in get) cat "{enabled}" ;; set) printf "%s\\n" "$4" >"{enabled}" ;; esac',
    }
    for name, text in programs.items():
        (systemctl.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (systemctl.bin / name).chmod(0o755)
    extension = home.folder / "data" / "gnome-shell" / "extensions" / UUID
    assert f"# switched on in GNOME Shell: {UUID}\n" in install(home, "--dry-run")
    assert not extension.exists()
    assert "log out and in once" in install(home)
    assert (extension / "metadata.json").exists()
    assert UUID in enabled.read_text()
    assert install(home) == "nothing to change: mousetrackd is installed\n"
    uninstall(home)
    assert not extension.exists()
    assert UUID not in enabled.read_text()


@pytest.mark.usefixtures("systemctl")
def test_beside_kwin_its_effect_comes_and_goes_with_the_rest(home: Home) -> None:
    (home.folder / "share" / "kwin-wayland").mkdir(parents=True)
    before = everything(home)
    effect = places_of(home).kwin_effect
    assert f"# {effect['main.js']}\n" in install(home, "--dry-run")
    assert everything(home) == before
    assert "log out and in once, and clicks are seen" in install(home)
    assert json.loads(effect["metadata.json"].read_text())["KPlugin"]["EnabledByDefault"] is False
    assert effect["main.js"].relative_to(effect["metadata.json"].parent) == Path("contents/code/main.js")
    assert install(home) == "nothing to change: mousetrackd is installed\n"
    effect["main.js"].write_text("// mine\n")
    assert f"{effect['main.js']} (there was a file that mousetrackd did not write; it is now main.js.~1~)" in install(
        home
    )
    uninstall(home)
    assert [name for name in everything(home) if "kwin" in name] == [
        "kwin/effects/mousetrackd/contents/code/main.js.~1~"
    ]


def test_a_gnome_that_is_not_known_is_reported_and_the_rest_is_installed(home: Home, systemctl: FakeSystemctl) -> None:
    (systemctl.bin / "gnome-shell").write_text("#!/bin/sh\necho GNOME Shell 41.2\n")
    (systemctl.bin / "gsettings").write_text("#!/bin/sh\n")
    (systemctl.bin / "gsettings").chmod(0o755)
    assert "GNOME Shell: the extension is for GNOME Shell 42 to" in install(home)
    assert places_of(home).unit.exists()


def test_no_start_starts_nothing(home: Home, systemctl: FakeSystemctl) -> None:
    install(home, "--no-start")
    assert systemctl.changes() == ["daemon-reload", "enable mousetrackd.service"]


@pytest.mark.usefixtures("desktop")
def test_one_that_runs_already_is_left_alone(home: Home, systemctl: FakeSystemctl) -> None:
    with home.running() as daemon:
        assert f"it already runs (pid {daemon.pid})" in install(home)
        assert not daemon.has_ended()
    assert systemctl.changes() == ["daemon-reload", "enable mousetrackd.service"]


def test_a_unit_that_changes_while_it_is_active_is_restarted(home: Home, systemctl: FakeSystemctl) -> None:
    install(home)
    unit = places_of(home).unit
    unit.write_text(unit.read_text().replace("Nice=5", "Nice=6"))
    systemctl.changes()
    install(home)
    assert systemctl.changes() == ["daemon-reload", "restart mousetrackd.service"]


# Dry run ------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_what_would_run_and_writes_nothing(home: Home, systemctl: FakeSystemctl) -> None:
    shown = home.run_ok("install", "--dry-run")
    assert everything(home) == {}
    assert systemctl.changes() == []
    install(home)
    written = everything(home)
    for name in ("systemd/user/mousetrackd.service", "autostart/mousetrackd.desktop"):
        assert f"# {home.folder / 'config' / name}\n{written[name].decode()}" in shown
    assert f"# {places_of(home).unit} is there already\n" in home.run_ok("install", "--dry-run")


# Files of the user's ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("systemctl")
def test_what_an_older_version_wrote_is_upgraded(home: Home) -> None:
    install(home)
    new = everything(home)
    # As another version left it: another text, with the mark that belongs to it.
    OwnFile(places_of(home).unit, "[Unit]\nDescription=as it was\n").write()
    assert f"updated {places_of(home).unit}\n" in install(home)
    assert everything(home) == new


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("old", ["[Service]\nExecStart=mine\n", ""], ids=["a file of the user's", "an empty file"])
def test_what_the_user_wrote_is_kept_and_reported(home: Home, old: str) -> None:
    unit = places_of(home).unit
    unit.parent.mkdir(parents=True)
    unit.write_text(old)
    (unit.parent / "mousetrackd.service.~1~").write_text("kept before")
    assert "there was a file that mousetrackd did not write; it is now mousetrackd.service.~2~" in install(home)
    assert (unit.parent / "mousetrackd.service.~1~").read_text() == "kept before"
    assert (unit.parent / "mousetrackd.service.~2~").read_text() == old


@pytest.mark.usefixtures("systemctl")
def test_a_link_of_the_users_is_kept_and_what_it_leads_to_untouched(home: Home) -> None:
    target = home.folder / "dotfiles.service"
    target.write_text("mine")
    unit = places_of(home).unit
    unit.parent.mkdir(parents=True)
    unit.symlink_to(target)
    install(home)
    assert target.read_text() == "mine"
    assert not unit.is_symlink()
    assert (unit.parent / "mousetrackd.service.~1~").readlink() == target


# Bad days -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "call"), [("enable", "enable"), ("start", "start"), ("daemon-reload", "daemon")])
def test_a_systemctl_that_fails_is_quoted(home: Home, systemctl: FakeSystemctl, command: str, call: str) -> None:
    systemctl.fails(command, "it is not in the mood")
    result = home.run("install", *AS_ROOT)
    assert result.code == 1
    assert result.err.startswith(f"mousetrackd: systemctl --user {call}")
    assert "failed: it is not in the mood\n" in result.err
    assert len(result.err_lines) == 2


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("there", ["file", "folder"])
def test_what_is_in_the_way_is_reported(home: Home, there: str) -> None:
    entry = places_of(home).entry
    if there == "file":
        entry.parent.parent.mkdir()
        entry.parent.write_text("")
    else:
        entry.mkdir(parents=True)
    result = home.run("install", *AS_ROOT)
    assert result.code == 1
    assert result.err.startswith("mousetrackd: cannot ")
    assert len(result.err_lines) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="root is what is refused")
@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_root_is_refused(home: Home, command: str) -> None:
    result = home.run(command)
    assert result.code == 77
    assert f"mousetrackd {command} --allow-root" in result.err
    assert everything(home) == {}


# Away with it -------------------------------------------------------------------------------------------


def test_uninstall_leaves_exactly_nothing(home: Home, systemctl: FakeSystemctl) -> None:
    install(home)
    systemctl.changes()
    uninstall(home)
    assert [*(home.folder / "config").iterdir(), *(home.folder / "data").iterdir()] == []
    assert systemctl.changes() == [
        "disable --now mousetrackd.service",
        "daemon-reload",
        "reset-failed mousetrackd.service",
    ]
    assert uninstall(home) == ""


def test_uninstall_does_alone_what_systemd_would_have_done(home: Home, systemctl: FakeSystemctl) -> None:
    install(home)
    systemctl.fails("show-environment", "Failed to connect to bus")
    uninstall(home)
    assert [*(home.folder / "config").iterdir(), *(home.folder / "data").iterdir()] == []


@pytest.mark.usefixtures("systemctl")
def test_uninstall_leaves_what_others_put_beside_it(home: Home) -> None:
    other = places_of(home).entry.with_name("another.desktop")
    other.parent.mkdir(parents=True)
    other.write_text("theirs")
    install(home)
    uninstall(home)
    assert everything(home) == {"autostart/another.desktop": b"theirs"}


@pytest.mark.usefixtures("systemctl")
def test_uninstall_keeps_what_the_user_changed_or_wrote(home: Home) -> None:
    install(home)
    places = places_of(home)
    with places.unit.open("a") as file:
        file.write("Nice=7\n")
    changed = places.unit.read_bytes()
    places.entry.write_bytes(b"all mine")
    result = uninstall(home)
    assert everything(home) == {"autostart/mousetrackd.desktop": b"all mine"} | (
        {"systemd/user/mousetrackd.service": changed}  # a line after our mark: it is no file of ours any more
    )
    assert f"left {places.entry}, which mousetrackd did not write" in result


@pytest.mark.usefixtures("systemctl")
def test_uninstall_puts_a_changed_file_out_of_the_way(home: Home) -> None:
    install(home)
    unit = places_of(home).unit
    unit.write_text(unit.read_text().replace("Nice=5", "Nice=7"))
    assert "you had changed it by hand; it is now mousetrackd.service.~1~" in uninstall(home)
    assert set(everything(home)) == {"systemd/user/mousetrackd.service.~1~"}


@pytest.mark.usefixtures("systemctl", "desktop")
def test_uninstall_ends_the_daemon_and_leaves_the_data(home: Home) -> None:
    install(home)
    with home.running() as daemon:
        result = uninstall(home)
        assert daemon.ends() == 0
    assert f"stopped mousetrackd (pid {daemon.pid})" in result
    assert f"stay in {home.paths.data_dir}; to remove them" in result
    assert home.paths.store.exists()


@pytest.mark.usefixtures("systemctl", "desktop")
def test_purge_leaves_nothing_at_all(home: Home) -> None:
    install(home)
    unit = places_of(home).unit
    unit.write_text(unit.read_text().replace("Nice=5", "Nice=7"))
    install(home)  # which keeps the changed one beside it
    home.configure("checkpoint_interval_s = 60\n")
    with home.running():
        uninstall(home, "--purge", "--yes")
    left = [path for name in ("config", "data", "state", "runtime") for path in (home.folder / name).glob("*")]
    assert left == []


def test_purge_does_not_follow_a_link_to_who_knows_where(home: Home) -> None:
    disk = home.folder / "disk"
    disk.mkdir()
    (disk / "holiday.jpg").write_bytes(b"precious")
    home.paths.data_dir.parent.mkdir()
    home.paths.data_dir.symlink_to(disk)
    assert f"remove what it leads to yourself, {disk}\n" in uninstall(home, "--purge", "--yes")
    assert (disk / "holiday.jpg").read_bytes() == b"precious"


@pytest.mark.parametrize("answer", ["y\n", "n\n", ""])
def test_purge_with_nobody_to_ask_wants_yes_said(home: Home, answer: str) -> None:
    home.paths.data_dir.mkdir(parents=True)
    home.paths.store.write_bytes(b"precious")
    result = home.run("uninstall", "--purge", *AS_ROOT, stdin=answer)
    assert result.code == 2
    assert "--yes" in result.err
    assert home.paths.store.read_bytes() == b"precious"


# With the real ones -------------------------------------------------------------------------------------


def said_by(home: Home, *words: str | Path) -> tuple[int, str, str]:
    """What another program says, and how it ends."""
    done = subprocess.run(
        words,
        env={**home.environment(), "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
@pytest.mark.usefixtures("systemctl")
def test_systemd_has_nothing_to_say_against_the_unit(home: Home) -> None:
    install(home)
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        home.variables["XDG_RUNTIME_DIR"] = short
        assert said_by(home, "systemd-analyze", "--user", "verify", places_of(home).unit) == (0, "", "")


@pytest.mark.skipif(shutil.which("man") is None, reason="there is no man")
@pytest.mark.usefixtures("systemctl")
def test_man_shows_the_page_without_a_warning(home: Home) -> None:
    install(home)
    code, page, warnings = said_by(home, "man", "--warnings", "-l", places_of(home).man_page)
    assert (code, warnings) == (0, "")
    for words in ("mousetrackd install", "--no-start", "SIGUSR1", "latest.png", "mousetrackd uninstall --purge"):
        assert words in page


def test_bash_completes_commands_and_options(home: Home) -> None:
    install(home)
    script = places_of(home).completions["bash"]

    def completed(*words: str) -> list[str]:
        ask = f'. "$0"; COMP_WORDS=({" ".join(words)}) COMP_CWORD={len(words) - 1}; _mousetrackd_completion mousetrackd'
        done = subprocess.run(
            ["bash", "-c", ask + '; printf "%s\\n" "${COMPREPLY[@]}"', script],
            env={**home.environment(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.split()

    assert completed("mousetrackd", "uni") == ["uninstall"]
    assert completed("mousetrackd", "uninstall", "--p") == ["--purge"]


@pytest.mark.parametrize(("shell", "only_read"), [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")])
def test_shells_can_read_what_completes_them(home: Home, shell: str, only_read: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    install(home)
    assert said_by(home, shell, only_read, places_of(home).completions[shell]) == (0, "", "")
