"""Text from outside in our sentences: safe to print, of limited length, and never empty. Pure.

Names of monitors, files and programs may contain anything: escape sequences that a terminal obeys, line breaks that
forge a line of ours, characters that reverse the direction of what follows. Whatever is printed, logged or given to
another program as text passes one of these functions. ``counted`` is of numbers of ours.
"""

from __future__ import annotations

LONGEST_QUOTE = 200
"""How many characters of another program's text are quoted."""

_LONGEST_VALUE = 60


def printable(text: str) -> str:
    r"""``text`` as one line: what is neither a letter nor another visible character is written as an escape.

    A line break becomes ``\n``, an escape character ``\x1b``, an undecodable byte of a file name ``\xff``. Ordinary
    text, of any language, is returned as it is.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def shown(value: object) -> str:
    """Any value of Python's, on one line, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def printable_lines(text: str, indent: str = "") -> str:
    """``text`` with its line breaks kept and everything else as in ``printable``.

    indent: goes in front of every line but the first, so that none of them can pass for a line of its own.
    """
    if text.isprintable():
        return text
    return f"\n{indent}".join(printable(line.replace("\t", "    ")) for line in text.split("\n"))


def _escaped(letter: str) -> str:
    if letter.isprintable():
        return letter
    if "\udc80" <= letter <= "\udcff":  # an undecodable byte, as Python keeps it in names (PEP 383)
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return (
        letter.encode("unicode_escape").decode("ascii")
        if not "\ud800" <= letter <= "\udfff"
        else f"\\u{ord(letter):04x}"
    )


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


def counted(number: int, what: str) -> str:
    """Like 1 store, 3 stores. what: one of them, whose plural ends in s."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
