"""A world in which everything goes wrong: effects fail, are lost, late or doubled; strangers meddle.

`Chaos` keeps its own account of what was told, so that what the lifecycle decides is judged by
other means than the lifecycle's own.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.decision import Decision
from grace.domain.mission import Mission
from grace.domain.phase import TRANSITIONS, Outcome, Phase
from grace.domain.results import CIReport, TestOutcome
from support.world import BOT, METRIC, MUST_PASS, World

JOBS = ("unit", "integration", "stress")
LIMITS = {METRIC: 100.0, "error_rate": 5.0}
T = TypeVar("T", bound=ev.Event)


@dataclass(frozen=True)
class Told:
    """One delivery: when, what the operator's switch was, and what was decided."""

    event: ev.Event
    now: datetime
    kill_switch: bool
    decision: Decision


@dataclass
class Chaos:
    """A world, everything that it was told, and the judge of what it decided."""

    world: World = field(default_factory=World)
    told: list[Told] = field(default_factory=list)
    mail: list[ev.Event] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def tell(self, event: ev.Event) -> None:
        """Deliver one event and judge the decision."""
        self.world.now += timedelta(milliseconds=1)
        before, now = self.world.mission, self.world.now
        decision = self.world.deliver(event)
        self.told.append(Told(event, now, self.world.facts.kill_switch, decision))
        self._judge(before, decision)

    def answer(self, effect: fx.Effect) -> ev.Event:
        """Carry out an effect; what a person has merged is not merged again."""
        if isinstance(effect, fx.MergePull) and effect.number in self.world.landed_by_hand:
            return self.world.carry_out(fx.ReadPull(key="again", number=effect.number))
        return self.world.carry_out(effect)

    def _judge(self, before: Mission, decision: Decision) -> None:
        mission = decision.mission
        steps = [n.payload for n in decision.notes if n.kind == "mission.phase"]
        way = [before.phase, *(Phase(str(s["after"])) for s in steps)]
        assert all(b in TRANSITIONS[a] for a, b in pairwise(way)), way
        assert way[-1] is mission.phase
        for effect in decision.effects:
            assert effect.key not in self.keys, effect.key
            self.keys.add(effect.key)
            self.counted[effect.kind] += 1
            if isinstance(effect, fx.MergePull):
                self._judge_merge(effect, mission)
        if before.live and mission.outcome is Outcome.FIXED:
            self._judge_fixed(mission)
        self._judge_queue(mission)
        self.counted.update(n.kind for n in decision.notes)
        # Whatever way a mission takes to its end, it leaves one memory, in the decision that ends it.
        assert self.counted["mission.remembered"] == int(not mission.live)
        anew = self.counted["mission.revert_made_anew"]
        assert self.counted["push_revert"] <= 1 + anew + self.failed.count("push_revert")
        assert self.counted["mission.reverted"] <= 1
        assert self.counted["mission.merged"] <= 1

    def _judge_queue(self, mission: Mission) -> None:
        """What stands in the merge queue and is not wanted was asked to leave it."""
        stopped = mission.held or mission.ending or mission.vetoes or self.world.facts.kill_switch
        if mission.phase is Phase.MERGING and mission.queued and stopped:
            assert mission.pull is not None
            seen = self.world.facts.pulls.get(mission.pull.number)
            merged = seen is not None and seen.merged
            assert merged or mission.leaving is not None

    def _heard(self, kind: type[T]) -> list[T]:
        return [t.event for t in self.told if isinstance(t.event, kind)]

    def _judge_merge(self, merge: fx.MergePull, mission: Mission) -> None:
        """Hold a merge against what was told about its head, and nothing else."""
        assert not self.world.facts.kill_switch
        assert mission.held is None
        if merge.purpose == "revert":
            restoring = [e for e in self._heard(ev.RevertPushed) if e.head == merge.head]
            assert restoring
            assert all(e.restores and not e.overlapping for e in restoring)
            return
        pushed = [e for e in self._heard(ev.BranchPushed) if e.head == merge.head][-1]
        assert merge.tree == pushed.tree
        self._judge_base(pushed)
        reports = [e.report for e in self._heard(ev.ResultsReported)]
        mine = [r for r in reports if r.head_sha == merge.head]
        newest = max(r.run_id for r in mine)
        judge_report([r for r in mine if r.run_id == newest][-1], pushed)
        for job in JOBS:
            checks = [c for c in self._heard(ev.CheckSeen) if (c.sha, c.name) == (merge.head, job)]
            assert max(checks, key=lambda c: c.at).conclusion == "success", job
        assert not mission.vetoes
        if not self._approved_by_command(pushed, mission):
            self._judge_reviews(pushed, mission)
        seen = [*self._heard(ev.PullSeen), *(e.pull for e in self._heard(ev.ChangeRead))]
        pulls = [p for p in seen if p.number == merge.number]
        if pulls:
            last = max(pulls, key=lambda p: p.at)
            assert last.state == "open"
            assert not last.draft

    def _judge_base(self, pushed: ev.BranchPushed) -> None:
        tips = [t.event for t in self.told if isinstance(t.event, ev.BaseRead | ev.BasePushed)]
        read = max(i for i, e in enumerate(tips) if isinstance(e, ev.BaseRead))
        assert tips[read].sha == pushed.base
        assert all(e.sha == pushed.base for e in tips[read + 1 :])

    def _approved_by_command(self, pushed: ev.BranchPushed, mission: Mission) -> bool:
        """Find a command that approves this patch, by one who may and did not propose it."""
        assert mission.requester is not None
        stood, known = False, {e.about for e in self._heard(ev.PermissionRead)}
        for event in (t.event for t in self.told):
            if isinstance(event, ev.BranchPushed):
                stood = event.blobs == pushed.blobs
            elif isinstance(event, ev.CommandGiven) and event.name == "approve" and stood:
                login = event.actor.login
                may = self.world.permission.get(login, ev.Permission.NONE).may_write
                mine = login in {mission.requester.login, mission.started_by, *mission.authors}
                if may and not mine and f"command:{event.id}" in known:
                    return True
        return False

    def _judge_reviews(self, pushed: ev.BranchPushed, mission: Mission) -> None:
        same = {e.head for e in self._heard(ev.BranchPushed) if e.blobs == pushed.blobs}
        assert mission.requester is not None
        newest: dict[str, ev.ReviewSeen] = {}
        for review in sorted(self._heard(ev.ReviewSeen), key=lambda r: r.at):
            if review.state is not ev.ReviewState.COMMENTED:
                newest[review.actor.login] = review
        known = {e.about for e in self._heard(ev.PermissionRead)}
        counted = [
            r
            for login, r in newest.items()
            if self.world.permission.get(login, ev.Permission.NONE).may_write
            and f"review:{r.id}" in known
        ]
        assert not any(r.state is ev.ReviewState.CHANGES_REQUESTED for r in counted)
        assert any(
            r.state is ev.ReviewState.APPROVED
            and r.sha in same
            and r.actor.login not in {mission.requester.login, BOT}
            for r in counted
        )

    def _judge_fixed(self, mission: Mission) -> None:
        """Hold the good end against the samples, one by one."""
        landing, window, request = mission.landing, mission.window, mission.request
        assert landing is not None
        assert window is not None
        assert request is not None
        assert window.anchor is not None
        assert window.ends_at is not None
        pushed = {e.tree for e in self._heard(ev.BranchPushed)}
        assert landing.tree in pushed | {e.tree for e in self._heard(ev.TreeRead)}
        releases = [
            e.at
            for e in self._heard(ev.DeploymentSeen)
            if (e.sha, e.environment, e.state) == (landing.sha, "production", "success")
        ]
        assert releases
        assert window.anchor >= max(landing.at, min(releases))
        length = timedelta(minutes=request.acceptance_criteria.observation_window_minutes)
        assert self.world.now >= window.ends_at >= window.anchor + length
        for metric, limit in LIMITS.items():
            seen = {
                s.at: s.value
                for e in reversed(self._heard(ev.MetricsSampled))
                for s in e.samples
                if s.metric_id == metric and window.anchor <= s.at <= window.ends_at
            }
            values = [v for at, v in seen.items() if v is not None]
            assert len(values) >= 3
            recent = [
                v
                for at, v in seen.items()
                if v is not None and at > window.ends_at - timedelta(minutes=10)
            ]
            assert sum(recent) / len(recent) < limit


def judge_report(report: CIReport, pushed: ev.BranchPushed) -> None:
    """Hold a CI report against what a merge needs, in plain words."""
    assert (report.tree, report.base_sha) == (pushed.tree, pushed.base)
    for name in ("unit", "integration"):
        found = [s for s in report.suites if s.suite == name]
        assert found
        assert all(s.failed == 0 and s.passed > 0 for s in found)
    cases = [c for s in report.suites for c in s.cases if c.name == MUST_PASS]
    assert [c.outcome for c in cases] == [TestOutcome.PASSED]
    head = next(s for s in report.stress if s.subject == "head")
    assert head.p95_ms < 100
    assert head.error_rate <= 1
    assert head.requests >= 50
