"""`when:` in three values: True, False, or None for unknown. Only False skips a rule."""

from collections.abc import Iterable

from grace.domain.approving import proposes
from grace.domain.facts import MAX_LABELS, label_about, label_key, labels_of
from grace.domain.observed import LabelFact
from grace.domain.rules.case import Case
from grace.domain.rules.language import SizeOver, When

Truth = bool | None
MANY = 4


def applies(when: When, case: Case) -> Truth:
    """Say whether a predicate holds."""
    return both(_parts(when, case))


def both(parts: Iterable[Truth]) -> Truth:
    """False if one is false, True if all are true, else unknown (Kleene's strong logic)."""
    unknown = False
    for part in parts:
        if part is False:
            return False
        unknown = unknown or part is None
    return None if unknown else True


def either(parts: Iterable[Truth]) -> Truth:
    """True if one is true, False if all are false, else unknown."""
    return negated(both(negated(part) for part in parts))


def negated(part: Truth) -> Truth:
    """Turn true and false around; unknown stays unknown."""
    return None if part is None else not part


def _parts(when: When, case: Case) -> Iterable[Truth]:
    if when.all_of is not None:
        yield both(applies(each, case) for each in when.all_of)
    if when.any_of is not None:
        yield either(applies(each, case) for each in when.any_of)
    if when.not_ is not None:
        yield negated(applies(when.not_, case))
    yield from _of_mission(when, case)
    yield from _of_change(when, case)
    if when.labels is not None:
        yield either(label_is_on(case, label) for label in when.labels)
    if when.trust_below is not None:
        yield case.trust.value < when.trust_below
    if when.during is not None:
        yield when.during.holds(case.now)


def _of_mission(when: When, case: Case) -> Iterable[Truth]:
    request = case.request
    if when.severity is not None:
        yield request.severity in when.severity
    if when.subsystem is not None:
        yield request.subsystem_id in when.subsystem
    if when.mission_type is not None:
        yield request.mission_type in when.mission_type
    if when.agent is not None:
        yield case.attempt.agent in when.agent
    if when.environment is not None:
        subsystem = case.policy.subsystems.subsystems.get(request.subsystem_id)
        known = subsystem is not None
        yield (subsystem.environment in when.environment) if known and subsystem else None


def _of_change(when: When, case: Case) -> Iterable[Truth]:
    read = case.inspection is not None
    if when.paths is not None:
        yield bool(case.paths.matching(when.paths)) if read else None
    if when.only_paths is not None:
        yield case.paths.all_match(when.only_paths) if case.paths.paths else None
    if when.change_over is not None:
        yield _is_over(when.change_over, case)


def _is_over(limit: SizeOver, case: Case) -> Truth:
    read = case.inspection
    if read is None:
        return None
    files = limit.files is not None and len(read.files) > limit.files
    lines = limit.lines is not None and read.lines > limit.lines
    return files or lines


def told(when: When) -> str:
    """Write a predicate in one line, as a reader of the file would."""
    fields = when.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return _words(fields)


def _words(value: object, joint: str = " or ") -> str:
    if isinstance(value, dict):
        joints = {"all_of": " and "}
        parts = [f"{key} {_words(each, joints.get(key, ' or '))}" for key, each in value.items()]
        return ", ".join(parts)
    if isinstance(value, list):
        parts = [f"({_words(v)})" if isinstance(v, dict) else _words(v) for v in value]
        return joint.join([*parts[:MANY], *(["more"] if len(parts) > MANY else [])])
    return str(value)


def label_is_on(case: Case, label: str) -> Truth:
    """Say whether the pull request has a label; unknown where nobody may be believed who set it.

    Anybody with triage permission can put a label on and take it off.
    """
    if case.mission.pull is None:
        return None
    fact = case.facts.labels.get(label_key(case.mission.pull.number, label))
    if fact is None:
        return None if labels_lost(case) else False
    return fact.present if set_by_authority(case, label, fact) else None


def labels_lost(case: Case) -> bool:
    """Tell whether there were more labels than are remembered: one may have been forgotten."""
    pull = case.mission.pull
    return pull is not None and len(labels_of(case.facts, pull.number)) >= MAX_LABELS


def set_by_authority(case: Case, label: str, fact: LabelFact) -> bool:
    """Tell whether the label was last changed by somebody who may write and did not propose this.

    We ourselves count among the proposers.
    """
    if fact.actor is None or case.mission.pull is None:
        return False
    if proposes(case.mission, case.policy, fact.actor):
        return False
    about = label_about(case.mission.pull.number, label, fact.actor.login)
    permission = case.facts.permission(about)
    return permission is not None and permission.may_write
