"""Sentences that were written for the commands, as the Python API says them."""

from __future__ import annotations

import contextlib
import re
import warnings
from typing import TYPE_CHECKING

from mousetrackd.core.errors import MousetrackError, MousetrackWarning, UsageError
from mousetrackd.core.wording import printable, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def as_keywords(sentence: str) -> str:
    """The options of a command in a sentence as the keywords of a function.

    ``--drop-outside`` becomes ``drop_outside``, ``--no-legend`` ``legend=False``, and ``--size 1920x1080``
    ``size=(1920, 1080)``.
    """
    sentence = re.sub(r"--size WxH\b", "size=(width, height)", sentence)
    sentence = re.sub(r"--size (\d+)x(\d+)\b", r"size=(\1, \2)", sentence)
    sentence = re.sub(r"--no-([a-z]+)", r"\1=False", sentence)
    return re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda option: option[1].replace("-", "_"), sentence)


@contextlib.contextmanager
def naming_keywords() -> Iterator[None]:
    """Errors that are raised within name keywords where they name options."""
    try:
        yield
    except MousetrackError as error:
        error.message, error.hint = as_keywords(error.message), as_keywords(error.hint)
        error.args = (error.message,)
        raise


def warn(sentences: Iterable[str]) -> None:
    """A MousetrackWarning for each sentence, at the line that called the public function that calls this."""
    for sentence in sentences:
        warnings.warn(printable(as_keywords(sentence)), MousetrackWarning, stacklevel=3)


def wrong_value(name: str, expected: str, got: object) -> UsageError:
    """The error for a parameter that has not a value as expected."""
    return UsageError(f"{name}: expected {expected}, got {shown(got)}")
