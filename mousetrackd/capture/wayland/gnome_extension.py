"""The GNOME Shell extension: put in place, switched on, and taken away again.

What is installed is made of the head for this version of the shell and the part that is the same for all.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
from importlib.resources import files
from pathlib import Path

from mousetrackd.core.errors import MousetrackError
from mousetrackd.core.wording import quoted, reason
from mousetrackd.system.session_bus import bus_address
from mousetrackd.system.tool_output import run_tool

UUID = "mousetrackd@local"
"""By which GNOME Shell knows the extension."""

_VERSIONS = {"head-42.js": range(42, 45), "head-45.js": range(45, 52)}
"""The versions of GNOME Shell that each head is for: from 45 on an extension is an ES module."""

_COMMON = ("pointer.js", "windows.js")
"""What follows either head."""

_TOOL_TIMEOUT_S = 20.0

_ENABLED = ("org.gnome.shell", "enabled-extensions")


def install_extension(*, dry_run: bool = False) -> list[str]:
    """Put the extension in place for this user and switch it on; sentences on what was, or would be, done.

    Does nothing, and says nothing, where there is no GNOME Shell. Raises MousetrackError when it cannot.
    """
    version = _shell_version()
    if version is None:
        return []
    head = next((head for head, versions in _VERSIONS.items() if version in versions), None)
    if head is None:
        raise MousetrackError(
            f"the extension is for GNOME Shell 42 to {_VERSIONS['head-45.js'].stop - 1}, and this is {version}",
            "Without it nothing can be recorded in GNOME's Wayland session: a newer mousetrackd may know it.",
        )
    done = []
    content = _content(head)
    if _installed() != content:
        done.append(f"GNOME Shell extension: {_folder()}")
        if not dry_run:
            _write(content)
    enabled = _enabled()
    if UUID not in enabled:
        done.append(f"switched on in GNOME Shell: {UUID}")
        if not dry_run:
            _set_enabled([*enabled, UUID])
    if done:
        done.append("GNOME looks for new extensions only at login: log out and in once.")
    return done


def remove_extension(*, dry_run: bool = False) -> list[str]:
    """Switch the extension off and remove it; sentences on what was, or would be, done. Empty where there was none."""
    done = []
    if _shell_version() is not None and UUID in (enabled := _enabled()):
        done.append(f"switched off in GNOME Shell: {UUID}")
        if not dry_run:
            _set_enabled([uuid for uuid in enabled if uuid != UUID])
    if is_installed():
        done.append(f"removed the GNOME Shell extension: {_folder()}")
        if not dry_run:
            shutil.rmtree(_folder())
    return done


def is_installed() -> bool:
    """Is it in its place, whether or not the shell knows it already?"""
    return (_folder() / "metadata.json").exists()


def is_outdated() -> bool:
    """Whether there is one in its place that is not of this version."""
    return is_installed() and _installed() not in [_content(head) for head in _VERSIONS]


def _folder() -> Path:
    data_home = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data_home) if data_home.startswith("/") else Path.home() / ".local" / "share"
    return base / "gnome-shell" / "extensions" / UUID


def _content(head: str) -> dict[str, str]:
    """The text of each of the extension's files."""
    parts = files(__package__).joinpath("js", "gnome-extension")
    text = {name: parts.joinpath(name).read_text("utf-8") for name in (head, *_COMMON, "metadata.json")}
    metadata = {**json.loads(text["metadata.json"]), "uuid": UUID, "shell-version": [*map(str, _VERSIONS[head])]}
    script = "".join(text[name] for name in (head, *_COMMON))
    return {"extension.js": script, "metadata.json": json.dumps(metadata, indent=4) + "\n"}


def _installed() -> dict[str, str]:
    if not _folder().is_dir():
        return {}
    return {path.name: path.read_text("utf-8", "replace") for path in _folder().iterdir() if path.is_file()}


def _write(content: dict[str, str]) -> None:
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        for name, text in content.items():
            (_folder() / name).write_text(text, "utf-8")
    except OSError as error:
        raise MousetrackError(
            f"cannot write the GNOME Shell extension to {_folder()}: {error.strerror}", "Is that folder yours?"
        ) from error


def _shell_version() -> int | None:
    """The major version of the GNOME Shell that is installed; None without one."""
    said = _run("gnome-shell", "--version") if shutil.which("gnome-shell") and shutil.which("gsettings") else ""
    found = re.search(r"(?<![\d.])\d{1,3}(?!\d)", said)
    return int(found.group()) if found else None


def _enabled() -> list[str]:
    """The extensions that are switched on, as gsettings prints them: a list, with its type in front when empty."""
    text = _run("gsettings", "get", *_ENABLED)
    try:
        said = ast.literal_eval(text.removeprefix("@as").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        said = None
    if not isinstance(said, list) or not all(isinstance(uuid, str) for uuid in said):
        raise MousetrackError(
            f"gsettings does not say which extensions are switched on, but: {quoted(text, 80) or 'nothing'}",
            f"Switch it on yourself: gnome-extensions enable {UUID}",
        )
    return said


def _set_enabled(uuids: list[str]) -> None:
    _run("gsettings", "set", *_ENABLED, str(uuids))


def _run(*command: str) -> str:
    try:
        # Without an address GLib would start a bus of its own for us, and leave it behind.
        environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": bus_address()}
        done = run_tool(command, timeout_s=_TOOL_TIMEOUT_S, environment=environment)
        why = (quoted(done.stderr.strip()) or f"it ended with {done.code}") if done.code else ""
    except (OSError, ValueError) as error:
        why = reason(error)
    if why:
        raise MousetrackError(
            f"`{quoted(' '.join(command))}` failed: {why}", "Run this again inside the GNOME session."
        )
    return done.stdout.strip()
