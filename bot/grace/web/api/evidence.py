"""What a mission's verdicts were made from, and what the observation window saw."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.facts import Facts
from grace.domain.ledger import Entry
from grace.domain.mission import Mission, Window
from grace.domain.observing.judge import Watched, judge_metric, scene_of
from grace.domain.package import Evidence, MetricObservation, MetricTarget, MissionId
from grace.domain.phase import Phase
from grace.domain.policy import Policy
from grace.domain.verdict import Condition
from grace.web.api.missions import MISSION
from grace.web.api.operation import Answer, Call, Operation, Reply
from grace.web.api.reading import OfMission, PageOfMission, mission_of

KEPT = "mission.evidence"
MAX_POINTS = 2000


class EvidenceKept(Frozen):
    """A report of CI or an inspection of a patch, as the ledger keeps it, named by its digest."""

    seq: int
    at: AwareDatetime
    digest: str
    body: dict[str, Any]


class EvidenceList(Frozen):
    """What came with the contract, and what was kept. `next`: the number to go on behind."""

    mission_id: MissionId
    contract: tuple[Evidence, ...]
    kept: tuple[EvidenceKept, ...]
    next: int | None


class Point(Frozen):
    """One sample; `value` None: the source answered nothing usable, as `note` says."""

    at: AwareDatetime
    value: float | None
    note: str = ""


class Baseline(Frozen):
    """What was normal before: between `low` and `high`, `mean` on the average.

    `source`: live samples from before the release, or the stress run of the base.
    """

    low: float
    high: float
    mean: float
    samples: int
    source: Literal["samples", "stress run of the base"]


class Series(Frozen):
    """One metric of the window. `guard`: the subsystem asks for it, not the contract.

    `observed`: what the symptom says. `judged`: how its target stands in its rolling window.
    """

    metric_id: str
    unit: str
    target: MetricTarget
    guard: bool
    observed: float | None
    baseline: Baseline | None
    judged: Condition | None
    points: tuple[Point, ...]


class Observed(Frozen):
    """The observation window as a chart shows it; `window` None: nothing has landed yet."""

    mission_id: MissionId
    phase: Phase
    window: Window | None
    landed_at: AwareDatetime | None
    series: tuple[Series, ...]


async def show_evidence(call: Call[PageOfMission, None]) -> Answer:
    """Show what a mission's verdicts were made from."""
    mission, given = (await mission_of(call)).mission, call.given
    entries = await call.hub.store.mission_entries(mission.ref.log, mission.name)
    behind = [e for e in entries if e.envelope.kind == KEPT and e.envelope.seq > given.after]
    shown = [_kept(e) for e in behind[: given.limit] if e.payload is not None]
    more = len(behind) > given.limit
    following = behind[given.limit - 1].envelope.seq if more else None
    body = EvidenceList(
        mission_id=mission.name,
        contract=mission.request.evidence if mission.request else (),
        kept=tuple(shown),
        next=following,
    )
    return Answer(body, following=following)


def _kept(entry: Entry) -> EvidenceKept:
    payload = entry.payload or {}
    return EvidenceKept(
        seq=entry.envelope.seq,
        at=datetime.fromisoformat(entry.envelope.time),
        digest=str(payload["digest"]),
        body=dict(payload["body"]),
    )


async def show_observation(call: Call[OfMission, None]) -> Answer:
    """Show what the observation window saw."""
    found, policy = await mission_of(call), call.hub.policy()
    mission = found.mission
    now = call.hub.clock.now()
    wanted = [] if policy is None else targets_of(mission, policy)
    body = Observed(
        mission_id=mission.name,
        phase=mission.phase,
        window=mission.window,
        landed_at=mission.landing.at if mission.landing else None,
        series=tuple(
            _series(mission, found.facts, policy, each, now)
            for each in wanted
            if policy is not None
        ),
    )
    return Answer(body)


def targets_of(mission: Mission, policy: Policy) -> list[tuple[MetricTarget, bool]]:
    """List what the window watches: the contract's targets, then the subsystem's guards."""
    request = mission.request
    if request is None:
        return []
    targets = request.acceptance_criteria.metric_targets
    named = {target.metric_id for target in targets}
    window = min((t.rolling_window_minutes for t in targets), default=10)
    known = request.subsystem_id in policy.subsystems.subsystems
    guards = policy.guards(request.subsystem_id, window) if known else ()
    return [
        *((t, False) for t in targets),
        *((t, True) for t in guards if t.metric_id not in named),
    ]


def _series(
    mission: Mission, facts: Facts, policy: Policy, wanted: tuple[MetricTarget, bool], now: datetime
) -> Series:
    target, guard = wanted
    mine = [s for s in facts.samples if s.metric_id == target.metric_id]
    window = mission.window
    anchor = window.anchor if window is not None else None
    moment = (window.judged_at if window is not None else None) or now
    symptoms = mission.request.symptoms if mission.request else ()
    rules, sharing = policy.governance.observation, len(targets_of(mission, policy))
    scene = None if window is None else scene_of(facts, window, rules, moment, sharing)
    before = facts.baseline.samples if facts.baseline is not None else ()
    known = [s for s in (*before, *mine) if s.metric_id == target.metric_id]
    definition = policy.catalog.metrics.get(target.metric_id)
    return Series(
        metric_id=target.metric_id,
        unit=definition.unit if definition is not None else "",
        target=target,
        guard=guard,
        observed=next(
            (s.observed_value for s in symptoms if s.metric_id == target.metric_id), None
        ),
        baseline=_baseline(known, anchor) or _from_stress(mission, facts, policy, target.metric_id),
        judged=None if scene is None else judge_metric(scene, Watched(target, guard)).condition,
        points=tuple(Point(at=s.at, value=s.value, note=s.note) for s in mine[-MAX_POINTS:]),
    )


def _baseline(samples: Sequence[MetricObservation], anchor: datetime | None) -> Baseline | None:
    values = [s.value for s in samples if s.value is not None and (anchor is None or s.at < anchor)]
    if not values:
        return None
    mean = sum(values) / len(values)
    return Baseline(
        low=min(values), high=max(values), mean=mean, samples=len(values), source="samples"
    )


def _from_stress(mission: Mission, facts: Facts, policy: Policy, metric_id: str) -> Baseline | None:
    """Take what CI measured on the base, where the catalog says that a stress run answers it."""
    definition = policy.catalog.metrics.get(metric_id)
    heads = [a.head for a in mission.attempts if a.head is not None]
    report = facts.report(heads[-1]) if heads else None
    if definition is None or definition.stress is None or report is None:
        return None
    runs = [run for run in report.stress if run.subject == "base"]
    values = [float(getattr(run, definition.stress)) for run in runs]
    if not values:
        return None
    mean = sum(values) / len(values)
    requests = sum(run.requests for run in runs)
    return Baseline(
        low=min(values),
        high=max(values),
        mean=mean,
        samples=requests,
        source="stress run of the base",
    )


OPERATIONS = (
    Operation(
        "GET",
        f"{MISSION}/evidence",
        "show_evidence",
        "Show what a mission's verdicts were made from",
        "missions",
        show_evidence,
        (Reply(EvidenceList, "with the content of each part"),),
        given=PageOfMission,
        problems=(404,),
    ),
    Operation(
        "GET",
        f"{MISSION}/observation",
        "show_observation",
        "Show what the observation window saw, as series",
        "missions",
        show_observation,
        (Reply(Observed, "one series a metric"),),
        given=OfMission,
        problems=(404,),
    ),
)
