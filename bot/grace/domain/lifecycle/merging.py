"""The last step before a landing: every gate, on a base that is still the base, then the merge."""

from collections.abc import Iterable
from datetime import timedelta

from grace.domain import approving, judging, messages
from grace.domain import events as ev
from grace.domain.effects import Dequeue, MergePull, ReadPermission
from grace.domain.lifecycle.commands import turned_away
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.forward import (
    GATE_PATIENCE,
    MAX_REFUSALS,
    RETRY_MERGE,
    ask_when_silent,
    ci_tree,
    fail_attempt,
    fetch_report,
    landed_by_hand,
    refresh,
)
from grace.domain.lifecycle.given import attempt_of, blocked, fresh_base
from grace.domain.lifecycle.governing import ask_for_governance, fresh_teams
from grace.domain.lifecycle.proactive import look_at_draft
from grace.domain.lifecycle.recording import record_verdict
from grace.domain.mission import Attempt
from grace.domain.phase import Phase
from grace.domain.results import Sha
from grace.domain.rules.case import Case
from grace.domain.rules.evaluate import ruled_by_clock
from grace.domain.verdict import Result, all_of

CLOCK_ROUND = timedelta(minutes=1)


def gating(draft: Draft) -> None:
    """Governance: hold the merge until every gate passes on a base that is still the base."""
    mission = draft.mission
    if landed_by_hand(draft, mission.pull) or mission.held is not None:
        return
    look_at_draft(draft)
    ask_for_governance(draft)
    hear_reviewers(draft)
    attempt = attempt_of(draft)
    ci = ci_tree(draft)
    if ci.result in {Result.FAIL, Result.NO_DATA}:
        fail_attempt(draft, ci)
        return
    if draft.facts.base is None:
        fresh_base(draft)
        return
    if draft.facts.base.sha != attempt.base:
        refresh(draft)
        return
    if mission.merge_after is not None or mission.forge_says:
        retry_merge(draft)
        return
    rules = draft.policy.governance.tests
    ask_when_silent(draft, GATE_PATIENCE * timedelta(minutes=rules.ask_after_minutes))
    if approving.being_stopped(mission, draft.facts):
        return  # the answer to who it is comes in a moment, and decides again
    tree = judging.merge_tree(draft.case())
    fresh = (fresh_approvers, fresh_teams, fresh_base)
    if tree.passes and not blocked(draft) and all(is_fresh(draft) for is_fresh in fresh):
        draft.passed = tree
        record_verdict(draft, tree)
        request_merge(draft, attempt)


def hear_reviewers(draft: Draft) -> None:
    """Ask about reviewers who were strangers a moment ago, and were not asked about then."""
    for review in approving.reviews(draft.mission, draft.facts):
        counts = review.state in {ev.ReviewState.APPROVED, ev.ReviewState.CHANGES_REQUESTED}
        if counts and not turned_away(draft, review.login):
            about = f"review:{review.id}"
            key, number = f"permission/{about}", review.actor_id
            draft.ask(ReadPermission(key=key, login=review.login, about=about, user_id=number))


def fresh_approvers(draft: Draft) -> bool:
    """Tell whether what the counted approvers may do was read lately; read it again otherwise.

    So it is with what may be done by who ordered an emergency.
    """
    mission, facts, order = draft.mission, draft.facts, draft.mission.emergency
    limit = timedelta(seconds=draft.policy.governance.base_fresh_seconds)
    counted = set(approving.voices(mission, attempt_of(draft), facts, draft.policy).items())
    if order is not None and approving.standing_order(draft.case()) is not None:
        counted.add((order.login, order.about))
    numbers = {a.about: a.actor_id for a in mission.approvals}
    numbers |= {f"review:{r.id}": r.actor_id for r in approving.reviews(mission, facts)}
    numbers |= {order.about: order.actor_id} if order is not None else {}
    fresh = True
    for login, about in sorted(counted):
        at = facts.permissions[about].at
        if draft.now - at > limit:
            key = f"permission/{about}/{at.isoformat()}/{mission.round}"
            number = numbers[about]
            draft.ask(ReadPermission(key=key, login=login, about=about, user_id=number))
            fresh = False
    return fresh


def retry_merge(draft: Draft) -> None:
    """After a refusal wait a little, then evaluate again."""
    mission = draft.mission
    if mission.merge_after is None:
        refusals = mission.merge_refusals + 1
        if refusals > MAX_REFUSALS:
            draft.hold(messages.merge_refused(mission.forge_says))
            draft.set(merge_refusals=0, forge_says="")
            return
        delay = RETRY_MERGE * 2**refusals
        draft.set(merge_after=draft.now + delay, merge_refusals=refusals)
    elif draft.now >= mission.merge_after:
        draft.set(merge_after=None, forge_says="")
        return
    assert draft.mission.merge_after is not None  # set above
    draft.wake(draft.mission.merge_after)


def withdrawn(case: Case) -> str | None:
    """Say why a merge that was asked for must not happen any more, or None.

    The interpreter asks this right before it merges: an effect may have waited for hours.
    """
    mission = case.mission
    if mission.held is not None:
        return mission.held
    if mission.phase is not Phase.MERGING or mission.attempt is None or mission.request is None:
        return f"the mission is {mission.phase}"
    if approving.being_stopped(mission, case.facts):
        return "somebody asks to stop it, and what the forge lets them do is being read"
    leaf = judging.standing_tree(case).holding()
    return None if leaf is None else f"{leaf.name}: {leaf.reason}"


def unheard_stop(events: Iterable[ev.Event]) -> str | None:
    """Say which event that waits to be decided on may stop a merge, or None."""
    for event in events:
        match event:
            case ev.CommandGiven(name=name) if name in approving.STOPPING:
                return f"{event.actor.login} says {name}, which is being heard"
            case ev.IssueClosed():
                return f"{event.sender.login} closed the issue, which is being heard"
            case ev.ReviewSeen(state=ev.ReviewState.CHANGES_REQUESTED | ev.ReviewState.DISMISSED):
                return f"a review by {event.actor.login} changed, which is being heard"
            case ev.LabelSeen():
                return f"the label {event.label} changed, which is being heard"
            case _:
                pass
    return None


def merging(draft: Draft) -> None:
    """Wait for the forge; where our change stands in a merge queue, see whether it landed."""
    mission = draft.mission
    if not mission.queued or landed_by_hand(draft, mission.pull):
        return
    leave_queue(draft)
    if ruled_by_clock(draft.case()):
        draft.wake(draft.now + CLOCK_ROUND)
    if mission.group is not None:
        fetch_report(draft, mission.group.head)
    rules = draft.policy.governance.tests
    ask_when_silent(draft, GATE_PATIENCE * timedelta(minutes=rules.ask_after_minutes))


def leave_queue(draft: Draft) -> None:
    """Have the change taken out of the queue where it is not wanted any more, once a round."""
    mission = draft.mission
    why = judging.standing_tree(draft.case()).holding()
    if why is None or mission.leaving == mission.round:
        return
    assert mission.pull is not None  # it stands in the queue
    reason = f"{why.name}: {why.reason}"
    draft.set(leaving=mission.round)
    draft.note("leaving_queue", reason=reason)
    draft.ask(
        Dequeue(key=draft.next_key("dequeue"), number=mission.pull.number, reason=reason[:1000])
    )


def tested_trees(draft: Draft) -> frozenset[Sha | None]:
    """Return the trees that CI passed: the attempt's, and the merge group's if its own CI did."""
    group, case = draft.mission.group, draft.case()
    trees = {attempt_of(draft).tree}
    if group is not None:
        ci = judging.ci_gates(judging.of_group(case, group))
        if all_of("group", ci).passes:
            trees.add(group.tree)
    return frozenset(trees)


def request_merge(draft: Draft, attempt: Attempt) -> None:
    """Ask the forge to merge exactly the tested head."""
    mission = draft.mission
    assert mission.pull is not None  # merge readiness holds only with a pull request
    assert attempt.head is not None  # as above
    assert attempt.tree is not None  # as above
    approved = approving.approvers(mission, attempt, draft.facts, draft.policy)
    basis = approving.basis_of(draft.case())
    draft.move(Phase.MERGING, "every gate passes")
    draft.set(basis=basis)
    draft.note(
        "merge_requested",
        head=attempt.head,
        tree=attempt.tree,
        approved_by=list(approved),
        basis=basis,
    )
    draft.ask(
        MergePull(
            key=draft.next_key("merge"),
            purpose="work",
            number=mission.pull.number,
            head=attempt.head,
            tree=attempt.tree,
            method=draft.policy.governance.merge_method,
            subject=messages.merge_subject(mission),
            body=messages.merge_body(draft.mission),
            agent=f"{attempt.agent}/{attempt.candidate}",
            approved_by=approved,
        )
    )
