"""A sticky comment that somebody deleted is replaced once, however its writing fails."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from grace.app.interpreter import Interpreter, World
from grace.app.reports import bound
from grace.domain.effects import PublishComment
from grace.domain.ledger import Head
from grace.domain.mission import MissionRef
from grace.ports import ForgeRefused, ForgeUnavailable, Job, ReportFound
from support.reports import make_report
from support.world import World as Lifecycle


@dataclass
class Thread:
    """An issue's comments; `cut` loses the answer to the next post."""

    comments: dict[str, str] = field(default_factory=dict)
    cut: bool = False

    async def edit_comment(self, ref: MissionRef, comment: str, body: str) -> None:
        if comment not in self.comments:
            raise ForgeRefused("not found", 404)
        self.comments[comment] = body

    async def post_comment(self, ref: MissionRef, number: int, body: str) -> str:
        name = str(len(self.comments) + 70)
        self.comments[name] = body
        if self.cut:
            self.cut = False
            raise ForgeUnavailable("502 after the comment was made")
        return name

    async def find_comment(self, ref: MissionRef, number: int, marker: str) -> str | None:
        return next((name for name, body in self.comments.items() if marker in body), None)


async def off() -> bool:
    return False


def job(**surfaces: str) -> Job:
    world = Lifecycle().file()
    effect = next(e for e in reversed(world.done) if isinstance(e, PublishComment))
    mission = world.mission.with_(surface_ids=surfaces)
    return Job(1, mission, effect, 0, Head(log="l", seq=0, hash="h", time="t"), world.now)


def interpreter(thread: Thread) -> Interpreter:
    store = SimpleNamespace(kill_switch=off)
    return Interpreter(
        World(
            *(thread, None, None, None, store, None),
            *(Lifecycle().policy, None, None, None, None, None, None),
        )
    )


async def test_replacement_whose_answer_was_lost_is_found_and_not_doubled() -> None:
    thread = Thread(cut=True)
    deleted = job(issue="5")
    with pytest.raises(ForgeUnavailable):
        await interpreter(thread).carry_out(deleted)
    done = await interpreter(thread).carry_out(replace(deleted, tries=1))
    assert list(thread.comments) == [done.id]


async def test_comment_that_is_there_is_edited() -> None:
    thread = Thread({"5": "old"})
    done = await interpreter(thread).carry_out(replace(job(issue="5"), tries=1))
    assert (list(thread.comments), done.id) == (["5"], "5")
    assert thread.comments["5"] != "old"


@pytest.mark.parametrize("surfaces", [{}, {"issue": "5"}])
async def test_first_try_posts_without_a_search(surfaces: dict[str, str]) -> None:
    thread = Thread()
    done = await interpreter(thread).carry_out(job(**surfaces))
    assert list(thread.comments) == [done.id]


def test_report_that_names_the_repository_as_the_forge_does_now_counts() -> None:
    """Renamed while nobody told us: CI knows the new name first."""
    world = Lifecycle().file()
    attempt = world.mission.attempt
    report = make_report(attempt.head, attempt.tree, base=attempt.base)
    said = report.model_copy(update={"repository": "acme/renamed"})

    def found(name: str) -> ReportFound:
        return ReportFound(
            body=said.model_dump_json().encode(),
            run_id=said.run_id,
            run_attempt=said.run_attempt,
            workflow=said.workflow,
            head_sha=said.head_sha,
            head_branch=world.mission.branch,
            repository=name,
        )

    assert bound(found("Acme/renamed"), world.policy) == said
    assert bound(found("acme/mesh"), world.policy) is None
