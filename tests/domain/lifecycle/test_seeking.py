"""Looking for a patch: memory first, then agents, within budgets; what they answer is judged."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import messages
from grace.domain import remedy_words as words
from grace.domain.agents import Agent, Agents, Builtin
from grace.domain.learning.choice import Choice, Ranked
from grace.domain.phase import Outcome, Phase
from grace.domain.proposals import Proposal, Refusal, Usage
from grace.domain.surroundings import AskFact
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


def test_mission_without_a_patch_asks_the_agent_with_the_evidence():
    world = seeking_world()
    (ask,) = asks_of(world)
    assert (ask.workflow, ask.branch) == ("grace-patch.yml", "main")
    assert ask.task.agent == "repair"
    assert ask.task.request == "mission_20261122_001/ask/1"
    assert [t.name for t in ask.task.failing] == ["tests.unit.test_delivery.test_cost"]
    assert world.mission.phase is Phase.PLANNING
    assert "repair is at work" in world.verdict.root.children[0].reason


def test_why_an_agent_is_asked_is_said_even_where_there_was_no_choice():
    (alone,) = [n.payload["why"] for n in seeking_world().notes if n.kind == "elite.agent_asked"]
    assert alone == "there is no other remedy to choose"
    world = seeking_world(seeking_policy(REPAIR, BUMP))
    (chosen,) = [n.payload["why"] for n in world.notes if n.kind == "elite.agent_asked"]
    assert chosen.startswith("agent:repair goes first")
    silent = world.mission.model_copy(update={"choice": None})
    assert words.why_asked(silent) == ""


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
    world.file(issue_body(candidates=0))
    world.fail(fx.AskAgent, "grace-patch.yml is not on main")
    assert world.mission.asks[0].sentence == "grace-patch.yml is not on main"
    assert world.mission.held is None
    assert world.mission.asks[1].agent == "bump"


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
    world.file(issue_body(candidates=0))
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
    body = issue_body(candidates=0)
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
    world.file(issue_body(candidates=0))
    order = tuple(
        Ranked(remedy=name, mean=0.5, low=0, high=1, draw=0.5)
        for name in ("agent:bump", "agent:repair")
    )
    world.mission = world.mission.with_(choice=Choice(order=order, sentence="bump held best"))
    world.waits = ()
    world.settle()
    assert asks_of(world)[0].task.agent == "bump"
    assert "choice: bump held best" in "\n".join(words.remedy_lines(world.mission))


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
    world = World(policy=seeking_policy(REPAIR), waits=(fx.AskAgent,)).file(
        issue_body(candidates=0)
    )
    ask = world.mission.asks[0]
    world.deliver(ev.AgentAsked(request=ask.request, run=77))
    assert world.mission.asks[0].run == 77
    world.deliver(ev.EffectFailed(key="ask/9", effect="ask_agent", reason="of another"))
    assert world.mission.asks[0].answered_at is None


def test_agent_that_costs_too_much_leaves_its_turn_to_the_next():
    world = seeking_world(seeking_policy(CODER, REPAIR, asking={"money_usd_per_mission": 0.5}))
    assert [a.agent for a in world.mission.asks] == ["repair"]
