"""Conditions on people: approvals, separated duties, labels that somebody may set."""

from grace.domain import approving
from grace.domain.facts import label_key, team_key
from grace.domain.mission import CANDIDATE
from grace.domain.observed import LabelFact
from grace.domain.people import Permission
from grace.domain.phase import Severity
from grace.domain.rules.case import Case
from grace.domain.rules.language import Approvals, Labels, SeparationOfDuties
from grace.domain.rules.paths import few
from grace.domain.rules.predicates import labels_lost, set_by_authority
from grace.domain.verdict import Condition, Result, all_of, leaf

WAITS = Result.PENDING


def approvals(wanted: Approvals, case: Case) -> Condition:
    """Judge whether enough people of the wanted kind approve this very patch."""
    name = f"approvals: {_kind(wanted)}"
    instead = approving.by_emergency(case)
    if instead is not None:
        return leaf(name, Result.PASS, instead.reason)
    voices = approving.voices(case.mission, case.attempt, case.facts, case.policy)
    counted, unread = [], []
    for login, about in sorted(voices.items()):
        permission = case.facts.permission(about) or Permission.NONE
        role = wanted.role is None or login.lower() in _role(case, wanted.role)
        member = _in_team(case, wanted.team, login)
        if permission.reaches(wanted.permission) and role and member is None:
            unread.append(login)
        elif permission.reaches(wanted.permission) and role and member:
            counted.append(login)
    children = [_counted(wanted, counted, unread)]
    if wanted.code_owners:
        children.append(_owners(case, frozenset(login.lower() for login in voices)))
    return all_of(name, tuple(children)) if len(children) > 1 else _renamed(children[0], name)


def _renamed(condition: Condition, name: str) -> Condition:
    return condition.model_copy(update={"name": name})


def _kind(wanted: Approvals) -> str:
    parts = [f"{wanted.count} with {wanted.permission.value} permission"]
    parts += [f"role {wanted.role}"] if wanted.role is not None else []
    parts += [f"of {wanted.team}"] if wanted.team is not None else []
    parts += ["code owners"] if wanted.code_owners else []
    return ", ".join(parts)


def _role(case: Case, role: str) -> frozenset[str]:
    return frozenset(login.lower() for login in case.governance.roles.get(role, ()))


def _in_team(case: Case, team: str | None, login: str) -> bool | None:
    """Tell whether somebody is in the team, if one is asked for; None: it is not known yet."""
    if team is None:
        return True
    fact = case.facts.teams.get(team_key(team, login))
    return None if fact is None else fact.member


def _counted(wanted: Approvals, counted: list[str], unread: list[str]) -> Condition:
    words = f"{len(counted)} of {wanted.count}"
    words += f": {', '.join(counted)}" if counted else ""
    if len(counted) >= wanted.count:
        return leaf("count", Result.PASS, words)
    if unread:
        reason = f"{words}; whether {', '.join(unread)} are in {wanted.team} is being read"
        return leaf("count", WAITS, reason, "Grace")
    who = f"{wanted.count - len(counted)} more: {_kind(wanted)}, who did not propose it"
    return leaf("count", WAITS, words, who)


def _owners(case: Case, voices: frozenset[str]) -> Condition:
    """Judge whether one owner of each owned path approves."""
    name, read = "code owners", case.inspection
    if read is None:
        return leaf(name, WAITS, "the patch is being read", "Grace")
    if not read.owners_known:
        return leaf(name, Result.NO_DATA, "there is no CODEOWNERS at the base", "a maintainer")
    if not read.owned:
        return leaf(name, Result.SKIPPED, "nobody owns what is changed")
    children = []
    for group in read.owned:
        what = few(group.paths)
        if not group.owners:
            told = "CODEOWNERS at the base cannot be read"
            children.append(leaf(what, Result.NO_DATA, told, "a maintainer, on the base branch"))
            continue
        who = ", ".join(group.owners)
        states = [_owner_approves(case, owner, voices) for owner in group.owners]
        if True in states:
            children.append(leaf(what, Result.PASS, f"approved by one of {who}"))
        elif None in states:
            children.append(leaf(what, WAITS, f"who is in {who} is being read", "Grace"))
        else:
            children.append(leaf(what, WAITS, "no owner of it approves", who))
    return all_of(name, tuple(children))


def _owner_approves(case: Case, owner: str, voices: frozenset[str]) -> bool | None:
    """Tell whether an owner approves; an address names nobody whom the forge knows."""
    if not owner.startswith("@"):
        return False
    login = owner[1:].lower()
    if "/" not in login:
        return login in voices
    known = [_in_team(case, login, voice) for voice in voices]
    return True if True in known else None if None in known else False


def teams_to_ask(case: Case, wanted: Approvals) -> frozenset[tuple[str, str]]:
    """List (team, login) of approvers whose place in a team matters and is not known."""
    voices = approving.voices(case.mission, case.attempt, case.facts, case.policy)
    teams = {wanted.team} if wanted.team is not None else set()
    if wanted.code_owners and case.inspection is not None:
        teams |= {
            o[1:] for g in case.inspection.owned for o in g.owners if "/" in o and o[0] == "@"
        }
    return frozenset(
        (team, login) for team in teams for login in voices if _in_team(case, team, login) is None
    )


def separation_of_duties(wanted: SeparationOfDuties, case: Case) -> Condition:
    """Judge whether who asks, who operates the agent and who approves differ.

    Voices leave out proposers and operators; so what is left to judge is that there are enough.
    """
    name = "separation of duties"
    instead = approving.by_emergency(case)
    if instead is not None:
        return leaf(name, Result.PASS, instead.reason)
    agent, operators = case.attempt.agent, case.governance.agent_operators
    if agent != CANDIDATE and agent not in operators:  # who proposes a candidate operates it
        reason = f"nobody is named as operator of {agent}"
        return leaf(name, Result.NO_DATA, reason, "an operator, in governance.yaml")
    critical = case.mission.severity is Severity.CRITICAL
    needed = wanted.critical_approvers if critical else 1
    given = approving.approvers(case.mission, case.attempt, case.facts, case.policy)
    asked = ", ".join(sorted(approving.proposers(case.mission, case.policy)))
    words = f"proposed or operated by {asked}; approved by {', '.join(given) or 'nobody'}"
    if len(given) >= needed:
        return leaf(name, Result.PASS, words)
    who = f"{needed - len(given)} more with write permission who are none of those"
    return leaf(name, WAITS, words, who)


def labels(wanted: Labels, case: Case) -> Condition:
    """Judge labels of the pull request by who set them."""
    if case.mission.pull is None:
        return leaf("labels", WAITS, "the pull request is being opened", "Grace")
    children = [_has(case, label) for label in wanted.all_of]
    children += [_has_not(case, label) for label in wanted.none_of]
    return all_of("labels", tuple(children))


def _has(case: Case, label: str) -> Condition:
    name, who = f"label {label}", f"somebody with write permission, who puts {label} on"
    assert case.mission.pull is not None  # asked before
    fact = case.facts.labels.get(label_key(case.mission.pull.number, label))
    if fact is None or not fact.present:
        return leaf(name, WAITS, "is not on the pull request", who)
    by = fact.actor.login if fact.actor is not None else "nobody knows whom"
    if set_by_authority(case, label, fact):
        return leaf(name, Result.PASS, f"put on by {by}")
    return leaf(name, WAITS, f"put on by {by}, {_doubt(case, fact)}", who)


def _doubt(case: Case, fact: LabelFact) -> str:
    """Say why somebody's label does not count."""
    if fact.actor is not None and approving.proposes(case.mission, case.policy, fact.actor):
        return "who proposes this and so does not judge it"
    return "who is not known to have write permission"


def _has_not(case: Case, label: str) -> Condition:
    name, who = f"no label {label}", f"somebody with write permission, who takes {label} off"
    assert case.mission.pull is not None  # asked before
    fact = case.facts.labels.get(label_key(case.mission.pull.number, label))
    if fact is None and labels_lost(case):
        reason = "there were more labels than are remembered, and it may have been one"
        return leaf(name, WAITS, reason, who)
    if fact is None:
        return leaf(name, Result.PASS, "was never on the pull request")
    by = fact.actor.login if fact.actor is not None else "nobody knows whom"
    if fact.present:
        return leaf(name, WAITS, f"put on by {by}", who)
    if set_by_authority(case, label, fact):
        return leaf(name, Result.PASS, f"taken off by {by}")
    reason = f"taken off by {by}, {_doubt(case, fact)}"
    return leaf(name, WAITS, reason, f"{who}, or on and off again")
