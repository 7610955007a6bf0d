"""The last step before a landing: every gate, on a base that is still the base, then the merge."""

from datetime import timedelta

from grace.domain import gates, messages
from grace.domain.effects import Dequeue, MergePull, ReadPermission
from grace.domain.facts import Facts
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.forward import (
    GATE_PATIENCE,
    MAX_REFUSALS,
    RETRY_MERGE,
    ask_when_silent,
    attempt_of,
    blocked,
    ci_tree,
    criteria_of,
    fail_attempt,
    fetch_report,
    fresh_base,
    landed_by_hand,
    merge_tree,
    refresh,
)
from grace.domain.mission import Attempt, Group, Mission
from grace.domain.phase import Phase
from grace.domain.policy import Policy
from grace.domain.results import Sha
from grace.domain.verdict import Condition, Result, all_of, leaf


def gating(draft: Draft) -> None:
    """Governance: hold the merge until every gate passes on a base that is still the base."""
    mission = draft.mission
    tree = merge_tree(draft)
    if landed_by_hand(draft, mission.pull) or mission.held is not None:
        return
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
    if gates.being_stopped(mission, draft.facts):
        return  # the answer to who it is comes in a moment, and decides again
    if tree.passes and not blocked(draft) and fresh_approvers(draft) and fresh_base(draft):
        draft.passed = tree
        request_merge(draft, attempt)


def fresh_approvers(draft: Draft) -> bool:
    """Tell whether what the counted approvers may do was read lately; read it again otherwise."""
    mission, facts = draft.mission, draft.facts
    limit = timedelta(seconds=draft.policy.governance.base_fresh_seconds)
    counted = gates.voices(mission, attempt_of(draft), facts, draft.policy)
    fresh = True
    for login, about in sorted(counted.items()):
        at = facts.permissions[about].at
        if draft.now - at > limit:
            key = f"permission/{about}/{at.isoformat()}/{mission.round}"
            draft.ask(ReadPermission(key=key, login=login, about=about))
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


def withdrawn(mission: Mission, facts: Facts, policy: Policy) -> str | None:
    """Say why a merge that was asked for must not happen any more, or None.

    The interpreter asks this right before it merges: an effect may have waited for hours.
    """
    if mission.held is not None:
        return mission.held
    if mission.phase is not Phase.MERGING or mission.attempt is None or mission.request is None:
        return f"the mission is {mission.phase}"
    if gates.being_stopped(mission, facts):
        return "somebody asks to stop it, and what the forge lets them do is being read"
    leaf = standing(mission, facts, policy).holding()
    return None if leaf is None else f"{leaf.name}: {leaf.reason}"


def standing(mission: Mission, facts: Facts, policy: Policy) -> Condition:
    """Judge whether a merge that was asked for, or a place in the merge queue, is still wanted."""
    attempt, request = mission.attempt, mission.request
    assert attempt is not None  # merging always has one
    assert request is not None  # only a started mission merges
    criteria = request.acceptance_criteria
    return all_of(
        "merge",
        (
            *gates.ci_gates(attempt, facts, criteria, policy),
            gates.approvals_gate(mission, attempt, facts, policy),
            gates.roles_gate(mission, attempt, policy),
            *stops(mission, facts),
        ),
    )


def stops(mission: Mission, facts: Facts) -> tuple[Condition, ...]:
    """List what stops a merge whatever the gates say."""
    found: list[Condition] = []
    if mission.held is not None:
        found.append(leaf("held", Result.FAIL, mission.held, "/grace resume"))
    if mission.ending is not None:
        found.append(leaf("cancel", Result.FAIL, mission.ending, "nobody"))
    if facts.kill_switch:
        found.append(leaf("kill switch", Result.FAIL, "is on", "an operator"))
    return tuple(found)


def merging(draft: Draft) -> None:
    """Wait for the forge; where our change stands in a merge queue, see whether it landed."""
    mission = draft.mission
    if not mission.queued or landed_by_hand(draft, mission.pull):
        return
    leave_queue(draft)
    if mission.group is not None:
        fetch_report(draft, mission.group.head)
    rules = draft.policy.governance.tests
    ask_when_silent(draft, GATE_PATIENCE * timedelta(minutes=rules.ask_after_minutes))


def leave_queue(draft: Draft) -> None:
    """Have the change taken out of the queue where it is not wanted any more, once a round."""
    mission = draft.mission
    why = standing(mission, draft.facts, draft.policy).holding()
    if why is None or mission.leaving == mission.round:
        return
    assert mission.pull is not None  # it stands in the queue
    reason = f"{why.name}: {why.reason}"
    draft.set(leaving=mission.round)
    draft.note("leaving_queue", reason=reason)
    draft.ask(
        Dequeue(key=draft.next_key("dequeue"), number=mission.pull.number, reason=reason[:1000])
    )


def group_gates(draft: Draft, attempt: Attempt, group: Group) -> tuple[Condition, ...]:
    """Judge what CI says of a merge group's own commit, base and tree."""
    stands = {"head": group.head, "base": group.base, "tree": group.tree}
    landing = attempt.model_copy(update=stands)
    return gates.ci_gates(landing, draft.facts, criteria_of(draft), draft.policy)


def tested_trees(draft: Draft) -> frozenset[Sha | None]:
    """Return the trees that CI passed: the attempt's, and the merge group's if its own CI did."""
    attempt, group = attempt_of(draft), draft.mission.group
    trees = {attempt.tree}
    if group is not None and all_of("group", group_gates(draft, attempt, group)).passes:
        trees.add(group.tree)
    return frozenset(trees)


def group_tree(draft: Draft, group: Group) -> Condition:
    """Judge what a merge queue is about to land: CI on its commit, and whether we still want it."""
    mission, facts, policy = draft.mission, draft.facts, draft.policy
    attempt = mission.attempt
    name = "merge group"
    if not mission.live:
        reason = f"the mission ended: {mission.reason}"
        return all_of(name, (leaf("mission", Result.FAIL, reason, "nobody"),))
    if attempt is None or attempt.head is None:
        reason = "no patch stands: the one in this group is not judged any more"
        return all_of(name, (leaf("patch", Result.FAIL, reason, "Grace"),))
    if group.tree is None:
        return all_of(name, (leaf("tree", Result.PENDING, "is being read", "Grace"),))
    children = (
        *group_gates(draft, attempt, group),
        gates.approvals_gate(mission, attempt, facts, policy),
        gates.roles_gate(mission, attempt, policy),
        *stops(mission, facts),
    )
    return all_of(name, children)


def queue_tree(draft: Draft) -> Condition:
    """Explain a change that stands in the merge queue."""
    mission, name = draft.mission, "merge queue"
    wanted = standing(mission, draft.facts, draft.policy)
    if not wanted.passes:
        return wanted
    if mission.leaving is not None:
        return all_of("merge", (leaf(name, Result.PENDING, "is being left", "the forge"),))
    if mission.group is not None:
        return group_tree(draft, mission.group)
    reason = "every gate passes; the change stands in the merge queue"
    return all_of("merge", (leaf(name, Result.PENDING, reason, "the forge"),))


def request_merge(draft: Draft, attempt: Attempt) -> None:
    """Ask the forge to merge exactly the tested head."""
    mission = draft.mission
    assert mission.pull is not None  # merge readiness holds only with a pull request
    assert attempt.head is not None  # as above
    assert attempt.tree is not None  # as above
    approved = gates.approvers(mission, attempt, draft.facts, draft.policy)
    draft.move(Phase.MERGING, "every gate passes")
    draft.note("merge_requested", head=attempt.head, tree=attempt.tree, approved_by=list(approved))
    draft.ask(
        MergePull(
            key=draft.next_key("merge"),
            purpose="work",
            number=mission.pull.number,
            head=attempt.head,
            tree=attempt.tree,
            method=draft.policy.governance.merge_method,
            subject=messages.merge_subject(mission),
            body=messages.merge_body(mission),
            agent=f"{attempt.agent}/{attempt.candidate}",
            approved_by=approved,
        )
    )
