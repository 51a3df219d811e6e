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
_NUMBER: Final = re.compile(r"\b(?:np|numpy)\.\w+\(\s*([^()]*?)\s*\)")
_ASSIGNED: Final = re.compile(r"\A\s*[\w.]+\s*=\s*")
_FACTORY: Final = re.compile(r"defaultdict\(\s*(?:<class '[\w.]+'>|[\w.]+|<function [^>]*>)\s*,\s*")
_CALL: Final = re.compile(r"(?:collections\.|np\.|numpy\.)?(?:Counter|OrderedDict|defaultdict|dict|array)\(")
_ARRAY_KIND: Final = re.compile(r",\s*(?:dtype=[\w.<>'\"|=]+|shape=\([\d, ]+\))\s*(?=[,)])")
_KEY: Final = re.compile(r"\(([^()\[\]{}:]*)\)\s*:")
_LAST_COMMA: Final = re.compile(r",\s*(?=[\]}])")


def recognises(head: bytes) -> bool:
    """A dict of tuples, a Counter, an array and the like, as Python writes them."""
    return _BEGINS.match(head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")) is not None


def read(content: Content, options: Options) -> FileCounts:
    """Turn it into JSON and read that. Raises ValueError."""
    text = content.text(MAX_BYTES).lstrip("\ufeff")
    if "..." in text:
        raise ValueError('it was shortened where it has "...": save all of it, as with json.dump or numpy.save')
    text = _ASSIGNED.sub("", text.strip())
    text = _NUMBER.sub(r"\1", text)
    text = _ARRAY_KIND.sub("", _ARRAY_KIND.sub("", text))
    text = _FACTORY.sub("(", text)
    text = _CALL.sub("(", text)
    while text.startswith(("({", "([")) and text.endswith(("})", "])")):  # what is left of a call
        text = text[1:-1].strip()
    text = _KEY.sub(r'"\1":', text)
    text = text.replace("(", "[").replace(")", "]").replace("'", '"').replace("None", "null")
    try:
        value = parsed(_LAST_COMMA.sub("", text))
    except ValueError as error:
        raise ValueError("it looks like Python's own writing of a dict or a list, and cannot be read as one") from error
    return counts_of_value(value, options)
