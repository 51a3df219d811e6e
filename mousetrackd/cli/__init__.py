"""The commands. ``main`` is the program."""

from mousetrackd.cli.main import main

__all__ = ["main"]
