"""What security scanners found, in one form, and which of it is new."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from grace.domain.base import Frozen
from grace.domain.results import Count, Sha

MAX_FINDINGS = 2000
_MESSAGE, _PATH, _RULE = 1000, 500, 200


class Level(StrEnum):
    """How bad a finding is, by SARIF's levels."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Return 0 for a note, 2 for an error."""
        return tuple(Level).index(self)


class Finding(Frozen):
    """One finding. `fingerprint` stays the same when the line moves within its file."""

    tool: Annotated[str, Field(min_length=1, max_length=100)]
    rule: Annotated[str, Field(min_length=1, max_length=_RULE)]
    level: Level
    path: Annotated[str, Field(min_length=1, max_length=_PATH)]
    line: Annotated[int, Field(ge=1)]
    message: Annotated[str, Field(max_length=_MESSAGE)]
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    new: bool


class ScanReport(Frozen):
    """One security scan of one commit.

    `base_sha` is what it was compared with; without one every finding is new. `found` and `new`
    count all; `findings` lists at most 2,000, the new ones first.
    """

    job: Annotated[str, Field(min_length=1, max_length=200)]
    tools: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]
    base_sha: Sha | None
    found: Count
    new: Count
    findings: Annotated[tuple[Finding, ...], Field(max_length=MAX_FINDINGS)] = ()

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        listed = sum(finding.new for finding in self.findings)
        if len(self.findings) != min(self.found, MAX_FINDINGS) or self.new > self.found:
            raise ValueError("the counts do not agree with the findings listed")
        if listed != min(self.new, MAX_FINDINGS):
            raise ValueError("the new findings are not listed first, or are not all counted")
        return self


class Raw(Frozen):
    """A finding as a scanner told it; `anchor` is what it is about, such as the line's text."""

    tool: str
    rule: str
    level: Level
    path: str
    line: int
    message: str
    anchor: str


def fingerprinted(raws: Iterable[Raw]) -> tuple[tuple[str, Raw], ...]:
    """Pair findings with fingerprints, ordered by tool, path and line.

    A fingerprint is over tool, rule, path, the anchor without the spaces around it, and its
    number among those that share all of these: the line's number is not in it.
    """
    order = sorted(raws, key=lambda raw: (raw.tool, raw.path, raw.line, raw.rule, raw.message))
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for raw in order:
        key = (raw.tool, raw.rule, raw.path, raw.anchor.strip())
        text = "\0".join((*key, str(seen[key])))
        seen[key] += 1
        found.append((hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), raw))
    return tuple(found)


def compared(head: Sequence[Raw], base: Sequence[Raw] | None) -> tuple[Finding, ...]:
    """Return the head's findings, the new and the worse ones first; all are new without a base."""
    known = {fingerprint for fingerprint, _ in fingerprinted(base or ())}
    found = [
        Finding(
            tool=raw.tool,
            rule=raw.rule[:_RULE],
            level=raw.level,
            path=raw.path[:_PATH] or ".",
            line=max(raw.line, 1),
            message=raw.message[:_MESSAGE],
            fingerprint=fingerprint,
            new=fingerprint not in known,
        )
        for fingerprint, raw in fingerprinted(head)
    ]
    return tuple(sorted(found, key=lambda each: (not each.new, -each.level.rank)))
