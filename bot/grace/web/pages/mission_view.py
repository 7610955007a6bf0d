"""A mission as its page shows it: values in, template context out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.facts import Facts
from grace.domain.mission import Attempt, Mission
from grace.domain.observed import CheckFact, ReviewFact
from grace.domain.package import MetricObservation, MetricTarget
from grace.domain.phase import FORWARD, LANDED, Phase
from grace.domain.render import one_line, why
from grace.domain.results import CIReport
from grace.domain.verdict import Verdict
from grace.domain.window import reading, since
from grace.web.pages.sighting_view import Sighting, sighting
from grace.web.pages.words import Mark, mark, plain, road_of

MAX_SHOWN = 200


class Step(Frozen):
    """One stage on the way of a mission."""

    name: str
    state: Literal["done", "current", "ahead", "left_out"]
    mark: Mark


class Link(Frozen):
    """Somewhere at the forge."""

    name: str
    url: str


class Watched(Frozen):
    """One metric in the observation window: its newest value and its rolling mean."""

    metric_id: str
    target: str
    unit: str
    latest: float | None
    mean: float | None
    samples: int
    holds: bool | None


class Command(Frozen):
    """Something that a person may order; `operation` is the last part of its address."""

    operation: str
    name: str
    explained: str
    reason: bool = False
    danger: bool = False


class MissionView(Frozen):
    """All that the page of one mission shows besides its entries."""

    mission: Mission
    title: str
    why: str
    verdict: Verdict | None
    decided_at: AwareDatetime
    road: tuple[Step, ...]
    links: tuple[Link, ...]
    attempts: tuple[Attempt, ...]
    checks: tuple[CheckFact, ...]
    report: CIReport | None
    reviews: tuple[ReviewFact, ...]
    watched: tuple[Watched, ...]
    commands: tuple[Command, ...]
    sighting: Sighting | None


def view(
    found: tuple[Mission, Facts, Verdict | None, datetime], web_url: str, now: datetime
) -> MissionView:
    """Gather what the page of a mission shows."""
    mission, facts, verdict, decided_at = found
    head = mission.attempts[-1].head if mission.attempts else None
    checks = sorted((facts.checks.get(head) or {}).values() if head else (), key=lambda c: c.name)
    return MissionView(
        mission=mission,
        title=one_line(mission.title, 200) or mission.name,
        why=_why(mission, verdict),
        verdict=verdict,
        decided_at=decided_at,
        road=road(mission),
        links=links(mission, web_url),
        attempts=tuple(reversed(mission.attempts)),
        checks=tuple(checks)[:MAX_SHOWN],
        report=facts.report(head) if head else None,
        reviews=reviews(mission, facts),
        watched=watched(mission, facts.samples, now),
        commands=commands(mission),
        sighting=sighting(mission.anomaly),
    )


def reviews(mission: Mission, facts: Facts) -> tuple[ReviewFact, ...]:
    """List what people say of the mission's pull request, each by their newest review."""
    number = None if mission.pull is None else mission.pull.number
    found = [review for review in facts.reviews.values() if review.pull == number]
    return tuple(sorted(found, key=lambda review: review.at))[-MAX_SHOWN:]


def _why(mission: Mission, verdict: Verdict | None) -> str:
    """Answer why it is not merged, as the check run and the comment do."""
    if not mission.live:
        return one_line(mission.reason, 600)
    if mission.held:
        return one_line(f"Held: {mission.held}", 600)
    if verdict is None:
        return "It was not judged yet."
    return why(verdict.root)


def road(mission: Mission) -> tuple[Step, ...]:
    """Say which stages lie behind a mission; of one that ended, those that left a trace."""
    phase = mission.phase
    stages = road_of(mission)
    names = [plain(p) for p in stages]
    if phase is Phase.CLOSED:
        reached, current = _furthest(mission, stages), len(stages) - 1
        names[-1] = plain(mission.outcome or Phase.CLOSED)
    elif phase is Phase.REVERTING:
        reached = current = len(stages) - 2
        names[current] = plain(phase)
    else:
        reached = current = stages.index(phase) if phase in stages else 0
        if phase not in stages:
            names[0] = plain(phase)
    steps = []
    for number, name in enumerate(names):
        if number == current:
            steps.append(Step(name=name, state="current", mark=_standing(mission)))
        elif number <= reached:
            steps.append(Step(name=name, state="done", mark=Mark.GOOD))
        else:
            ended: Literal["left_out", "ahead"] = "left_out" if number < current else "ahead"
            steps.append(Step(name=name, state=ended, mark=Mark.PLAIN))
    return tuple(steps)


def _standing(mission: Mission) -> Mark:
    if mission.outcome is not None:
        return mark(mission.outcome)
    if mission.held or mission.phase in {Phase.INVALID, Phase.REVERTING}:
        return Mark.BAD
    return mark(mission.status)


def _furthest(mission: Mission, stages: tuple[Phase, ...]) -> int:
    """Find the last stage that a mission has left a trace of."""
    traces = (
        (Phase.OBSERVING, mission.window is not None),
        (Phase.EXECUTING, any(t.run for t in mission.tries)),
        (Phase.TESTING, any(a.head for a in mission.attempts)),
        (Phase.PATCHING, bool(mission.attempts)),
        (Phase.PLANNING, mission.context is not None or bool(mission.tries)),
    )
    return next((stages.index(p) for p, there in traces if there and p in stages), 0)


def safe_url(url: str) -> str:
    """Keep an address only where it leads to a web page: others could be code."""
    return url if url.startswith(("https://", "http://")) else ""


def links(mission: Mission, web_url: str) -> tuple[Link, ...]:
    """List what there is of a mission at the forge."""
    base = f"{web_url.rstrip('/')}/{mission.ref.repository}"
    found: list[tuple[str, str]] = []
    if mission.issue is not None:
        found.append((f"issue #{mission.issue}", f"{base}/issues/{mission.issue}"))
    if mission.pull is not None:
        url = mission.pull.url or f"{base}/pull/{mission.pull.number}"
        found.append((f"pull request #{mission.pull.number}", url))
    if mission.landing is not None:
        sha = mission.landing.sha
        found.append((f"merge {sha[:10]}", f"{base}/commit/{sha}"))
    revert = mission.revert
    if revert is not None and revert.pull is not None:
        found.append((f"revert #{revert.pull.number}", f"{base}/pull/{revert.pull.number}"))
    if revert is not None and revert.landed is not None:
        sha = revert.landed.sha
        found.append((f"revert {sha[:10]}", f"{base}/commit/{sha}"))
    if mission.capa is not None:
        found.append((f"CAPA #{mission.capa}", f"{base}/issues/{mission.capa}"))
    if mission.review is not None and mission.review.issue is not None:
        number = mission.review.issue
        found.append((f"review #{number}", f"{base}/issues/{number}"))
    return tuple(Link(name=name, url=url) for name, url in found if safe_url(url))


def watched(
    mission: Mission, samples: Sequence[MetricObservation], now: datetime
) -> tuple[Watched, ...]:
    """Sum up what was measured since the window opened, a row for each target and guard."""
    window = mission.window
    if mission.request is None or window is None or window.anchor is None:
        return ()
    targets = {t.metric_id: t for t in mission.request.acceptance_criteria.metric_targets}
    names = dict.fromkeys([*targets, *(s.metric_id for s in samples)])
    end = window.judged_at or now
    return tuple(_watched(name, targets.get(name), samples, (window.anchor, end)) for name in names)


def _watched(
    name: str,
    target: MetricTarget | None,
    samples: Sequence[MetricObservation],
    span: tuple[datetime, datetime],
) -> Watched:
    mine = since(samples, name, span[0])
    values = [s for s in mine if s.value is not None]
    mean = None if target is None else reading(mine, target, span[1]).mean
    return Watched(
        metric_id=name,
        target="" if target is None else f"{target.comparator} {target.target:g}",
        unit=mine[-1].unit if mine else "",
        latest=values[-1].value if values else None,
        mean=mean,
        samples=len(values),
        holds=None if target is None or mean is None else target.holds(mean),
    )


def commands(mission: Mission) -> tuple[Command, ...]:
    """List what can be ordered as a mission stands; the forge's permission decides whether."""
    if not mission.live:
        return ()
    found = []
    if mission.phase is Phase.AWAITING_START:
        found.append(Command(operation="execute", name="Start", explained="freeze the contract"))
    if mission.held:
        found.append(Command(operation="resume", name="Resume", explained="go on where it stopped"))
    elif mission.phase in FORWARD:
        found.append(
            Command(operation="hold", name="Hold", explained="stop until resumed", reason=True)
        )
    if mission.phase in FORWARD:
        found.append(Command(operation="retry", name="Retry", explained="begin a new attempt"))
    if mission.phase in LANDED and mission.revert is None:
        found.append(
            Command(
                operation="rollback",
                name="Roll back",
                explained="revert what was merged",
                reason=True,
                danger=True,
            )
        )
    if mission.landing is None:
        found.append(
            Command(
                operation="cancel",
                name="Cancel",
                explained="end it; the branch stays",
                reason=True,
                danger=True,
            )
        )
    return tuple(found)
