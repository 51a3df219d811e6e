"""What somebody who looked found: a word for how bad it is, a sentence, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """about: one or two words. says: what was found. hint: what to do about it; empty when nothing."""

    level: Level
    about: str
    says: str
    hint: str = ""


def ok(about: str, says: str) -> Finding:
    """All is as it should be."""
    return Finding(Level.OK, about, says)


def warning(about: str, says: str, hint: str = "") -> Finding:
    """It works, but not as well as it could, or not for long."""
    return Finding(Level.WARNING, about, says, hint)


def problem(about: str, says: str, hint: str = "") -> Finding:
    """Something does not work."""
    return Finding(Level.PROBLEM, about, says, hint)
