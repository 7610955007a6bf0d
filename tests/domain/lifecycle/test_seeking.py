"""Looking for a patch: memory first, then agents, within budgets; what they answer is judged."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import messages
from grace.domain import remedy_words as words
from grace.domain.agents import Agent, Agents, Builtin
from grace.domain.learning.choice import Choice, Ranked
from grace.domain.memory.recollection import (
    Hit,
    OutcomeRecord,
    Recollection,
    Result,
    ReusablePatch,
    Trial,
)
from grace.domain.phase import Outcome, Phase, Severity
from grace.domain.proposals import Proposal, Refusal, Usage
from grace.domain.surroundings import AskFact, ClaimFact
from support.sought import (
    BUMP,
    CODER,
    LONG,
    REPAIR,
    asks_of,
    proposal,
    propose,
    seeking_policy,
    seeking_world,
)
from support.world import DIFF, World, issue_body, sha

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


def test_mission_without_a_patch_asks_the_agent_with_the_evidence():
    world = seeking_world()
    (ask,) = asks_of(world)
    assert (ask.workflow, ask.branch) == ("grace-patch.yml", "main")
    assert ask.task.agent == "repair"
    assert ask.task.request == "mission_20261122_001/ask/1"
    assert [t.name for t in ask.task.failing] == ["tests.unit.test_delivery.test_cost"]
    assert world.mission.phase is Phase.PLANNING
    assert "repair is at work" in world.verdict.root.children[0].reason


def test_what_an_agent_proposes_is_judged_like_the_work_of_a_stranger():
    world = propose(seeking_world(), plausible=True, rationale="line 3: < for <=")
    assert world.mission.phase is Phase.TESTING
    attempt = world.mission.attempts[0]
    assert (attempt.candidate, attempt.agent) == ("repair-1", "agent:repair")
    world.ci().review().deploy().observe()
    assert world.mission.outcome is Outcome.FIXED
    said = "\n".join(words.remedy_lines(world.mission))
    assert "a plausible patch, `repair-1` (12 s, 5,100 tokens, 0.50 USD)" in said


def test_own_candidates_come_first_and_an_agent_hears_why_they_failed():
    world = seeking_world(candidates=1).ci(passed=False)
    (ask,) = asks_of(world)
    (past,) = ask.task.attempts
    assert past.candidate == "patch-1"
    assert "fast 0" in past.diff
    assert "1 failed" in past.failure
    assert {t.name for t in ask.task.failing} >= {"tests.unit.test_delivery.test_cost"}
    propose(world, diff=OTHER)
    assert [a.candidate for a in world.mission.attempts] == ["patch-1", "repair-1"]


def test_agent_without_a_patch_is_followed_by_the_next_and_then_by_a_report():
    world = seeking_world(seeking_policy(REPAIR, BUMP))
    propose(world, 1, None)
    assert [a.agent for a in world.mission.asks] == ["repair", "bump"]
    propose(world, 2, None)
    assert world.mission.held.startswith(words.NOTHING_LEFT)
    assert "repair: no plausible patch among 900" in world.mission.held
    assert "/grace cancel" in world.mission.held
    assert "no patch (12 s" in "\n".join(words.remedy_lines(world.mission))


def test_after_failed_patches_the_mission_ends_with_what_was_tried():
    world = propose(seeking_world()).ci(passed=False)
    assert world.mission.outcome is Outcome.FAILED
    assert words.NOTHING_LEFT in world.mission.reason


def test_agent_that_can_learn_is_asked_again_with_what_failed():
    world = seeking_world(seeking_policy(CODER))
    propose(world).ci(passed=False)
    assert [a.agent for a in world.mission.asks] == ["coder", "coder"]
    propose(world, 2, OTHER).ci(passed=False)
    assert len(world.mission.asks) == 3
    propose(world, 3, None)
    assert world.mission.outcome is Outcome.FAILED


def test_no_more_attempts_than_governance_allows():
    world = seeking_world(seeking_policy(CODER, max_attempts=1))
    propose(world).ci(passed=False)
    assert len(world.mission.asks) == 1
    assert world.mission.outcome is Outcome.FAILED


def test_competing_agents_are_asked_at_once_and_the_smaller_diff_goes_first():
    policy = seeking_policy(REPAIR, CODER, asking={"compete": 2})
    world = seeking_world(policy)
    assert len(asks_of(world)) == 2
    assert "repair and coder are at work" in world.mission.forge_says
    propose(world, 1, LONG)
    assert world.mission.attempts == ()
    propose(world, 2, DIFF)
    assert [o.candidate.name for o in world.mission.offered] == ["coder-2", "repair-1"]
    assert world.mission.attempts[0].candidate == "coder-2"
    world.ci(passed=False)
    assert world.mission.attempts[1].candidate == "repair-1"


def test_answer_that_does_not_come_is_looked_for_and_given_up_in_time():
    world = seeking_world()
    world.tick(6 * 60)
    reads = [e for e in world.done if isinstance(e, fx.ReadProposal)]
    assert len(reads) == 1
    assert world.mission.asks[0].run == 1
    world.tick(60 * 60)
    assert world.mission.asks[0].refusal is Refusal.TIMED_OUT
    assert world.mission.held.startswith(words.NOTHING_LEFT)


def test_agent_whose_workflow_the_forge_does_not_know_is_told_and_passed_over():
    world = World(policy=seeking_policy(REPAIR, BUMP), waits=(fx.AskAgent,))
    world.file(issue_body_without())
    world.fail(fx.AskAgent, "grace-patch.yml is not on main")
    assert world.mission.asks[0].sentence == "grace-patch.yml is not on main"
    assert world.mission.held is None
    assert world.mission.asks[1].agent == "bump"


def issue_body_without() -> str:
    return issue_body(candidates=0)


def test_answers_nobody_asked_for_and_second_answers_change_nothing():
    world = seeking_world(seeking_policy(REPAIR, BUMP))
    said = proposal(world)
    propose(world, 1, None)
    before = world.mission
    world.deliver(ev.ProposalMade(proposal=said, at=world.now))
    world.deliver(ev.AgentAsked(request=said.request, run=9))
    world.deliver(ev.AgentAsked(request="other", run=9))
    world.deliver(ev.AgentRunEnded(request=said.request, run=9, at=world.now))
    world.deliver(ev.ProposalAwaited(request=said.request, reason="late", run=9))
    world.deliver(ev.ProposalAwaited(request="other", reason="late"))
    assert world.mission == before


@pytest.mark.parametrize(
    ("rules", "used", "why"),
    [
        ({"minutes_per_mission": 10}, 0, "minutes on a mission"),
        ({"money_usd_per_mission": 0.5}, 0, "USD a mission"),
        ({"asks_per_day": 1}, 1, "at most 1 times a day"),
        ({"money_usd_per_day": 1.2}, 1, "USD a day"),
    ],
)
def test_budgets_keep_an_agent_from_being_asked(rules, used, why):
    world = World(policy=seeking_policy(CODER, asking=rules), waits=(fx.ReadBase,))
    world.file(issue_body_without())
    spent = tuple(AskFact(at=world.now, money_usd=0.5) for _ in range(used))
    old = AskFact(at=world.now - timedelta(days=2), money_usd=99)
    world.facts = world.facts.model_copy(update={"asks": (old, *spent)})
    world.waits = ()
    world.settle()
    assert asks_of(world) == []
    assert why in world.mission.held


def test_so_many_asks_for_a_mission_and_no_more():
    world = seeking_world(seeking_policy(REPAIR, BUMP, CODER, asking={"max_asks": 1}))
    propose(world, 1, None)
    assert len(world.mission.asks) == 1
    assert "at most 1 times for a mission" in world.mission.held


def test_agents_of_other_roles_severities_and_without_tests_are_not_asked():
    needs = REPAIR.model_copy(update={"needs_tests": True})
    elsewhere = BUMP.model_copy(update={"subsystems": ("other",)})
    body = issue_body_without()
    world = World(policy=seeking_policy(needs, elsewhere)).file(
        body.replace("tests.unit.test_delivery.test_cost", "_No response_")
    )
    assert world.mission.held == messages.NO_CANDIDATE
    roles = World(policy=seeking_policy(REPAIR), waits=(fx.ReadMemory,)).file(body)
    request = roles.mission.request
    trust = request.trust_requirements.model_copy(update={"allowed_roles": ("developer",)})
    request = request.model_copy(update={"trust_requirements": trust})
    roles.mission, roles.waits = roles.mission.with_(request=request), ()
    assert roles.settle().mission.held == messages.NO_CANDIDATE
    low = seeking_policy(REPAIR, asking={"severities": ["low"]})
    assert World(policy=low).file(body).mission.held == messages.NO_CANDIDATE
    off = seeking_policy(REPAIR, asking={"enabled": False})
    assert World(policy=off).file(body).mission.held == messages.NO_CANDIDATE


def test_memory_is_asked_before_every_mission_and_cited():
    world = World(
        recollection=recollection(World(), signature="s", records=(record("agent:repair"),) * 9)
    )
    world.policy = seeking_policy(REPAIR, BUMP)
    world.file(issue_body_without())
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
    world.file(issue_body_without())
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
    assert off.file(issue_body_without()).mission.offered == ()


def test_memory_that_cannot_be_asked_holds_nothing_up():
    world = World(policy=seeking_policy(REPAIR), waits=(fx.ReadMemory,))
    world.file(issue_body_without())
    assert world.mission.phase is Phase.PLANNING
    assert [e for e in world.done if isinstance(e, fx.PublishComment)] == []
    world.waits = ()
    world.fail(fx.ReadMemory, "no such table")
    assert "memory could not be asked: no such table" in world.mission.recalled
    assert len(world.mission.asks) == 1


def test_work_that_somebody_claimed_is_left_to_him_until_his_claim_ends():
    world = World(policy=seeking_policy(REPAIR), waits=(fx.ReadBase,))
    world.file(issue_body_without())
    claim = ClaimFact(agent="devin", until=world.now + timedelta(minutes=30))
    world.facts = world.facts.model_copy(update={"claim": claim})
    world.waits = ()
    world.settle()
    assert asks_of(world) == []
    assert "devin has claimed the work" in world.mission.forge_says
    world.deliver(given(world, "devin", OTHER))
    world.settle()
    assert world.mission.attempts[0].agent == "devin"
    assert world.mission.attempts[0].candidate == "devin-1"


def given(world: World, agent: str, diff: str | None) -> ev.ProposalMade:
    said = Proposal(
        request=f"{world.mission.name}/claim",
        agent=agent,
        base=world.base,
        diff=diff,
        refusal=None if diff is not None else Refusal.NO_PATCH,
        sentence="none" if diff is None else "",
    )
    return ev.ProposalMade(proposal=said, by=agent, at=world.now)


def test_patch_by_hand_wakes_a_mission_that_found_none_and_only_news_counts():
    world = propose(seeking_world(), 1, None)
    assert world.mission.held is not None
    world.deliver(given(world, "devin", None))
    assert world.mission.offered == ()
    world.deliver(given(world, "devin", OTHER))
    world.settle()
    assert world.mission.held is None
    assert world.mission.attempts[0].agent == "devin"
    world.deliver(given(world, "devin", OTHER))
    assert len(world.mission.offered) == 1
    tested = world.mission
    world.deliver(given(world, "devin", LONG))  # CI is at it
    assert world.mission == tested


def test_held_mission_stays_with_the_person_who_held_it():
    world = propose(seeking_world(), 1, None)
    world.command("hold", "alice", number="2", argument="mine")
    world.deliver(given(world, "devin", OTHER))
    assert world.mission.attempts == () or world.mission.held is None


def test_more_patches_than_can_be_offered_are_not_taken():
    world = propose(seeking_world(), 1, None)
    world.waits = (fx.ReadBase, fx.PushPatch)
    for i in range(12):
        world.command("hold", "alice", number=f"h{i}")
        world.deliver(given(world, "devin", DIFF.replace("fast", f"fast {i + 5}")))
    assert len(world.mission.offered) <= 10


def test_commits_of_a_person_on_the_branch_stop_the_agent():
    world = propose(seeking_world(seeking_policy(CODER)))
    assert world.mission.phase is Phase.TESTING
    world.deliver(world.pull(head_sha=sha("mine"), sender=ev.Actor(login="rita")))
    world.settle()
    assert "rita pushed" in world.mission.held
    before = len(asks_of(world))
    world.tick(3600)
    world.ci(passed=False)
    assert len(asks_of(world)) == before
    assert "rita pushed" in world.mission.held


def test_ranking_decides_whom_to_ask_first():
    world = World(policy=seeking_policy(REPAIR, BUMP), waits=(fx.ReadBase,))
    world.file(issue_body_without())
    order = tuple(
        Ranked(remedy=name, mean=0.5, low=0, high=1, draw=0.5)
        for name in ("agent:bump", "agent:repair")
    )
    world.mission = world.mission.with_(choice=Choice(order=order, sentence="bump held best"))
    world.waits = ()
    world.settle()
    assert asks_of(world)[0].task.agent == "bump"
    assert "choice: bump held best" in "\n".join(words.remedy_lines(world.mission))


def test_second_answer_of_memory_changes_nothing():
    world = seeking_world()
    before = world.mission
    world.deliver(ev.MemoryRead(recollection=recollection(world, sentence="another")))
    assert world.mission == before


def test_agents_and_the_names_of_other_subsystems_are_left_out_of_what_a_repository_is_told():
    both = REPAIR.model_copy(update={"subsystems": ("mesh", "secret")})
    hidden = BUMP.model_copy(update={"subsystems": ("secret",)})
    agents = Agents(agents=(both, hidden, CODER)).within(frozenset({"mesh"}))
    assert [(a.name, a.subsystems) for a in agents.agents] == [("repair", ("mesh",)), ("coder", ())]
    assert agents.named("bump") is None
    with pytest.raises(ValueError, match="two agents have the same name"):
        Agents(agents=(REPAIR, REPAIR))
    with pytest.raises(ValueError, match="give one of builtin, preset and command"):
        Agent(name="both", builtin=Builtin.REPAIR, command="x")


def test_a_proposal_is_a_patch_or_a_reason_and_not_both():
    told = {"request": "r", "agent": "a", "base": "b" * 40}
    with pytest.raises(ValueError, match="give either diff or refusal"):
        Proposal(**told)
    with pytest.raises(ValueError, match="a refusal needs its sentence"):
        Proposal(**told, refusal=Refusal.NO_PATCH)


def test_what_an_agent_may_cost_counts_until_it_is_known():
    world = seeking_world(seeking_policy(CODER))
    assert world.mission.asks[0].spent == 1.0
    propose(world, 1, None, usage=Usage(seconds=1))
    assert world.mission.asks[0].spent == 1.0
    assert "at most 1.00 USD" in "\n".join(words.remedy_lines(world.mission))


def test_run_whose_number_the_forge_told_is_remembered():
    world = World(policy=seeking_policy(REPAIR), waits=(fx.AskAgent,)).file(issue_body_without())
    ask = world.mission.asks[0]
    world.deliver(ev.AgentAsked(request=ask.request, run=77))
    assert world.mission.asks[0].run == 77
    world.deliver(ev.EffectFailed(key="ask/9", effect="ask_agent", reason="of another"))
    assert world.mission.asks[0].answered_at is None


def test_claim_alone_makes_a_mission_without_agents_wait():
    world = World(waits=(fx.ReadMemory,)).file(issue_body_without())
    claim = ClaimFact(agent="devin", until=world.now + timedelta(minutes=30))
    world.facts = world.facts.model_copy(update={"claim": claim})
    world.waits = ()
    world.settle()
    assert "devin has claimed the work" in world.mission.forge_says
    world.facts = world.facts.model_copy(update={"claim": claim})
    world.tick(31 * 60)
    assert world.mission.held.startswith(words.NOTHING_LEFT)


@pytest.mark.parametrize("name", ["candidate", "remedy:lookup-off@12345678"])
def test_claim_under_a_name_of_others_does_not_get_their_record(name):
    world = propose(seeking_world(), 1, None)
    event = given(world, "devin", OTHER).model_copy(update={"by": name})
    world.deliver(event)
    world.settle()
    assert world.mission.attempts[0].agent == f"claim:{name}"
    roles = world.policy.governance
    assert roles.role_of("claim:candidate") == "developer"
    assert roles.role_of("agent:repair") == "agent"
