"""Words of others in our sentences: printable, bounded, and never empty."""

from __future__ import annotations

LONGEST_QUOTE = 200
"""So many characters of what somebody else says are repeated."""


def printable(said: object, longest: int = LONGEST_QUOTE) -> str:
    """``said`` as text for a terminal, a log or a status: at most ``longest`` characters, and no control characters."""
    if isinstance(said, bytes | bytearray):
        said = bytes(said[: 4 * longest + 4]).decode("utf-8", "replace")
    text = said if isinstance(said, str) else str(said)
    cut = "".join(character if character.isprintable() else "\ufffd" for character in text[:longest])
    return cut if len(text) <= longest else f"{cut[: longest - 3]}..."


def reason(error: BaseException) -> str:
    """Why something failed, for a sentence that goes on after a colon. Never empty, in one line, without advice."""
    text = ""
    if isinstance(error, OSError) and error.strerror:
        text = printable(error.strerror)
    else:
        text = printable(str(error).strip().rstrip(".").partition("\n")[0])
    if text:
        return text
    if isinstance(error, TimeoutError):
        return "there was no answer in time"
    return f"{type(error).__name__}, without a reason"
