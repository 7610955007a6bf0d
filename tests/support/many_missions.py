"""A store with many missions: a few pure worlds told over and over, written in bulk.

Nothing is decided for each mission, so ten thousand take seconds; documents, verdicts, signatures
and chains are what the store itself writes.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from grace.adapters.sqlite import ledger_rows, list_rows, mission_rows
from grace.adapters.sqlite.ledger_rows import Pen
from grace.adapters.sqlite.list_rows import Listed
from grace.adapters.sqlite.schema import connect, create_private, migrate, shipped
from grace.adapters.sqlite.values import micros
from grace.domain.decision import Note
from grace.domain.mission import Mission, MissionRef, PullRef
from grace.domain.signing import Signer
from support.past import KEY, Story, failed, resolved, rolled_back, waiting
from support.reports import START
from support.world import World

REFS: Final = tuple(
    MissionRef(host="forge.test", repository_id=n, repository=name, installation_id=3)
    for n, name in enumerate(("acme/mesh", "acme/shop", "acme/search", "octo/mail"), start=1)
)
# One of 24 waits for people; of the others most were fixed.
STORIES: Final[Sequence[Story]] = (
    waiting,
    *(story for story in (resolved, resolved, resolved, failed, rolled_back) for _ in range(4)),
    *(resolved for _ in range(3)),
)
_TITLES: Final = (
    "Delivery is slow under load",
    "Search answers twice",
    "Checkout loses a coupon",
    "Ångström signs break the mail",
    "Retries pile up behind a dead peer",
)
_BETWEEN: Final = timedelta(minutes=13)


@dataclass(frozen=True)
class Template:
    """How one story ends, as it is stored."""

    mission: Mission
    facts: str
    verdict: str | None
    row: Listed
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, story: Story, entries: int) -> "Template":
        """Let a story happen; of its notes the first ones and the last are kept."""
        world = World()
        story(world)
        verdict = None if world.verdict is None else world.verdict.model_dump(mode="json")
        notes = world.notes
        return cls(
            mission=world.mission,
            facts=world.facts.stored().model_dump_json(),
            verdict=None if world.verdict is None else world.verdict.model_dump_json(),
            row=list_rows.listed(world.mission, verdict, world.now),
            notes=(*notes[: entries - 1], *notes[-1:]) if entries else (),
        )

    def told(self, number: int, ref: MissionRef, at: datetime) -> Mission:
        """Make the mission of a number, which began at a moment."""
        took = (self.mission.closed_at or START) - START
        return self.mission.with_(
            uid=UUID(int=number),
            name=f"mission_{at:%Y%m%d}_{number:03}",
            ref=ref,
            issue=2 * number,
            title=f"{_TITLES[number % len(_TITLES)]} ({number})",
            pull=self.mission.pull and PullRef(number=2 * number + 1, url=""),
            created_at=at,
            closed_at=self.mission.closed_at and at + took,
        )


def write_missions(
    path: Path,
    count: int = 10_000,
    *,
    signer: Signer = KEY,
    refs: Sequence[MissionRef] = REFS,
    entries: int = 3,
    until: datetime = START,
) -> None:
    """Make a store with so many missions, the newest of `until`; `entries`: of each mission."""
    create_private(path)
    templates = {story: Template.of(story, entries) for story in set(STORIES)}
    salts = iter(range(2 * count * (entries + 1)))
    pen = Pen(signer, lambda: next(salts).to_bytes(16))
    with closing(connect(path)) as connection:
        migrate(connection, path, shipped())
        connection.execute("BEGIN IMMEDIATE")
        for number in range(1, count + 1):
            template = templates[STORIES[number % len(STORIES)]]
            at = until - _BETWEEN * (count - number)
            mission = template.told(number, refs[number % len(refs)], at)
            _store(connection, template, mission, pen)
        connection.execute("COMMIT")


def _store(connection: sqlite3.Connection, template: Template, mission: Mission, pen: Pen) -> None:
    at = mission.closed_at or mission.created_at
    mission_rows.insert(connection, mission, mission.created_at)
    connection.execute(
        "UPDATE missions SET facts = ?, verdict = ?, decided_at = ? WHERE uid = ?",
        (template.facts, template.verdict, micros(at), str(mission.uid)),
    )
    own = list_rows.listed(mission, None, at)
    list_rows.write(connection, own._replace(waits_for=template.row.waits_for))
    if template.notes:
        ledger_rows.write_notes(connection, mission, template.notes, at, pen)
