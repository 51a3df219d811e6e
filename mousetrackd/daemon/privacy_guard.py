"""The configuration file as the daemon reads it: its privacy rules outlive the file.

A file that vanishes (an editor that renames, a disk that is not mounted) must not end its rules unnoticed. The last
ones are kept in the data folder, and stay in force until there is a file again that says otherwise.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Self

from mousetrackd.config import (
    READ_TIMEOUT_S,
    ApplicationsConfig,
    Config,
    PageConfig,
    PrivacyConfig,
    parse,
    read,
    to_toml,
)
from mousetrackd.core.errors import ConfigError, LostConfigError, PrivacyError
from mousetrackd.system.files import read_own, sync_folder, write_whole
from mousetrackd.system.trusted_files import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.system.paths import Paths

log = logging.getLogger("mousetrackd")

_EDITOR_PATIENCE_S = 0.5
"""An editor that saves by renaming leaves no file for a moment."""
_LOOK_AGAIN_S = 0.02
RELOAD_TIMEOUT_S = 2.0
"""A running daemon goes on with the old configuration instead of waiting longer."""


class Rules(NamedTuple):
    """What a configuration says that must not be counted."""

    privacy: PrivacyConfig = PrivacyConfig()
    applications: ApplicationsConfig = ApplicationsConfig()

    @classmethod
    def of(cls, conf: Config) -> Self:
        """Those of a configuration."""
        return cls(conf.privacy, conf.applications)

    def laid_over(self, conf: Config) -> Config:
        """A configuration with these rules instead of its own."""
        return replace(conf, privacy=self.privacy, applications=self.applications)


class VanishedError(LostConfigError):
    """There is no configuration file, and the last one had privacy rules.

    privacy, applications: those, which stay in force; None where they are not known.
    """


class ConfigFile:
    """The configuration file of one daemon's life. source: instead of the one it names."""

    def __init__(
        self,
        paths: Paths,
        reader: Reader | None = None,
        *,
        source: str | None = None,
        reload_timeout_s: float = RELOAD_TIMEOUT_S,
    ) -> None:
        self._paths = paths
        self._source = source
        self._reader = reader or Reader()
        self._timeout_s = READ_TIMEOUT_S
        self._reload_timeout_s = reload_timeout_s
        self._last: Rules | None = None
        self._is_unsure = False

    def load(self) -> Config:
        """The configuration. Raises ConfigError as ``config.load`` does, and VanishedError."""
        try:
            found = self._load()
        except PrivacyError:
            self._is_unsure = True
            raise
        finally:
            self._timeout_s = self._reload_timeout_s
        self._last, self._is_unsure = Rules.of(found), False
        return self._with_source(found)

    def load_or_rules(self) -> tuple[Config, VanishedError | None]:
        """As ``load``, but where the file has vanished, the rules that it last had, and the error."""
        try:
            return self.load(), None
        except VanishedError as error:
            if error.privacy is None:
                raise
            return self._with_source(Rules(error.privacy, error.applications).laid_over(Config())), error

    def _with_source(self, found: Config) -> Config:
        return found if self._source is None else replace(found, source=self._source)

    def _load(self) -> Config:
        found = self._read()
        if found is not None:
            return found
        # Rules that were refused, and never were in force, may be the reason why the file is gone.
        rules = None if self._is_unsure else self._last or _remembered(self._paths)
        if rules == Rules():
            return Config()
        give_up_s = time.monotonic() + _EDITOR_PATIENCE_S
        while (found := self._read()) is None:
            if time.monotonic() > give_up_s:
                raise _vanished(self._paths, rules)
            time.sleep(_LOOK_AGAIN_S)
        return found

    def _read(self) -> Config | None:
        return read(self._paths.config_file, self._reader, self._timeout_s)


class ConfigInForce:
    """The configuration that the daemon goes by, whatever becomes of the file.

    load: reads the file, as ``ConfigFile.load``. current: what is in force. problem: what is wrong with the file, or
    nothing. lost: why ``current`` is only what is still known of a file that is gone. unsure: why it is not known what
    must not be counted; nothing is to be counted then.
    """

    def __init__(self, conf: Config, load: Callable[[], Config], lost: LostConfigError | None = None) -> None:
        self._load = load
        self.current = conf
        self.lost = lost
        self.unsure: PrivacyError | None = None
        self.problem = "" if lost is None else str(lost)

    def reload(self) -> None:
        """Take over the file's configuration.

        Of a bad one only [privacy] is taken over, where that is known to be good. Where it is not, the user believes in
        a rule that is not in force.
        """
        self.lost = None
        try:
            self.current = self._load()
        except PrivacyError as error:
            self.unsure = error
            why = f"nothing is counted until it is known what must not be. {error.message}"
            self.problem = f"{why}\nMend it: it is read again within half a minute."
        except ConfigError as error:
            if isinstance(error, LostConfigError):
                self.lost = error
            if error.privacy is not None or error.applications is not None:
                self.current = Rules(
                    error.privacy or self.current.privacy, error.applications or self.current.applications
                ).laid_over(self.current)
                self.unsure = None
            self.problem = f"the old configuration stays. {error}"
        else:
            self.unsure = None
            self.problem = ""

    def keep_source(self, source: str) -> None:
        """Go by another source than the file names, which cannot be had."""
        self.current = replace(self.current, source=source)

    def to_toml(self, *, with_page: bool = True) -> bytes:
        """What is in force, for a child process. with_page: it may write the page as well, which takes longer."""
        current = self.current if with_page else replace(self.current, page=PageConfig())
        return to_toml(current, comments=False).encode("utf-8", "surrogateescape")


def _vanished(paths: Paths, rules: Rules | None) -> VanishedError:
    error = VanishedError(
        f"there is no {paths.config_file} any more, and its privacy rules stay in force",
        f"Put it back. Or, to count without them, make an empty one: touch {paths.config_file}",
    )
    if rules is not None:
        error.privacy, error.applications = rules
    return error


def _remembered(paths: Paths) -> Rules:
    """The rules that were in force last. Raises PrivacyError where they cannot be read."""
    try:
        return Rules.of(parse(read_own(paths.privacy).decode(), str(paths.privacy)))
    except (FileNotFoundError, NotADirectoryError):
        return Rules()
    except (OSError, UnicodeDecodeError, ConfigError) as error:
        raise PrivacyError(
            f"there is no {paths.config_file}, and the privacy rules it last had cannot be read from {paths.privacy}",
            f"Put it back. Or, to count without them, make an empty one: touch {paths.config_file}",
        ) from error


def remember(paths: Paths, rules: Rules) -> bool:
    """Keep the rules in force for a time without a file; False where they are those that were kept before.

    Only for the daemon that holds the lock. Never fails.
    """
    try:
        if rules == Rules():
            if not paths.privacy.exists():
                return False
            paths.privacy.unlink()
            sync_folder(paths.data_dir)
            return True
        text = to_toml(rules.laid_over(Config()), comments=False).encode("utf-8", "surrogateescape")
        with contextlib.suppress(OSError):
            if read_own(paths.privacy) == text:
                return False
        write_whole(paths.privacy, text)
    except OSError as error:
        log.warning("cannot keep the privacy rules in %s: %s", paths.privacy, error.strerror)
    return True
