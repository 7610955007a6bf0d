"""Memory before every mission: asked, cited, and its patches tried again."""

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import remedy_words as words
from grace.domain.memory.recollection import (
    Hit,
    OutcomeRecord,
    Recollection,
    Result,
    ReusablePatch,
    Trial,
)
from grace.domain.phase import Outcome, Phase, Severity
from support.sought import (
    BUMP,
    LONG,
    REPAIR,
    asks_of,
    seeking_policy,
    seeking_world,
)
from support.world import DIFF, World, issue_body

OTHER = DIFF.replace("fast", "quick")


def recollection(world: World, **fields: object) -> Recollection:
    hit = Hit(
        mission="mission_20261001_001",
        repository="acme/mesh",
        subsystem="trigger_mesh",
        severity=Severity.HIGH,
        outcome=Outcome.FIXED,
        tried=(Trial(remedy="agent:coder", result=Result.HELD),),
        closed_at=world.now,
        score=0.9,
    )
    told = {"asked_at": world.now, "hits": (hit,), "sentence": "one like this", **fields}
    return Recollection.model_validate(told)


def reusable(**fields: object) -> ReusablePatch:
    told = {
        "name": "patch-1",
        "diff": OTHER,
        "digest": "d" * 64,
        "remedy": "agent:coder",
        "from_mission": "mission_20261001_001",
        "entry": 7,
        "held": 2,
        "score": 0.9,
        **fields,
    }
    return ReusablePatch.model_validate(told)


def test_memory_is_asked_before_every_mission_and_cited():
    world = World(
        recollection=recollection(World(), signature="s", records=(record("agent:repair"),) * 9)
    )
    world.policy = seeking_policy(REPAIR, BUMP)
    world.file(issue_body(candidates=0))
    assert world.mission.recalled == "one like this"
    assert {r.remedy for r in world.mission.choice.order} == {"agent:repair", "agent:bump"}
    assert "agent:repair" in world.mission.choice.sentence
    (noted,) = [n for n in world.notes if n.kind == "elite.recalled"]
    assert noted.payload["hits"][0]["mission"] == "mission_20261001_001"
    assert asks_of(world)[0].task.memory[0].tried == ("agent:coder: held",)
    assert world.facts.memory.records == ()
    comment = next(e for e in world.done if isinstance(e, fx.PublishComment))
    assert "memory: one like this" in comment.body


def record(remedy: str, result: Result = Result.HELD) -> OutcomeRecord:
    return OutcomeRecord(
        mission="mission_20261001_001",
        signature="s",
        subsystem="trigger_mesh",
        severity=Severity.HIGH,
        remedy=remedy,
        result=result,
        at=World().now,
    )


def test_patch_that_held_before_is_tried_before_any_agent_and_once():
    world = World(recollection=recollection(World(), reusable=(reusable(), reusable(diff=LONG))))
    world.policy = seeking_policy(REPAIR)
    world.file(issue_body(candidates=0))
    assert asks_of(world) == []
    attempt = world.mission.attempts[0]
    assert attempt.candidate == "memory-mission_20261001_001"
    assert attempt.agent == "memory:dddddddd"
    assert "held 2 times" in "\n".join(words.remedy_lines(world.mission))
    world.ci(passed=False)
    assert [a.agent for a in world.mission.asks] == ["repair"]
    assert "failed" in "\n".join(words.remedy_lines(world.mission)) or world.mission.attempts


def test_patch_of_memory_that_the_contract_has_already_is_no_news():
    mine = DIFF.replace("fast", "fast 0")
    world = World(recollection=recollection(World(), reusable=(reusable(diff=mine),)))
    world.file(None)
    assert world.mission.offered == ()
    off = World(recollection=recollection(World(), reusable=(reusable(),)))
    off.policy = seeking_policy(REPAIR, asking={"reuse_remembered": False})
    assert off.file(issue_body(candidates=0)).mission.offered == ()


def test_memory_that_cannot_be_asked_holds_nothing_up():
    world = World(policy=seeking_policy(REPAIR), waits=(fx.ReadMemory,))
    world.file(issue_body(candidates=0))
    assert world.mission.phase is Phase.PLANNING
    assert [e for e in world.done if isinstance(e, fx.PublishComment)] == []
    world.waits = ()
    world.fail(fx.ReadMemory, "no such table")
    assert "memory could not be asked: no such table" in world.mission.recalled
    assert len(world.mission.asks) == 1


def test_second_answer_of_memory_changes_nothing():
    world = seeking_world()
    before = world.mission
    world.deliver(ev.MemoryRead(recollection=recollection(world, sentence="another")))
    assert world.mission == before
