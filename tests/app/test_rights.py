"""What exists for whom: the forge's answers, how long they serve, and who may see how much."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from grace.app.rights import ForgeRights
from grace.domain.access import OWN_LOG, Principal, Scope
from grace.domain.mission import MissionRef
from grace.domain.people import Permission
from grace.ports import ForgeError, ForgeGone, ForgeRefused, ForgeUnavailable

MESH = MissionRef(host="forge.test", repository_id=7, repository="acme/mesh")
SHOP = MissionRef(host="forge.test", repository_id=8, repository="acme/shop")
REFS = {"mesh": MESH, "mesh_too": MESH, "shop": SHOP}
ALL = frozenset({MESH.log, SHOP.log})


class HeldClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def go(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Asked:
    """A forge that says what a test lets it say, when it lets it."""

    def __init__(self) -> None:
        self.says: dict[tuple[str, str], Permission | ForgeError] = {}
        self.calls: list[tuple[str, str]] = []
        self.whose = 0
        self.begun, self.free = asyncio.Event(), asyncio.Event()
        self.free.set()

    async def permission(self, ref: MissionRef, login: str, user_id: int = 0) -> Permission:
        if self.whose and user_id != self.whose:
            return Permission.NONE
        self.calls.append((ref.log, login))
        self.begun.set()
        await self.free.wait()
        said = self.says.get((ref.log, login), Permission.NONE)
        if isinstance(said, ForgeError):
            raise said
        return said


class World:
    def __init__(self, refs: Mapping[str, MissionRef] = REFS) -> None:
        self.clock, self.forge = HeldClock(), Asked()
        self.rights = ForgeRights(self.forge, refs, self.clock)

    def say(self, ref: MissionRef, said: Permission | ForgeError, login: str = "alice") -> None:
        self.forge.says[ref.log, login] = said


@pytest.fixture
def world() -> World:
    return World()


def person(*scopes: Scope, login: str = "alice") -> Principal:
    return Principal(
        kind="person", id=f"user-{login}", login=login, scopes=frozenset(scopes or {Scope.VIEWER})
    )


def token(
    *scopes: Scope, login: str | None = None, logs: frozenset[str] | None = None
) -> Principal:
    return Principal(
        kind="token",
        id="t_1",
        login=login,
        scopes=frozenset(scopes),
        logs=logs,
    )


async def test_a_runners_token_sees_nothing(world: World) -> None:
    reach = await world.rights.reach(token(Scope.RUNNER))
    assert (reach.logs, reach.own) == (frozenset(), False)


@pytest.mark.parametrize("scope", sorted(set(Scope) - {Scope.RUNNER}))
async def test_a_token_that_is_nobodys_sees_every_repository(world: World, scope: Scope) -> None:
    reach = await world.rights.reach(token(scope))
    assert reach.logs is None
    assert reach.own is (scope in {Scope.OPERATOR, Scope.ADMIN})
    assert world.forge.calls == []


async def test_a_bound_token_sees_its_repositories_and_not_the_bots_log(world: World) -> None:
    bound = frozenset({MESH.log})
    reach = await world.rights.reach(token(Scope.ADMIN, logs=bound))
    assert (reach.logs, reach.own) == (bound, False)
    with_own = await world.rights.reach(token(Scope.ADMIN, logs=bound | {OWN_LOG}))
    assert with_own.own is True
    viewer = await world.rights.reach(token(Scope.VIEWER, logs=bound | {OWN_LOG}))
    assert viewer.own is False


async def test_without_a_scope_nothing_exists(world: World) -> None:
    reach = await world.rights.reach(token())
    assert not any(reach.sees(log) for log in (*ALL, OWN_LOG))


async def test_a_person_sees_what_the_forge_lets_that_person_read(world: World) -> None:
    world.say(MESH, Permission.READ)
    reach = await world.rights.reach(person())
    assert (reach.logs, reach.own) == (frozenset({MESH.log}), False)
    # Two subsystems in one repository are one question.
    assert sorted(world.forge.calls) == [(MESH.log, "alice"), (SHOP.log, "alice")]
    operator = await world.rights.reach(person(Scope.VIEWER, Scope.OPERATOR))
    assert (operator.logs, operator.own) == (frozenset({MESH.log}), True)


async def test_a_token_with_a_login_sees_no_more_than_that_person(world: World) -> None:
    world.say(SHOP, Permission.ADMIN)
    reach = await world.rights.reach(token(Scope.ADMIN, login="alice"))
    assert reach.logs == frozenset({SHOP.log})
    bound = await world.rights.reach(
        token(Scope.VIEWER, login="alice", logs=frozenset({MESH.log, "forge.test/9"}))
    )
    assert bound.logs == frozenset()


async def test_an_answer_serves_a_minute_and_then_a_removed_person_sees_nothing(
    world: World,
) -> None:
    world.say(MESH, Permission.WRITE)
    assert (await world.rights.reach(person())).sees(MESH.log)
    world.say(MESH, Permission.NONE)
    world.clock.go(59)
    assert (await world.rights.reach(person())).sees(MESH.log)
    world.clock.go(1)
    assert not (await world.rights.reach(person())).sees(MESH.log)
    assert len(world.forge.calls) == 4


async def test_an_answer_is_as_old_as_its_question(world: World) -> None:
    world.say(MESH, Permission.WRITE)
    world.forge.free.clear()
    asking = asyncio.create_task(world.rights.permission(MESH, "alice"))
    await world.forge.begun.wait()
    world.clock.go(60)
    world.forge.free.set()
    await asking
    await world.rights.permission(MESH, "alice")
    assert len(world.forge.calls) == 2


async def test_who_took_a_login_over_is_another_person(world: World) -> None:
    world.forge.says[(SHOP.log, "alice")] = Permission.WRITE
    world.forge.whose = 7
    mine, theirs = (person().model_copy(update={"user_id": number}) for number in (7, 8))
    assert SHOP.log in ((await world.rights.reach(mine)).logs or ())
    assert SHOP.log not in ((await world.rights.reach(theirs)).logs or ())


async def test_many_who_ask_the_same_at_once_are_one_question(world: World) -> None:
    world.say(MESH, Permission.TRIAGE)
    world.forge.free.clear()
    logins = ["alice", "Alice", "ALICE"] * 10
    asking = [asyncio.create_task(world.rights.permission(MESH, login)) for login in logins]
    await world.forge.begun.wait()
    asking[0].cancel()
    await asyncio.wait({asking[0]})
    world.forge.free.set()
    found = await asyncio.gather(*asking[1:])
    assert set(found) == {Permission.TRIAGE}
    assert len(world.forge.calls) == 1


async def test_one_failure_is_told_to_all_who_waited(world: World) -> None:
    world.say(MESH, ForgeUnavailable("the forge sleeps"))
    found = await asyncio.gather(
        *(world.rights.permission(MESH, "alice") for _ in range(5)), return_exceptions=True
    )
    assert [str(each) for each in found] == ["the forge sleeps"] * 5
    assert len(world.forge.calls) == 1


async def test_while_the_forge_is_silent_an_answer_serves_five_minutes(world: World) -> None:
    world.say(MESH, Permission.READ)
    world.say(SHOP, Permission.READ)
    assert (await world.rights.reach(person())).logs == ALL
    for ref in (MESH, SHOP):
        world.say(ref, ForgeUnavailable("the forge sleeps"))
    world.clock.go(299)
    assert (await world.rights.reach(person())).logs == ALL
    world.clock.go(1)
    with pytest.raises(ForgeUnavailable, match="sleeps"):
        await world.rights.reach(person())


async def test_a_silent_forge_is_not_asked_at_every_request(world: World) -> None:
    world.say(MESH, ForgeUnavailable("the forge sleeps"))
    for _ in range(10):
        with pytest.raises(ForgeUnavailable):
            await world.rights.permission(MESH, "alice")
    assert len(world.forge.calls) == 1
    world.say(MESH, Permission.READ)
    world.clock.go(5)
    assert await world.rights.permission(MESH, "alice") is Permission.READ


@pytest.mark.parametrize("no", [ForgeRefused("no", 403), ForgeGone("gone")])
async def test_a_repository_that_the_forge_refuses_is_not_there_and_hides_no_other(
    world: World, no: ForgeError
) -> None:
    world.say(MESH, Permission.WRITE)
    world.say(SHOP, Permission.WRITE)
    assert (await world.rights.reach(person())).logs == ALL
    world.say(MESH, no)
    world.clock.go(60)
    assert (await world.rights.reach(person())).logs == frozenset({SHOP.log})
    with pytest.raises(type(no)):
        await world.rights.permission(MESH, "alice")
    world.clock.go(59)
    assert not (await world.rights.reach(person())).sees(MESH.log)
    # A refusal took the old answer with it: silence after it shows nothing.
    world.say(MESH, ForgeUnavailable("the forge sleeps"))
    world.clock.go(1)
    with pytest.raises(ForgeUnavailable):
        await world.rights.permission(MESH, "alice")


async def test_a_repository_that_is_found_later_is_seen_then() -> None:
    refs: dict[str, MissionRef] = {}
    world = World(refs)
    world.say(MESH, Permission.READ)
    assert (await world.rights.reach(person())).logs == frozenset()
    refs["mesh"] = MESH
    assert (await world.rights.reach(person())).logs == frozenset({MESH.log})


async def test_old_answers_are_forgotten_where_there_are_many(world: World) -> None:
    rights = ForgeRights(world.forge, REFS, world.clock, most=20)
    for number in range(20):
        await rights.permission(MESH, f"login-{number}")
    world.clock.go(301)
    await rights.permission(MESH, "alice")
    assert len(rights._answers) == 1
