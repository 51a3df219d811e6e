"""Text from outside made safe to print. Pure.

Names of monitors, files and programs may hold anything: escape sequences that a terminal obeys, line breaks that
forge a line of ours, characters that turn the direction of what follows. Whatever is printed, logged or given to
another program as text passes one of these functions.
"""

from __future__ import annotations


def printable(text: str) -> str:
    r"""``text`` as one line: what is neither a letter nor another visible character is written as an escape.

    A line break becomes ``\n``, an escape character ``\x1b``, an undecodable byte of a file name ``\xff``. Ordinary
    text, of any language, is returned as it is.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


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
    if "\udc80" <= letter <= "\udcff":  # a byte that is no text, as Python keeps it in names (PEP 383)
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return (
        letter.encode("unicode_escape").decode("ascii")
        if not "\ud800" <= letter <= "\udfff"
        else f"\\u{ord(letter):04x}"
    )
