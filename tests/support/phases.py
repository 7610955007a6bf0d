"""A mission in every phase, and one event of every type about it."""

from functools import cache

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.inspection import Inspection
from grace.domain.memory.recollection import Recollection
from grace.domain.package import AcceptanceCriteria, MetricObservation, MissionRequest, Symptom
from grace.domain.phase import Phase, Severity
from grace.domain.playbooks.run import RunReport, RunState
from grace.domain.proposals import Proposal
from support.healed import healing_world, told
from support.world import BOT, CI_APP, DIFF, METRIC, World, make_report, sha

ALICE, MALLORY = ev.Actor(login="alice"), ev.Actor(login="mallory")
UNTIL: dict[Phase, tuple[type[fx.Effect], ...]] = {
    Phase.PLANNING: (fx.ReadBase,),
    Phase.PATCHING: (fx.PushPatch,),
    Phase.MERGING: (fx.MergePull,),
    Phase.REVERTING: (fx.PushRevert,),
}


def world_in(phase: Phase) -> World:
    """Return a mission in a phase, as events alone brought it there."""
    return _brought(phase).copy()


@cache
def _brought(phase: Phase) -> World:
    world = World(waits=UNTIL.get(phase, ()))
    match phase:
        case Phase.FILED:
            pass
        case Phase.INVALID:
            world.file("no contract at all")
        case Phase.AWAITING_START:
            world.file(author="mallory")
        case Phase.PLANNING | Phase.PATCHING | Phase.TESTING:
            world.file()
        case Phase.GATING:
            world.file().ci()
        case Phase.MERGING:
            world.file().ci().review()
        case Phase.EXECUTING:
            world = healing_world()
        case Phase.OBSERVING:
            world.file().ci().review().deploy()
        case Phase.REVERTING:
            world.file().ci().review().deploy()
            world.values[METRIC] = 900.0
            world.observe(4)
        case Phase.CLOSED:
            world.file().ci().review().deploy().observe()
    assert world.mission.phase is phase
    return world


ARGUMENTS = {"veto": "too risky", "extend": "5", "forget": "it was a mistake"}


def say(world: World, name: str, login: str = "rita", **given: object) -> World:
    """Give a command in comment 9 of the pull request."""
    told: dict[str, object] = {"comment": "9", "on": 2, "argument": ARGUMENTS.get(name, "")}
    return world.command(name, login, **{**told, **given})


def alert_request() -> MissionRequest:
    return MissionRequest(
        subsystem_id="trigger_mesh",
        severity=Severity.CRITICAL,
        symptoms=(Symptom(description="an alert fires"),),
        acceptance_criteria=AcceptanceCriteria(
            metric_targets=({"metric_id": METRIC, "comparator": "<", "target": 100},)
        ),
    )


def alert(world: World, status: str = "firing") -> ev.AlertSeen:
    return ev.AlertSeen(
        source="alertmanager",
        fingerprint="f1",
        status=status,
        title="Latency",
        request=alert_request(),
        at=world.now,
    )


def asked_by_api(world: World, actor: ev.Actor = ALICE, **changes: object) -> ev.MissionRequested:
    return ev.MissionRequested(
        title="Delivery is slow",
        request=alert_request().model_copy(update=changes),
        actor=actor,
        at=world.now,
    )


def review(world: World, **changes: object) -> ev.ReviewSeen:
    return ev.ReviewSeen(
        **{
            "id": "any",
            "pull": 2,
            "state": ev.ReviewState.APPROVED,
            "sha": sha("any"),
            "actor": ALICE,
            "at": world.now,
            **changes,
        }
    )


def one_of_each(world: World) -> tuple[ev.Event, ...]:
    """Make one event of every type, about this mission, that says something new."""
    head = world.mission.attempts[-1].head or sha("any") if world.mission.attempts else sha("any")
    check = ev.CheckSeen(
        id="9", name="unit", sha=head, app_id=CI_APP, conclusion="success", at=world.now
    )
    issue = ev.IssueSeen(
        number=1, title="t", body="b", author=MALLORY, sender=MALLORY, updated_at=world.now
    )
    sample = MetricObservation(metric_id=METRIC, value=1.0, at=world.now, source="test")
    return (
        issue,
        ev.IssueClosed(number=1, sender=ALICE),
        ev.CommandGiven(id="c", name="hold", actor=ALICE),
        world.pull(state="closed", sender=MALLORY),
        review(world),
        check,
        ev.BasePushed(branch="main", sha=sha("moved")),
        ev.DeploymentSeen(sha=head, environment="staging", state="success", at=world.now),
        ev.ResultsReported(report=make_report(head, sha("tree"), run_id=7)),
        ev.CheckRequested(id="d", sha=head, name="mission/governance"),
        ev.RepositoryGone(reason="the repository is gone"),
        ev.RepositoryRenamed(repository="acme/mesh-renamed"),
        ev.GroupSeen(pull=2, head=sha("group"), base=world.base),
        alert(world),
        ev.Recurred(fingerprint="f1", by="mission_20261123_001", at=world.now),
        asked_by_api(world),
        ev.PermissionRead(login="x", about="nothing", permission=ev.Permission.ADMIN),
        ev.BaseRead(branch="main", sha=sha("read")),
        ev.TreeRead(sha=sha("group"), tree=sha("tree of the group")),
        ev.RefRead(candidate="patch-1", ref="fix", sha=sha("fix")),
        ev.PatchInspected(inspection=Inspection(head=head, base=world.base, files=())),
        ev.LabelSeen(number=2, label="hotfix", present=True, actor=MALLORY, at=world.now),
        ev.TeamRead(login="rita", team="acme/mesh", member=True),
        ev.AttestationsVerified(head=head, artifacts=()),
        ev.TicketClosed(purpose="capa", number=9, actor=ALICE, at=world.now),
        ev.Enqueued(number=2, head=head),
        ev.Dequeued(number=2, reason="MANUAL"),
        ev.BranchPushed(
            attempt=1, head=sha("p"), base=world.base, tree=sha("t"), paths=("a",), blobs="b"
        ),
        ev.PatchRefused(attempt=1, reason="does not apply"),
        ev.PullOpened(purpose="work", number=2, url="", head=head),
        ev.Published(surface="issue", id="1", digest="d"),
        ev.Merged(purpose="work", sha=sha("m"), tree=sha("t"), at=world.now),
        ev.MergeRefused(purpose="work", refusal=ev.MergeRefusal.BASE_MOVED, reason="moved"),
        ev.ChangeRead(pull=world.pull(sender=ev.Actor(login=BOT)), reviews=(), checks=(check,)),
        ev.ContainsRead(head=head, contains=False),
        ev.MetricsSampled(samples=(sample,)),
        ev.BaselineRead(samples=(sample,)),
        ev.MemoryRead(recollection=Recollection(asked_at=world.now)),
        ev.AgentAsked(request="mission_20261122_001/ask/1", run=1),
        ev.AgentRunEnded(request="mission_20261122_001/ask/1", run=1, at=world.now),
        ev.ProposalMade(
            proposal=Proposal(
                request="mission_20261122_001/ask/1", agent="repair", base=world.base, diff=DIFF
            ),
            at=world.now,
        ),
        ev.ProposalAwaited(request="mission_20261122_001/ask/1", reason="it goes on"),
        told(world, RunState.RUNNING)
        if world.mission.trying is not None
        else ev.RunReported(
            report=RunReport(
                id="r", number=0, runner="db-1", state="running", sentence="s", at=world.now
            )
        ),
        ev.RevertPushed(head=sha("r"), base=world.base, tree=sha("t"), restores=True),
        ev.RevertRefused(reason="conflict"),
        ev.IssueFiled(purpose="capa", number=9, url=""),
        ev.EffectDone(key="k"),
        ev.EffectFailed(key="k", effect="open_pull", reason="no"),
        ev.Ticked(),
    )
