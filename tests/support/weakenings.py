"""What `weakened` finds in one changed file, short enough for tables."""

from textwrap import dedent

from grace.domain.weakened import weakened
from grace.domain.weakening import FilePair, WeakeningKind

REMOVED = WeakeningKind.TEST_REMOVED
SKIPPED = WeakeningKind.TEST_SKIPPED
XFAIL = WeakeningKind.EXPECTED_FAILURE
ASSERTION = WeakeningKind.ASSERTION_REMOVED
THRESHOLD = WeakeningKind.THRESHOLD_LOWERED
RELAXED = WeakeningKind.CHECK_RELAXED
WORKFLOW = WeakeningKind.WORKFLOW_EDITED
POLICY = WeakeningKind.POLICY_EDITED
UNREADABLE = WeakeningKind.UNREADABLE


def pair(path, before, after):
    """Build a pair from texts that may be indented."""
    return FilePair(
        path=path,
        before=None if before is None else dedent(before),
        after=None if after is None else dedent(after),
    )


def found(before, after, path="tests/test_mesh.py"):
    """List kinds and lines of what one changed file weakens."""
    return [(w.kind, w.line) for w in weakened([pair(path, before, after)])]


def around(body):
    """Write a test around some statements."""
    return "def test_a():\n" + "".join(f"    {line}\n" for line in body.split("\n"))
