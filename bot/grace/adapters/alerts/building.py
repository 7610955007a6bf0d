"""Make the mission that an alert asks for: its words, put into ours by the configuration."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from grace.adapters.alerts.told import Intake, Problems, Said, Told
from grace.adapters.alerts.words import (
    SEVERITIES,
    SHOWN_LIMIT,
    TITLE_LIMIT,
    bounded,
    plain,
)
from grace.domain.alerting.sources import Words
from grace.domain.catalog import MetricDefinition
from grace.domain.events import AlertSeen
from grace.domain.package import AcceptanceCriteria, Evidence, MetricTarget, MissionRequest, Symptom
from grace.domain.phase import Severity
from grace.domain.policy import Policy

# How far a source's clock may be ahead of ours, and how long ago an alert can have begun.
AHEAD: Final = timedelta(minutes=5)
BEHIND: Final = timedelta(days=366)
_ROLLING: Final[float] = MetricTarget.model_fields["rolling_window_minutes"].default
_NAMELESS: Final = "an alert without a name"
_OURS: Final = re.compile(r"[0-9A-Za-z_.:/-]{1,100}", re.ASCII)


def fingerprint(source: str, *parts: str) -> str:
    """Name a problem for good: by the source's own name of it, or a digest of what is no name."""
    name = ":".join(parts)
    if _OURS.fullmatch(name) is None:
        name = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
    return f"{source}:{name}"


class Builder:
    """Make events of what a call tells; an alert that asks for nothing we know stops no other."""

    def __init__(self, source: str, words: Words, policy: Policy, now: datetime) -> None:
        self._source = source
        self._words = words
        self._policy = policy
        self._now = now
        self._severities = {**SEVERITIES, **{w.lower(): s for w, s in words.severities.items()}}
        self._subsystems = ", ".join(sorted(policy.subsystems.subsystems)) or "none"
        measurable = sorted(n for n, m in policy.catalog.metrics.items() if m.measurable)
        self._metrics = ", ".join(measurable) or "none"
        self._targets: dict[tuple[str, float], MetricTarget] = {}
        self._problems = Problems()
        self._seen: list[AlertSeen] = []
        self._timeless = False

    def add(self, told: Told) -> None:
        """Make an alert's event, or note what it lacks."""
        before = len(self._problems)
        subsystem = self._subsystem(told)
        metric_id = self._metric(told, subsystem)
        observed = self._number(told, told.value)
        criteria = self._criteria(told, metric_id) if metric_id else None
        if len(self._problems) > before or criteria is None:
            return
        self._timeless = self._timeless or told.at is None
        self._seen.append(self._event(told, subsystem, observed, criteria))

    def wrong(self, place: str, name: str, problem: str) -> None:
        """Note what is wrong with an alert that could not even be read."""
        self._problems.add(place, name, problem)

    def done(self, *, truncated: int = 0, left: str = "", own_id: str = "") -> Intake:
        """Return what the call brought."""
        problems = self._problems
        return Intake(
            seen=tuple(self._seen),
            errors=tuple(problems.errors),
            more=problems.more,
            truncated=truncated,
            left="" if self._seen or len(problems) else left or "the call has no alert in it",
            timeless=self._timeless,
            own_id=own_id,
        )

    def _event(
        self, told: Told, subsystem: str, observed: float | None, criteria: AcceptanceCriteria
    ) -> AlertSeen:
        (target,) = criteria.metric_targets
        definition = self._policy.catalog.metrics[target.metric_id]
        called = plain(told.title) or plain(told.description) or _NAMELESS
        at, lie = self._when(told.at)
        labels = bounded(told.labels)
        symptom = Symptom(
            description=called,
            metric_id=target.metric_id,
            observed_value=observed,
            threshold=definition.target,
        )
        request = MissionRequest(
            subsystem_id=subsystem,
            severity=self._severity(told.severity, definition),
            detected_by=self._source,
            summary=plain(told.description) or called,
            symptoms=(symptom,),
            evidence=(self._evidence(told, _excerpt(told, labels, lie), at),),
            acceptance_criteria=criteria,
        )
        return AlertSeen(
            source=self._source,
            fingerprint=told.fingerprint,
            status=told.status,
            title=plain(called, TITLE_LIMIT),
            request=request,
            at=at,
            labels=labels,
        )

    def _severity(self, said: Sequence[Said], definition: MetricDefinition) -> Severity:
        """Take the first word that we know; without one the metric's own severity holds."""
        known = (self._severities.get(word.text.strip().lower()) for word in said)
        return next((s for s in known if s is not None), definition.severity)

    def _subsystem(self, told: Told) -> str:
        words, known = self._words.subsystems, self._policy.subsystems.subsystems
        for said in told.subsystem:
            name = words.get(said.text, said.text)
            if name in known:
                return name
        said = next((s for s in told.subsystem if s.text), told.subsystem[-1])
        shown = plain(said.text, SHOWN_LIMIT)
        what = f"unknown subsystem {shown!r}" if shown else "is required"
        self._problems.add(told.place, said.field, f"{what}; known are: {self._subsystems}")
        return ""

    def _metric(self, told: Told, subsystem: str) -> str:
        """Find the metric that will tell that the mission is done; empty where there is none."""
        said = next((s for s in told.metric if s.text), None)
        named = [*(s.text for s in told.subsystem), subsystem]
        mapped = (self._words.metrics[name] for name in named if name in self._words.metrics)
        name = said.text if said is not None else next(mapped, "")
        definition = self._policy.catalog.metrics.get(name)
        if definition is not None and definition.measurable:
            return name
        if definition is not None:
            what = f"{name} has no source in the metrics catalog: add one there"
        elif name:
            what = f"unknown metric {plain(name, SHOWN_LIMIT)!r}"
        else:
            what = "is required, or nobody can tell a fix"
            if not told.metric:
                what += ": name one for this subsystem in alert_sources.yaml"
        place = said or next(iter(told.metric[::-1]), Said("metrics", ""))
        self._problems.add(told.place, place.field, f"{what}; known are: {self._metrics}")
        return ""

    def _criteria(self, told: Told, metric_id: str) -> AcceptanceCriteria | None:
        """Ask for the catalog's threshold, over windows that the alert may set."""
        window = self._number(told, told.window)
        rolling = self._number(told, told.rolling)
        key = (metric_id, _ROLLING if rolling is None else rolling)
        blamed = told.rolling
        try:
            target = self._targets.get(key)
            if target is None:
                target = self._policy.catalog.metrics[metric_id].as_target(*key)
                self._targets[key] = target
            if window is None:
                return AcceptanceCriteria(metric_targets=(target,))
            blamed = told.window
            return AcceptanceCriteria(metric_targets=(target,), observation_window_minutes=window)
        except ValidationError as error:
            self._problems.add(told.place, blamed.field if blamed else "", error.errors()[0]["msg"])
            return None

    def _number(self, told: Told, said: Said | None) -> float | None:
        """Read a number; what is none is a problem."""
        if said is None or not said.text.strip():
            return None
        try:
            value = float(said.text.strip().removesuffix("%"))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            shown = plain(said.text, SHOWN_LIMIT)
            self._problems.add(told.place, said.field, f"{shown!r} is no number")
            return None
        return value

    def _when(self, told: datetime | None) -> tuple[datetime, str]:
        """Return when it happened, and why that is not what the source says."""
        if told is None:
            return self._now, ""
        if self._now - BEHIND <= told <= self._now + AHEAD:
            return told, ""
        said = f"the source says {told.isoformat()}, which cannot be: the time of arrival is taken"
        return self._now, said

    def _evidence(self, told: Told, excerpt: str, at: datetime) -> Evidence:
        return Evidence(
            kind="metric",
            excerpt=excerpt,
            sha256=hashlib.sha256(excerpt.encode()).hexdigest(),
            at=at,
            source=plain(told.link, TITLE_LIMIT) or self._source,
        )


def _excerpt(told: Told, labels: Mapping[str, str], lie: str) -> str:
    """Write an alert's labels down, with what is not as the source says."""
    lines = [f"{name}: {value}" for name, value in labels.items()]
    left = len(told.labels) - len(labels)
    lines += [f"and {left} more labels"] if left > 0 else []
    return "\n".join([*lines, lie] if lie else lines)
