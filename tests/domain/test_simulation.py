"""Replaying a policy over past missions: what is reproduced, what not, what would have changed."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import rfc8785

from grace.domain.decision import Note
from grace.domain.events import BasePushed, MergeRefusal, ReviewState
from grace.domain.policy import Governance, Tests
from grace.domain.rules.language import (
    Approvals,
    ProtectedPaths,
    RepositoryPolicy,
    Requirement,
    Rule,
)
from grace.domain.rules.standings import holding, standings
from grace.domain.simulation import (
    KINDS,
    Change,
    Proposal,
    Simulation,
    decides,
    loosened,
    tightened,
)
from grace.domain.verdict import Result, all_of, leaf
from support.past import failed, resolved, rolled_back, waiting
from support.reports import sha
from support.world import CI_APP, World, issue_body, make_policy

TWO = Rule(name="two people", require=Requirement(approvals=Approvals(count=2)))


def suites() -> Tests:
    return Tests(ci_app_ids=(CI_APP,))


@dataclass
class Log:
    """A ledger as a simulation is fed it: JSON, in its order."""

    entries: list[tuple[str, str | None, object, datetime]] = field(default_factory=list)

    def put(self, world: World, name: str = "m1", story=resolved) -> "Log":
        story(world)
        in_force = {"policy_hash": world.policy.digest(), "policy": world.policy.document()}
        self.entries.append(("policy.in_force", None, plain(in_force), world.now))
        self.entries += [(n.kind, name, plain(n.payload), world.now) for n in world.notes]
        return self

    def change(self, kind: str, change) -> "Log":
        """Put another payload in the place of each of a kind."""
        self.entries = [(k, m, change(p) if k == kind else p, at) for k, m, p, at in self.entries]
        return self

    def into(self, simulation: Simulation) -> Simulation:
        for entry in self.entries:
            simulation.feed(*entry)
        simulation.finish()
        return simulation


def plain(payload: object) -> object:
    return json.loads(rfc8785.dumps(payload))


def verdicts(log: Log) -> int:
    return sum(kind == "mission.verdict" for kind, *_ in log.entries)


def queued(world: World) -> None:
    world.queue = True
    world.file().ci().review().group().group_ci()


def refused(world: World) -> None:
    world.merge_answer = MergeRefusal.BASE_MOVED
    world.file().ci().review().tick(30).tick(60)


def moved(world: World) -> None:
    world.file().ci()
    world.base = sha("a newer tip")
    world.deliver(BasePushed(branch="main", sha=world.base))
    world.settle().review()


def stopped(world: World) -> None:
    world.file().ci().switch(on=True).review()
    world.command("hold")
    world.switch(on=False)
    world.command("resume", number="2")


def ordered(world: World) -> None:
    world.file(issue_body().replace("high", "critical")).ci()
    world.command("emergency", "max", argument="production is down", on=1)
    world.deploy().observe()
    assert world.mission.basis == "emergency"


def argued(world: World) -> None:
    world.file().ci().review("max", ReviewState.CHANGES_REQUESTED)
    world.command("veto", "rita", argument="not this way")
    world.command("approve", "rita", number="2")
    world.review("max")


STORIES = (resolved, waiting, rolled_back, failed, queued, refused, moved, stopped, ordered, argued)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_policy_of_the_time_reproduces_every_verdict(story):
    log = Log().put(World(), story=story)
    found = log.into(Simulation())
    assert found.reproduced == verdicts(log) > 3
    assert (found.different, found.unreadable, found.changes) == ([], [], [])


def test_a_verdict_that_was_altered_is_different():
    def flatter(payload):
        tree = {**payload["tree"], "reason": "all conditions hold"}
        return {**payload, "tree": tree}

    log = Log().put(World(), story=waiting).change("mission.verdict", flatter)
    found = log.into(Simulation())
    assert len(found.different) == verdicts(log)
    assert found.reproduced == 0


def test_evidence_that_was_altered_is_different():
    def forge(payload):
        return {**payload, "evidence": {**payload["evidence"], "at": "2020-01-01T00:00:00Z"}}

    log = Log().put(World(), story=waiting).change("mission.verdict", forge)
    found = log.into(Simulation())
    assert found.reproduced == 0
    assert len(found.different) + len(found.unreadable) == verdicts(log)
    assert found.different


@pytest.mark.parametrize(
    "change",
    [
        lambda p: {**p, "evaluator": "1"},
        lambda p: {k: v for k, v in p.items() if k != "evidence"},
        lambda p: {**p, "evidence": {**p["evidence"], "reports": {"a" * 40: "sha256:gone"}}},
        lambda p: {**p, "evidence": {**p["evidence"], "trust": {}}},
        lambda p: {**p, "floor": "sha256:unknown"},
        lambda _: None,
    ],
    ids=["evaluator", "no evidence", "no part", "broken", "no policy", "redacted"],
)
def test_what_the_log_lacks_is_unreadable_and_no_difference(change):
    log = Log().put(World(), story=waiting).change("mission.verdict", change)
    found = log.into(Simulation())
    assert len(found.unreadable) == verdicts(log)
    assert (found.reproduced, found.different) == (0, [])


def test_redacted_evidence_and_policies_of_other_versions_leave_verdicts_unreadable():
    log = Log().put(World(), story=waiting)
    gone = Log([*log.entries]).change("mission.evidence", lambda _: None).into(Simulation())
    assert gone.unreadable
    assert gone.reproduced + len(gone.unreadable) == verdicts(log)
    new = {"policy_hash": "sha256:new", "policy": {"of": "a later version"}}
    changed = Log([*log.entries]).change("policy.in_force", lambda _: new)
    assert len(changed.into(Simulation()).unreadable) == verdicts(log)
    redacted = Log([*log.entries]).change("policy.in_force", lambda _: None)
    assert len(redacted.into(Simulation()).unreadable) == verdicts(log)


def test_a_policy_that_is_not_what_its_hash_says_leaves_verdicts_unreadable():
    def looser(payload):
        return {**payload, "policy": {**payload["policy"], "bot_login": "somebody"}}

    log = Log().put(World())
    found = Log([*log.entries]).change("policy.in_force", looser).into(Simulation())
    assert len(found.unreadable) == verdicts(log)
    assert (found.reproduced, found.different) == (0, [])


def test_only_verdicts_since_are_replayed():
    world = World()
    log = Log().put(world)
    assert log.into(Simulation(since=world.now)).reproduced == verdicts(log)
    late = Simulation(since=world.now + timedelta(seconds=1))
    assert log.into(late).reproduced == 0


def try_out(log: Log, **proposal) -> list[Change]:
    found = log.into(Simulation(proposal=Proposal(**proposal)))
    assert (found.different, found.unreadable) == ([], [])
    assert found.reproduced == len(found.changes)
    return found.changes


def test_a_stricter_floor_would_have_held_what_merged_and_says_by_what_and_whom():
    strict = Governance(tests=suites(), rules=(TWO,))
    log = Log().put(World(), "m1", rolled_back).put(World(), "m2", waiting)
    first, second = try_out(log, governance=strict)
    assert list(tightened([first, second])) == [first]
    assert list(loosened([first, second])) == []
    assert (first.mission, first.merged, first.outcome) == ("m1", True, "rolled_back")
    assert (first.before, first.after) == (Result.PASS, Result.PENDING)
    (held,) = first.held
    assert (held.origin, held.name) == ("floor", "two people")
    assert "1 of 2" in held.reason
    assert held.who
    assert "SOC2:CC8.1" in held.controls
    assert (second.outcome, second.merged, second.changed) == (None, False, False)


def test_a_looser_floor_would_have_let_pass_what_waited_and_says_for_what():
    lax = make_policy().governance
    world = World(policy=make_policy(rules=(TWO,)))
    log = Log().put(world, story=lambda w: w.file().ci().review())
    (change,) = try_out(log, governance=lax)
    assert list(loosened([change])) == [change]
    assert [each.name for each in change.held] == ["two people"]
    assert change.after is Result.PASS


def test_the_same_floor_changes_nothing():
    world = World()
    log = Log().put(world).put(World(), "m2", failed)
    assert [c.changed for c in try_out(log, governance=world.policy.governance)] == [False, False]


def test_a_repositorys_file_is_tried_in_the_place_of_what_stood_at_the_base():
    paths = ProtectedPaths(paths=("*",))
    own = RepositoryPolicy(
        version=1, rules=(Rule(name="no", require=Requirement(protected_paths=paths)),)
    )
    (change,) = try_out(Log().put(World()), repository=own)
    assert [(each.origin, each.name) for each in change.held] == [("repository", "no")]


def test_a_mission_that_was_never_judged_is_not_tried():
    log = Log().put(World(), story=lambda w: w.file(issue_body(candidates=0)))
    assert verdicts(log) > 0
    assert try_out(log, governance=Governance()) == []


def test_what_landed_before_since_is_not_tried():
    world = World()
    log = Log().put(world)
    late = Simulation(proposal=Proposal(Governance()), since=world.now + timedelta(days=1))
    assert log.into(late).changes == []


def test_a_closed_mission_is_forgotten_and_other_kinds_say_nothing():
    simulation = Simulation()
    log = Log().put(World())
    log.entries.append(("brake.on", None, {}, World().now))
    log.entries.insert(2, ("mission.reviewed", "m1", {}, World().now))
    for entry in log.entries:
        simulation.feed(*entry)
    assert simulation._open == {}
    assert set(KINDS) <= {"policy.in_force", *(k for k, *_ in log.entries)}


def test_which_verdicts_decide_on_a_merge():
    world = World()
    resolved(world)
    said = [n.payload for n in world.notes if n.kind == "mission.verdict"]
    assert [decides(plain(p)) for p in said] == [False, False, True, True, True, True, False]
    assert not decides({})
    assert not decides(Note(kind="x", actor="y", payload={"evidence": None}).payload)


def test_standings_name_each_gate_and_rule_with_the_leaf_that_decides_it():
    held = leaf("approvals", Result.PENDING, "1 of 2", "another")
    floor = all_of("floor", (leaf("fine", Result.PASS, "yes"), all_of("two", (held,))))
    broken = leaf("repository", Result.FAIL, "cannot be used", "a maintainer")
    root = all_of("merge", (leaf("tests", Result.PASS, "ok"), floor, broken))
    found = standings(root)
    assert [(s.origin, s.name, s.result) for s in found] == [
        ("gate", "tests", Result.PASS),
        ("floor", "fine", Result.PASS),
        ("floor", "two", Result.PENDING),
        ("repository", "repository", Result.FAIL),
    ]
    assert (found[2].condition, found[2].reason, found[2].who) == ("approvals", "1 of 2", "another")
    assert [s.name for s in holding(root)] == ["two", "repository"]
    alone = leaf("start", Result.PENDING, "waits", "somebody")
    assert [s.name for s in standings(alone)] == ["start"]
    bare = all_of("merge", (leaf("floor", Result.FAIL, "a leaf of that name"),))
    assert [s.origin for s in standings(bare)] == ["gate"]
