"""What was checked, what failed, and what could not be tried."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MORE = " " * 4
"""What a line begins with that belongs to the one before it."""


class SkipError(Exception):
    """This part cannot be tried here; the message says why, and what would help."""


@dataclass
class Report:
    """Prints each check as it is made. part: which part is at work."""

    part: str = ""
    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)

    def check(self, what: str, holds: bool, said: object = "") -> None:
        """Note whether something is as it should be. said: what was measured."""
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        in_brackets = f" ({said})".replace("\n", f"\n{MORE}") if said != "" else ""
        print(f"{'ok' if holds else 'FAILED'}: {self.part}: {what}{in_brackets}", flush=True)

    def run(self, part: str, checks: Callable[["Report"], None]) -> None:
        """Run a part. One that breaks off has failed."""
        self.part = part
        began_s = time.monotonic()
        try:
            checks(self)
        except SkipError as why:
            self.skipped.append(f"{part}: {why}")
        except (AssertionError, RuntimeError, OSError) as error:
            notes = getattr(error, "__notes__", [])
            self.check("it ran to its end", False, "\n".join([f"{type(error).__name__}: {error}", *notes]))
        print(f"{part} took {time.monotonic() - began_s:.0f} s", flush=True)

    def close(self) -> bool:
        """Print the sum of it. True when nothing failed."""
        for line in self.skipped:
            print(f"skipped: {line}")
        print(f"{self.passed} passed, {self.failed} failed")
        return self.failed == 0
