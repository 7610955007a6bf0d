"""Children of a mission in the store: who counts, and who does not wait for whom."""

from grace.domain.phase import Outcome, Phase, Severity


async def family(world, parents):
    """Open started missions, each with the number of its parent; return uids and names."""
    uids = [await world.open_mission(n + 1) for n in range(len(parents))]
    names = [(await world.mission(uid)).name for uid in uids]
    for uid, parent in zip(uids, parents, strict=True):
        named = None if parent is None else names[parent]
        request = world.request(Severity.LOW).model_copy(update={"parent_id": named})
        await world.settle(uid, phase=Phase.PLANNING, request=request, contract_hash="sha256:x")
    return uids, names


async def children(world, uid):
    return [c.name for c in (await world.turn(uid)).facts.children]


async def test_started_children_are_known_with_how_they_ended(world):
    uids, names = await family(world, (None, 0, 0, 1))
    await world.settle(uids[2], phase=Phase.CLOSED, outcome=Outcome.FIXED)
    facts = (await world.turn(uids[0])).facts
    assert [(c.name, c.outcome) for c in facts.children] == [
        (names[1], None),
        (names[2], Outcome.FIXED),
    ]
    await world.settle(uids[1], contract_hash=None)
    assert await children(world, uids[0]) == [names[2]]


async def test_missions_that_name_each_other_do_not_wait_for_each_other(world):
    two, _ = await family(world, (1, 0))
    assert [await children(world, uid) for uid in two] == [[], []]


async def test_circle_over_others_holds_nobody_up_and_what_hangs_on_it_counts(world):
    uids, names = await family(world, (2, 0, 1, 0, 4))
    assert await children(world, uids[0]) == [names[3]]
    assert await children(world, uids[1]) == []
    assert await children(world, uids[4]) == []  # it names itself
