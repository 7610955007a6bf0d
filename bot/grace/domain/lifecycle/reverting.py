"""Roll back: prepare the revert, land it unless a brake holds, verify the tree, file the CAPA."""

from datetime import timedelta

from grace.domain import emergencies, judging, messages
from grace.domain.effects import (
    FileIssue,
    MergePull,
    OpenPull,
    PushRevert,
    Reply,
    RequestReview,
)
from grace.domain.events import ReviewState
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.forward import RETRY_MERGE, landed_by_hand, request_of
from grace.domain.lifecycle.landed import judged, landing_of, window_of
from grace.domain.mission import Revert
from grace.domain.phase import Outcome, Phase
from grace.domain.verdict import Condition, Result, leaf

INFRASTRUCTURE = frozenset({"timed_out", "startup_failure", "stale"})
DAY = timedelta(days=1)
REVERT_PATIENCE = timedelta(minutes=30)


def brake(draft: Draft) -> str | None:
    """Say why a revert must be landed by a person, or None."""
    if draft.facts.kill_switch:
        return messages.KILL_SWITCH
    if judging.in_shadow(draft.case()):
        return messages.SHADOW
    limit = draft.policy.governance.rollback.max_per_day
    today = [at for at in draft.facts.landed_reverts if at > draft.now - DAY]
    before = [
        r
        for r in draft.facts.rivals
        if r.phase is Phase.REVERTING and r.urgency < draft.mission.urgency()
    ]
    if len(today) + len(before) >= limit:
        return messages.revert_cap(limit)
    revert = draft.mission.revert
    heads = (revert.head if revert is not None else None, landing_of(draft).sha)
    broken = [
        c
        for head in heads
        for c in draft.facts.checks.get(head or "", {}).values()
        if c.conclusion in INFRASTRUCTURE
    ]
    return messages.ci_broken(broken[0].name) if broken else None


def revert_of(draft: Draft) -> Revert:
    """Return the revert of a reverting mission."""
    assert draft.mission.revert is not None  # set with the phase
    return draft.mission.revert


def reverting(draft: Draft) -> None:
    """Prepare the revert, land it unless a brake holds, verify the tree, file the CAPA."""
    mission, revert = draft.mission, revert_of(draft)
    if revert.landed is not None:
        finish_revert(draft, revert)
        return
    if mission.held is not None:
        give_up_revert(draft, mission.held)
    elif revert.head is None:
        if revert.blocked is not None:
            give_up_revert(draft, revert.blocked)
        else:
            push_revert(draft)
    elif revert.pull is None:
        open_revert(draft, revert)
    elif revert.blocked is not None:
        give_up_revert(draft, revert.blocked)
    else:
        land_revert(draft, revert)


def push_revert(draft: Draft) -> None:
    """Ask for the revert branch."""
    mission = draft.mission
    draft.ask(
        PushRevert(
            key=f"revert/{mission.round}",
            landed=landing_of(draft).sha,
            branch=f"{mission.branch}-revert",
            base_branch=draft.policy.subsystem(request_of(draft).subsystem_id).base_branch,
            subject=messages.revert_subject(mission),
            body=messages.revert_body(mission),
        )
    )


def open_revert(draft: Draft, revert: Revert) -> None:
    """Ask for the revert's pull request."""
    mission = draft.mission
    draft.ask(
        OpenPull(
            key=f"revert-pull/{mission.round}",
            purpose="revert",
            head_branch=f"{mission.branch}-revert",
            base_branch=draft.policy.subsystem(request_of(draft).subsystem_id).base_branch,
            head=revert.head or "",
            title=messages.revert_subject(mission),
            body=messages.revert_pull_body(mission),
        )
    )


def land_revert(draft: Draft, revert: Revert) -> None:
    """Ask for the revert's merge; ask again after a refusal, until patience ends."""
    mission = draft.mission
    if merge_in_flight(draft, revert):
        if revert.queued:
            landed_by_hand(draft, revert.pull)
        return
    why = brake(draft)
    if why in {messages.KILL_SWITCH, messages.SHADOW}:
        want_people(draft, why)
        landed_by_hand(draft, revert.pull)
        return
    if why is not None:
        give_up_revert(draft, why)
        return
    if not approved(draft, revert):
        number = revert.pull.number if revert.pull is not None else 0
        want_people(draft, emergencies.revert_needs_approval(number))
        landed_by_hand(draft, revert.pull)
        return
    if mission.forge_says and mission.merge_after is None:
        want_people(draft, mission.forge_says)
        started = revert.asked_at or draft.now
        if draft.now - started >= REVERT_PATIENCE:
            give_up_revert(draft, mission.forge_says)
            return
        draft.set(merge_after=draft.now + RETRY_MERGE)
    if draft.mission.merge_after is not None and draft.now < draft.mission.merge_after:
        draft.wake(draft.mission.merge_after)
        return
    if landed_by_hand(draft, revert.pull):
        return
    first = revert.asked_at or draft.now
    draft.set(revert=revert.model_copy(update={"asked_at": first}), merge_after=None, forge_says="")
    assert revert.pull is not None  # the caller looked
    draft.ask(
        MergePull(
            key=draft.next_key("revert-merge"),
            purpose="revert",
            number=revert.pull.number,
            head=revert.head or "",
            tree=revert.tree or "",
            method=draft.policy.governance.merge_method,
            subject=messages.revert_subject(mission),
            body=messages.revert_body(mission),
            agent="revert",
        )
    )


def approved(draft: Draft, revert: Revert) -> bool:
    """Tell whether a revert may land: by itself, or once somebody who may write approves it."""
    if draft.policy.governance.rollback.approval == "none":
        return True
    number = revert.pull.number if revert.pull is not None else None
    for review in draft.facts.reviews.values():
        permission = draft.facts.permission(f"review:{review.id}")
        given = review.pull == number and review.state is ReviewState.APPROVED
        given = given and review.login.lower() != draft.policy.bot_login.lower()
        if given and review.sha == revert.head and permission is not None and permission.may_write:
            return True
    return False


def want_people(draft: Draft, reason: str) -> None:
    """Ask for people, once: edited comments and checks notify nobody."""
    mission, revert = draft.mission, revert_of(draft)
    assert revert.pull is not None  # the caller looked
    subsystem = draft.policy.subsystem(request_of(draft).subsystem_id)
    if subsystem.reviewers:
        number = revert.pull.number
        draft.ask(
            RequestReview(
                key="revert-reviewers", number=number, reviewers=tuple(subsystem.reviewers)
            )
        )
    if mission.issue is not None:
        surface, body = "revert-wanted", emergencies.revert_wanted(mission, reason)
        draft.ask(Reply(key=f"reply/{surface}", number=mission.issue, surface=surface, body=body))


def merge_in_flight(draft: Draft, revert: Revert) -> bool:
    """Tell whether the forge's answer to our own merge is still awaited."""
    mission = draft.mission
    return revert.asked_at is not None and mission.merge_after is None and not mission.forge_says


def finish_revert(draft: Draft, revert: Revert) -> None:
    """Verify that the revert restored the tree, file the CAPA, and escalate."""
    assert revert.landed is not None  # the caller looked
    restored = revert.restores and revert.restored is not False
    if not file_capa(draft):
        return
    if restored:
        draft.close(Outcome.ROLLED_BACK, revert.reason)
    else:
        draft.close(Outcome.FAILED, messages.NOT_RESTORED)


def give_up_revert(draft: Draft, reason: str) -> None:
    """Leave the landing to a person, with a CAPA that says so."""
    if draft.mission.held != reason and revert_of(draft).blocked != reason:
        draft.set(revert=revert_of(draft).model_copy(update={"blocked": reason}))
    if file_capa(draft):
        draft.close(Outcome.FAILED, messages.revert_left_to_a_person(reason))


def file_capa(draft: Draft) -> bool:
    """Ask for the CAPA issue; True once it is filed."""
    mission = draft.mission
    if mission.capa is not None:
        return True
    draft.ask(
        FileIssue(
            key=f"capa/{mission.round}",
            purpose="capa",
            title=messages.capa_title(mission),
            body=messages.capa_body(mission, capa_tree(draft)),
            labels=("capa",),
        )
    )
    return False


def capa_tree(draft: Draft) -> Condition:
    """Return the tree of the window that led here."""
    window = window_of(draft)
    if window.anchor is None:
        return leaf("metrics", Result.NO_DATA, "the window was never anchored")
    return judged(draft, window.anchor)
