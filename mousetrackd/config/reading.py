"""The configuration file: found, read safely, and parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mousetrackd.config.parsing import document_of, parse, unreadable
from mousetrackd.config.schema import OLD_NAMES, Config
from mousetrackd.core.errors import LostConfigError, PrivacyError, RefusedError
from mousetrackd.system.trusted_files import LeadsNowhereError, Reader, SlowFileError

if TYPE_CHECKING:
    from pathlib import Path

READ_TIMEOUT_S = 10.0
"""How long the file's disk may take. One that is mounted at the first look needs seconds."""
_AT_MOST_BYTES = 1 << 20


def load(path: Path) -> Config:
    """Read the file at ``path``; without one, the defaults. Raises ConfigError as ``read`` does."""
    return read(path, Reader()) or Config()


def read(path: Path, reader: Reader, timeout_s: float = READ_TIMEOUT_S) -> Config | None:
    """Read the file at ``path``; None where there is none.

    Raises ConfigError with every problem of the file: the key, what was expected, what is there; PrivacyError where
    it is unknown what it contains about privacy, as where others may have written it; LostConfigError where its disk
    does not answer or a link leads nowhere.
    """
    text = _text(path, reader, timeout_s)
    return None if text is None else parse(text, str(path))


def old_names(path: Path) -> list[tuple[str, str]]:
    """The names from ``OLD_NAMES`` that the file at ``path`` uses, each with its table and with its name now.

    Raises ConfigError where it cannot be read.
    """
    document = document_of(_text(path, Reader(), READ_TIMEOUT_S) or "", str(path))
    return [
        (f"{table}.{old}", f"{table}.{new}")
        for table, names in OLD_NAMES.items()
        for old, new in names.items()
        if isinstance(found := document.get(table), dict) and old in found
    ]


def _text(path: Path, reader: Reader, timeout_s: float) -> str | None:
    """The file's text; None where there is no file. Raises as ``read`` does."""
    try:
        content = reader.read(path, _AT_MOST_BYTES, timeout_s)
        return content.decode()
    except FileNotFoundError:
        return None
    except (LeadsNowhereError, SlowFileError) as error:
        raise LostConfigError(error.message, error.hint) from error
    except RefusedError as error:
        raise PrivacyError(error.message, error.hint) from error
    except OSError as error:
        raise PrivacyError(f"cannot read {path}: {error.strerror}", "Check what it is, and its permissions.") from error
    except UnicodeDecodeError as error:
        raise unreadable(
            content.decode("ascii", "replace"), f"{path} is not UTF-8 text (byte {error.start})", "Save it as UTF-8."
        ) from error
