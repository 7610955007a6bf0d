"""Saying on other people's commits that they are no mission: once, and again where it failed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from grace.app.courtesies import Courtesies
from grace.domain.mission import MissionRef
from grace.ports import (
    CheckDraft,
    Courtesy,
    CourtesyJob,
    ForgeError,
    ForgeRefused,
    ForgeUnavailable,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MESH = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")
SHA = "a" * 40
UNKNOWN = ForgeRefused("No commit found for SHA", 422)


@dataclass
class Desk:
    """A forge that answers as told, the ends of jobs, and a clock that stands."""

    answer: ForgeError | None = None
    there: str | None = None
    said: list[tuple[CheckDraft, str | None]] = field(default_factory=list)
    ends: dict[int, datetime | None] = field(default_factory=dict)

    def now(self) -> datetime:
        return NOW

    async def find_check(self, ref: MissionRef, sha: str, external_id: str) -> str | None:
        assert (ref, sha, external_id) == (MESH, SHA, f"courtesy:{SHA}")
        return self.there

    async def publish_check(self, ref: MissionRef, draft: CheckDraft, check: str | None) -> str:
        if self.answer is not None:
            raise self.answer
        self.said.append((draft, check))
        return "1"

    async def end_courtesy(self, job: int, due_at: datetime | None) -> None:
        self.ends[job] = due_at

    async def say(self, tries: int = 0) -> datetime | None:
        job = CourtesyJob(9, Courtesy(MESH, SHA, "#7 is not a mission", 7), tries)
        await Courtesies(self, self, self).say([job])
        return self.ends[9]


async def test_a_courtesy_is_a_successful_check_of_the_name_that_is_required() -> None:
    desk = Desk()
    assert await desk.say() is None
    ((draft, check),) = desk.said
    assert (draft.name, draft.sha, draft.conclusion) == ("mission/governance", SHA, "success")
    assert "7 is not a mission" in draft.summary
    assert check is None


async def test_the_check_that_stands_is_brought_up_to_date() -> None:
    desk = Desk(there="5")
    await desk.say(tries=1)
    assert [check for _, check in desk.said] == ["5"]


async def test_what_fails_for_now_is_put_off_as_long_as_the_forge_asks_for() -> None:
    assert await Desk(ForgeUnavailable("busy", 99)).say(tries=50) == NOW + timedelta(seconds=300)
    assert await Desk(ForgeUnavailable("busy", 999)).say() == NOW + timedelta(seconds=999)


@pytest.mark.parametrize("tries", range(5))
async def test_a_commit_that_is_not_known_yet_is_tried_a_few_times(tries: int) -> None:
    assert await Desk(UNKNOWN).say(tries) == NOW + timedelta(seconds=2 * 2**tries)


async def test_a_refusal_for_good_ends_it() -> None:
    assert await Desk(UNKNOWN).say(tries=5) is None
    assert await Desk(ForgeRefused("forbidden", 403)).say() is None
