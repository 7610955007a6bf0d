"""The register at work, over a real store: issues, reminders, checks, who closed what."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from grace.adapters.sqlite.store import SqliteStore
from grace.app.capas import Capas
from grace.domain.capa import CapaState
from grace.domain.capas import CapaRefused
from grace.domain.decision import Note
from grace.ports import (
    Change,
    ForgeRefused,
    ForgeUnavailable,
    Ruling,
)
from support.capa_desk import DAY, KEY, NOW, REF, Desk, Forge, asked, store_mission


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = await SqliteStore.open(tmp_path / "grace.db", KEY)
    yield Desk(store)
    await store.close()


async def test_issue_is_filed_behind_the_answer(desk: Desk) -> None:
    capa = await desk.capas.open(asked(), REF, "rita")
    assert (capa.issue, desk.forge.issues) == (None, {})
    await desk.capas.round()
    found = await desk.capas.get(capa.capa_id)
    assert found is not None
    assert (found.issue, found.issue_url) == (1, "https://forge.test/1")
    assert desk.forge.issues[1]["labels"] == ["capa"]
    assert await desk.kinds() == ["capa.opened", "capa.filed"]
    assert desk.forge.asked == ["file"]
    await desk.capas.round()
    assert desk.forge.asked == ["file"]


async def test_mission_gives_the_fingerprint_and_must_be_of_the_repository(desk: Desk) -> None:
    name = await desk.mission()
    capa = await desk.capas.open(asked(mission_id=name), REF, "rita")
    assert capa.fingerprint.startswith("sha256:")
    for ref, mission in (
        (REF.model_copy(update={"repository_id": 8}), name),
        (REF, "mission_20200101_001"),
    ):
        with pytest.raises(CapaRefused) as refused:
            await desk.capas.open(asked(mission_id=mission), ref, "rita")
        assert refused.value.field == "mission_id"


async def test_overdue_is_reminded_of_once_a_week_whatever_the_clock_does(desk: Desk) -> None:
    capa = await desk.capas.open(asked(), REF, "rita")
    await desk.capas.round()
    desk.at = NOW + 14 * DAY - timedelta(seconds=1)
    await desk.capas.round()
    comments = desk.forge.issues[1]["comments"]
    assert comments == []
    desk.at = NOW + 14 * DAY
    for _ in range(3):
        await desk.capas.round()
    assert len(comments) == 1
    desk.at = NOW + 400 * DAY  # the machine slept
    for _ in range(3):
        await desk.capas.round()
    assert len(comments) == 2
    desk.at = NOW + 15 * DAY  # the clock was put right
    await desk.capas.round()
    assert len(comments) == 2
    found = await desk.capas.get(capa.capa_id)
    assert found is not None
    assert found.reminders == 2


async def test_closing_in_the_register_closes_the_issue(desk: Desk) -> None:
    capa = await desk.capas.open(asked(), REF, "rita")
    changes = {"state": "closed", "root_cause": "no bound"}
    closed = await desk.capas.change(capa.capa_id, changes, "rita")
    assert closed is not None
    assert (closed.state, closed.closed_by) == (CapaState.CLOSED, "rita")
    await desk.capas.round()
    issue = desk.forge.issues[1]
    assert (issue["open"], len(issue["comments"])) == (False, 1)
    assert "no bound" in issue["comments"][0]
    assert await desk.capas.change("capa_20200101_001", changes, "rita") is None
    page, _ = await desk.capas.page(None, state=CapaState.CLOSED)
    assert [c.capa_id for c in page] == [capa.capa_id]


@pytest.mark.parametrize("recurs", [False, True])
async def test_effectiveness_is_checked_on_its_date(desk: Desk, recurs: bool) -> None:
    name = await desk.mission()
    check_at = NOW + 20 * DAY
    capa = await desk.capas.open(asked(mission_id=name, check_at=check_at), REF, "rita")
    await desk.capas.change(capa.capa_id, {"state": "closed"}, "rita")
    await desk.capas.round()
    desk.at = NOW + 5 * DAY
    again = [await desk.mission(issue=2)] if recurs else []
    desk.at = check_at
    await desk.capas.round()
    found = await desk.capas.get(capa.capa_id)
    assert found is not None
    assert found.state is (CapaState.INEFFECTIVE if recurs else CapaState.EFFECTIVE)
    assert list(found.recurrences) == again
    assert "effective" in desk.forge.issues[1]["comments"][-1]
    await desk.capas.round()
    assert len(desk.forge.issues[1]["comments"]) == 2


async def test_issue_closed_at_the_forge_closes_it_for_who_may_write(desk: Desk) -> None:
    capa = await desk.capas.open(asked(), REF, "rita")
    await desk.capas.round()
    uid = (await desk.store.capa(capa.capa_id)).uid  # type: ignore[union-attr]

    async def state() -> CapaState:
        await desk.capas.round()
        found = await desk.capas.get(capa.capa_id)
        assert found is not None
        return found.state

    await desk.hear("tess", uid)
    assert await state() is CapaState.OPEN
    desk.at += DAY
    await desk.hear("rita", uid)
    assert await state() is CapaState.CLOSED
    closed_at = desk.at
    desk.at += DAY
    await desk.hear("rita", uid, again=True)
    assert await state() is CapaState.OPEN
    desk.at = closed_at + timedelta(hours=1)  # told late
    await desk.hear("rita", uid)
    assert await state() is CapaState.OPEN
    kinds = ["opened", "filed", "refused", "closed", "reopened"]
    assert await desk.kinds() == [f"capa.{kind}" for kind in kinds]


async def test_what_we_closed_ourselves_is_no_news(desk: Desk) -> None:
    capa = await desk.capas.open(asked(), REF, "rita")
    await desk.capas.change(capa.capa_id, {"state": "closed"}, "rita")
    await desk.capas.round()
    before = await desk.kinds()
    desk.at += timedelta(seconds=1)
    record = await desk.store.capa(capa.capa_id)
    assert record is not None
    await desk.hear("grace[bot]", record.uid)
    await desk.capas.round()
    assert await desk.kinds() == before


async def test_nobodys_word_is_taken_while_the_forge_cannot_say_who_may(desk: Desk) -> None:
    capa = await desk.capas.open(asked(), REF, "rita")
    await desk.capas.round()
    record = await desk.store.capa(capa.capa_id)
    assert record is not None
    await desk.hear("rita", record.uid)
    desk.forge.down = ForgeUnavailable("it is down", retry_after=60)
    asked_before = len(desk.forge.asked)
    await desk.capas.round()
    await desk.capas.round()
    assert len(desk.forge.asked) == asked_before + 1
    desk.forge.down = None
    desk.at += timedelta(seconds=61)
    await desk.capas.round()
    assert (await desk.capas.get(capa.capa_id)).state is CapaState.CLOSED  # type: ignore[union-attr]


async def test_own_missions_capa_tells_the_mission_who_closed_it(desk: Desk) -> None:
    mission = await store_mission(desk.store, NOW, 1)
    turn = await desk.store.turn(mission.uid)
    assert turn is not None
    filed = Note(kind="mission.capa_filed", actor="grace", payload={"number": 9, "url": "u"})
    ruling = Ruling(turn.mission.with_(capa=9), turn.facts, (filed,), (), None, (), None)
    desk.forge.issues[9] = {"labels": ["capa"], "body": "", "comments": [], "open": True}
    assert await desk.store.commit(turn, ruling, NOW)
    (capa,), _ = await desk.capas.page(None)
    assert (capa.issue, capa.mission_id) == (9, mission.name)
    await desk.capas.change(capa.capa_id, {"state": "closed"}, "rita")
    await desk.capas.round()
    assert desk.forge.issues[9]["open"] is False
    (told,) = await desk.store.unrouted(10)
    assert (told.origin, desk.woken) == ("api", [1])
    assert b'"login":"rita"' in told.body
    assert str(mission.uid).encode() in told.body


async def test_forge_that_is_down_is_tried_again_and_one_that_refuses_is_given_up(
    desk: Desk,
) -> None:
    await desk.capas.open(asked(), REF, "rita")
    desk.forge.down = ForgeUnavailable("it is down")
    await desk.capas.round()
    assert "it is down" in (desk.capas.failure or "")
    desk.forge.down = None
    desk.at += timedelta(minutes=1)
    await desk.capas.round()
    assert (desk.capas.failure, len(desk.forge.issues)) == (None, 1)
    desk.forge.down = ForgeRefused("issues are turned off", 410)
    await desk.capas.open(asked(), REF, "rita")
    for _ in range(10):
        await desk.capas.round()
        desk.at += timedelta(hours=2)
    assert desk.forge.asked.count("find issue") == 1 + 5
    assert "turned off" in (desk.capas.failure or "")


async def test_fault_is_shown_and_the_loop_goes_on(desk: Desk) -> None:
    failed, filed, faulted = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Broken(Forge):
        async def file_issue(self, *given: Any) -> Change:
            if not failed.is_set():
                raise RuntimeError("a bug")
            filed.set()
            return await super().file_issue(*given)

    desk.forge = Broken()
    desk.sit()
    desk.capas = Capas(replace(desk.capas._office, fault=lambda _: faulted.set()))
    running = asyncio.create_task(desk.capas.run())
    await desk.capas.open(asked(), REF, "rita")
    async with asyncio.timeout(10):
        await faulted.wait()
        assert desk.capas.failure == "RuntimeError: a bug"
        failed.set()
        await desk.capas.open(asked(), REF, "rita")
        await filed.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_date_that_was_moved_a_moment_ago_is_not_reminded_of(desk: Desk) -> None:
    capa = await desk.capas.open(asked(), REF, "rita")
    await desk.capas.round()
    desk.at = NOW + 14 * DAY
    stale = await desk.store.capas_due(desk.at, 10)
    await desk.capas.change(capa.capa_id, {"due_at": desk.at + DAY}, "rita")

    class Stale:
        """A store that was asked what is due before the date was moved."""

        async def capas_due(self, *_: Any) -> Any:
            return stale

        def __getattr__(self, name: str) -> Any:
            return getattr(desk.store, name)

    store: Any = Stale()
    await Capas(replace(desk.capas._office, store=store)).round()
    assert desk.forge.issues[1]["comments"] == []
