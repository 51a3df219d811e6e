"""Checks everything that could be wrong, changes nothing, and reports what to do.

The checks are independent: one that fails is itself a finding, and the others still run.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import re
import shutil
import stat
import time
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mousetrackd import __version__, config
from mousetrackd.capture import registry
from mousetrackd.capture.wayland import gnome_extension
from mousetrackd.core.errors import ConfigError, MousetrackError, StoreError
from mousetrackd.core.findings import Finding, Level, ok, problem, warning
from mousetrackd.core.monitors import selected
from mousetrackd.core.wording import printable
from mousetrackd.daemon import client, pause_state
from mousetrackd.daemon.clocks import known_of_clock
from mousetrackd.daemon.privacy_guard import ConfigFile, VanishedError
from mousetrackd.desktop import autostart, kwin
from mousetrackd.desktop.managed_files import Found
from mousetrackd.desktop.systemctl import look_at_systemd, show_unit
from mousetrackd.storage.store import Store
from mousetrackd.system import displays
from mousetrackd.system.libraries import LIBRARIES, why_not_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mousetrackd.storage.readings import Held
    from mousetrackd.system.paths import Paths

_TIGHT_BYTES = 500 * 1024**2
_FULL_BYTES = 50 * 1024**2
_STORE_PROBLEMS_SHOWN = 5
_AHEAD_S = 60
"""A clock that is slewed may be set back a little while it counts."""


def examine(paths: Paths, places: autostart.Places) -> list[Finding]:
    """Everything that was found, good or bad. Takes as long as reading the whole store does."""
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "versions": _versions,
        "session": _session,
        "configuration": lambda: _configuration(paths),
        "exclusions": lambda: _exclusions(paths),
        "source": lambda: _source(paths),
        "clicks": lambda: kwin.examine(places),
        "extension": _extension,
        "libraries": _libraries,
        "unit": lambda: _unit(places),
        "autostart": lambda: _autostart(places),
        "daemon": lambda: _daemon(paths),
        "folders": lambda: _folders(paths),
        "store": lambda: _store(paths),
        "clock": lambda: _clock(paths),
        "set aside": lambda: _set_aside(paths),
        "disk": lambda: _disk(paths),
    }
    return [finding for about, check in checks.items() for finding in _run(about, check)]


def _run(about: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return [*check()]
    except MousetrackError as error:
        return [problem(about, error.message, error.hint)]
    except Exception as error:  # noqa: BLE001 - whatever it is, the other checks are still worth having
        return [problem(about, f"this check failed: {type(error).__name__}: {error}", "Please report it.")]


def lines(findings: Sequence[Finding]) -> list[str]:
    """For people: a line per finding, and what to do about it below."""
    report = []
    for finding in findings:
        first, *rest = finding.says.splitlines() or [""]
        report.append(f"{finding.level:8} {finding.about}: {first}")
        report += [f"{'':8} {line}" for line in (*rest, *finding.hint.splitlines())]
    return report


def as_json(findings: Sequence[Finding], paths: Paths) -> dict[str, Any]:
    """For bug reports: the same, without the names of user, machine and folders."""
    return {
        "version": __version__,
        "findings": [
            {
                "level": finding.level,
                "about": finding.about,
                "says": _without_names(finding.says, paths),
                "hint": _without_names(finding.hint, paths),
            }
            for finding in findings
        ],
    }


def _without_names(text: str, paths: Paths) -> str:
    folders = {
        paths.runtime_dir: "<runtime>",
        paths.config_dir: "<config>",
        paths.data_dir: "<data>",
        paths.state_dir: "<state>",
        Path.home(): "~",
    }
    for folder, name in sorted(folders.items(), key=lambda pair: -len(str(pair[0]))):
        text = text.replace(str(folder), name)
    for name, instead in ((platform.node(), "<host>"), (_user_name(), "<user>")):
        if name:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", instead, text)
    return text


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return ""


# The checks ---------------------------------------------------------------------------------------------


def _versions() -> Iterator[Finding]:
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        system = "Linux"
    yield ok("versions", ", ".join((f"mousetrackd {__version__}", f"Python {platform.python_version()}", *_packages())))
    yield ok("system", f"{system}, kernel {platform.release()}, {platform.machine()}")


def _packages() -> Iterator[str]:
    """What we ask for, with its version. A distribution may give us another OpenCV than the one we name."""
    package = autostart.own_package()
    asked = [line for line in (package.requires if package else None) or [] if "extra ==" not in line]
    for name in (*(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in asked), "opencv-python-headless"):
        with contextlib.suppress(metadata.PackageNotFoundError):  # where that matters, "drawing" and "source" say so
            yield f"{name} {metadata.version(name)}"


def _session() -> Iterator[Finding]:
    names = ("XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP", "DISPLAY", "WAYLAND_DISPLAY")
    said = ", ".join(f"{name}={os.environ[name]}" for name in names if os.environ.get(name))
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        yield ok("session", said)
    else:
        yield warning(
            "session", f"no display here{f' ({said})' if said else ''}", "Run this in a terminal of your desktop."
        )


def _configuration(paths: Paths) -> Iterator[Finding]:
    try:
        ConfigFile(paths).load()
    except VanishedError as error:
        yield warning("configuration", error.message, error.hint)
    else:
        yield ok("configuration", str(paths.config_file) if paths.config_file.exists() else "the defaults")
        for old, new in config.old_names(paths.config_file):
            yield warning(
                "configuration",
                f"{paths.config_file} uses {old}, the old name of {new}",
                f"Write {new.rpartition('.')[2]} instead; the next release does not know the old name.",
            )


def _exclusions(paths: Paths) -> Iterator[Finding]:
    """Rules for a monitor that was never seen. A daemon that runs looks at those that are there, and reports itself."""
    # A configuration or a store that cannot be read is reported by its own check.
    with contextlib.suppress(ConfigError, StoreError):
        named = {rule.monitor for rule in config.load(paths.config_file).privacy.exclusions if rule.monitor}
        if not named or client.find_running(paths) is not None or not os.path.lexists(paths.store):
            return
        with Store.open_read_only(paths.store) as store:
            known = [*store.monitors().values()]
        for name in sorted(named):
            if not selected(known, name):
                seen = ", ".join(sorted(one.label for one in known)) or "none yet"
                says = f"privacy.exclude names {printable(name)}, a monitor that was never seen: it excludes nothing"
                yield warning("exclusions", says, f"Seen were: {printable(seen)}")


def _source(paths: Paths) -> Iterator[Finding]:
    try:
        conf = config.load(paths.config_file)
    except ConfigError:  # reported above
        conf = config.Config()
    said = client.read_status(paths)
    tracking = said["state"] == "tracking"
    if displays.asked_from(said, os.environ) and said["state"] in ("tracking", "paused"):
        return  # what could be followed here is not what is followed: "daemon" reports that
    # Not beside a daemon that listens, because some sources allow only one; nor while the user wants a pause.
    yield from registry.explain(conf.source, try_it=not (tracking or pause_state.read_desired_state(paths).pause))
    if conf.applications.enabled:
        yield registry.explain_applications(conf.source)
    if tracking:
        yield from (warning("source", str(note)) for note in said.get("notes") or [])


def _extension() -> Iterator[Finding]:
    if gnome_extension.is_outdated():
        yield warning(
            "extension",
            "the extension for GNOME Shell is not the one of this version",
            "To update it: mousetrackd install, then log out and in once",
        )


def _libraries() -> Iterator[Finding]:
    loaded = []
    for library in LIBRARIES:
        why = why_not_loaded(library)
        if not why:
            loaded.append(library.name)
            continue
        judge = problem if library.is_needed else warning
        yield judge("libraries", library.missing(why), library.hint)
    if len(loaded) == len(LIBRARIES):
        yield ok("libraries", f"all can be loaded: {', '.join(loaded)}")


def _unit(places: autostart.Places) -> Iterator[Finding]:
    systemd = look_at_systemd()
    if not systemd.answers:
        has_entry = os.path.lexists(places.entry)
        hint = "The autostart entry starts mousetrackd instead." if has_entry else ""
        yield warning("unit", f"systemd cannot be asked: {systemd.why}", hint)
        return
    unit = {name: value for name, _, value in (line.partition("=") for line in show_unit())}
    if unit.get("LoadState") != "loaded":
        yield warning(
            "unit", "mousetrackd does not start with your session", "To start it with your session: mousetrackd install"
        )
        return
    state = f"{unit.get('ActiveState')}, {unit.get('UnitFileState')}, restarted {unit.get('NRestarts')} times"
    if unit.get("ActiveState") == "failed":
        yield problem("unit", f"{state}: {unit.get('Result')}", "Why: journalctl --user -u mousetrackd -n 20")
    elif unit.get("UnitFileState") == "enabled":
        yield ok("unit", state)
    else:
        yield warning("unit", state, "To start it with your session: mousetrackd install")


def _autostart(places: autostart.Places) -> Iterator[Finding]:
    for file in autostart.files(places, look_at_systemd(), autostart.own_launch()):
        about = "unit file" if file.path == places.unit else "autostart entry"
        found = file.found()
        if found is Found.SAME:
            yield ok(about, str(file.path))
        elif found is Found.NOTHING:
            yield warning(about, f"there is no {file.path}", "To start with your session: mousetrackd install")
        elif found is Found.OLDER:
            yield warning(
                about, f"{file.path} is from another version or installation", "To update it: mousetrackd install"
            )
        else:
            hint = "To replace it, and keep it under another name: mousetrackd install"
            yield warning(about, f"{file.path} is {found.value}", hint)


def _daemon(paths: Paths) -> Iterator[Finding]:
    said = client.read_status(paths)
    state = str(said.get("state"))
    if state == "stopped":
        yield warning("daemon", "not running", "To start it: mousetrackd install, or for now: mousetrackd run")
        return
    level = Level.OK if state in ("tracking", "paused") else Level.WARNING
    yield Finding(level, "daemon", f"{state}, version {said.get('version')}, source {said.get('source')}")
    if other_display := displays.compare(said, os.environ):
        yield warning("daemon", *other_display)
    if said.get("version") not in (None, __version__):
        yield warning(
            "daemon",
            f"it runs version {said.get('version')}, and this is {__version__}",
            "Restart it: mousetrackd stop, then mousetrackd run or mousetrackd install",
        )
    for sentence in said.get("problems") or []:
        yield problem("daemon", str(sentence))


def _folders(paths: Paths) -> Iterator[Finding]:
    bad = False
    for folder in (paths.data_dir, paths.runtime_dir):
        if not folder.exists():
            continue
        found = folder.stat()
        if found.st_uid != os.getuid():
            bad = True
            yield problem("folders", f"{folder} belongs to another user", "Change its owner, or move it away.")
        elif not stat.S_ISDIR(found.st_mode):
            bad = True
            yield problem("folders", f"{folder} is not a folder", "Move it away.")
        elif stat.S_IMODE(found.st_mode) & 0o077:
            bad = True
            yield warning("folders", f"others can look into {folder}", f"chmod 700 {folder}")
    if not bad:
        yield ok("folders", "only you can read them")


def _store(paths: Paths) -> Iterator[Finding]:
    if not os.path.lexists(paths.store):
        yield ok("store", "nothing has been counted yet")
        return
    size_mb = paths.store.stat().st_size / 1e6
    with Store.open_read_only(paths.store) as store:
        problems = store.check()
    for sentence in problems[:_STORE_PROBLEMS_SHOWN]:
        yield problem("store", sentence, "The damaged part is left out of pictures; the rest is used.")
    if len(problems) > _STORE_PROBLEMS_SHOWN:
        yield problem("store", f"and {len(problems) - _STORE_PROBLEMS_SHOWN} more")
    if not problems:
        yield ok("store", f"no damage: every checksum is correct; {size_mb:.1f} MB")


def _clock(paths: Paths) -> Iterator[Finding]:
    """What a wrong clock has left behind: counts in the future, and old counts that are not rolled up."""
    now_s = int(time.time())
    leap, ahead = known_of_clock(paths.clock).problem(), None
    if leap:
        yield warning("clock", leap, "Check the date: date")
    # A store that cannot be read, or is damaged, is reported by its own check.
    with contextlib.suppress(StoreError, ValueError, OverflowError, OSError):
        if os.path.lexists(paths.store):
            with Store.open_read_only(paths.store) as store:
                ahead = _ahead(store.ahead_of(now_s + _AHEAD_S), now_s)
    if ahead is not None:
        yield ahead
    elif not leap:
        yield ok("clock", _local(now_s))


def _ahead(held: Held, now_s: int) -> Finding | None:
    """The finding about counts in the future. Raises ValueError, OverflowError and OSError for an impossible time."""
    if held.first_s is None:
        return None
    pieces, are = ("1 piece", "is") if held.pieces == 1 else (f"{held.pieces} pieces", "are")
    return warning(
        "clock",
        f"{pieces} of the counts {are} in the future, from {_local(held.first_s)} on: the clock was ahead then, or is"
        f" behind now ({_local(now_s)})",
        "If it was ahead, to remove them: mousetrackd forget --since"
        f" {datetime.fromtimestamp(held.first_s).astimezone().isoformat()}",
    )


def _local(moment_s: int) -> str:
    return f"{datetime.fromtimestamp(moment_s).astimezone():%Y-%m-%d %H:%M %Z}"


def _set_aside(paths: Paths) -> Iterator[Finding]:
    names = sorted(path.name for path in paths.data_dir.glob("heat.damaged-*.sqlite3"))
    if names:
        yield warning(
            "set aside",
            f"{len(names)} damaged {'store' if len(names) == 1 else 'stores'} in {paths.data_dir}: {', '.join(names)}",
            "Delete them when you no longer need them.",
        )


def _disk(paths: Paths) -> Iterator[Finding]:
    folder = next(folder for folder in (paths.data_dir, *paths.data_dir.parents) if folder.exists())
    free = shutil.disk_usage(folder).free
    says = f"{free / 1e9:.1f} GB free for the data"
    if free < _FULL_BYTES:
        yield problem("disk", says, "Free some space: until then counts are kept in memory only.")
    elif free < _TIGHT_BYTES:
        yield warning("disk", says, "Free some space.")
    else:
        yield ok("disk", says)
