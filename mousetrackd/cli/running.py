"""``mousetrackd run``: from its options to a daemon that runs until it is asked to end.

This module does without click. Units and autostart entries give no options but flags, and what parses the others would
stay in memory as long as the daemon runs: more than 2 MB.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import MousetrackError, RefusedError
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mousetrackd.config import Config
    from mousetrackd.core.events import Source

_ALLOW_ROOT: Final = "--allow-root"
_VERBOSE: Final = frozenset({"-v", "--verbose"})


def is_plain(arguments: Sequence[str]) -> bool:
    """Whether a command line is ``run`` with nothing but flags."""
    return [*arguments[:1]] == ["run"] and {*arguments[1:]} <= {_ALLOW_ROOT, *_VERBOSE}


def run_plain(arguments: Sequence[str]) -> None:
    """Do what a command line asks for of which ``is_plain`` is true. Raises MousetrackError."""
    if _ALLOW_ROOT not in arguments:
        refuse_root("run")
    run_daemon(verbose=not _VERBOSE.isdisjoint(arguments))


def refuse_root(command: str) -> None:
    """Raise RefusedError where root runs ``command``, which was not given --allow-root."""
    if os.geteuid() == 0:
        raise RefusedError(
            "mousetrackd does not run as root: it needs no root rights, and would not see the user's own session.",
            f"Run it as the user of the desktop. If root is that user: mousetrackd {command} --allow-root",
        )


def run_daemon(
    source: str | None = None,
    *,
    verbose: bool = False,
    recording: Callable[[str], Source] | None = None,
    check_live: Callable[[], None] = lambda: None,
) -> None:
    """Run it. Raises MousetrackError when it cannot start; AlreadyRunningError is one.

    source: as on the command line; None as the configuration has it. recording: makes the source for the name of a
    recording; None as the registry does. check_live: raises UsageError where an option was given that only a recording
    has.
    """
    from mousetrackd.capture import registry  # noqa: PLC0415 - these bring numpy, and "install" needs only refuse_root
    from mousetrackd.daemon import handover  # noqa: PLC0415
    from mousetrackd.daemon.daemon import Daemon  # noqa: PLC0415
    from mousetrackd.daemon.lock import AlreadyRunningError  # noqa: PLC0415
    from mousetrackd.daemon.privacy_guard import ConfigFile  # noqa: PLC0415
    from mousetrackd.system import logs  # noqa: PLC0415

    paths = user_paths()
    log = logs.start(paths.log, verbose=verbose)
    config_file = ConfigFile(paths, source=source)
    play = functools.cache(recording or registry.choose)  # after a pause it goes on where it was

    def make_source(now: Config) -> Source:
        if registry.is_recording(now.source):
            return play(now.source)
        return registry.choose(now.source, identify_windows=now.applications.enabled)

    try:
        conf, lost = config_file.load_or_rules()
        registry.check(conf.source)  # a misspelt name is refused before anything is touched

        def run() -> None:
            Daemon(paths, conf, make_source, config_file.load, log_problem=log.problem, lost=lost).run()

        if registry.is_recording(conf.source):
            run()
        else:
            check_live()
            handover.run_or_take_over(paths, run, lambda: registry.why_not(conf.source))
    except AlreadyRunningError as error:
        log.note(str(error))
        if source is None:
            raise
        raise MousetrackError(
            f"{error.message} Nothing was read from {source}.",
            "Stop it first: mousetrackd stop. Or give this one other folders: set XDG_RUNTIME_DIR and XDG_DATA_HOME.",
        ) from error
    except MousetrackError as error:
        log.note(str(error))
        raise
