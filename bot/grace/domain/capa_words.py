"""Every word that Grace says about CAPAs; what people typed is quoted."""

from collections.abc import Iterator
from datetime import datetime

from grace.domain.capa import Capa
from grace.domain.capa_record import CapaRecord
from grace.domain.mission import Mission
from grace.domain.render import code, inline, one_line, quoted, unlinked

NOBODY = "nobody yet"


def marker(record: CapaRecord, surface: str) -> str:
    """Make the hidden line by which an issue or comment of ours is found again."""
    return f"<!-- grace:{record.uid}:{surface} -->"


def title(capa: Capa) -> str:
    """Name the issue of a CAPA."""
    return f"CAPA: {unlinked(one_line(capa.title, 200), ' ')}"


def body(record: CapaRecord) -> str:
    """Write the issue of a CAPA that somebody opened in the register."""
    capa = record.capa
    about = f" about {code(capa.mission_id)}" if capa.mission_id else ""
    return "\n".join(
        [
            marker(record, "capa"),
            f"{code(capa.opened_by)} opened {capa.capa_id}{about}: corrective and preventive",
            f"action in {code(capa.subsystem_id)}, severity {capa.severity.value}.",
            "",
            "### What happened",
            quoted(capa.description, 4000),
            "",
            *_said(capa),
            f"Owner: {code(capa.owner) if capa.owner else NOBODY}. Due: {_day(capa.due_at)}.",
            "",
            "Close this issue when the actions are done: it takes write permission. Grace reminds",
            "of it once it is overdue, and checks on a date after the closing whether the problem",
            f"has come back ({_day(capa.check_at)}, or later if it is closed after that).",
        ]
    )


def own_title(mission: Mission) -> str:
    """Name the CAPA that a mission filed."""
    deed = "came back" if mission.effective is False else "regressed"
    return one_line(f"{mission.name} {deed}: {mission.title or 'no title'}", 200)


def own_description(mission: Mission) -> str:
    """Say what happened to a mission that filed a CAPA."""
    if mission.effective is False:
        return f"{mission.name} was closed as fixed, and came back in {mission.recurred}"
    reason = mission.revert.reason if mission.revert else mission.reason
    words = one_line(reason, 2000) or "no reason was recorded"
    return f"{mission.name} regressed after its release: {words}"


def reminder(record: CapaRecord, surface: str, *, last: bool) -> str:
    """Remind on the issue of a CAPA that is overdue."""
    capa = record.capa
    owner = code(capa.owner) if capa.owner else NOBODY
    more = " This is the last reminder." if last else ""
    return (
        f"{marker(record, surface)}\n"
        f"Reminder {capa.reminders}: {capa.capa_id} was due on {_day(capa.due_at)} and is open. "
        f"Owner: {owner}. Close this issue when its actions are done, or give it another date in "
        f"the register.{more}"
    )


def closing(record: CapaRecord, surface: str, by: str) -> str:
    """Say on the issue that somebody closed it in the register, and what was done."""
    capa = record.capa
    return "\n".join(
        [
            marker(record, surface),
            f"{code(by)} closed {capa.capa_id} in the register. On {_day(capa.check_at)} Grace",
            "checks whether the problem has come back.",
            "",
            *_said(capa),
        ]
    ).rstrip()


def check(record: CapaRecord, surface: str) -> str:
    """Say on the issue whether the actions helped."""
    capa = record.capa
    mark = marker(record, surface)
    if not capa.fingerprint:
        return (
            f"{mark}\nEffectiveness check of {capa.capa_id}: **no data**. It names no mission, so "
            "nothing says whether its problem came back. Say in the register whether it helped."
        )
    since = f"since it was closed on {_day(capa.closed_at)}"
    if not capa.recurrences:
        return (
            f"{mark}\nEffectiveness check of {capa.capa_id}: **effective**. The same problem has "
            f"not come back {since}."
        )
    named = ", ".join(code(name) for name in capa.recurrences[:10])
    more = len(capa.recurrences) - 10
    also = f" and {more} more" if more > 0 else ""
    return (
        f"{mark}\nEffectiveness check of {capa.capa_id}: **ineffective**. The same problem has "
        f"come back {since}: {named}{also}. Find the cause that was missed: open this issue again, "
        "or open another CAPA."
    )


def _said(capa: Capa) -> Iterator[str]:
    for name, words in (
        ("Root cause", capa.root_cause),
        ("Corrective action", capa.corrective_action),
        ("Preventive action", capa.preventive_action),
    ):
        if words.strip():
            yield from (f"### {name}", quoted(words, 10_000), "")


def _day(at: datetime | None) -> str:
    return "no date" if at is None else inline(f"{at:%Y-%m-%d}")
