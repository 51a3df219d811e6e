"""What a script checked, what failed, and what could not be tried."""

import contextlib
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

MORE = " " * 4
"""What a line begins with that belongs to the one before it."""

_DETAILS = 60
"""So many lines about one failure are printed at most."""


class SkipError(Exception):
    """This part cannot be tried here; the message says why, and what would help."""


@dataclass
class Report:
    """Prints each check as it is made. part: which part is running; context: printed with a failure of ``expect``."""

    part: str = ""
    context: Callable[[], str] = str
    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)

    def check(self, what: str, holds: bool, measured: object = "", *, details: Iterable[object] = ()) -> None:
        """Note whether something is as it should be. details: printed where it is not."""
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        subject = f"{self.part}: {what}" if self.part else what
        in_brackets = f" ({measured})".replace("\n", f"\n{MORE}") if measured != "" else ""
        print(f"{'ok' if holds else 'FAILED'}: {subject}{in_brackets}", flush=True)
        if not holds:
            lines = "\n".join(map(str, details)).splitlines()
            print("".join(f"{MORE}{line}\n" for line in lines[:_DETAILS]), end="", flush=True)

    @contextlib.contextmanager
    def expect(self, what: str) -> Iterator[None]:
        """Check what the block asserts. It fails where the block raises, and the script goes on either way."""
        began_s = time.monotonic()
        try:
            yield
        except SkipError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the next check is still worth making
            details = [*traceback.format_exception(error), self.context()]
            self.check(what, False, f"{time.monotonic() - began_s:.1f} s", details=details)
        else:
            self.check(what, True, f"{time.monotonic() - began_s:.1f} s")

    def run(self, part: str, checks: Callable[["Report"], None]) -> None:
        """Run a part. One that breaks off has failed."""
        self.part = part
        began_s = time.monotonic()
        try:
            checks(self)
        except SkipError as why:
            self.skipped.append(f"{part}: {why}")
        except Exception as error:  # noqa: BLE001 - the other parts are still worth trying
            self.check("it ran to its end", False, details=traceback.format_exception(error))
        print(f"{part} took {time.monotonic() - began_s:.0f} s", flush=True)

    def close(self) -> bool:
        """Print the sum of it. True when nothing failed."""
        for line in self.skipped:
            print(f"skipped: {line}")
        print(f"{self.passed} passed, {self.failed} failed")
        return self.failed == 0
