"""Which playbooks fit a mission, what each of them would do, and who must agree to it."""

import re
from collections.abc import Mapping
from typing import Annotated, assert_never

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.package import MetricId, MissionRequest, Name
from grace.domain.playbooks.action import ActionSpec, Radius, Risk, TargetKind
from grace.domain.playbooks.playbook import Playbook, Playbooks, Step, StepId
from grace.domain.playbooks.specs import ACTIONS


class PlannedStep(Frozen):
    """A step as it would be done: how grave it is, and whether a named person must agree."""

    step: StepId
    action: str
    words: str
    when: str
    risk: Risk
    radius: Radius
    person: bool
    undo: bool
    timeout_seconds: float


class Needs(Frozen):
    """What a playbook needs before it runs: the gravest of its steps, and whose word.

    `persons`: the steps that a named person must agree to, each time; `unattended`: the gravest of
    the others, which run on what was agreed before.
    """

    risk: Risk
    unattended: Risk = Risk.READ
    radius: Radius
    persons: tuple[StepId, ...] = ()
    proposes: bool = False


class Match(Frozen):
    """A playbook that fits a mission, with the target it would be done to, and why it fits.

    `named`: the mission's words name the target.
    """

    playbook: Playbook
    target: Name
    metrics: tuple[MetricId, ...] = ()
    phrases: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    named: bool = False

    @property
    def why(self) -> str:
        """Say why it fits."""
        told = [
            *(f"a symptom of it is {metric}" for metric in self.metrics),
            *(f'the mission says "{phrase}"' for phrase in self.phrases),
        ]
        return "; ".join(told) + (f"; it names {self.target}" if self.named else "")


def risk_of(step: Step, spec: ActionSpec) -> Risk:
    """Return how dangerous a step is: what its action says, or graver where the step says so."""
    return max(spec.risk, step.risk or spec.risk, key=lambda risk: risk.rank)


def radius_of(step: Step, spec: ActionSpec) -> Radius:
    """Return the most that a step touches, as its action says, or more where the step says so."""
    return max(spec.radius, step.radius or spec.radius, key=lambda radius: radius.rank)


def needs_person(step: Step, spec: ActionSpec) -> bool:
    """Tell whether a named person must agree: no playbook can say that nobody need."""
    return spec.person or bool(step.person)


def plan(
    playbook: Playbook, actions: Mapping[str, ActionSpec] = ACTIONS
) -> tuple[PlannedStep, ...]:
    """Lay out the steps of a checked playbook in their order."""
    return tuple(_planned(step, actions[step.action]) for step in playbook.steps)


def needs(playbook: Playbook, actions: Mapping[str, ActionSpec] = ACTIONS) -> Needs:
    """Say what a checked playbook needs before it runs."""
    steps = plan(playbook, actions)
    return Needs(
        risk=max((s.risk for s in steps), key=lambda risk: risk.rank),
        unattended=max(
            (s.risk for s in steps if not s.person),
            key=lambda risk: risk.rank,
            default=Risk.READ,
        ),
        radius=max((s.radius for s in steps), key=lambda radius: radius.rank),
        persons=tuple(s.step for s in steps if s.person),
        proposes=any(actions[s.action].proposes for s in steps),
    )


def matching(
    playbooks: Playbooks, request: MissionRequest, targets: Mapping[str, TargetKind]
) -> tuple[Match, ...]:
    """List what fits a mission's symptoms and its subsystem's targets, the best fit first.

    Best fits what names the target, then what shares most metrics, then most phrases.
    """
    text = _text(request)
    metrics = {s.metric_id for s in request.symptoms if s.metric_id is not None}
    metrics |= {t.metric_id for t in request.acceptance_criteria.metric_targets}
    found = []
    for playbook in playbooks.playbooks:
        if playbook.subsystems and request.subsystem_id not in playbook.subsystems:
            continue
        shared = tuple(m for m in playbook.symptoms.metrics if m in metrics)
        said = tuple(p for p in playbook.symptoms.phrases if _says(text, p))
        if shared or said:
            found += [
                Match(
                    playbook=playbook,
                    target=target,
                    metrics=shared,
                    phrases=said,
                    named=_says(text, target),
                )
                for target, kind in targets.items()
                if kind is playbook.target
            ]
    return tuple(sorted(found, key=_order))


def _planned(step: Step, spec: ActionSpec) -> PlannedStep:
    return PlannedStep(
        step=step.id,
        action=step.action,
        words=step.words or spec.words,
        when=_when(step),
        risk=risk_of(step, spec),
        radius=radius_of(step, spec),
        person=needs_person(step, spec),
        undo=spec.undo,
        timeout_seconds=step.timeout_seconds,
    )


def _when(step: Step) -> str:
    match step.when:
        case "always":
            return "always"
        case "unhealed":
            return "while the trouble lasts"
        case "failed":
            return f"if {step.after} failed"
        case _ as never:
            assert_never(never)


def _order(match: Match) -> tuple[bool, int, int, str, str]:
    return (
        not match.named,
        -len(match.metrics),
        -len(match.phrases),
        match.playbook.name,
        match.target,
    )


def _text(request: MissionRequest) -> str:
    words = [request.summary, *(s.description for s in request.symptoms)]
    words += [e.excerpt for e in request.evidence if e.excerpt is not None]
    return "\n".join(words)


def _says(text: str, phrase: str) -> bool:
    """Tell whether a text holds a phrase as whole words, in whatever case."""
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    return re.search(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE) is not None
