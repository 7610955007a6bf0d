"""The register's tables: what missions filed, who closed what, pages, and what is owed."""

import sqlite3
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from grace.adapters.sqlite.schema import connect, migrate, shipped
from grace.adapters.sqlite.store import SqliteStore
from grace.domain import capas
from grace.domain.capa import CapaRequest, CapaState
from grace.domain.capa_record import Birth, CapaMove, CapaRecord, CloseCapa, FileCapa
from grace.domain.events import Actor, TicketClosed
from grace.domain.facts import Facts
from grace.domain.mission import Mission
from grace.domain.phase import Phase, Severity
from grace.ports.capas import CapaFilter
from grace.ports.hub import BadCursor

DAY = timedelta(days=1)


def asked(**changes: object) -> CapaRequest:
    given = {"subsystem_id": "mesh", "severity": "high", "title": "t", "description": "d"}
    return CapaRequest.model_validate(given | changes)


async def opened(world: Any, ref: Any = None, **changes: object) -> CapaRecord:
    def opening(capa_id: str, uid: UUID) -> CapaMove:
        birth = Birth(capa_id=capa_id, uid=uid, ref=ref or world.ref)
        return capas.opened(asked(**changes), birth, "rita", world.now)

    return await world.store.open_capa(opening, world.now)


async def entries(world: Any, log: str | None = None) -> list[tuple[str, str]]:
    found = await world.store.entries(log or world.ref.log)
    return [
        (e.envelope.kind, e.envelope.actor)
        for e in found
        if e.envelope.kind.startswith(("capa.", "integration."))
    ]


def closes(
    world: Any, login: str = "rita", number: int = 9, *, again: bool = False
) -> TicketClosed:
    return TicketClosed(
        purpose="capa", number=number, open=again, actor=Actor(login=login), at=world.now
    )


async def test_numbers_count_up_within_the_day(world: Any) -> None:
    first, second = await opened(world), await opened(world)
    world.later(days=1)
    third = await opened(world)
    names = [r.capa.capa_id for r in (first, second, third)]
    assert names == ["capa_20261122_001", "capa_20261122_002", "capa_20261123_001"]
    assert len({r.uid for r in (first, second, third)}) == 3


async def test_move_and_its_entries_are_one(world: Any, path: Any) -> None:
    record = await opened(world)
    assert await entries(world) == [("capa.opened", "rita")]
    moved = await world.store.move_capa(
        record.capa.capa_id, lambda r: capas.filed(r, 5, "u"), world.now
    )
    assert moved.capa.issue == 5
    assert await entries(world) == [("capa.opened", "rita"), ("capa.filed", "grace")]

    def broken(found: CapaRecord) -> CapaMove:
        move = capas.reminded(found, world.now)
        bad = move.notes[0].model_copy(update={"kind": "NOT A KIND"})
        return move.model_copy(update={"notes": (bad,)})

    with pytest.raises(ValueError, match="kind"):
        await world.store.move_capa(record.capa.capa_id, broken, world.now)
    assert (await world.store.capa(record.capa.capa_id)).capa.reminders == 0
    assert await world.store.move_capa("capa_20200101_001", broken, world.now) is None


async def test_page_is_newest_first_filtered_and_has_a_cursor(world: Any) -> None:
    other = world.ref.model_copy(update={"repository_id": 8})
    made = [await opened(world, due_at=world.now + n * DAY) for n in (1, 2, 3)]
    made.append(await opened(world, other))
    every = CapaFilter(None, world.now)
    page, cursor = await world.store.capa_page(every, limit=3)
    assert [r.capa.capa_id for r in page] == [m.capa.capa_id for m in reversed(made[1:])]
    rest, none = await world.store.capa_page(every, after=cursor, limit=3)
    assert ([r.uid for r in rest], none) == ([made[0].uid], None)
    mine, _ = await world.store.capa_page(CapaFilter(frozenset({other.log}), world.now))
    assert [r.uid for r in mine] == [made[3].uid]
    assert (await world.store.capa_page(CapaFilter(frozenset(), world.now)))[0] == []
    late = CapaFilter(None, world.now + 2 * DAY, overdue=True)
    assert len((await world.store.capa_page(late))[0]) == 2
    in_time = CapaFilter(None, world.now + 2 * DAY, overdue=False)
    assert len((await world.store.capa_page(in_time))[0]) == 2
    closed = CapaFilter(None, world.now, CapaState.CLOSED)
    assert (await world.store.capa_page(closed))[0] == []
    for foreign in ("", "x1", "c0", "c1; DROP TABLE capas"):
        with pytest.raises(BadCursor):
            await world.store.capa_page(every, after=foreign)


async def test_effects_are_done_one_after_another(world: Any) -> None:
    record = await opened(world)
    name = record.capa.capa_id
    await world.store.move_capa(
        name, lambda r: capas.changed(r, {"state": "closed"}, "rita", world.now), world.now
    )
    (job,) = await world.store.capa_jobs(world.now, 10)
    assert (type(job.effect), job.tries) == (FileCapa, 0)
    await world.store.begin_capa_job(job.id)
    await world.store.put_off_capa_job(job.id, world.now + DAY, "down")
    assert await world.store.capa_jobs(world.now, 10) == []
    (again,) = await world.store.capa_jobs(world.now + DAY, 10)
    assert (again.id, again.tries) == (job.id, 1)
    await world.store.end_capa_job(job.id, lambda r: capas.filed(r, 5, "u"), world.now)
    await world.store.end_capa_job(job.id, lambda r: capas.filed(r, 6, "u"), world.now)
    assert (await world.store.capa(name)).capa.issue == 5
    (said,) = await world.store.capa_jobs(world.now, 10)
    await world.store.put_off_capa_job(said.id, None, "refused for good")
    (last,) = await world.store.capa_jobs(world.now, 10)
    assert isinstance(last.effect, CloseCapa)
    await world.store.end_capa_job(last.id, None, world.now)
    assert await world.store.capa_jobs(world.now, 10) == []


async def test_what_a_mission_filed_is_in_the_register_and_ends_with_its_ticket(world: Any) -> None:
    request = world.request(Severity.HIGH)
    uid = await world.open_mission(1, request=request)
    filed = world.note("mission.capa_filed", number=9, url="https://forge.test/9")
    await world.settle(uid, capa=9, notes=(filed,))
    await world.settle(uid, notes=(filed,))  # told again, it is the same
    ((record,), _) = await world.store.capa_page(CapaFilter(None, world.now))
    assert (record.own, record.uid, record.capa.issue) == (True, uid, 9)
    assert record.capa.issue_url == "https://forge.test/9"
    assert await world.store.capa_jobs(world.now, 10) == []
    for kind, state in (
        ("mission.capa_closed", CapaState.CLOSED),
        ("mission.capa_reopened", CapaState.OPEN),
    ):
        world.later(hours=1)
        note = world.note(kind, number=9)
        await world.settle(uid, notes=(note,), ticket_at={"capa": world.now})
        found = await world.store.capa(record.capa.capa_id)
        assert (found.capa.state, found.heard_at) == (state, world.now)
    kinds = ["capa.opened", "capa.filed", "capa.closed", "capa.reopened"]
    assert [kind for kind, _ in await entries(world)] == kinds


async def test_ticket_of_a_mission_that_never_filed_one_changes_nothing(world: Any) -> None:
    uid = await world.open_mission(1)
    await world.settle(uid, notes=(world.note("mission.capa_closed", number=9),))
    await world.settle(uid, notes=(world.note("mission.capa_filed", number=9),))  # without a number
    assert (await world.store.capa_page(CapaFilter(None, world.now)))[0] == []


async def test_closing_of_an_issue_waits_for_the_permission_of_who_did_it(world: Any) -> None:
    record = await opened(world)
    event = closes(world)
    for _ in range(2):  # by webhook and in the news
        assert await world.send(event, uid=record.uid) == 0
    ((number, word, found),) = await world.store.capa_words(10)
    assert (word.actor.login, word.open, found.uid) == ("rita", False, record.uid)
    await world.store.end_capa_word(
        number, lambda r: capas.closed(r, "rita", word.at, world.now), world.now
    )
    await world.store.end_capa_word(number, lambda r: capas.filed(r, 77, "twice"), world.now)
    capa = (await world.store.capa(record.capa.capa_id)).capa
    assert (capa.state, capa.issue) == (CapaState.CLOSED, None)
    assert await world.store.capa_words(10) == []


async def test_words_about_other_issues_are_not_heard(world: Any) -> None:
    record = await opened(world)
    await world.store.move_capa(record.capa.capa_id, lambda r: capas.filed(r, 5, "u"), world.now)
    elsewhere = world.ref.model_copy(update={"repository_id": 8})
    await world.send(closes(world, number=6), uid=record.uid)
    await world.send(closes(world, number=5), uid=record.uid, ref=elsewhere)
    await world.send(closes(world, number=5), uid=uuid4())
    review = closes(world, number=5).model_copy(update={"purpose": "review"})
    await world.send(review, uid=record.uid)
    await world.send(uid=record.uid)  # a command
    assert await world.store.capa_words(10) == []
    await world.send(closes(world, number=5, again=True), uid=record.uid)
    assert len(await world.store.capa_words(10)) == 1


async def test_ticket_of_a_mission_is_the_missions_to_hear(world: Any) -> None:
    uid = await world.open_mission(1)
    filed = world.note("mission.capa_filed", number=9, url="")
    await world.settle(uid, capa=9, notes=(filed,))
    assert await world.send(closes(world), uid=uid) == 1
    assert await world.store.capa_words(10) == []


async def test_own_log_alone_hears_of_health(world: Any) -> None:
    await opened(world)
    note = world.note("integration.health_changed", subsystem="store")
    await world.store.record_own(note, world.now)
    await world.store.record_own(note, world.now)
    assert await entries(world, "bot") == [("integration.health_changed", "octo")] * 2
    assert await entries(world) == [("capa.opened", "rita")]


async def test_older_stores_tickets_come_into_the_register(
    world_of: Any, path: Any, key: Any
) -> None:
    path.parent.mkdir()
    connection = connect(path)
    connection.row_factory = sqlite3.Row
    migrate(connection, path, shipped()[:2])
    plain = world_of(None)
    for issue, changes in (
        (1, {"capa": 9, "phase": Phase.CLOSED, "request": plain.request(Severity.HIGH)}),
        (2, {"capa": 10, "capa_closed_at": plain.now + DAY}),
        (3, {}),
    ):
        _insert_as_before(connection, plain, issue, changes)
    connection.close()
    store = await SqliteStore.open(path, key)
    records, _ = await store.capa_page(CapaFilter(None, plain.now))
    assert [(r.capa.issue, r.capa.state.value, r.own) for r in records] == [
        (10, "closed", True),
        (9, "open", True),
    ]
    assert records[1].capa.mission_id == "mission_20261122_001"
    assert records[1].capa.subsystem_id == "mesh"
    assert records[1].capa.fingerprint.startswith("sha256:")
    assert (await store.capas_due(plain.now + 100 * DAY, 10))[0].capa.issue == 9
    await store.close()


def _insert_as_before(connection: Any, world: Any, issue: int, changes: Any) -> None:
    """Write a mission's row as schema 2 had it."""
    mission = Mission(
        uid=uuid4(),
        name=f"mission_20261122_{issue:03d}",
        ref=world.ref,
        created_at=world.now,
        issue=issue,
    ).with_(**changes)
    row = {
        "uid": str(mission.uid),
        "name": mission.name,
        "host": world.ref.host,
        "repository_id": world.ref.repository_id,
        "issue": issue,
        "phase": mission.phase.value,
        "severity": 1,
        "paths": "[]",
        "created_at": issue,
        "mission": mission.model_dump_json(),
        "facts": Facts().model_dump_json(),
        "decided_at": int(world.now.timestamp() * 1_000_000),
    }
    marks = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO missions ({', '.join(row)}) VALUES ({marks})", row)


async def test_fold_of_outcomes_is_compared_with_the_ledger(world: Any, path: Any) -> None:
    uid = await world.open_mission(1)
    said = {"agent": "a", "subsystem": "mesh", "severity": "low", "outcome": "fixed"}
    ended = world.note("mission.closed", **said, basis="approvals")
    await world.settle(uid, phase=Phase.CLOSED, notes=(ended, ended, ended))
    log = world.ref.log
    first = await world.store.compare_outcomes(log, 0, 2)
    assert (first.checked, first.amiss) == (2, ())
    rest = await world.store.compare_outcomes(log, first.last, 2)
    assert (rest.checked, rest.amiss) == (1, ())
    other = sqlite3.connect(path)
    other.execute("UPDATE outcomes SET outcome = 'failed' WHERE seq = ?", (first.last,))
    other.execute("DELETE FROM outcomes WHERE seq = ?", (rest.last,))
    other.execute(
        "INSERT INTO outcomes SELECT log, subsystem, 1, mission, agent, severity, outcome, basis, at"
        " FROM outcomes LIMIT 1"
    )
    other.commit()
    other.close()
    found = await world.store.compare_outcomes(log, 0, 10)
    assert found.amiss == (1, first.last, rest.last)


async def test_pulse_is_what_was_written_last(world: Any) -> None:
    assert await world.store.pulse() is None
    await world.store.beat(world.now)
    await world.store.beat(world.later(seconds=1))
    assert await world.store.pulse() == world.now
