"""What has been seen: observations folded from events, with when and for which SHA.

Facts only accumulate what the world said; decisions live in the mission. Folding the same event
twice, or two events in the other order, gives the same facts.
"""

from datetime import datetime
from typing import TypeVar

from pydantic import AwareDatetime

from grace.domain import events as ev
from grace.domain.base import Frozen
from grace.domain.inspection import Inspection
from grace.domain.memory.recollection import Recollection
from grace.domain.observed import (
    AlertFact,
    BaseFact,
    CheckFact,
    DeploymentFact,
    LabelFact,
    PermissionFact,
    PullFact,
    ReviewFact,
    TeamFact,
)
from grace.domain.package import MetricObservation
from grace.domain.results import CIReport, Sha
from grace.domain.surroundings import (
    NO_SURROUNDINGS,
    AskFact,
    CapaFact,
    ChildFact,
    ClaimFact,
    MergeFact,
    OutcomeFact,
    Rival,
    RunFact,
    Stop,
)

MAX_SAMPLES = 5000
MAX_TEAMS = 200
MAX_INSPECTIONS = 5
MAX_LABELS = 100
MAX_SHAS = 40

T = TypeVar("T")


class Facts(Frozen):
    """Everything `decide` may know besides the mission.

    The last block is the snapshot that the worker takes from the store; it is not folded.
    """

    checks: dict[Sha, dict[str, CheckFact]] = {}
    reports: dict[Sha, CIReport] = {}
    foreign_reports: dict[str, CIReport] = {}
    own_pulls: tuple[int, ...] = ()
    reviews: dict[str, ReviewFact] = {}
    pulls: dict[int, PullFact] = {}
    permissions: dict[str, PermissionFact] = {}
    deployments: dict[Sha, dict[str, DeploymentFact]] = {}
    contains: dict[Sha, bool] = {}
    contains_revert: dict[Sha, bool] = {}
    base: BaseFact | None = None
    base_hint: BaseFact | None = None
    samples: tuple[MetricObservation, ...] = ()
    baseline: ev.BaselineRead | None = None
    alert: AlertFact | None = None
    heard_at: AwareDatetime | None = None
    inspections: dict[Sha, Inspection] = {}
    labels: dict[str, LabelFact] = {}
    teams: dict[str, TeamFact] = {}
    attested: dict[Sha, tuple[ev.AttestedArtifact, ...]] = {}
    memory: Recollection | None = None

    rivals: tuple[Rival, ...] = ()
    landed_reverts: tuple[AwareDatetime, ...] = ()
    self_starts: tuple[AwareDatetime, ...] = ()
    asks: tuple[AskFact, ...] = ()
    runs: tuple[RunFact, ...] = ()
    children: tuple[ChildFact, ...] = ()
    claim: ClaimFact | None = None
    kill_switch: bool = False
    stops: tuple[Stop, ...] = ()
    history: tuple[OutcomeFact, ...] = ()
    merges: tuple[MergeFact, ...] = ()
    capas: tuple[CapaFact, ...] = ()

    def permission(self, about: str) -> ev.Permission | None:
        """Return the permission read for this command, review or filing; None: not yet."""
        found = self.permissions.get(about)
        return None if found is None else found.permission

    def report(self, sha: str) -> CIReport | None:
        return self.reports.get(sha)

    def stored(self) -> "Facts":
        """Return what is worth storing: all but the snapshot."""
        return self.model_copy(update=NO_SURROUNDINGS)


def fold(facts: Facts, event: ev.Event, now: datetime) -> Facts:
    """Add what an event says to the facts."""
    parts: list[ev.Event] = []
    if isinstance(event, ev.ChangeRead):
        parts = [event.pull, *event.reviews, *event.checks]
    elif isinstance(event, ev.RevertPushed):
        parts = [*event.checks]
    for part in parts:
        facts = fold(facts, part, now)
    changes = _changes(facts, event, now)
    if isinstance(event, ev.CheckSeen | ev.PullSeen | ev.ReviewSeen | ev.ResultsReported):
        changes["heard_at"] = now
    return facts.model_copy(update=changes) if changes else facts


def _changes(facts: Facts, event: ev.Event, now: datetime) -> dict[str, object]:
    match event:
        case ev.CheckSeen():
            return {"checks": _with_check(facts, event)}
        case ev.ResultsReported(report=report, pull=pull):
            if pull is None or pull in facts.own_pulls:
                return {"reports": _with_report(facts.reports, report, report.head_sha)}
            key = f"{pull}/{report.head_sha}"
            return {"foreign_reports": _with_report(facts.foreign_reports, report, key)}
        case ev.PullOpened(number=number) if number not in facts.own_pulls:
            return _with_own_pull(facts, number)
        case ev.ReviewSeen():
            return {"reviews": _with_review(facts, event)}
        case ev.PullSeen():
            return {"pulls": _with_pull(facts, event)}
        case ev.PermissionRead(about=about, permission=permission):
            found = PermissionFact(permission=permission, at=now)
            return {"permissions": {**facts.permissions, about: found}}
        case ev.ContainsRead(head=head, contains=contains, of="landing"):
            return {"contains": {**facts.contains, head: contains}}
        case ev.ContainsRead(head=head, contains=contains):
            return {"contains_revert": {**facts.contains_revert, head: contains}}
        case ev.DeploymentSeen():
            return {"deployments": _with_deployment(facts, event)}
        case ev.BaseRead(branch=branch, sha=sha, version=version):
            return {"base": BaseFact(branch=branch, sha=sha, at=now, version=version)}
        case ev.BasePushed(branch=branch, sha=sha):
            hint = BaseFact(branch=branch, sha=sha, at=now)
            gone = {"base": None} if _moved(facts.base, event) else {}
            return {"base_hint": hint, **gone}
        case ev.MetricsSampled(samples=samples):
            return {"samples": _with_samples(facts, samples)}
        case ev.BaselineRead() if facts.baseline is None:
            return {"baseline": event}
        case ev.AlertSeen(status=status, at=at) if facts.alert is None or at >= facts.alert.at:
            return {"alert": AlertFact(status=status, at=at)}
        case _:
            return _governed(facts, event, now)


def _governed(facts: Facts, event: ev.Event, now: datetime) -> dict[str, object]:
    """Fold what governance asks for."""
    match event:
        case ev.PatchInspected(inspection=inspection):
            known = {**facts.inspections, inspection.head: inspection}
            return {"inspections": _bounded(known, MAX_INSPECTIONS)}
        case ev.LabelSeen():
            return _labelled(facts, event)
        case ev.TeamRead(login=login, team=team, member=member):
            found = {team_key(team, login): TeamFact(member=member, at=now)}
            return {"teams": _bounded({**facts.teams, **found}, MAX_TEAMS)}
        case ev.MemoryRead(recollection=found):
            # What learning counts is weighed at once and not kept.
            return {"memory": found.model_copy(update={"records": ()})}
        case ev.AttestationsVerified(head=head, artifacts=artifacts):
            return {"attested": _bounded({**facts.attested, head: artifacts})}
        case _:
            return {}


def team_key(team: str, login: str) -> str:
    """Tell one person's place in one team from all others; logins know no case."""
    return f"{team}:{login}".lower()


def label_key(number: int, label: str) -> str:
    """Name a label of an issue or pull request; as at the forge, case counts for nothing."""
    return f"{number}:{label.lower()}"


def label_about(number: int, label: str, login: str) -> str:
    """Name what is asked about somebody who set a label."""
    return f"label:{label_key(number, label)}:{login}"


def labels_of(facts: Facts, number: int) -> tuple[str, ...]:
    """List the keys of the labels of one issue or pull request of which anything is known."""
    return tuple(key for key in facts.labels if key.startswith(f"{number}:"))


def _moved(base: BaseFact | None, event: ev.BasePushed) -> bool:
    return base is not None and base.branch == event.branch and base.sha != event.sha


def _bounded(table: dict[str, T], limit: int = MAX_SHAS) -> dict[str, T]:
    return dict(list(table.items())[-limit:])


def _labelled(facts: Facts, event: ev.LabelSeen) -> dict[str, object]:
    """Fold a label; what was read of who set it earlier says nothing about what he may now."""
    labels = _with_label(facts, event)
    if event.actor is None or labels == facts.labels:
        return {"labels": labels}
    about = label_about(event.number, event.label, event.actor.login)
    known = {k: p for k, p in facts.permissions.items() if k != about}
    return {"labels": labels, "permissions": known}


def _with_label(facts: Facts, event: ev.LabelSeen) -> dict[str, LabelFact]:
    """Keep the newest word about a label; one without an actor never hides who is known.

    Of one thing `MAX_LABELS` are kept; where there are so many, what is not there is not known.
    """
    key = label_key(event.number, event.label)
    old = facts.labels.get(key)
    if old is not None and old.at > event.at:
        return facts.labels
    if old is not None and event.actor is None and old.present == event.present:
        return facts.labels
    fact = LabelFact(present=event.present, actor=event.actor, at=event.at)
    mine = labels_of(facts, event.number)
    lost = mine[0] if old is None and len(mine) >= MAX_LABELS else None
    return {**{k: known for k, known in facts.labels.items() if k != lost}, key: fact}


def check_key(name: str, app_id: int | None, run_id: int | None = None) -> str:
    """Tell one App's check from another's, and one run's; a commit status has no App."""
    where = f"{app_id or 'status'}/{name}"
    return where if run_id is None else f"{where}#{run_id}"


def _with_check(facts: Facts, event: ev.CheckSeen) -> dict[Sha, dict[str, CheckFact]]:
    known = facts.checks.get(event.sha, {})
    key = check_key(event.name, event.app_id, event.run_id)
    old = known.get(key)
    if old is not None and _supersedes(old, event):
        return facts.checks
    fact = CheckFact(
        id=event.id,
        name=event.name,
        app_id=event.app_id,
        run_id=event.run_id,
        conclusion=event.conclusion,
        url=event.url,
        at=event.at,
    )
    others = {sha: checks for sha, checks in facts.checks.items() if sha != event.sha}
    return _bounded({**others, event.sha: {**known, key: fact}})


def _supersedes(old: CheckFact, new: ev.CheckSeen) -> bool:
    """Tell whether what is known is newer.

    A check run ends once, so its finished state is the newer; a commit status may start again.
    """
    if old.id == new.id and not old.id.startswith("status:"):
        return old.conclusion is not None and new.conclusion is None
    return old.at > new.at


def _with_report(known: dict[str, CIReport], report: CIReport, key: str) -> dict[str, CIReport]:
    old = known.get(key)
    if old is not None and (old.run_id, old.run_attempt) > (report.run_id, report.run_attempt):
        return known
    return _bounded({**known, key: report})


def _with_own_pull(facts: Facts, number: int) -> dict[str, object]:
    """Count what CI reported of a pull request before it was known as ours.

    Anybody who can push may open one of our branch into a branch of theirs, whose CI is theirs.
    """
    reports, others = facts.reports, dict[str, CIReport]()
    for key, report in facts.foreign_reports.items():
        if key.startswith(f"{number}/"):
            reports = _with_report(reports, report, report.head_sha)
        else:
            others[key] = report
    own = (*facts.own_pulls, number)
    return {"own_pulls": own, "reports": reports, "foreign_reports": others}


def review_key(event: ev.ReviewSeen) -> str:
    """Tell one person's reviews of one pull request from all others."""
    return f"{event.pull}:{event.actor.login}"


def _with_review(facts: Facts, event: ev.ReviewSeen) -> dict[str, ReviewFact]:
    """Keep each person's newest review of a pull; comments take nothing back, a dismissal stays."""
    key = review_key(event)
    old = facts.reviews.get(key)
    if event.state is ev.ReviewState.COMMENTED or (old is not None and old.at > event.at):
        return facts.reviews
    if old is not None and old.id == event.id and old.state is ev.ReviewState.DISMISSED:
        return facts.reviews
    fact = ReviewFact(
        id=event.id,
        state=event.state,
        sha=event.sha,
        login=event.actor.login,
        actor_id=event.actor.id,
        pull=event.pull,
        at=event.at,
    )
    return {**facts.reviews, key: fact}


def _with_pull(facts: Facts, event: ev.PullSeen) -> dict[int, PullFact]:
    old = facts.pulls.get(event.number)
    if old is not None and (old.at > event.at or (old.merged and not event.merged)):
        return facts.pulls
    fact = PullFact(
        head_sha=event.head_sha,
        state=event.state,
        merged=event.merged,
        merge_sha=event.merge_sha,
        draft=event.draft,
        sender=event.sender,
        at=event.at,
    )
    return {**facts.pulls, event.number: fact}


def _with_deployment(
    facts: Facts, event: ev.DeploymentSeen
) -> dict[Sha, dict[str, DeploymentFact]]:
    known = facts.deployments.get(event.sha, {})
    old = known.get(event.environment)
    if old is not None and old.at > event.at:
        return facts.deployments
    fact = DeploymentFact(state=event.state, at=event.at)
    return _bounded({**facts.deployments, event.sha: {**known, event.environment: fact}})


def _with_samples(
    facts: Facts, samples: tuple[MetricObservation, ...]
) -> tuple[MetricObservation, ...]:
    known = {(s.metric_id, s.at) for s in facts.samples}
    new = tuple(s for s in samples if (s.metric_id, s.at) not in known)
    return (*facts.samples, *new)[-MAX_SAMPLES:]
