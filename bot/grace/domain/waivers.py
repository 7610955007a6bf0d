"""Waivers of security findings: reasoned, signed with a name, and expiring."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from grace.domain.base import Frozen
from grace.domain.results import Finding

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1000)]
MAX_DAYS: Final = 366


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

    def void(self, now: datetime) -> str | None:
        """Say why it waives nothing at this moment, if so; `now` with its zone."""
        today = now.astimezone(UTC).date()
        if today > self.expires:
            return (
                f"expired on {self.expires}; remove it, or renew it with a reason that still holds"
            )
        if self.expires - today > timedelta(days=MAX_DAYS):
            return f"lasts until {self.expires}; let it expire within {MAX_DAYS} days"
        return None

    def covers(self, finding: Finding, now: datetime) -> bool:
        """Tell whether it lets this finding pass at this moment; `now` with its zone."""
        if self.void(now) is not None:
            return False
        if self.fingerprint is not None:
            return finding.fingerprint == self.fingerprint
        return (finding.rule, finding.file) == (self.rule, self.path)


class Waivers(Frozen):
    """`.github/hunter-waivers.yml`, read at the base commit."""

    version: Literal[1] = 1
    waivers: Annotated[tuple[Waiver, ...], Field(max_length=500)] = ()

    def covering(self, finding: Finding, now: datetime) -> Waiver | None:
        """Return the first waiver that lets a finding pass at this moment."""
        return next((each for each in self.waivers if each.covers(finding, now)), None)
