"""What security scanners found, in one form, and which of it is new."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, assert_never

from pydantic import Field, TypeAdapter, ValidationError

from grace.domain import results
from grace.domain.base import Frozen
from grace.domain.phase import Severity

_MESSAGE, _PATH, _RULE = 1000, 500, 200
_PLACE: TypeAdapter[str] = TypeAdapter(results.RepositoryPath)
_SCORES = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))


class Level(StrEnum):
    """How bad a finding is, by SARIF's levels."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Return 0 for a note, 2 for an error."""
        return tuple(Level).index(self)

    @property
    def severity(self) -> Severity:
        """Return what a level says of a finding's severity where no score does."""
        match self:
            case Level.NOTE:
                return Severity.LOW
            case Level.WARNING:
                return Severity.MEDIUM
            case Level.ERROR:
                return Severity.HIGH
            case _:
                assert_never(self)


def scored(score: float) -> Severity:
    """Return the severity of a rule's `security-severity`, 0 to 10.

    Source: GitHub Docs, "SARIF support for code scanning", `security-severity`.
    """
    return next((severity for least, severity in _SCORES if score >= least), Severity.LOW)


class About(Frozen):
    """What a rule is about: its weakness by MITRE's number, a title, advice and a page."""

    cwe: int | None = None
    title: str = ""
    advice: str = ""
    url: str = ""


class Finding(Frozen):
    """One finding. `fingerprint` stays the same when the line moves within its file."""

    tool: Annotated[str, Field(min_length=1, max_length=100)]
    rule: Annotated[str, Field(min_length=1, max_length=_RULE)]
    level: Level
    severity: Severity
    path: Annotated[str, Field(min_length=1, max_length=_PATH)]
    line: Annotated[int, Field(ge=1)]
    message: Annotated[str, Field(max_length=_MESSAGE)]
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    new: bool
    score: float | None = None
    about: About = About()

    def told(self) -> results.Finding:
        """Return it as the report has it; a place that no file of a repository has is left out."""
        file = _placed(self.path)
        return results.Finding(
            tool=self.tool,
            rule=self.rule,
            severity=self.severity,
            message=self.message,
            file=file,
            line=min(self.line, results.MAX_LINE) if file else None,
            fingerprint=self.fingerprint,
            new=self.new,
        )


class Raw(Frozen):
    """A finding as a scanner told it; `anchor` is what it is about, such as the line's text.

    `score` is its rule's `security-severity`, where it has one.
    """

    tool: str
    rule: str
    level: Level
    score: float | None = None
    path: str
    line: int
    message: str
    anchor: str
    about: About = About()


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
    """Return the head's findings, the new and the worst ones first; all are new without a base."""
    known = {fingerprint for fingerprint, _ in fingerprinted(base or ())}
    found = [
        Finding(
            tool=raw.tool,
            rule=raw.rule[:_RULE],
            level=raw.level,
            severity=raw.level.severity if raw.score is None else scored(raw.score),
            path=raw.path[:_PATH] or ".",
            line=max(raw.line, 1),
            message=raw.message[:_MESSAGE],
            fingerprint=fingerprint,
            new=fingerprint not in known,
            score=raw.score,
            about=raw.about,
        )
        for fingerprint, raw in fingerprinted(head)
    ]
    return tuple(sorted(found, key=lambda f: (not f.new, f.severity.rank, -f.level.rank)))


def _placed(path: str) -> str | None:
    try:
        return _PLACE.validate_python(path)
    except ValidationError:
        return None
