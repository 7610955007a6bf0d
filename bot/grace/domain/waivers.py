"""Waivers of security findings: reasoned, signed with a name, and expiring."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from grace.domain.base import Frozen
from grace.domain.results import Finding

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1000)]


class Waiver(Frozen):
    """Let findings pass: by fingerprint, or by rule and path; through the day `expires`, UTC."""

    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    rule: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    path: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    reason: Reason
    approved_by: Annotated[str, Field(min_length=1, max_length=100)]
    expires: date

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if (self.fingerprint is None) == (self.rule is None):
            raise ValueError("name either a fingerprint, or a rule and its path")
        if (self.rule is None) != (self.path is None):
            raise ValueError("a rule is waived in one path; name both")
        return self

    def covers(self, finding: Finding, now: datetime) -> bool:
        """Tell whether it lets this finding pass at this moment; `now` in UTC."""
        if now.date() > self.expires:
            return False
        if self.fingerprint is not None:
            return finding.fingerprint == self.fingerprint
        return (finding.rule, finding.file) == (self.rule, self.path)


class Waivers(Frozen):
    """`.github/hunter-waivers.yml`, read at the base commit."""

    version: Literal[1] = 1
    waivers: Annotated[tuple[Waiver, ...], Field(max_length=500)] = ()
