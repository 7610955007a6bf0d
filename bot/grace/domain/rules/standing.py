"""Conditions on how things stand: time, live metrics, releases, tickets, caps, trust, roles."""

from datetime import datetime, timedelta

from grace.domain import approving
from grace.domain.package import MemoryScope
from grace.domain.rules.calendar import Calendar
from grace.domain.rules.case import Case
from grace.domain.rules.language import (
    DailyCap,
    Deployment,
    MemoryScopeAtMost,
    Metric,
    OpenCapas,
    Roles,
    Trust,
    Wait,
)
from grace.domain.surroundings import MergeFact
from grace.domain.verdict import Condition, Result, leaf
from grace.domain.window import reading

A_DAY = timedelta(days=1)
START = "the mission's author, by a new start"


def ordered(name: str, case: Case) -> Condition:
    """Say that a named person's order stands in for waiting."""
    order = approving.standing_order(case)
    assert order is not None  # asked before
    return leaf(name, Result.PASS, order.reason)


def freeze(wanted: Calendar, case: Case) -> Condition:
    """Judge whether nothing is frozen now."""
    name = "freeze"
    if not wanted.holds(case.now):
        return leaf(name, Result.PASS, "no freeze is on")
    if approving.waives_time(case):
        return ordered(name, case)
    ends = wanted.ends(case.now)
    until = f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "for more than two weeks"
    return leaf(name, Result.PENDING, f"frozen {until}", "time, or an emergency's order")


def wait(wanted: Wait, case: Case) -> Condition:
    """Judge whether so long has passed since this patch was first pushed."""
    name, ready = f"wait {wanted.minutes:g} min", ready_at(wanted, case)
    if ready is None:
        return leaf(name, Result.NO_DATA, "nothing is pushed yet", "Grace")
    if case.now >= ready:
        return leaf(name, Result.PASS, "has passed")
    if approving.waives_time(case):
        return ordered(name, case)
    return leaf(name, Result.PENDING, f"until {ready:%Y-%m-%d %H:%M} UTC", "time")


def ready_at(wanted: Wait, case: Case) -> datetime | None:
    """Say when a wait is over; None: nothing is pushed yet."""
    pushed = case.attempt.pushed_at
    return None if pushed is None else pushed + timedelta(minutes=wanted.minutes)


def metric(wanted: Metric, case: Case) -> Condition:
    """Judge a live metric over its rolling window; too few samples are no data."""
    name = f"{wanted} now"
    seen = reading(case.facts.samples, wanted, case.now)
    if seen.mean is None or seen.values < wanted.min_samples:
        reason = f"{seen.values} of at least {wanted.min_samples} samples"
        return leaf(name, Result.NO_DATA, reason, "the metric source")
    if seen.missing > seen.values:
        reason = f"{seen.missing} of {seen.missing + seen.values} samples have no value"
        return leaf(name, Result.NO_DATA, reason, "the metric source")
    figure = f"{seen.mean:.4g} over {seen.values} samples"
    result = Result.PASS if wanted.holds(seen.mean) else Result.PENDING
    return leaf(name, result, figure, "who runs it")


def deployment(wanted: Deployment, case: Case) -> Condition:
    """Judge the newest deployment to an environment, of whatever commit."""
    name = f"deployment to {wanted.environment}"
    known = [
        d[wanted.environment] for d in case.facts.deployments.values() if wanted.environment in d
    ]
    if not known:
        return leaf(name, Result.NO_DATA, "none was reported", "the deployment")
    newest = max(known, key=lambda d: d.at)
    limit = wanted.max_age_minutes
    if limit is not None and case.now - newest.at > timedelta(minutes=limit):
        reason = f"the newest is of {newest.at:%Y-%m-%d %H:%M} UTC, more than {limit:g} min ago"
        return leaf(name, Result.NO_DATA, reason, "the deployment")
    result = Result.PASS if newest.state in wanted.states else Result.PENDING
    return leaf(name, result, f"the newest is {newest.state}", "the deployment")


def open_capas(wanted: OpenCapas, case: Case) -> Condition:
    """Judge the open CAPA tickets of the subsystem."""
    subsystem = case.request.subsystem_id
    mine = [c for c in case.facts.capas if c.subsystem == subsystem]
    tickets = ", ".join(f"#{c.issue}" for c in mine)
    words = f"{len(mine)} open for {subsystem}, at most {wanted.at_most}"
    if len(mine) <= wanted.at_most:
        return leaf("open CAPAs", Result.PASS, words)
    return leaf("open CAPAs", Result.PENDING, f"{words}: {tickets}", f"who closes {tickets}")


def daily_cap(wanted: DailyCap, case: Case) -> Condition:
    """Judge how many merges there were within 24 hours, with those that are asked for now."""
    name, counted = f"daily cap of the {wanted.scope}", merges_counted(wanted, case)
    words = f"{len(counted)} within 24 hours, at most {wanted.merges}"
    if len(counted) < wanted.merges:
        return leaf(name, Result.PASS, words)
    if approving.waives_time(case):
        return ordered(name, case)
    return leaf(name, Result.PENDING, words, "time, or an emergency's order")


def merges_counted(wanted: DailyCap, case: Case) -> tuple[MergeFact, ...]:
    """List the merges that a cap counts."""
    subsystem = case.request.subsystem_id
    return tuple(
        m
        for m in case.facts.merges
        if case.now - m.at < A_DAY and (wanted.scope == "repository" or m.subsystem == subsystem)
    )


def trust(wanted: Trust, case: Case) -> Condition:
    """Judge the agent's record; where it does not reach, an approval may stand in."""
    name = f"trust of {case.mission.trusted_as}"
    words = f"{case.trust.sentence()}, at least {wanted.at_least:g}"
    if case.trust.value >= wanted.at_least:
        return leaf(name, Result.PASS, words)
    if not wanted.or_approval:
        return leaf(name, Result.FAIL, words, "the agent's record, or another agent")
    given = approving.approvers(case.mission, case.attempt, case.facts, case.policy)
    if given:
        return leaf(name, Result.PASS, f"{words}; {', '.join(given)} approves instead")
    if approving.by_emergency(case) is not None:
        return ordered(name, case)
    return leaf(name, Result.PENDING, words, "an approval, which stands in")


def roles(wanted: Roles, case: Case) -> Condition:
    """Judge the agent's role."""
    role = case.governance.role_of(case.attempt.agent)
    words = f"{case.attempt.agent} is {role or 'without a role'}; {', '.join(wanted.any_of)} may"
    return leaf("roles", Result.PASS if role in wanted.any_of else Result.FAIL, words, START)


def memory_scope(wanted: MemoryScopeAtMost, case: Case) -> Condition:
    """Judge what the mission lets its agent write to memory."""
    scope = case.request.trust_requirements.memory_write_scope
    order = list(MemoryScope)
    words = f"{scope.value}, at most {wanted.at_most.value}"
    allowed = order.index(scope) <= order.index(wanted.at_most)
    return leaf("memory scope", Result.PASS if allowed else Result.FAIL, words, START)
