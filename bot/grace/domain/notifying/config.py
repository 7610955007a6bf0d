"""The models of `config/notifications.yaml`: channels, routes to them, and outgoing webhooks."""

from datetime import time
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from grace.domain.base import Frozen
from grace.domain.catalog import HttpUrl
from grace.domain.notifying.addresses import names_loopback
from grace.domain.package import Name
from grace.domain.phase import Severity
from grace.domain.rules.calendar import Calendar, Weekly, Zone
from grace.domain.topics import EVERYTHING, Pattern

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
FilePath = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Repository = Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")]
Network = Literal["public", "private", "any"]
MAX_DIGEST_MINUTES: Final = 7 * 1440


def _sendable(url: str) -> str:
    """Refuse an address that a webhook is not sent to, whatever it resolves to."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("names no host; write https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a name or password; the signature proves the sender, leave it out")
    if parts.fragment:
        raise ValueError("has a fragment (#...), which is never sent; leave it out")
    if parts.scheme != "https" and not names_loopback(parts.hostname):
        raise ValueError("is not https; only an address of this machine may be http")
    return url


WebhookUrl = Annotated[HttpUrl, AfterValidator(_sendable)]


class Channel(Frozen):
    """Where people are told: an apprise URL, which is a secret and therefore stands elsewhere.

    `url_env` names an environment variable that holds it, `url_file` a file; exactly one of them.
    """

    url_env: Variable | None = None
    url_file: FilePath | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.url_env is None) == (self.url_file is None):
            raise ValueError("give exactly one of url_env and url_file")
        return self


class Wanted(Frozen):
    """Which entries are wanted; a field that is empty does not filter.

    An entry that has no severity, subsystem or repository passes only where none is asked for.
    """

    patterns: Annotated[tuple[Pattern, ...], Field(min_length=1)] = (EVERYTHING,)
    severities: tuple[Severity, ...] = ()
    subsystems: tuple[Name, ...] = ()
    repositories: tuple[Repository, ...] = ()


class QuietHours(Frozen):
    """Hours of every day, in a zone, in which only some severities are told at once.

    Past midnight where `to` is not after `from`. What comes meanwhile is told when they end.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    begin: time = Field(alias="from")
    to: time
    zone: Zone = "UTC"
    except_severities: tuple[Severity, ...] = (Severity.CRITICAL,)

    @model_validator(mode="after")
    def _some_hours(self) -> Self:
        if self.begin.tzinfo is not None or self.to.tzinfo is not None:
            raise ValueError("a time of day has no offset; zone names the zone")
        if self.begin == self.to:
            raise ValueError("from and to are the same time; give some hours, or leave them out")
        return self

    def calendar(self) -> Calendar:
        """Return the hours as times that come again."""
        return Calendar(zone=self.zone, weekly=(Weekly(start=self.begin, until=self.to),))


class Route(Wanted):
    """Which entries are told in which channels, and when.

    `digest_minutes`: what comes in such a stretch of time is told in one message at its end.
    """

    name: Name
    channels: Annotated[tuple[Name, ...], Field(min_length=1)]
    digest_minutes: Annotated[int, Field(ge=1, le=MAX_DIGEST_MINUTES)] | None = None
    quiet_hours: QuietHours | None = None


class Webhook(Wanted):
    """A program that is told, by the scheme of Standard Webhooks.

    `secret_env` or `secret_file` names where the signing secret stands (`whsec_...`; several,
    separated by blanks, while one is exchanged for another). `network`: how far in a request may
    reach; "private" allows addresses of a private network, "any" those of the machine's own link.
    """

    url: WebhookUrl
    secret_env: Variable | None = None
    secret_file: FilePath | None = None
    network: Network = "public"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.secret_env is None) == (self.secret_file is None):
            raise ValueError("give exactly one of secret_env and secret_file")
        return self


class Notifications(Frozen):
    """`config/notifications.yaml`. `page_url`: where people open the page, for links to it."""

    page_url: HttpUrl | None = None
    channels: dict[Name, Channel] = Field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    webhooks: dict[Name, Webhook] = Field(default_factory=dict)
