"""What makes tests and checks weaker than they were: the kinds, and one finding with its place."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from grace.domain.base import Frozen


class WeakeningKind(StrEnum):
    """The ways in which a change makes its own judgement easier."""

    TEST_REMOVED = "test_removed"
    TEST_SKIPPED = "test_skipped"
    EXPECTED_FAILURE = "expected_failure"
    ASSERTION_REMOVED = "assertion_removed"
    THRESHOLD_LOWERED = "threshold_lowered"
    CHECK_RELAXED = "check_relaxed"
    WORKFLOW_EDITED = "workflow_edited"
    POLICY_EDITED = "policy_edited"
    UNREADABLE = "unreadable"


class Weakening(Frozen):
    """One finding. `line` is one of the new file where it has one, else of the old."""

    kind: WeakeningKind
    file: Annotated[str, Field(min_length=1, max_length=4096)]
    line: Annotated[int, Field(ge=1)] = 1
    message: Annotated[str, Field(max_length=300)]


class FilePair(Frozen):
    """A changed file's text at base and at head; None: it is not there.

    `readable` False: it is binary, too large or no UTF-8, and both texts are None.
    """

    path: str
    before: str | None = None
    after: str | None = None
    readable: bool = True
