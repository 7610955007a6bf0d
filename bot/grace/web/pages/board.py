"""The mission board: what runs, what waits for whom, what broke; and the list behind it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BeforeValidator

from grace.domain.base import Frozen
from grace.domain.phase import Outcome, Phase, Severity, Status, status_of
from grace.ports.hub import BadCursor, MissionFilter, MissionPage, MissionRow
from grace.web.hub import HUB, reach_of
from grace.web.pages.paging import asked_for
from grace.web.pages.rendering import page
from grace.web.problems import Refused

ON_BOARD: Final = 8
MOST_URGENT: Final = 200
ON_PAGE: Final = 50
LATELY: Final = 6

Counts = Mapping[tuple[Phase, Outcome | None], int]


class Column(Frozen):
    """One column of the board: what it holds, and how many there are in all."""

    key: str
    title: str
    empty: str
    more: str
    count: int
    rows: tuple[MissionRow, ...]


_PEOPLE: Final = frozenset({Phase.INVALID, Phase.AWAITING_START, Phase.GATING})
_COLUMNS: Final = (
    ("people", "Waits for a person", "Nobody is waited for.", "/?status=open"),
    ("work", "At work", "Nothing is being worked on.", "/?status=in_progress"),
    ("observed", "Observed", "No release is being observed.", "/?status=observing"),
)


def column_of(phase: Phase, *, held: bool) -> str:
    """Name the column of a live mission; one that is held waits for a person wherever it is."""
    if held or phase in _PEOPLE:
        return "people"
    return "observed" if phase is Phase.OBSERVING else "work"


def arrange(live: MissionPage, broke: Sequence[MissionRow], counts: Counts) -> tuple[Column, ...]:
    """Make the columns of the most urgent missions, and of what broke.

    Where not all live missions were read, a column counts by phase alone.
    """
    columns = []
    for key, title, empty, more in _COLUMNS:
        rows = [row for row in live.rows if column_of(row.phase, held=row.held) == key]
        by_phase = sum(
            number
            for (phase, _), number in counts.items()
            if phase is not Phase.CLOSED and column_of(phase, held=False) == key
        )
        columns.append(
            Column(
                key=key,
                title=title,
                empty=empty,
                more=more,
                count=len(rows) if live.following is None else by_phase,
                rows=tuple(rows[:ON_BOARD]),
            )
        )
    escalated = sum(n for (p, o), n in counts.items() if status_of(p, o) is Status.ESCALATED)
    columns.append(
        Column(
            key="broke",
            title="Broke",
            empty="Nothing was rolled back, and nothing failed.",
            more="/?status=escalated",
            count=escalated,
            rows=tuple(broke),
        )
    )
    return tuple(columns)


def totals(counts: Counts) -> Mapping[Status, int]:
    """Count missions by status."""
    found = dict.fromkeys(Status, 0)
    for (phase, outcome), number in counts.items():
        found[status_of(phase, outcome)] += number
    return found


def _blank(value: object) -> object:
    """Read a field of a form that was left empty as one that is not there."""
    return None if value == "" else value


class Wanted(Frozen):
    """What the filter form asks for."""

    status: Annotated[Status | None, BeforeValidator(_blank)] = None
    severity: Annotated[Severity | None, BeforeValidator(_blank)] = None
    subsystem: Annotated[str | None, BeforeValidator(_blank)] = None
    text: str = ""
    after: Annotated[str | None, BeforeValidator(_blank)] = None

    @property
    def filters(self) -> bool:
        """Tell whether a list is wanted in place of the board."""
        return bool(self.status or self.severity or self.subsystem or self.text or self.after)

    def as_filter(self, logs: frozenset[str] | None) -> MissionFilter:
        """Ask the store for it, among the repositories that exist for who asks."""
        return MissionFilter(
            logs=logs,
            status=self.status,
            severity=self.severity,
            subsystem=self.subsystem,
            text=self.text,
        )

    def with_after(self, after: str) -> str:
        """Write the address of the next page."""
        fields = self.model_dump(exclude_none=True, exclude_defaults=True)
        return "/?" + urlencode({**fields, "after": after})


async def board(request: web.Request) -> web.Response:
    """Show the board, or where something is asked for the list of what fits."""
    wanted = asked_for(request, Wanted)
    hub, reach = request.app[HUB], await reach_of(request)
    store, now, logs = hub.store, hub.clock.now(), reach.logs
    counts = await store.mission_counts(logs)
    context: dict[str, object] = {
        "wanted": wanted,
        "totals": totals(counts),
        "subsystems": [n for n, ref in sorted(hub.refs.items()) if reach.sees(ref.log)],
        "columns": (),
        "ended": (),
        "found": None,
        "following": None,
    }
    if not wanted.filters:
        urgent = MissionFilter(logs=logs, live=True)
        live = await store.mission_page(urgent, "urgency", now, limit=MOST_URGENT)
        escalated = MissionFilter(logs=logs, status=Status.ESCALATED)
        broke = await store.mission_page(escalated, "newest", now, limit=ON_BOARD)
        resolved = MissionFilter(logs=logs, status=Status.RESOLVED)
        ended = await store.mission_page(resolved, "newest", now, limit=LATELY)
        context |= {"columns": arrange(live, broke.rows, counts), "ended": ended.rows}
        return await page(request, "board", context)
    try:
        found = await store.mission_page(
            wanted.as_filter(logs), "newest", now, after=wanted.after, limit=ON_PAGE
        )
    except BadCursor as error:
        raise Refused(422, "This page of the list is not there: begin at the first.") from error
    context["found"] = found.rows
    context["following"] = found.following and wanted.with_after(found.following)
    return await page(request, "board", context)
