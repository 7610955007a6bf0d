"""Any JSON, read by the JMESPath expressions of `alert_sources.yaml`."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from grace.adapters.alerts.alertmanager import MAX_ALERTS
from grace.adapters.alerts.building import Builder, fingerprint
from grace.adapters.alerts.signatures import Secrets, Unproven, check_token, digests_of
from grace.adapters.alerts.strict_json import read_json
from grace.adapters.alerts.told import AlertError, Call, Intake, Said, Status, Told
from grace.adapters.alerts.words import text_of
from grace.domain.alerting.sources import BearerAuth, CustomSource, HmacAuth, Value
from grace.domain.mission import FieldError
from grace.domain.policy import Policy

# Later than this it is a count of milliseconds: the seconds of the year 5138.
_MILLISECONDS: Final = 1e11
_UNIX: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)


def prove_custom(call: Call, secrets: Secrets, auth: BearerAuth | HmacAuth) -> None:
    """Check what the configuration says proves the sender."""
    match auth:
        case BearerAuth():
            check_token(call.headers, secrets)
        case HmacAuth():
            given = call.headers.get(auth.header.lower())
            if given is None:
                raise Unproven(f"the header {auth.header} is missing")
            if not given.startswith(auth.prefix):
                raise Unproven(f"the header {auth.header} does not begin with {auth.prefix!r}")
            digests = digests_of([given.removeprefix(auth.prefix)], auth.encoding)
            if not secrets.signed(call.body, digests):
                raise Unproven(f"the signature does not fit the body: look at {auth.secret_env}")


class CustomReader:
    """Read the calls of one source of any JSON; its expressions are compiled once."""

    def __init__(self, name: str, config: CustomSource) -> None:
        self._source = f"custom:{name}"
        self._config = config
        self._items = _compiled(config.items)
        self._delivery = _compiled(config.delivery)
        given = config.fields.model_dump(exclude_none=True)
        self._fields = {field: jmespath.compile(text) for field, text in given.items()}
        self._statuses: dict[str, Status | None] = {
            **dict.fromkeys(map(_word, config.ignored), None),
            **dict.fromkeys(map(_word, config.resolved), "resolved"),
            **dict.fromkeys(map(_word, config.firing), "firing"),
        }

    def read(self, call: Call, policy: Policy) -> Intake:
        """Read one call; raises `AlertError` when it has no list of items where one should be."""
        body = read_json(call.body)
        builder = Builder(self._source, self._config, policy, call.at)
        for i, item in enumerate(self._items_of(body)):
            self._add(builder, item, f"items[{i}]" if self._items is not None else "")
        own_id = text_of(_search(self._delivery, body)) if self._delivery is not None else ""
        return builder.done(
            left="no item of it is an alert", own_id=fingerprint("own", own_id) if own_id else ""
        )

    def _items_of(self, body: object) -> Sequence[object]:
        if self._items is None:
            return [body]
        found = _search(self._items, body)
        if not isinstance(found, list):
            problem = f"has no list of alerts at {self._config.items}"
            raise AlertError([FieldError(field="body", problem=problem)])
        if len(found) > MAX_ALERTS:
            problem = f"has more than {MAX_ALERTS} items"
            raise AlertError([FieldError(field="body", problem=problem)])
        return found

    def _add(self, builder: Builder, item: object, place: str) -> None:
        """Read one item, or note what it lacks; one that is to be ignored goes unsaid."""
        status = self._text(item, "status")
        meant: Status | None = "firing"
        if "status" in self._fields:
            if status.casefold() not in self._statuses:
                told = f"{status[:40]!r} is in none of firing, resolved and ignored"
                builder.wrong(place, "status", told)
                return
            meant = self._statuses[status.casefold()]
        if meant is None:
            return
        name = self._text(item, "fingerprint")
        if not name:
            told = f"is required: nothing is at {self._config.fields.fingerprint}"
            builder.wrong(place, "fingerprint", told)
            return
        labels = _labels(self._value(item, "labels"))
        metric = [self._said(item, "metric_id")] if "metric_id" in self._fields else []
        builder.add(
            Told(
                place=place,
                fingerprint=fingerprint(self._source, name),
                status=meant,
                title=self._text(item, "title"),
                description=self._text(item, "description"),
                labels=labels,
                severity=[self._said(item, "severity")],
                subsystem=[self._said(item, "subsystem")],
                metric=metric,
                at=moment(self._value(item, "at")),
                value=self._said(item, "value"),
                link=self._text(item, "link"),
            )
        )

    def _said(self, item: object, field: str) -> Said:
        return Said(field, self._text(item, field))

    def _text(self, item: object, field: str) -> str:
        return text_of(self._value(item, field))

    def _value(self, item: object, field: str) -> object:
        compiled = self._fields.get(field)
        return None if compiled is None else _search(compiled, item)


def moment(value: object) -> datetime | None:
    """Read a time: ISO 8601, in UTC where it names no zone, or seconds or milliseconds of Unix.

    None for what is no time.
    """
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, str) and _UNIX.fullmatch(value.strip()) is None:
            found = datetime.fromisoformat(value.strip())
            return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        if not isinstance(value, str | int | float):
            return None
        seconds = float(value)
        if not math.isfinite(seconds):
            return None
        return datetime.fromtimestamp(
            seconds / 1000 if abs(seconds) > _MILLISECONDS else seconds, UTC
        )
    except (ValueError, OverflowError, OSError):
        return None


def _labels(value: object) -> dict[str, str]:
    """Read labels: an object, a list of pairs, or of objects with name (or key) and value."""
    match value:
        case dict():
            pairs = [(str(name), inner) for name, inner in value.items()]
        case list():
            pairs = [pair for each in value[:1000] if (pair := _pair(each)) is not None]
        case _:
            pairs = []
    return {name: text for name, inner in pairs[:1000] if (text := text_of(inner))}


def _pair(each: object) -> tuple[str, object] | None:
    match each:
        case [str(name), value]:
            return name, value
        case {"name": str(name), "value": value} | {"key": str(name), "value": value}:
            return name, value
        case _:
            return None


def _word(value: Value) -> str:
    return text_of(value).casefold()


def _compiled(expression: str | None) -> ParsedResult | None:
    return None if expression is None else jmespath.compile(expression)


def _search(compiled: ParsedResult, value: object) -> object:
    """Look a value up; an expression that does not fit what is there finds nothing."""
    try:
        found: object = compiled.search(value)
    except (JMESPathError, RecursionError, TypeError, ValueError, OverflowError):
        return None
    return found
