"""Answers that are lost, late, cut short or wrong make no wrong commit, and none twice."""

from dataclasses import replace

import pytest

from grace.adapters.github.repository_trees import MAX_FILE_BYTES
from grace.adapters.github.session import Session
from grace.adapters.github.wire import Answer, Request
from grace.adapters.github.workshop import ApiWorkshop
from grace.domain.events import BranchPushed
from grace.domain.mission import MissionRef
from grace.ports import ForgeRefused, ForgeUnavailable
from support.api_world import BRANCH, ORDER, SCAN, World
from support.patches import FIX, edit


class Between:
    """A session before whose first call of one purpose something else happens."""

    def __init__(self, session: Session, purpose: str, act: object) -> None:
        self._session, self._purpose, self._act = session, purpose, act

    async def call(
        self, ref: MissionRef, request: Request, expected: frozenset[int] = frozenset()
    ) -> Answer:
        if request.purpose == self._purpose and self._act is not None:
            act, self._act = self._act, None
            act()
        return await self._session.call(ref, request, expected)


class Losing:
    """A session that loses the answer to the first call of one purpose, after it took effect."""

    def __init__(self, session: Session, purpose: str) -> None:
        self._session, self._purpose = session, purpose

    async def call(
        self, ref: MissionRef, request: Request, expected: frozenset[int] = frozenset()
    ) -> Answer:
        answer = await self._session.call(ref, request, expected)
        if request.purpose == self._purpose:
            self._purpose = ""
            raise ForgeUnavailable("the answer was lost")
        return answer


async def test_order_whose_answer_was_lost_is_carried_out_once(world: World) -> None:
    for purpose in ("write tree", "write commit", "create ref", "move ref"):
        branch, ledger = (f"{name}-{purpose.replace(' ', '-')}" for name in (BRANCH, "ledger"))
        expected = None
        if purpose == "move ref":
            effect = world.patch(edit("src/b.py", "b", "c"), branch=branch)
            first = await world.api.push_patch(world.ref, effect, ORDER)
            assert isinstance(first, BranchPushed)
            expected = first.head
            await world.api.publish(world.ref, ledger, {"b": b"b"}, ORDER)
        effect = world.patch(FIX, branch=branch, expected=expected)
        losing = ApiWorkshop(Losing(world.session, purpose), SCAN)
        with pytest.raises(ForgeUnavailable):
            await losing.push_patch(world.ref, effect, ORDER)
        before = world.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        pushed = await losing.push_patch(world.ref, effect, ORDER)
        assert isinstance(pushed, BranchPushed)
        assert world.tip(branch) == pushed.head
        assert world.parents(pushed.head) == [world.tip()]
        assert before == (pushed.head if purpose.endswith("ref") else "")
        losing = ApiWorkshop(Losing(world.session, purpose), SCAN)
        with pytest.raises(ForgeUnavailable):
            await losing.publish(world.ref, ledger, {"a": b"a"}, ORDER)
        await losing.publish(world.ref, ledger, {"a": b"a"}, ORDER)
        count = "2" if purpose == "move ref" else "1"
        assert world.git("rev-list", "--count", ledger) == count


async def test_lost_race_is_run_once_more(world: World) -> None:
    await world.api.publish(world.ref, "grace-ledger", {"a": b"a"}, ORDER)
    work = world.work

    def push() -> None:
        world.git("fetch", "-q", "origin", cwd=work)
        world.git("switch", "-q", "--detach", "origin/grace-ledger", cwd=work)
        world.commit({"b": "b"}, "grace-ledger")

    racing = ApiWorkshop(Between(world.session, "move ref", push), SCAN)
    await racing.publish(world.ref, "grace-ledger", {"a": b"aa"}, ORDER)
    assert world.git("ls-tree", "--name-only", "grace-ledger") == "a\nb"
    assert world.git("show", "grace-ledger:a") == "aa"


class Cutting:
    """A session whose GitHub lists no more than one folder at once, and little of it if told."""

    def __init__(self, session: Session, *, spoiling: str = "", never: bool = False) -> None:
        self._session, self._spoiling, self._never = session, spoiling, never

    async def call(
        self, ref: MissionRef, request: Request, expected: frozenset[int] = frozenset()
    ) -> Answer:
        answer = await self._session.call(ref, request, expected)
        if request.purpose == "read tree" and ("recursive" in request.path or self._never):
            answer = replace(answer, data={**answer.data, "tree": [], "truncated": True})
        if request.purpose == "read blob" and self._spoiling == "blob":
            answer = replace(answer, data={**answer.data, "content": "Zm9v"})
        if request.purpose == "write tree" and self._spoiling == "tree":
            answer = replace(answer, data={**answer.data, "sha": "f" * 40})
        return answer


async def test_repository_that_is_too_large_is_read_folder_by_folder(world: World) -> None:
    deep = world.commit({"docs/a/b.md": "b\n", "src/x/y.py": "y\n"})
    large = ApiWorkshop(Cutting(world.session), SCAN)
    pushed = await large.push_patch(world.ref, world.patch(FIX), ORDER)
    assert isinstance(pushed, BranchPushed)
    assert world.made().count("read tree") == 3  # cut short, the root, src
    assert world.git("diff", "--name-only", deep, pushed.head) == "src/app.py"
    assert not (await large.restored(world.ref, deep, f"{world.parents(deep)[0]}")).differing
    none = ApiWorkshop(Cutting(world.session, never=True), SCAN)
    with pytest.raises(ForgeRefused, match="commit with git"):
        await none.push_patch(world.ref, world.patch(FIX), ORDER)


async def test_answers_that_do_not_hold_together_make_no_commit(world: World) -> None:
    spoiled = ApiWorkshop(Cutting(world.session, spoiling="blob"), SCAN)
    with pytest.raises(ForgeUnavailable, match="is not the blob"):
        await spoiled.push_patch(world.ref, world.patch(FIX), ORDER)
    spoiled = ApiWorkshop(Cutting(world.session, spoiling="tree"), SCAN)
    with pytest.raises(ForgeRefused, match="was to come out"):
        await spoiled.push_patch(world.ref, world.patch(FIX), ORDER)
    assert "write commit" not in world.made()


async def test_file_that_is_too_large_is_not_read(world: World) -> None:
    world.commit({"big.txt": b"x\n" * (MAX_FILE_BYTES // 2 + 1)})
    with pytest.raises(ForgeRefused, match="commit with git"):
        await world.api.push_patch(world.ref, world.patch(edit("big.txt", "x", "y")), ORDER)
    assert "read blob" not in world.made()
