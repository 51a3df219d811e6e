"""What Python prints of a dict or an array: parsed as text, and never evaluated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mousetrackd.exchange.json_format import MAX_BYTES, counts_of_value, parsed

if TYPE_CHECKING:
    from mousetrackd.exchange.reading import FileCounts, Options
    from mousetrackd.system.content import Content

_BEGINS: Final = re.compile(
    rb"\s*(?:[\w.]+\s*=\s*)?(?:(?:collections\.)?(?:Counter|OrderedDict|defaultdict|dict)\(|(?:np\.|numpy\.)?array\("
    rb"|\{\s*\(|[\[(]\s*\(|\{\s*\}|\[\s*(?:np|numpy)\.|\{\s*'|\[\s*\{\s*')"
)
_COMMENT: Final = r"('[^'\n]*'|\"[^\"\n]*\")|#[^\n]*"
"""A comment, or a text in quotes, which stays: a # in it begins none."""
_COMMENT_IN_HEAD: Final = re.compile(_COMMENT.encode())

# What is left out becomes blanks, so that every line and column stays where it is. Group 1 is what stays.
_COMMENT_IN_TEXT: Final = re.compile(_COMMENT)
_NUMBER: Final = re.compile(r"\b(?:np|numpy)\.\w+\(\s*([^()]*?)\s*\)")
_ASSIGNED: Final = re.compile(r"\A\s*[\w.]+\s*=()")
_FACTORY: Final = re.compile(r"defaultdict(\()\s*(?:<class '[\w.]+'>|[\w.]+|<function [^>]*>)\s*,")
_CALL: Final = re.compile(r"(?:collections\.|np\.|numpy\.)?(?:Counter|OrderedDict|defaultdict|dict|array)(\()")
_ARRAY_KIND: Final = re.compile(r",\s*(?:dtype=[\w.<>'\"|=]+|shape=\([\d, ]+\))()\s*(?=[,)])")
_AROUND: Final = re.compile(r"\A\s*\((?=\s*[\[{])()")
_LAST_COMMA: Final = re.compile(r",()\s*(?=[\]}])")
_KEY: Final = re.compile(r"\(([^()\[\]{}:]*)\)(\s*:)")


def recognises(head: bytes) -> bool:
    """A dict of tuples, a Counter, an array and the like, as Python writes them, with or without comments."""
    head = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    return _BEGINS.match(_COMMENT_IN_HEAD.sub(rb"\1", head)) is not None


def read(content: Content, options: Options) -> FileCounts:
    """Turn it into JSON and read that. Raises ValueError that names the line and column."""
    text = content.text(MAX_BYTES).lstrip("\ufeff")
    if "#" in text:
        text = _COMMENT_IN_TEXT.sub(_blank, text)
    if "..." in text:
        raise ValueError('it was shortened where it has "...": save all of it, as with json.dump or numpy.save')
    for left_out in (_ASSIGNED, _NUMBER, _ARRAY_KIND, _ARRAY_KIND, _FACTORY, _CALL):
        text = left_out.sub(_blank, text)
    while _AROUND.match(text) and (within := text.rstrip().removesuffix(")").rstrip()).endswith(("}", "]")):
        text = _AROUND.sub(_blank, within)  # what is left of a call
    text = _KEY.sub(r'"\1"\2', text)
    text = text.replace("(", "[").replace(")", "]").replace("'", '"').replace("None", "null")
    what = "it looks like Python's own writing of a dict or a list, and cannot be read as one"
    return counts_of_value(parsed(_LAST_COMMA.sub(_blank, text), what), options)


def _blank(found: re.Match[str]) -> str:
    """Group 1 where it was, and blanks around it."""
    text, kept = found[0], found[1] or ""
    if "\n" not in text:
        return kept.rjust(found.end(1) - found.start()).ljust(len(text)) if kept else " " * len(text)
    start, end = (place - found.start() for place in found.span(1)) if kept else (0, 0)
    return f"{_blanks(text[:start])}{kept}{_blanks(text[end:])}"


def _blanks(text: str) -> str:
    return "\n".join(" " * len(line) for line in text.split("\n"))
