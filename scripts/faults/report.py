"""What was tried, and how it went."""

from dataclasses import dataclass


@dataclass
class Report:
    """Counts and prints sentences that are true, or should have been."""

    passed: int = 0
    failed: int = 0

    def check(self, holds: bool, sentence: str, *details: object) -> None:
        """Say the sentence; with the first few details where it does not hold."""
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        print(f"{'ok' if holds else 'FAILED'}: {sentence}", flush=True)
        if not holds:
            for detail in details[:8]:
                print(f"    {detail}", flush=True)

    def close(self) -> str:
        """The last line."""
        return f"{self.passed} passed, {self.failed} failed"
