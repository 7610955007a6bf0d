"""Roll back: prepare the revert, and land it unless something says that a person must."""

from datetime import timedelta

from grace.domain import emergencies, messages
from grace.domain.effects import MergePull, OpenPull, PushRevert, Reply, RequestReview
from grace.domain.events import ReviewState
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.forward import RETRY_MERGE, landed_by_hand
from grace.domain.lifecycle.given import fresh_base, request_of
from grace.domain.lifecycle.landed import landing_of
from grace.domain.lifecycle.revert_brakes import brake, ci_of, people_land
from grace.domain.lifecycle.revert_outcomes import change, revert_of
from grace.domain.lifecycle.undone import finish_revert, give_up_revert
from grace.domain.mission import Revert
from grace.domain.ranges import PullCommits
from grace.domain.results import Sha
from grace.domain.verdict import Result

REVERT_PATIENCE = timedelta(minutes=30)
MAX_TIPS = 5  # how often the base may move under a prepared revert


def reverting(draft: Draft) -> None:
    """Prepare the revert, land it unless a brake holds; then see what became of it."""
    mission, revert = draft.mission, revert_of(draft)
    if revert.landed is not None:
        finish_revert(draft, revert, revert.landed)
        return
    if mission.held is not None:
        give_up_revert(draft, mission.held)
    elif revert.head is None:
        if revert.blocked is not None:
            give_up_revert(draft, revert.blocked)
        else:
            push_revert(draft, revert)
    elif revert.pull is None:
        open_revert(draft, revert)
    elif revert.blocked is not None:
        give_up_revert(draft, revert.blocked)
    else:
        land_revert(draft, revert)


def push_revert(draft: Draft, revert: Revert) -> None:
    """Ask for the revert branch; anew on each tip that the base moved to since."""
    mission, anew = draft.mission, len(revert.tips)
    draft.ask(
        PushRevert(
            key=f"revert/{mission.round}" + (f"/{anew}" if anew else ""),
            landed=landing_of(draft).sha,
            pull=other_commits(draft),
            again=anew > 0,
            branch=f"{mission.branch}-revert",
            base_branch=base_branch(draft),
            subject=messages.revert_subject(mission),
            body=messages.revert_body(mission),
        )
    )


def other_commits(draft: Draft) -> PullCommits | None:
    """Say where the commits lie that landed; None: what landed is our one commit.

    A person may have merged the pull request with commits of his own on top of ours.
    """
    mission = draft.mission
    seen = draft.facts.pulls.get(mission.pull.number) if mission.pull is not None else None
    if seen is None or seen.head_sha in {a.head for a in mission.attempts}:
        return None
    fork = next((a.base for a in reversed(mission.attempts) if a.head is not None), None)
    return None if fork is None else PullCommits(fork=fork, head=seen.head_sha)


def base_branch(draft: Draft) -> str:
    """Name the branch that the mission's change landed on."""
    return draft.policy.subsystem(request_of(draft).subsystem_id).base_branch


def open_revert(draft: Draft, revert: Revert) -> None:
    """Ask for the revert's pull request."""
    mission = draft.mission
    draft.ask(
        OpenPull(
            key=f"revert-pull/{mission.round}",
            purpose="revert",
            head_branch=f"{mission.branch}-revert",
            base_branch=base_branch(draft),
            head=revert.head or "",
            title=messages.revert_subject(mission),
            body=messages.revert_pull_body(mission),
        )
    )


def land_revert(draft: Draft, revert: Revert) -> None:
    """Ask for the revert's merge; ask again after a refusal, until patience ends."""
    if merge_in_flight(draft, revert):
        if revert.queued:
            landed_by_hand(draft, revert.pull)
        return
    if landed_by_hand(draft, revert.pull):
        return
    why = people_land(draft)
    if why is not None:
        want_people(draft, why)
        return
    why = brake(draft, revert)
    if why is not None:
        give_up_revert(draft, why)
        return
    if made_anew(draft, revert) or ci_holds(draft, revert):
        return
    if not approved(draft, revert):
        number = revert.pull.number if revert.pull is not None else 0
        want_people(draft, emergencies.revert_needs_approval(number))
        return
    if not refused(draft, revert):
        ask_merge(draft, revert)


def ci_holds(draft: Draft, revert: Revert) -> bool:
    """Tell whether CI keeps the revert from landing; one that it does not pass is a person's."""
    ci = ci_of(draft, revert)
    if ci.result is Result.FAIL:
        give_up_revert(draft, ci.reason)
        return True
    waits_for = "" if ci.passes else ci.reason
    if revert.waits_for != waits_for:
        change(draft, waits_for=waits_for)
    return not ci.passes


def made_anew(draft: Draft, revert: Revert) -> bool:
    """Have the revert made again where the base moved since: what came on top may be in its way.

    A word about a tip counts once, for pushes are told in any order.
    """
    tip = moved_to(draft, revert)
    if tip is None or len(revert.tips) >= MAX_TIPS:
        return False
    draft.note("revert_made_anew", before=revert.base, tip=tip)
    gone = {"head": None, "base": None, "tree": None, "asked_at": None, "waits_for": ""}
    change(draft, tips=(*revert.tips, tip), **gone)
    draft.set(forge_says="", merge_after=None)
    return True


def moved_to(draft: Draft, revert: Revert) -> Sha | None:
    """Return a tip of the base that was told or read since the revert was made, and is another."""
    made, known = revert.pushed_at, {revert.base, landing_of(draft).sha, *revert.tips}
    for fact in (draft.facts.base, draft.facts.base_hint):
        here = fact is not None and fact.branch == base_branch(draft)
        newer = fact is not None and made is not None and fact.at > made
        if fact is not None and here and newer and fact.sha not in known:
            return fact.sha
    return None


def refused(draft: Draft, revert: Revert) -> bool:
    """Tell whether the forge refused a moment ago: it is asked again, until patience ends."""
    mission = draft.mission
    if mission.forge_says and mission.merge_after is None:
        want_people(draft, mission.forge_says)
        started = revert.asked_at or draft.now
        if draft.now - started >= REVERT_PATIENCE:
            give_up_revert(draft, mission.forge_says)
            return True
        fresh_base(draft)  # it may have moved without a word
        draft.set(merge_after=draft.now + RETRY_MERGE)
    if draft.mission.merge_after is not None and draft.now < draft.mission.merge_after:
        draft.wake(draft.mission.merge_after)
        return True
    return False


def ask_merge(draft: Draft, revert: Revert) -> None:
    """Ask the forge to merge the prepared revert."""
    mission = draft.mission
    assert revert.pull is not None  # the caller looked
    change(draft, asked_at=revert.asked_at or draft.now)
    draft.set(merge_after=None, forge_says="")
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
