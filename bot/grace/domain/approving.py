"""Who approves: voices that count for this very patch, and what may stand in for them."""

from datetime import datetime, timedelta

from grace.domain.events import ReviewState
from grace.domain.facts import Facts
from grace.domain.mission import Attempt, Mission
from grace.domain.observed import ReviewFact
from grace.domain.people import Actor
from grace.domain.phase import Severity
from grace.domain.policy import Policy
from grace.domain.rules.case import Case
from grace.domain.surroundings import Basis
from grace.domain.verdict import Condition, Result, leaf

APPROVALS = "approvals"
STOPPING = frozenset({"veto", "hold", "cancel"})
A_DAY = timedelta(days=1)


def approvals_asked(mission: Mission, policy: Policy) -> int:
    """Count the approvals that a contract asks for, whoever's patch it will be."""
    assert mission.request is not None  # only a parsed contract asks for anything
    trust = mission.request.trust_requirements
    needed = policy.governance.approvals.needed(mission.severity)
    return max(needed, 1) if trust.requires_governance_approval else needed


def approvals_needed(case: Case) -> int:
    """Count the approvals a mission needs.

    The severity's number; at least one where the mission asks for a governance approval; one more
    where the agent's record does not reach the trust that the mission asks for, and one more where
    the forge does not know who wrote the commits that were proposed.
    """
    needed = approvals_asked(case.mission, case.policy)
    if case.trust.value < case.request.trust_requirements.required_trust_score:
        needed += 1
    return needed + (1 if case.mission.strange_authors else 0)


def proposers(mission: Mission, policy: Policy) -> set[str]:
    """Name who may not approve, in lower case.

    Who wrote or edited the contract or the commits proposed, who started it, and who operates the
    agent that wrote the patch.
    """
    names = {policy.bot_login, *mission.authors}
    if mission.requester is not None:
        names.add(mission.requester.login)
    if mission.started_by is not None:
        names.add(mission.started_by)
    for attempt in mission.attempts:
        names.update(policy.governance.agent_operators.get(attempt.agent, ()))
    return {name.lower() for name in names}


def proposes(mission: Mission, policy: Policy, actor: Actor) -> bool:
    """Tell whether somebody may not approve, by login or by the number that a new login keeps."""
    by_number = actor.id != 0 and actor.id in mission.proposer_ids
    return by_number or actor.login.lower() in proposers(mission, policy)


def approvers(mission: Mission, attempt: Attempt, facts: Facts, policy: Policy) -> tuple[str, ...]:
    """List who validly approves this very patch."""
    return tuple(sorted(voices(mission, attempt, facts, policy)))


def voices(mission: Mission, attempt: Attempt, facts: Facts, policy: Policy) -> dict[str, str]:
    """Find who validly approves this very patch, by review or by command.

    An approval counts for the head it was given on, or for an earlier head of the same attempt's
    patch when changed paths, modes and blobs are the same. The value is what the permission was
    read about.
    """
    same = same_patch(mission, attempt)
    given = [(Actor(login=a.login, id=a.actor_id), a.sha, a.about) for a in mission.approvals]
    given += [
        (Actor(login=r.login, id=r.actor_id), r.sha, f"review:{r.id}")
        for r in reviews(mission, facts)
        if r.state is ReviewState.APPROVED
    ]
    found: dict[str, str] = {}
    numbers: set[int] = set()
    logins: dict[str, str] = {}  # a login is the same in small and capital letters
    for actor, sha, about in given:
        permission = facts.permission(about)
        counts = sha in same and not proposes(mission, policy, actor)
        login = logins.setdefault(actor.login.lower(), actor.login)
        renamed = actor.id in numbers and login not in found
        if counts and permission is not None and permission.may_write and not renamed:
            found[login] = about
            numbers |= {actor.id} - {0}
    return found


def reviews(mission: Mission, facts: Facts) -> tuple[ReviewFact, ...]:
    """List the reviews of the mission's own pull request; another one shows another diff."""
    number = mission.pull.number if mission.pull is not None else None
    return tuple(r for r in facts.reviews.values() if r.pull == number)


def being_stopped(mission: Mission, facts: Facts) -> bool:
    """Tell whether somebody is stopping it of whom it is not known yet whether he may."""
    if any(waiting.given.name in STOPPING for waiting in mission.commands):
        return True
    return any(
        r.state is ReviewState.CHANGES_REQUESTED
        and f"permission/review:{r.id}" in mission.requested
        and facts.permission(f"review:{r.id}") is None
        for r in reviews(mission, facts)
    )


def approvals_gate(case: Case) -> Condition:
    """Judge approvals: enough that are valid, or what governance lets stand in for them.

    Whoever objects with write permission stops it, whatever else holds.
    """
    objection = objections(case)
    if objection is not None:
        return objection
    needed = approvals_needed(case)
    if needed == 0:
        return leaf(APPROVALS, Result.SKIPPED, "the mission and its severity ask for none")
    given = approvers(case.mission, case.attempt, case.facts, case.policy)
    words = f"{len(given)} of {needed} approvals of {case.head[:10]}"
    if given:
        words += f": {', '.join(given)}"
    if len(given) >= needed:
        return leaf(APPROVALS, Result.PASS, words)
    instead = by_emergency(case) or by_trust(case) or by_waiting(case)
    if instead is not None:
        return leaf(APPROVALS, instead.result, f"{words}; {instead.reason}", instead.who)
    who = "somebody with write permission who did not file the mission, by review or /grace approve"
    return leaf(APPROVALS, Result.PENDING, words, who)


def basis_of(case: Case) -> Basis:
    """Say what lets this patch merge, for the record."""
    needed = approvals_needed(case)
    if needed == 0:
        return "none"
    if len(approvers(case.mission, case.attempt, case.facts, case.policy)) >= needed:
        return "approvals"
    if by_emergency(case) is not None:
        return "emergency"
    return "trust" if by_trust(case) is not None else "solo"


def objections(case: Case) -> Condition | None:
    """Name who vetoes, or asks for changes with the permission to."""
    mission, facts = case.mission, case.facts
    if mission.vetoes:
        vetoing = sorted(mission.vetoes)
        reason = "; ".join(f"vetoed by {login}: {mission.vetoes[login]}" for login in vetoing)
        lift = f"{', '.join(vetoing)} by /grace approve, or another maintainer by /grace resume"
        return leaf(APPROVALS, Result.FAIL, reason, lift)
    objecting = [
        r.login
        for r in reviews(mission, facts)
        if r.state is ReviewState.CHANGES_REQUESTED
        and (p := facts.permission(f"review:{r.id}")) is not None
        and p.may_write
    ]
    if not objecting:
        return None
    names = ", ".join(sorted(objecting))
    return leaf(APPROVALS, Result.FAIL, f"{names} asked for changes", names)


def same_patch(mission: Mission, attempt: Attempt) -> frozenset[str]:
    """List the heads that carry the very change of an attempt, its own first of all."""
    since = mission.started_at
    found = {
        a.head
        for a in mission.attempts
        if a.head
        and a.blobs
        and a.blobs == attempt.blobs
        and (since is None or a.pushed_at is None or a.pushed_at >= since)
    }
    return frozenset(found | ({attempt.head} if attempt.head else set()))


def by_emergency(case: Case) -> Condition | None:
    """Let a named person's order stand in for approvals of a critical mission."""
    rules, order = case.governance.emergency, case.mission.emergency
    if order is None or not rules.enabled or "approvals" not in rules.waives:
        return None
    return standing_order(case)


def waives_time(case: Case) -> bool:
    """Tell whether an emergency's order stands in for waiting, freezes and caps."""
    rules = case.governance.emergency
    return rules.enabled and "time" in rules.waives and standing_order(case) is not None


def standing_order(case: Case) -> Condition | None:
    """Tell whether the order is for this patch, of a critical mission, by one who may give it."""
    order = case.mission.emergency
    if order is None or case.mission.severity is not Severity.CRITICAL:
        return None
    if order.sha not in same_patch(case.mission, case.attempt):
        return None
    permission = case.facts.permission(order.about)
    if permission is None or not permission.reaches(case.governance.emergency.permission):
        return None
    reason = f"emergency ordered by {order.login}: {order.reason}; a review follows"
    return leaf(APPROVALS, Result.PASS, reason)


def by_trust(case: Case) -> Condition | None:
    """Let an agent's record stand in for approvals of a small change of low risk."""
    rules, read = case.governance.auto_merge, case.inspection
    asks = case.request.trust_requirements.requires_governance_approval
    if rules is None or asks or case.mission.severity not in rules.severities:
        return None
    if case.mission.strange_authors or read is None:
        return None
    least = max(rules.min_trust, case.request.trust_requirements.required_trust_score)
    if case.trust.value < least:
        return None
    if len(read.files) > rules.max_files or read.lines > rules.max_lines:
        return None
    today = [m for m in case.facts.merges if m.basis == "trust" and case.now - m.at < A_DAY]
    if len(today) >= rules.max_per_day:
        return None
    who = case.mission.trusted_as
    reason = f"{who} is trusted here: {case.trust.sentence()}, {least:g} is enough"
    return leaf(APPROVALS, Result.PASS, reason)


def by_waiting(case: Case) -> Condition | None:
    """Let time stand in for approvals where the maintainer is alone, as governance records."""
    rules = case.governance.solo
    if rules is None or case.mission.severity not in rules.severities:
        return None
    ready = solo_ready(case)
    if ready is None or case.mission.strange_authors:
        return None
    window = case.criteria.observation_window_minutes
    if window < rules.min_window_minutes:
        reason = f"solo profile: the window has {window:g} min, {rules.min_window_minutes:g} needed"
        return leaf(APPROVALS, Result.PENDING, reason, "the mission's author, or an approval")
    told = f"solo profile of {rules.maintainer}: nobody else approves"
    if case.now < ready:
        reason = f"{told}; {rules.wait_minutes:g} min must pass, until {ready:%Y-%m-%d %H:%M} UTC"
        return leaf(APPROVALS, Result.PENDING, reason, "time, or anybody else with permission")
    reason = f"{told}; {rules.wait_minutes:g} min passed, and the window watches"
    return leaf(APPROVALS, Result.PASS, reason)


def solo_ready(case: Case) -> datetime | None:
    """Say from when the solo profile lets this patch merge; None: it is not for this mission."""
    rules, mission = case.governance.solo, case.mission
    starter = (mission.released_by or mission.started_by or "").lower()
    if rules is None or starter != rules.maintainer.lower() or case.attempt.pushed_at is None:
        return None
    heads = same_patch(mission, case.attempt)
    pushed = [a.pushed_at for a in mission.attempts if a.head in heads and a.pushed_at is not None]
    first = min(pushed, default=case.attempt.pushed_at)
    return first + timedelta(minutes=rules.wait_minutes)


def roles_gate(mission: Mission, attempt: Attempt, policy: Policy) -> Condition:
    """Judge whether the agent that proposed the patch has an allowed role."""
    assert mission.request is not None  # gates run on started missions only
    allowed = mission.request.trust_requirements.allowed_roles
    if not allowed:
        return leaf("roles", Result.SKIPPED, "the mission allows every role")
    role = policy.governance.role_of(attempt.agent)
    words = f"{attempt.agent} is {role or 'without a role'}; allowed: {', '.join(allowed)}"
    if role in allowed:
        return leaf("roles", Result.PASS, words)
    return leaf("roles", Result.FAIL, words, "the mission's author, by a new start")
