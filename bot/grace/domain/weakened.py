"""Find what a change makes weaker: tests, thresholds, checks, workflows and policy."""

from collections.abc import Sequence

from grace.domain.weakening import FilePair, Weakening


def weakened(pairs: Sequence[FilePair]) -> tuple[Weakening, ...]:
    """List what these changes weaken, ordered by file and line."""
    del pairs
    return ()
