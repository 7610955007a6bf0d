"""A pure world for the lifecycle: no IO, no clock. Effects are carried out by plain rules.

Where `follows` is set, a landed revert is deployed at once.

`World` holds one mission, its facts and the effects that were asked for. A test delivers events,
carries out effects one by one or all of them, and moves the clock.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.catalog import Catalog, MetricDefinition, PrometheusText, Subsystem, Subsystems
from grace.domain.decision import Decision, Note
from grace.domain.evidence import evidence_of
from grace.domain.facts import Facts
from grace.domain.lifecycle import decide
from grace.domain.memory.recollection import Recollection
from grace.domain.mission import Mission, MissionRef
from grace.domain.phase import Phase
from grace.domain.policy import Governance, Observation, Policy, Tests
from grace.domain.results import CIReport
from grace.domain.rules.case import Case
from grace.domain.verdict import Verdict
from support.answers import answer
from support.reports import BASE, MUST_PASS, START, make_report, sha

APP, CI_APP = 7, 15
BOT = "grace[bot]"
METRIC = "trigger_mesh.latency_p95"
MANY = 300  # more effects in a row than any mission asks for without news
DIFF = "--- a/mesh.py\n+++ b/mesh.py\n@@ -1 +1 @@\n-slow\n+fast\n"


def source(metric: str) -> PrometheusText:
    return PrometheusText(url="http://127.0.0.1:9/metrics", series=metric.replace(".", "_"))


def make_policy(environment: str | None = "production", **governance: object) -> Policy:
    observation = Observation(sample_interval_seconds=10, min_samples=3, early_samples=3)
    suites = Tests(ci_app_ids=(CI_APP,))
    rules = Governance(**{"observation": observation, "tests": suites, **governance})
    return Policy(
        governance=rules,
        catalog=Catalog(
            metrics={
                METRIC: MetricDefinition(
                    target=100, comparator="<", unit="ms", stress="p95_ms", source=source(METRIC)
                ),
                "error_rate": MetricDefinition(
                    target=5, comparator="<", unit="%", source=source("error_rate")
                ),
                "unmeasured": MetricDefinition(target=1, comparator="<", unit=""),
            }
        ),
        subsystems=Subsystems(
            subsystems={
                "trigger_mesh": Subsystem(
                    host="forge.test",
                    repository="acme/mesh",
                    environment=environment,
                    guards=("error_rate",),
                )
            }
        ),
        bot_login=BOT,
        app_id=APP,
    )


def issue_body(candidates: int = 1, window: str = "1", extra: str = "") -> str:
    patches = "\n\n".join(
        f"```diff name=patch-{i + 1}\n{DIFF.replace('fast', f'fast {i}')}```"
        for i in range(candidates)
    )
    return (
        "### Subsystem\n\ntrigger_mesh\n\n### Severity\n\nhigh\n\n### What is wrong\n\nslow\n\n"
        f"### Symptoms\n\n```yaml\n- description: slow\n  metric_id: {METRIC}\n```\n\n"
        f"### Must-pass tests\n\n{MUST_PASS}\n\n"
        f"### Metric targets\n\n{METRIC} < 100 over 10m\n\n"
        f"### Observation window (minutes)\n\n{window}\n\n"
        f"### Patch candidates\n\n{patches or '_No response_'}\n\n{extra}"
    )


@dataclass
class World:
    """One mission and what happened to it."""

    policy: Policy = field(default_factory=make_policy)
    now: datetime = START
    permission: dict[str, ev.Permission] = field(
        default_factory=lambda: {
            "alice": ev.Permission.WRITE,
            "rita": ev.Permission.WRITE,
            "mallory": ev.Permission.READ,
            "tara": ev.Permission.TRIAGE,
            "max": ev.Permission.MAINTAIN,
        }
    )
    base: str = BASE
    merge_answer: ev.MergeRefusal | None = None
    revert_answer: ev.MergeRefusal | None = None
    landed_tree: str | None = None
    revert: dict[str, object] = field(default_factory=dict)
    landed_by_hand: dict[int, str] = field(default_factory=dict)
    containing: frozenset[str] = frozenset()
    restored: bool | None = None
    follows: bool = True
    queue: bool = False
    artifacts: dict[str, CIReport] = field(default_factory=dict)
    inspection: dict[str, object] = field(default_factory=dict)
    teams: dict[str, tuple[str, ...]] = field(default_factory=dict)
    attested: tuple[ev.AttestedArtifact, ...] = ()
    recollection: Recollection | None = None
    proposals: dict[str, ev.ProposalMade] = field(default_factory=dict)
    waits: tuple[type[fx.Effect], ...] = ()
    values: dict[str, float | None] = field(
        default_factory=lambda: {METRIC: 20.0, "error_rate": 0.0}
    )
    pending: list[fx.Effect] = field(default_factory=list)
    done: list[fx.Effect] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    verdict: Verdict | None = None
    wake_at: datetime | None = None
    facts: Facts = field(default_factory=Facts)
    mission: Mission = field(
        default_factory=lambda: Mission(
            uid=UUID(int=1),
            name="mission_20261122_001",
            ref=MissionRef(host="forge.test", repository_id=1, repository="acme/mesh"),
            created_at=START,
        )
    )

    def copy(self) -> "World":
        """Copy what changes; what is immutable is shared."""
        lists = {"pending": [*self.pending], "done": [*self.done], "notes": [*self.notes]}
        tables = {
            name: dict(getattr(self, name))
            for name in ("values", "landed_by_hand", "permission", "artifacts")
        }
        return replace(self, phases=[*self.phases], **lists, **tables)

    def deliver(self, event: ev.Event) -> Decision:
        """Decide one event and keep what was decided."""
        decision = decide(self.mission, event, self.facts, self.policy, self.now)
        before = self.mission.phase
        self.mission, self.facts = decision.mission, decision.facts
        self.verdict, self.wake_at = decision.verdict, decision.wake_at
        self.notes += decision.notes
        self.pending += decision.effects
        if self.mission.phase is not before:
            self.phases.append(self.mission.phase)
        return decision

    def carry_out(self, effect: fx.Effect) -> ev.Event:
        """Say what comes of an effect in a world where everything works."""
        return answer(self, effect)

    def settle(self) -> "World":
        """Carry out effects until none is left but those of the kinds in `waits`."""
        begun = len(self.done)
        while ready := [e for e in self.pending if not isinstance(e, self.waits)]:
            assert len(self.done) - begun < MANY, f"no end of effects: {self.done[-3:]}"
            effect = ready[0]
            self.pending.remove(effect)
            self.done.append(effect)
            told = self.carry_out(effect)
            self.deliver(told)
            if self.follows and isinstance(told, ev.Merged) and told.purpose == "revert":
                self.deploy(sha=told.sha)
        return self

    def tick(self, seconds: float = 0) -> "World":
        self.now += timedelta(seconds=seconds)
        self.deliver(ev.Ticked())
        return self.settle()

    def file(self, body: str | None = None, author: str = "alice") -> "World":
        actor = ev.Actor(login=author)
        self.deliver(
            ev.IssueSeen(
                number=1,
                title="Delivery is slow",
                body=issue_body() if body is None else body,
                author=actor,
                sender=actor,
                updated_at=self.now,
            )
        )
        return self.settle()

    def case(self) -> Case:
        """Return what the evaluator judges now."""
        return evidence_of(self.mission, self.facts, self.policy, self.now).case(self.policy)

    @property
    def head(self) -> str:
        assert self.mission.attempt is not None
        assert self.mission.attempt.head is not None
        return self.mission.attempt.head

    def jobs(
        self,
        conclusion: str | None = "success",
        names: str = "unit integration stress",
        head: str | None = None,
    ) -> "World":
        on = head or self.head
        for name in names.split():
            self.deliver(
                ev.CheckSeen(
                    id=f"{name}-{on}",
                    name=name,
                    sha=on,
                    app_id=CI_APP,
                    conclusion=conclusion,
                    at=self.now,
                )
            )
        return self.settle()

    def ci(self, *, passed: bool = True, p95: float = 20.0) -> "World":
        """Let CI finish on the head: its jobs, then its report."""
        attempt = self.mission.attempt
        assert attempt is not None
        head, tree, base = attempt.head or "", attempt.tree or "", attempt.base or ""
        self.jobs("success" if passed else "failure")
        report = make_report(head, tree, base=base, passed=passed, p95=p95)
        self.deliver(ev.ResultsReported(report=report))
        return self.settle()

    def review(
        self,
        login: str = "rita",
        state: ev.ReviewState = ev.ReviewState.APPROVED,
        at: str | None = None,
    ) -> "World":
        self.deliver(
            ev.ReviewSeen(
                id=f"{login}-{state}-{at or self.head}",
                pull=2,
                state=state,
                sha=at or self.head,
                actor=ev.Actor(login=login),
                at=self.now,
            )
        )
        return self.settle()

    def pull(self, number: int = 2, **changes: object) -> ev.PullSeen:
        return ev.PullSeen(
            **{
                "number": number,
                "head_ref": self.mission.branch,
                "head_sha": next((a.head for a in reversed(self.mission.attempts) if a.head), BASE),
                "base_sha": self.base,
                "state": "open",
                "sender": ev.Actor(login=BOT),
                "at": self.now,
                **changes,
            }
        )

    def merge_by_hand(self, number: int, tree: str) -> "World":
        """Let a person merge a pull request of ours; `tree` is what landed."""
        self.landed_by_hand[number] = tree
        sender = ev.Actor(login="alice")
        self.deliver(self.pull(number, state="closed", merged=True, sender=sender))
        return self.settle()

    def switch(self, *, on: bool) -> "World":
        """Turn the kill switch, and look again."""
        self.facts = self.facts.model_copy(update={"kill_switch": on})
        return self.tick()

    def only(self, kind: type[fx.Effect]) -> fx.Effect:
        """Return the one effect of a kind that waits."""
        found = [e for e in self.pending if isinstance(e, kind)]
        assert len(found) == 1
        return found[0]

    def only_done(self, kind: type[fx.Effect]) -> fx.Effect:
        """Return the one effect of a kind that was carried out."""
        found = [e for e in self.done if isinstance(e, kind)]
        assert len(found) == 1
        return found[0]

    def fail(self, kind: type[fx.Effect], reason: str = "no") -> "World":
        """Let the one waiting effect of a kind fail for good."""
        effect = self.only(kind)
        self.pending.remove(effect)
        self.deliver(ev.EffectFailed(key=effect.key, effect=effect.kind, reason=reason))
        return self.settle()

    def command(
        self, name: str, login: str = "alice", number: str = "1", on: int = 0, **given: object
    ) -> "World":
        """Let somebody command, in a comment `on` an issue; `given` are fields of the event."""
        told = {
            "id": f"{name}-{number}",
            "name": name,
            "actor": ev.Actor(login=login),
            "number": on,
        }
        self.deliver(ev.CommandGiven.model_validate(told | given))
        return self.settle()

    def replies(self) -> list[str]:
        """List what commands were answered, without the markers."""
        return [e.body.partition("\n")[2] for e in self.asked(fx.Reply)]

    def reactions(self) -> list[tuple[str, str]]:
        """List comments and how they were reacted to."""
        return [(e.comment, e.reaction) for e in self.asked(fx.React)]

    def group(self, name: str = "group", ended: str | None = None, pull: int = 2) -> "World":
        """Let the merge queue make a group on the base, or take it apart."""
        self.deliver(ev.GroupSeen(pull=pull, head=sha(name), base=self.base, ended=ended))
        return self.settle()

    def group_ci(self, *, passed: bool = True, name: str = "group") -> "World":
        """Let CI finish on the group's commit."""
        head = sha(name)
        self.jobs("success" if passed else "failure", head=head)
        report = make_report(head, sha(f"tree of {head}"), base=self.base, passed=passed)
        self.deliver(ev.ResultsReported(report=report))
        return self.settle()

    def checks(self, name: str, on: str) -> list[fx.PublishCheck]:
        """List what one of our checks was made to say on a commit, the newest last."""
        asked = self.asked(fx.PublishCheck)
        return [e for e in asked if (e.name, e.sha) == (f"mission/{name}", on)]

    def deploy(
        self, state: str = "success", environment: str = "production", sha: str | None = None
    ) -> "World":
        """Let what landed be deployed, or another commit."""
        assert self.mission.landing is not None
        self.deliver(
            ev.DeploymentSeen(
                sha=sha or self.mission.landing.sha,
                environment=environment,
                state=state,
                at=self.now,
            )
        )
        return self.settle()

    def asked(self, kind: type[fx.Effect]) -> list[fx.Effect]:
        """List the effects of one kind that were carried out or wait."""
        return [e for e in (*self.done, *self.pending) if isinstance(e, kind)]

    def observe(self, rounds: int = 8) -> "World":
        for _ in range(rounds):
            self.tick(10)
        return self
