"""What is said about alerts; titles, labels and fingerprints are strangers' words."""

from datetime import datetime, timedelta

from grace.domain.alerting.alarm import Alarm, AlertState, Recurrence
from grace.domain.phase import Outcome
from grace.domain.render import code, inline, one_line

SHOWN = 10


def span(length: timedelta) -> str:
    """Say a length of time: in days, hours or minutes."""
    seconds = max(0.0, length.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3600)):
        if seconds >= size:
            return _plural(int(seconds // size), unit)
    return _plural(int(seconds // 60), "minute")


def came_back(recurs: Recurrence, now: datetime) -> str:
    """Say that the problem of an earlier mission is here again, and what that says of its fix."""
    after = span(now - recurs.closed_at)
    said = f"It came back {after} after {recurs.mission} was closed as {recurs.outcome.value}."
    if recurs.outcome is not Outcome.FIXED:
        return said
    fix = f" ({recurs.landed[:10]})" if recurs.landed is not None else ""
    return f"{said} The fix of that mission{fix} did not hold."


def recovered(known: int, patience: timedelta) -> str:
    """Say why a mission ended without a fix."""
    held = span(patience) if patience >= timedelta(minutes=1) else "a moment"
    if known > 1:
        return f"all of its {known} alerts stayed resolved for {held}, before any fix was merged"
    return f"its alert stayed resolved for {held}, before any fix was merged"


def ineffective(mission: str, fingerprint: str, after: timedelta) -> str:
    """Say in Markdown that a fix did not hold."""
    return (
        f"The fix did not hold: alert {code(fingerprint, 80)} fires again {span(after)} after "
        f"this mission was closed as fixed. {code(mission)} deals with it."
    )


def standing(alarm: Alarm) -> str:
    """Say in one line how a mission's own alerts stand."""
    if alarm.firing <= 0:
        return "resolved" if alarm.known == 1 else f"all {alarm.known} are resolved"
    if alarm.known == 1:
        return "still fires"
    return f"{alarm.firing} of {alarm.known} fire"


def others(alarm: Alarm) -> str:
    """Name the alerts of other missions that began while a release was observed."""
    named = ", ".join(one_line(a.title, 80) for a in alarm.beside[:SHOWN])
    more = len(alarm.beside) - SHOWN
    return f"{named} and {more} more" if more > 0 else named


def alert_lines(alarm: Alarm) -> list[str]:
    """List a mission's alerts in Markdown: how they stand now is told elsewhere."""
    if alarm.known <= 1 and alarm.recurs is None and alarm.capa is None:
        return []
    lines = []
    if alarm.recurs is not None:
        about = alarm.recurs
        ticket = f" Its CAPA is #{about.capa}." if about.capa is not None else ""
        lines.append(f"An earlier mission had this alert: `{about.mission}`.{ticket}")
    if alarm.capa is not None:
        lines.append(f"CAPA #{alarm.capa} about the same problem is open.")
    if alarm.known > 1:
        lines += ["", "### Alerts", *(_line(a) for a in alarm.own[:SHOWN])]
        left = alarm.known - min(SHOWN, len(alarm.own))
        lines += [f"- and {_bounded(left)} more"] if left > 0 else []
    return [*lines, ""]


def _line(alert: AlertState) -> str:
    return f"- {inline(alert.title, 200)} ({code(alert.source, 40)}, {code(alert.fingerprint, 80)})"


def _bounded(left: int) -> str:
    """Count roughly, so that a storm does not change the text with every alert."""
    if left <= SHOWN:
        return str(left)
    return f"more than {10 ** (len(str(left)) - 1)}"


def _plural(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
