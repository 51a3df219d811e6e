"""Errors a user can meet: each says what went wrong and where, and then what to do about it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """What a command's exit status means. From 77 up the numbers are those of sysexits.h."""

    DONE = 0
    COULD_NOT = 1
    WRONG_USAGE = 2
    NOT_RUNNING = 3
    REFUSED = 77  # EX_NOPERM
    BAD_CONFIG = 78  # EX_CONFIG


class MousetrackError(Exception):
    """Something the user can act on. Printed as two lines, without a traceback.

    message: what went wrong, and where. hint: what to do next; empty when the message already says it.
    """

    exit_code = ExitCode.COULD_NOT

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class MousetrackWarning(UserWarning):
    """What an answer does not contain, and why: a program that calls the Python API sees it as a warning."""


class UsageError(MousetrackError):
    """A command's arguments cannot be right: an unknown layer, an impossible range."""

    exit_code = ExitCode.WRONG_USAGE


class ConfigError(MousetrackError):
    """The configuration file cannot be used. Lists every problem it has.

    privacy, applications: these tables of it, where it has good ones beside its problems.
    """

    exit_code = ExitCode.BAD_CONFIG
    privacy: Any = None
    applications: Any = None


class PrivacyError(ConfigError):
    """The configuration file cannot be used, and it is unknown what it contains about privacy."""


class LostConfigError(ConfigError):
    """The configuration file cannot be found or read just now. What it said last stays in force."""


class NotRunningError(MousetrackError):
    """The command needs a running daemon and there is none."""

    exit_code = ExitCode.NOT_RUNNING


class RefusedError(MousetrackError):
    """A folder, file or user that must not be trusted with this data."""

    exit_code = ExitCode.REFUSED


class StoreError(MousetrackError):
    """The store cannot be opened, read or written."""


class SourceError(MousetrackError):
    """A pointer source cannot start, or has died. The daemon waits and tries again."""


class BlindError(SourceError):
    """There is a display, but a listener there would see only part of the truth, so nothing is recorded."""


class FaultError(SourceError):
    """A source, or the program it listens to, did what must not happen. It is tried again ever more rarely."""


class RecordingError(SourceError):
    """A recorded session cannot be read. Waiting would change nothing."""
