"""Words of others in our sentences: printable, bounded, and never empty."""

from __future__ import annotations

from mousetrackd.core.printable import printable

LONGEST_QUOTE = 200
"""So many characters of what somebody else says are repeated."""


def quoted(said: object, longest: int = LONGEST_QUOTE) -> str:
    """``said`` as one line of text for a terminal, a log or a status: at most ``longest`` printable characters."""
    if isinstance(said, bytes | bytearray):
        said = bytes(said[: 4 * longest + 4]).decode("utf-8", "surrogateescape")
    text = said if isinstance(said, str) else str(said)
    line = printable(text[: longest + 1])
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def reason(error: BaseException) -> str:
    """Why something failed, for a sentence that goes on after a colon. Never empty, in one line, without advice."""
    if isinstance(error, OSError) and error.strerror:
        return quoted(error.strerror)
    text = quoted(str(error).strip().partition("\n")[0]).rstrip(". ")
    if text:
        return text
    if isinstance(error, TimeoutError):
        return "there was no answer in time"
    return f"{type(error).__name__}, without a reason"
