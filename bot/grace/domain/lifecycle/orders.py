"""What each slash command does; it answers a sentence where there is more to say than yes."""

from datetime import timedelta

from grace.domain import approving, emergencies, messages, replies
from grace.domain.events import Permission
from grace.domain.lifecycle import healing, running
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.forward import ask_reviewers
from grace.domain.lifecycle.given import criteria_of
from grace.domain.lifecycle.landed import start_revert
from grace.domain.lifecycle.order import Order
from grace.domain.lifecycle.proactive import taken_over
from grace.domain.lifecycle.starting import begin, freeze
from grace.domain.mission import CANDIDATE, Approval, Attempt, Emergency, Mission, about_of
from grace.domain.phase import FORWARD, WAITING_ROOM, Outcome, Phase, Severity
from grace.domain.verdict import Result, leaf

AT_WORK = FORWARD - {Phase.MERGING}
PATCHED = AT_WORK - {Phase.EXECUTING}
JUDGED = frozenset({Phase.TESTING, Phase.GATING})
MAX_TRIES = 20
MAX_REASON = 500
# A check run left open goes stale after 14 days.
MAX_WINDOW = timedelta(days=13)
# An approval that was so long on its way may be of a head that nobody knows any more.
LONGEST_WAY = timedelta(minutes=5)
CLOCK_STEP = timedelta(seconds=1)  # a forge tells times in whole seconds


def start(draft: Draft, order: Order) -> str | None:
    """Start a waiting mission, or start again with the contract as it was edited."""
    mission = draft.mission
    if mission.phase is Phase.AWAITING_START:
        begin(draft, order.given.actor)
        return None
    if mission.prepared is not None and mission.proposed is None:
        taken_over(draft, order.login)
        return None
    if mission.proposed is None or mission.phase not in PATCHED:
        return replies.nothing_to("start", mission)
    if mission.prepared is not None:
        taken_over(draft, order.login)
    take_branch(draft)
    again(draft, "a new start replaced the contract")
    draft.set(request=mission.proposed, proposed=None, candidate=0, round=mission.round + 1)
    own = {c.name for c in mission.proposed.workspace.patch_candidates}
    offered = tuple(o for o in mission.offered if o.candidate.name not in own)
    draft.set(offered=offered, recalled=None, choice=None)  # a name has one record, and one patch
    draft.set(released_by=None)  # what was let go on was another contract; this one has its starter
    freeze(draft, order.given.actor)
    return None


def again(draft: Draft, reason: str) -> None:
    """End the attempt in play and go back to the planning."""
    if draft.mission.attempt is not None:
        draft.set_attempt(failure=reason)
    if draft.mission.phase is not Phase.PLANNING:
        draft.move(Phase.PLANNING, reason)


def retry(draft: Draft, order: Order) -> str | None:
    """Try a patch candidate again: the one named, else the one that was tried last."""
    mission = draft.mission
    if mission.phase not in PATCHED or mission.request is None:
        return replies.nothing_to("retry", mission)
    names = [c.name for c in mission.candidates]
    names = names[: draft.policy.governance.max_attempts]
    wanted = order.given.argument.strip()
    if not names:
        return messages.NO_CANDIDATE
    if wanted not in {"", CANDIDATE, *names}:
        return replies.unknown_candidate(wanted, names)
    attempt = mission.attempt
    if order.given.sha is not None and (attempt is None or order.given.sha != attempt.head):
        return replies.button_void(attempt.head if attempt is not None else None)
    if len(mission.attempts) >= MAX_TRIES:
        return replies.tried_enough(MAX_TRIES)
    take_branch(draft)
    again(draft, f"{order.login} asked for another try")
    index = names.index(wanted) if wanted in names else min(mission.candidate, len(names) - 1)
    changes = {"held": None, "forge_says": "", "merge_after": None, "refresh": False}
    draft.set(candidate=index, round=mission.round + 1, **changes)
    return None


def hold(draft: Draft, order: Order) -> str | None:
    """Stop forward work; windows and reverts go on."""
    if draft.mission.phase not in FORWARD:
        return replies.nothing_to("hold", draft.mission)
    reason = " ".join(order.given.argument.split())[:MAX_REASON]
    draft.hold(messages.held_by(order.login, reason))
    running.held_in(draft)
    return None


def resume(draft: Draft, order: Order) -> str | None:
    """Go on, and try again what had failed for good.

    A maintainer lifts vetoes too, but not those on what he proposes himself.
    """
    mission = draft.mission
    own = approving.proposes(mission, draft.policy, order.given.actor)
    lifted = order.permission.reaches(Permission.MAINTAIN) and mission.vetoes and not own
    if not mission.live or (mission.held is None and not lifted):
        return replies.nothing_to("resume", mission)
    if lifted:
        draft.note("veto_lifted", order.login, of=sorted(mission.vetoes))
        draft.set(vetoes={})
    if mission.held is not None:
        draft.set(held=None, round=mission.round + 1, **published_again(mission))
        draft.note("resumed", order.login)
        running.resumed(draft)
        if take_branch(draft) and mission.phase in JUDGED:
            draft.set_attempt(failure="commits of somebody else stood on the branch")
            draft.set(refresh=True)
            draft.move(Phase.PATCHING, "resumed: the patch is made again")
    return None


def published_again(mission: Mission) -> dict[str, object]:
    """Forget what could not be published, so that it is published anew."""
    lost = mission.unpublished
    kept = {s: digest for s, digest in mission.published.items() if s.partition(":")[0] not in lost}
    return {"published": kept, "unpublished": frozenset()}


def take_branch(draft: Draft) -> bool:
    """Take the branch back where somebody else's commits stand on it; True if they did."""
    mission = draft.mission
    seen = draft.facts.pulls.get(mission.pull.number) if mission.pull is not None else None
    if seen is None or seen.head_sha in {mission.remote_head, *(a.head for a in mission.attempts)}:
        return False
    draft.set(remote_head=seen.head_sha)
    return True


def cancel(draft: Draft, order: Order) -> str | None:
    """End a mission that has not landed; one in the merge queue when it is out of it."""
    if draft.mission.phase is Phase.MERGING and draft.mission.queued:
        draft.set(ending=messages.cancelled_by(order.login))
        return None
    if draft.mission.phase not in WAITING_ROOM | AT_WORK:
        return replies.nothing_to("cancel", draft.mission)
    each = draft.mission.trying
    if draft.mission.phase is Phase.EXECUTING and each is not None and each.undoing is not None:
        given_up = running.give_up(draft, messages.cancelled_by(order.login))
        return None if given_up else replies.nothing_to("cancel", draft.mission)
    draft.close(Outcome.CANCELLED, messages.cancelled_by(order.login))
    return None


def approve(draft: Draft, order: Order) -> str | None:
    """Approve the head that stands, as a review does; it takes back the approver's own veto."""
    mission, login = draft.mission, order.login
    gate = order.given.argument.strip().lower()
    if mission.phase is Phase.EXECUTING and mission.trying is not None:
        return healing.approve(draft, order, gate)
    gate = gate or approving.APPROVALS
    if gate != approving.APPROVALS:
        return replies.unknown_gate(gate, (approving.APPROVALS,))
    if login in mission.vetoes and mission.live:
        draft.set(vetoes={who: why for who, why in mission.vetoes.items() if who != login})
        draft.note("veto_lifted", login, of=[login])
        refused = approve_head(draft, order)
        return None if refused is None else replies.veto_lifted(refused)
    return approve_head(draft, order)


def approve_head(draft: Draft, order: Order) -> str | None:
    """Count an approval of the head that stood when it was given, if it still stands."""
    mission, login, attempt = draft.mission, order.login, draft.mission.attempt
    if mission.phase not in JUDGED or attempt is None or attempt.head is None:
        return replies.nothing_to("approve", mission)
    if approving.proposes(mission, draft.policy, order.given.actor):
        return replies.own_proposal(login)
    if is_void(draft, order, attempt):
        return replies.approval_void(login, attempt.head)
    given = Approval(
        login=login,
        actor_id=order.given.actor.id,
        sha=attempt.head,
        at=order.given.at or draft.now,
        about=about_of(order.given),
    )
    others = tuple(a for a in mission.approvals if a.login != login)
    draft.set(approvals=(*others, given))
    draft.note("approved", login, gate=approving.APPROVALS, sha=attempt.head)
    return None


def emergency(draft: Draft, order: Order) -> str | None:
    """Let a critical head merge on a named person's word; somebody else reviews it afterwards."""
    mission, login, attempt = draft.mission, order.login, draft.mission.attempt
    rules, reason = draft.policy.governance.emergency, " ".join(order.given.argument.split())
    if not rules.enabled:
        return emergencies.EMERGENCY_OFF
    if mission.phase not in JUDGED or attempt is None or attempt.head is None:
        return replies.nothing_to("emergency", mission)
    if mission.severity is not Severity.CRITICAL:
        return emergencies.emergency_not_critical(mission)
    if not order.permission.reaches(rules.permission):
        return emergencies.emergency_needs(login, order.permission, rules.permission)
    if not reason:
        return emergencies.EMERGENCY_WITHOUT_REASON
    if is_void(draft, order, attempt):
        return replies.approval_void(login, attempt.head)
    given = Emergency(
        login=login,
        actor_id=order.given.actor.id,
        reason=reason[:1000],
        sha=attempt.head,
        at=order.given.at or draft.now,
        about=about_of(order.given),
    )
    draft.set(emergency=given)
    draft.note("emergency", login, reason=given.reason, sha=attempt.head)
    return emergencies.emergency_ordered(attempt.head)


def mute(draft: Draft, order: Order) -> str | None:
    """Write no more comments by herself; checks and answers go on."""
    if draft.mission.muted is not None or not draft.mission.live:
        return replies.nothing_to("mute", draft.mission)
    draft.set(muted=order.login)
    draft.note("muted", order.login)
    return None


def unmute(draft: Draft, order: Order) -> str | None:
    """Write comments again, and ask for the reviews that were not asked for meanwhile."""
    if draft.mission.muted is None:
        return replies.nothing_to("unmute", draft.mission)
    draft.set(muted=None)
    draft.note("unmuted", order.login)
    if draft.mission.phase is Phase.GATING:
        ask_reviewers(draft)
    return None


def is_void(draft: Draft, order: Order, attempt: Attempt) -> bool:
    """Tell whether what was said may have been about another head than the one that stands."""
    at, pushed = order.given.at, attempt.pushed_at
    late = at is not None and pushed is not None and at + CLOCK_STEP < pushed
    late = late or (at is not None and draft.now - at > LONGEST_WAY)
    return order.head != attempt.head or order.given.sha not in {None, attempt.head} or late


def veto(draft: Draft, order: Order) -> str | None:
    """Object to the mission; nothing merges until the objection is taken back."""
    mission, login = draft.mission, order.login
    reason = " ".join(order.given.argument.split())
    if mission.phase not in FORWARD | {Phase.AWAITING_START}:
        return replies.nothing_to("veto", mission)
    if not reason:
        return replies.VETO_WITHOUT_REASON
    draft.set(
        vetoes={**mission.vetoes, login: reason},
        approvals=tuple(a for a in mission.approvals if a.login != login),
    )
    draft.note("vetoed", login, reason=reason)
    running.leave(draft, f"{login} objects: {reason}")
    return None


def rollback(draft: Draft, order: Order) -> str | None:
    """Undo what landed, without waiting for the window to see a regression."""
    if draft.mission.phase is not Phase.OBSERVING:
        return replies.nothing_to("rollback", draft.mission)
    reason = messages.rollback_by(order.login)
    undo = start_revert if draft.mission.landing is not None else healing.take_back
    undo(draft, leaf("rollback", Result.FAIL, reason, order.login))
    return None


def extend(draft: Draft, order: Order) -> str | None:
    """Lengthen the observation window by some minutes."""
    mission, window = draft.mission, draft.mission.window
    anchor = window.anchor if window is not None else None
    landed = mission.landing.at if mission.landing is not None else anchor
    if mission.phase is not Phase.OBSERVING or window is None or landed is None:
        return replies.nothing_to("extend", mission)
    minutes = minutes_of(order.given.argument)
    if minutes is None:
        return replies.EXTEND_BY_WHAT
    more = timedelta(minutes=minutes)
    planned = criteria_of(draft).observation_window_minutes + window.added_minutes
    ends_at = window.ends_at or draft.now + timedelta(minutes=planned)
    if ends_at + more - landed > MAX_WINDOW:
        return replies.window_too_long(MAX_WINDOW)
    ends = None if window.ends_at is None else window.ends_at + more
    added = window.added_minutes + minutes
    draft.set(window=window.model_copy(update={"added_minutes": added, "ends_at": ends}))
    draft.note("window_lengthened", order.login, minutes=minutes)
    return None


def minutes_of(words: str) -> float | None:
    """Read a positive number of minutes, `m` or `min` behind it allowed."""
    text = words.strip().lower().removesuffix("utes").removesuffix("min").removesuffix("m").strip()
    try:
        minutes = float(text)
    except ValueError:
        return None
    return minutes if 0 < minutes <= MAX_WINDOW / timedelta(minutes=1) else None
