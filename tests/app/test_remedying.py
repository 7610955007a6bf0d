"""Agents are asked once and answer what they were asked; memory that is silent stops nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from grace.app.remedying import Remedying
from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.ledger import Head
from grace.domain.memory.places import Place
from grace.domain.memory.recall import Memories
from grace.domain.mission import Mission, MissionRef
from grace.domain.package import MissionPackage
from grace.domain.proposals import AgentTask, Proposal, Refusal
from grace.ports import Job, ProposalFound
from grace.ports.memory import MemoryUnavailable

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
BASE = "b" * 40
REQUEST = "mission_20261122_001/ask/1"
REF = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")
MISSION = Mission(uid=UUID(int=1), name="mission_20261122_001", ref=REF, created_at=NOW)


class Clock:
    def now(self) -> datetime:
        return NOW


@dataclass
class Forge:
    """Say what run there is, and keep what was ordered."""

    found: ProposalFound | None = None
    ordered: list[Mapping[str, str]] = field(default_factory=list)

    async def run_workflow(
        self, _ref: MissionRef, _workflow: str, _branch: str, inputs: Mapping[str, str]
    ) -> None:
        self.ordered.append(inputs)

    async def read_proposal(self, _ref: MissionRef, _wanted: object) -> ProposalFound | None:
        return self.found


@dataclass
class Memory:
    """Answer nothing, or be away."""

    away: bool = False

    async def similar(self, _question: object, _limit: int = 20) -> Memories:
        if self.away:
            raise MemoryUnavailable("its database is locked: try again")
        return Memories(asker=Place(host=REF.host, repository_id=1))

    async def close(self) -> None:
        pass


def remedying(forge: Forge, memory: Memory | None = None) -> Remedying:
    runs: Any = None  # of agents and memory alone
    told: Any = forge
    return Remedying(told, runs, memory or Memory(), Clock())


def ask() -> fx.AskAgent:
    package = MissionPackage.model_validate(
        {
            "mission_id": "mission_20261122_001",
            "subsystem_id": "mesh",
            "severity": "low",
            "status": "in_progress",
            "created_at": NOW,
            "symptoms": [{"description": "slow"}],
            "acceptance_criteria": {},
        }
    )
    task = AgentTask(request=REQUEST, agent="repair", mission=package, base=BASE)
    return fx.AskAgent(key="ask/1", task=task, workflow="grace-patch.yml", branch="main")


def read() -> fx.ReadProposal:
    return fx.ReadProposal(
        key="proposal/1",
        request=REQUEST,
        agent="repair",
        base=BASE,
        workflow="grace-patch.yml",
        branch="main",
        since=NOW,
    )


def job(effect: fx.Effect, tries: int = 0) -> Job:
    return Job(
        id=1,
        mission=MISSION,
        effect=effect,
        tries=tries,
        entry=Head.empty(REF.log),
        created_at=NOW,
    )


async def test_order_that_may_have_come_through_is_looked_for_before_it_is_given_again() -> None:
    effect = ask()
    forge = Forge()
    asked = await remedying(forge).carry_out(job(effect), effect)
    assert asked == ev.AgentAsked(request=REQUEST)
    assert (forge.ordered[0]["request"], forge.ordered[0]["base"]) == (REQUEST, BASE)
    there = Forge(ProposalFound(run=7, conclusion=None))
    asked = await remedying(there).carry_out(job(effect, tries=1), effect)
    assert asked == ev.AgentAsked(request=REQUEST, run=7)
    assert there.ordered == []
    lost = Forge()
    await remedying(lost).carry_out(job(effect, tries=1), effect)
    assert len(lost.ordered) == 1


@pytest.mark.parametrize(
    ("found", "run"), [(None, None), (ProposalFound(run=7, conclusion=None), 7)]
)
async def test_run_that_is_not_over_is_awaited(
    found: ProposalFound | None, run: int | None
) -> None:
    effect = read()
    event = await remedying(Forge(found)).carry_out(job(effect), effect)
    assert isinstance(event, ev.ProposalAwaited)
    assert event.run == run


def left(**fields: object) -> bytes:
    told = {"request": REQUEST, "agent": "repair", "base": BASE, "diff": "--- a\n+++ b\n"}
    return Proposal.model_validate({**told, **fields}).model_dump_json().encode()


@pytest.mark.parametrize(
    ("body", "refusal", "words"),
    [
        (None, Refusal.FAILED, "left no proposal"),
        (b"{}", Refusal.INVALID, "does not fit the schema: request"),
        (b"\xff", Refusal.INVALID, "does not fit the schema"),
        (left(request="mission_20261122_002/ask/1"), Refusal.INVALID, "another request"),
        (left(agent="coder"), Refusal.INVALID, "another request"),
        (left(base="c" * 40), Refusal.INVALID, "another request"),
    ],
)
async def test_what_does_not_answer_the_question_is_no_proposal(
    body: bytes | None, refusal: Refusal, words: str
) -> None:
    effect = read()
    found = ProposalFound(run=7, conclusion="failure", body=body)
    event = await remedying(Forge(found)).carry_out(job(effect), effect)
    assert isinstance(event, ev.ProposalMade)
    assert event.proposal.refusal is refusal
    assert words in event.proposal.sentence


async def test_what_answers_it_is_handed_on_as_it_is() -> None:
    effect = read()
    found = ProposalFound(run=7, conclusion="success", body=left(rationale="why"))
    event = await remedying(Forge(found)).carry_out(job(effect), effect)
    assert isinstance(event, ev.ProposalMade)
    assert (event.proposal.diff, event.proposal.rationale) == ("--- a\n+++ b\n", "why")


async def test_memory_answers_or_says_why_it_does_not() -> None:
    event = await remedying(Forge()).recall(MISSION)
    assert isinstance(event, ev.MemoryRead)
    assert event.recollection.note == ""
    away = await remedying(Forge(), Memory(away=True)).recall(MISSION)
    assert isinstance(away, ev.MemoryRead)
    assert "its database is locked" in away.recollection.note
