"""Faults that a test asks for: failing or slow requests, and deliveries gone wrong."""

import re
from dataclasses import dataclass, field
from enum import StrEnum


class DeliveryFault(StrEnum):
    """`drop` is recorded as a failed delivery, which can be asked for again, as at GitHub."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"


@dataclass(slots=True)
class RequestFault:
    """One rule; `after` lets the request take effect and then answers with the failure."""

    path: re.Pattern[str]
    method: str | None
    times: int
    status: int | None = None
    seconds: float = 0.0
    after: bool = False


@dataclass(slots=True)
class _DeliveryRule:
    fault: DeliveryFault
    event: re.Pattern[str]
    times: int


@dataclass(slots=True)
class Faults:
    """The rules in force. Each is used up after `times` matches."""

    _requests: list[RequestFault] = field(default_factory=list)
    _deliveries: list[_DeliveryRule] = field(default_factory=list)

    def fail(
        self,
        path: str,
        status: int,
        *,
        times: int = 1,
        method: str | None = None,
        after: bool = False,
    ) -> None:
        """Answer the next `times` requests whose path matches the expression with this status."""
        rule = RequestFault(re.compile(path), method, times, status=status, after=after)
        self._requests.append(rule)

    def delay(
        self, path: str, seconds: float, *, times: int = 1, method: str | None = None
    ) -> None:
        """Hold the next `times` matching requests for some seconds."""
        self._requests.append(RequestFault(re.compile(path), method, times, seconds=seconds))

    def deliveries(self, fault: DeliveryFault, event: str = "", *, times: int = 1) -> None:
        """Drop, send twice, or swap with its successor the next `times` matching deliveries."""
        self._deliveries.append(_DeliveryRule(fault, re.compile(event), times))

    def clear(self) -> None:
        """Forget every rule."""
        self._requests.clear()
        self._deliveries.clear()

    def request(self, method: str, path: str) -> RequestFault | None:
        """Return and use up the first rule for a request."""
        for rule in self._requests:
            if rule.times > 0 and rule.method in (None, method) and rule.path.search(path):
                rule.times -= 1
                return rule
        return None

    def delivery(self, event: str) -> DeliveryFault | None:
        """Return and use up the first rule for a delivery; `event` is `name` or `name.action`."""
        for rule in self._deliveries:
            if rule.times > 0 and rule.event.search(event):
                rule.times -= 1
                return rule.fault
        return None
