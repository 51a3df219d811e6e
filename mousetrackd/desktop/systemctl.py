"""The systemd of the user, asked by its systemctl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from mousetrackd.core.errors import MousetrackError
from mousetrackd.system.tool_output import run_tool

UNIT = "mousetrackd.service"
_TIMEOUT_S = 120.0
"""systemd itself gives a service 90 s to start."""


@dataclass(frozen=True)
class UserSystemd:
    """The systemd of this user, as far as there is one.

    exists: there is a systemctl. answers: the user's systemd runs, and can be reached from here. has_display: it
    knows of a display, so that a service started now would find it. why: what it answer when it did not answer.
    """

    exists: bool
    answers: bool
    has_display: bool
    why: str = ""


def look_at_systemd() -> UserSystemd:
    """Ask systemd itself."""
    answer = systemctl("show-environment")
    if answer is None:
        return UserSystemd(exists=False, answers=False, has_display=False, why="there is no systemctl")
    if answer.returncode != 0:
        return UserSystemd(exists=True, answers=False, has_display=False, why=_first_line(answer.stderr))
    names = {line.partition("=")[0] for line in answer.stdout.splitlines()}
    return UserSystemd(exists=True, answers=True, has_display=bool(names & {"DISPLAY", "WAYLAND_DISPLAY"}))


def systemctl(*arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run ``systemctl --user``; None where there is none. It fails with a sentence on stderr."""
    command = ["systemctl", "--user", *arguments]
    try:
        done = run_tool(command, timeout_s=_TIMEOUT_S)
    except (TimeoutError, ValueError) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
    except OSError:
        return None
    return subprocess.CompletedProcess(command, done.code, done.stdout, done.stderr)


def show_unit() -> list[str]:
    """What systemd knows of the unit, as NAME=value lines."""
    return answer_to("show", UNIT, "--property=LoadState,ActiveState,UnitFileState,Result,NRestarts").splitlines()


def answer_to(*arguments: str) -> str:
    """What ``systemctl --user`` prints; empty where there is none."""
    answer = systemctl(*arguments)
    return answer.stdout.strip() if answer else ""


def must(*arguments: str) -> None:
    """Run ``systemctl --user``. Raises MousetrackError where it fails."""
    answer = systemctl(*arguments)
    if answer is None or answer.returncode != 0:
        raise MousetrackError(
            f"systemctl --user {' '.join(arguments)} failed: {_first_line(answer.stderr if answer else '')}",
            "See: systemctl --user status mousetrackd, and mousetrackd doctor",
        )


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0] or "it gave no reason"
