"""Claims on missions' work, answers that are kept for a day, and how much waits."""

import asyncio
from datetime import timedelta

import pytest

from grace.domain.lease import Lease
from grace.domain.ledger import timestamp
from grace.domain.ledger_verify import Verified, verify_entries
from grace.domain.phase import Phase
from grace.ports.hub import Answered, MissionFilter, NothingToClaim

NAME = "mission_20261122_001"
QUARTER = timedelta(minutes=15)


def lease(world, agent="coder-1", holder="token ci", **changes) -> Lease:
    plain = {
        "mission_id": NAME,
        "agent_id": agent,
        "agent_role": "coder",
        "holder": holder,
        "since": world.now,
        "until": world.now + QUARTER,
    }
    return Lease(**(plain | changes))


async def told(world) -> list[tuple[str, str, dict[str, object]]]:
    """Return what the ledger says of claims."""
    entries = await world.store.mission_entries(world.ref.log, NAME)
    said = [(e.envelope.kind, e.envelope.actor, dict(e.payload)) for e in entries]
    return [entry for entry in said if entry[0].startswith("elite.")]


async def claimed_by(world) -> str | None:
    row = await world.store.mission_row(NAME, world.now)
    [listed] = (await world.store.mission_page(MissionFilter(logs=None), "urgency", world.now)).rows
    assert listed == row
    return row.claimed_by


async def test_claim_is_in_force_told_and_shown(world, keys):
    await world.open_mission(1)
    assert await world.store.lease(NAME) is None
    wish = lease(world)
    assert await world.store.claim(wish, world.now) == wish
    assert await world.store.lease(NAME) == wish
    assert await claimed_by(world) == "coder-1"
    until = timestamp(wish.until)
    assert await told(world) == [
        ("elite.claimed", "token ci", {"agent": "coder-1", "role": "coder", "until": until})
    ]
    verified = verify_entries(await world.store.lines(world.ref.log), keys)
    assert isinstance(verified, Verified)


async def test_renewal_keeps_the_beginning_and_tells_nothing(world):
    await world.open_mission(1)
    first = await world.store.claim(lease(world), world.now)
    world.later(minutes=10)
    renewed = await world.store.claim(lease(world, agent_role="tester"), world.now)
    assert (renewed.since, renewed.until) == (first.since, world.now + QUARTER)
    assert await world.store.lease(NAME) == renewed
    assert renewed.agent_role == "tester"
    assert len(await told(world)) == 1


@pytest.mark.parametrize(
    ("agent", "holder"), [("coder-1", "olga"), ("coder-2", "token ci"), ("coder-2", "olga")]
)
async def test_claim_in_force_stays_until_it_is_over(world, agent, holder):
    await world.open_mission(1)
    first = await world.store.claim(lease(world), world.now)
    world.later(minutes=14, seconds=59)
    assert await world.store.claim(lease(world, agent, holder), world.now) == first
    assert await claimed_by(world) == "coder-1"
    world.later(seconds=1)
    assert await claimed_by(world) is None
    assert await world.store.lease(NAME) == first
    second = lease(world, agent, holder)
    assert await world.store.claim(second, world.now) == second
    assert [actor for _, actor, _ in await told(world)] == ["token ci", holder]


async def test_of_many_who_claim_at_once_one_wins(world):
    await world.open_mission(1)
    wishes = [lease(world, f"coder-{n}", f"token {n}") for n in range(20)]
    found = await asyncio.gather(*(world.store.claim(w, world.now) for w in wishes))
    assert len({lease.agent_id for lease in found}) == 1
    assert found[0] in wishes
    assert len(await told(world)) == 1


async def test_claim_is_given_back_by_its_holder_alone(world):
    await world.open_mission(1)
    release = world.store.release
    assert not await release(NAME, "token ci", world.now)
    await world.store.claim(lease(world), world.now)
    world.later(minutes=1)
    assert not await release(NAME, "olga", world.now)
    assert await release(NAME, "token ci", world.now)
    assert not await release(NAME, "token ci", world.now)
    assert await claimed_by(world) is None
    kept = await world.store.lease(NAME)
    assert kept is not None
    assert (kept.agent_id, kept.until) == ("coder-1", world.now)
    assert [(kind, payload["until"]) for kind, _, payload in await told(world)] == [
        ("elite.claimed", timestamp(world.START + QUARTER)),
        ("elite.released", timestamp(world.now)),
    ]
    again = lease(world, "coder-2", "olga")
    assert await world.store.claim(again, world.now) == again


async def test_claim_that_is_over_cannot_be_given_back(world):
    await world.open_mission(1)
    await world.store.claim(lease(world), world.now)
    world.later(minutes=15)
    assert not await world.store.release(NAME, "token ci", world.now)
    assert [kind for kind, _, _ in await told(world)] == ["elite.claimed"]


async def test_nothing_is_claimed_of_a_mission_that_is_closed_or_not_there(world):
    uid = await world.open_mission(1)
    await world.store.claim(lease(world), world.now)
    await world.settle(uid, phase=Phase.CLOSED)
    assert await claimed_by(world) is None
    with pytest.raises(NothingToClaim, match=f"{NAME} is closed") as caught:
        await world.store.claim(lease(world), world.now)
    assert (caught.value.mission, caught.value.closed) == (NAME, True)
    with pytest.raises(NothingToClaim, match="not there") as caught:
        await world.store.claim(lease(world, mission_id="mission_20261122_002"), world.now)
    assert not caught.value.closed
    assert await world.store.release(NAME, "token ci", world.now)


async def test_claims_outlive_the_process(world, open_store):
    await world.open_mission(1)
    wish = await world.store.claim(lease(world), world.now)
    await world.store.close()
    assert await (await open_store()).lease(NAME) == wish


def answer(digest="d1", body=b'{"a": 1}') -> Answered:
    return Answered(digest, 201, body)


async def test_answer_is_kept_for_its_caller_and_key(world):
    await world.store.remember_answer("token 1", "k", answer(), world.now)
    assert await world.store.answered("token 1", "k", world.now) == answer()
    assert await world.store.answered("token 1", "K", world.now) is None
    assert await world.store.answered("token 2", "k", world.now) is None


async def test_first_answer_stays(world):
    await world.store.remember_answer("token 1", "k", answer(), world.now)
    await world.store.remember_answer("token 1", "k", answer("d2"), world.later(hours=23))
    assert await world.store.answered("token 1", "k", world.now) == answer()


async def test_answer_of_yesterday_is_forgotten(world):
    await world.store.remember_answer("token 1", "k", answer(), world.now)
    world.later(days=1, microseconds=-1)
    assert await world.store.answered("token 1", "k", world.now) == answer()
    world.later(microseconds=1)
    assert await world.store.answered("token 1", "k", world.now) is None
    await world.store.remember_answer("token 1", "other", answer("d3"), world.now)
    rows = await world.store._read(lambda c: c.execute("SELECT key FROM answers").fetchall())
    assert [row["key"] for row in rows] == ["other"]
    await world.store.remember_answer("token 1", "k", answer("d2"), world.now)
    assert await world.store.answered("token 1", "k", world.now) == answer("d2")


async def test_backlog_counts_what_waits(world):
    nothing = dict.fromkeys(("inbox", "events", "outbox", "postponed", "overdue"), 0)
    backlog = world.store.backlog
    assert await backlog(world.now) == nothing
    effects = tuple(world.effect(name) for name in "abcd")
    await world.open_mission(1, effects=effects, wake_at=world.now + timedelta(minutes=1))
    [job] = await world.store.jobs(world.now, 10)
    await world.store.begin(job.id)
    assert (await backlog(world.now))["outbox"] == 4
    await world.store.finish(job.id, None, world.now)
    [job] = await world.store.jobs(world.now, 10)
    await world.store.postpone(job.id, world.now + QUARTER, "rate limit")
    await world.send(issue=1)
    for _ in range(2):
        await world.store.accept(world.delivery())
    waits = {"inbox": 2, "events": 1, "outbox": 3, "postponed": 1, "overdue": 0}
    assert await backlog(world.now) == waits
    assert await backlog(world.later(minutes=1)) == {**waits, "overdue": 1}
    assert await backlog(world.later(minutes=14)) == {**waits, "overdue": 1, "postponed": 0}
