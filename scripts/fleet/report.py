"""A line for each claim."""

failed: list[str] = []


def report(claim: str, holds: bool, detail: str = "") -> None:
    """Print a line of the result."""
    print(f"{'ok    ' if holds else 'FAILED'} {claim}{f': {detail}' if detail else ''}", flush=True)
    if not holds:
        failed.append(claim)
