"""What people and alerts say, and what each changes in a mission."""

from hashlib import sha256

from grace.domain import contract, messages
from grace.domain import events as ev
from grace.domain.effects import ReadPermission
from grace.domain.hidden import describe, find_hidden
from grace.domain.lifecycle.commands import (
    heard,
    obey,
    remember_stranger,
    turned_away,
)
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.tickets import tickets_known
from grace.domain.mission import PendingCommand, about_of
from grace.domain.people import Actor
from grace.domain.phase import WAITING_ROOM, Outcome, Phase

ALL = frozenset(Phase)
LIVE = ALL - {Phase.CLOSED}
AT_WORK = frozenset({Phase.PLANNING, Phase.PATCHING, Phase.TESTING, Phase.GATING, Phase.EXECUTING})
# Bounds on what strangers can make her do for one mission.
MAX_REVISIONS = 100
MAX_ERRORS = 20
MAX_COMMANDS = 10  # of one commander that wait for their answer
MAX_WAITING = 100  # of all commanders together


def issue_seen(draft: Draft, event: ev.IssueSeen) -> None:
    """Read the contract: before the start it replaces the old one, later it waits for a start."""
    mission = draft.mission
    digest = sha256(event.body.encode()).hexdigest()
    if event.sender.login == draft.policy.bot_login:
        return
    older = mission.body_at is not None and event.updated_at < mission.body_at
    if event.edited or digest != mission.body_digest:
        wrote(draft, event)
    if older or digest == mission.body_digest:
        return
    if mission.revisions >= MAX_REVISIONS:
        if mission.phase in WAITING_ROOM:
            draft.hold(messages.TOO_MANY_EDITS)
        return
    editor = event.sender
    bot = draft.policy.bot_login
    draft.set(
        body_digest=digest,
        body_at=event.updated_at,
        revisions=mission.revisions + 1,
        title=event.title,
        requester=asked_by(draft, event),
        issue=event.number,
        hidden=tuple(describe(find_hidden(event.body))),
    )
    if event.author.login != bot:
        ask_permission(draft, "filed", event.author)
    if editor.login != event.author.login:
        ask_permission(draft, "edited", editor)
    try:
        request = contract.parse(event.body, draft.policy, mission.ref)
    except contract.ContractError as error:
        draft.set(errors=error.errors, proposed=None)
        errors = [e.model_dump() for e in error.errors[:MAX_ERRORS]]
        draft.note("invalid", editor.login, errors=errors, count=len(error.errors))
        if mission.phase in WAITING_ROOM and mission.phase is not Phase.INVALID:
            draft.move(Phase.INVALID, "the contract does not parse")
        return
    draft.set(errors=())
    draft.note("filed", editor.login, contract_hash=contract.contract_hash(request))
    if mission.phase in AT_WORK:
        same = contract.contract_hash(request) == mission.contract_hash
        draft.set(proposed=None if same else request)
        return
    draft.set(request=request)
    if mission.phase is not Phase.AWAITING_START:
        draft.move(Phase.AWAITING_START, "the contract is valid")


def asked_by(draft: Draft, event: ev.IssueSeen) -> Actor | None:
    """Name who asked for the mission: an issue that Grace filed is of whom she filed it for."""
    if draft.mission.by_api and event.author.login == draft.policy.bot_login:
        return draft.mission.requester
    return event.author


def wrote(draft: Draft, event: ev.IssueSeen) -> None:
    """Remember who filed and who edited, in whatever order it is told: they may not approve."""
    mission, both = draft.mission, (event.author, event.sender)
    names = {actor.login for actor in both} - {draft.policy.bot_login}
    draft.set(
        authors=tuple(sorted({*mission.authors, *names})),
        proposer_ids=mission.proposer_ids | ({actor.id for actor in both} - {0}),
    )


def ask_permission(draft: Draft, deed: str, who: Actor) -> None:
    """Ask what the person may do who filed or edited the body as it is now."""
    about = draft.mission.body_digest[:16]
    key, about = f"permission/{deed}/{about}", f"{deed}:{about}"
    draft.ask(ReadPermission(key=key, login=who.login, about=about, user_id=who.id))


def issue_closed(draft: Draft, event: ev.IssueClosed) -> None:
    """Cancel before the start; afterwards only somebody with write permission cancels so."""
    login = event.sender.login
    if login == draft.policy.bot_login:
        return
    if draft.mission.phase in WAITING_ROOM:
        draft.close(Outcome.CANCELLED, messages.issue_closed_by(login))
        return
    command = ev.CommandGiven(
        id=f"close-{event.number}-{login}", name="cancel", actor=event.sender, number=event.number
    )
    command_given(draft, command)


def command_given(draft: Draft, event: ev.CommandGiven) -> None:
    """Ask what the commander may do; the command is obeyed when the answer is here."""
    about, heard_as = about_of(event), f"heard/{event.id}"
    waiting = draft.mission.commands
    own = [c for c in waiting if c.given.actor.login == event.actor.login]
    room = len(own) < MAX_COMMANDS and len(waiting) < MAX_WAITING
    known = heard_as in draft.mission.requested
    if room and not known and not turned_away(draft, event.actor.login):
        attempt = draft.mission.attempt
        draft.set(requested=draft.mission.requested | {heard_as})
        pending = PendingCommand(
            given=event,
            body_digest=draft.mission.body_digest,
            head=attempt.head if attempt is not None else None,
        )
        draft.set(commands=(*waiting, pending))
        heard(draft, event)
        key = f"permission/{about}"
        who = event.actor
        draft.ask(ReadPermission(key=key, login=who.login, about=about, user_id=who.id))
        obey_known(draft)


def permission_read(draft: Draft, event: ev.PermissionRead) -> None:
    """Obey the commands whose commander is known now; a stranger's reviews are not read on."""
    if event.about.startswith("review:") and not event.permission.reaches(ev.Permission.TRIAGE):
        remember_stranger(draft, event.login)
    tickets_known(draft)
    obey_known(draft)


def obey_known(draft: Draft) -> None:
    """Obey the commands whose commander is known."""
    waiting = draft.mission.commands
    known = [c for c in waiting if draft.facts.permission(about_of(c.given)) is not None]
    draft.set(commands=tuple(c for c in waiting if c not in known))
    for command in known:
        obey(draft, command)


def ref_read(draft: Draft, event: ev.RefRead) -> None:
    """Pin a candidate to the commit that its branch pointed at; not one of an earlier contract."""
    pins, request = draft.mission.pins, draft.mission.request
    named = request.workspace.patch_candidates if request is not None else ()
    asked = any((c.name, c.ref) == (event.candidate, event.ref) for c in named)
    if asked and event.candidate not in pins:
        draft.set(pins={**pins, event.candidate: event.sha})
        wrote_code(draft, event)
        draft.note("candidate_pinned", candidate=event.candidate, ref=event.ref, sha=event.sha)


def wrote_code(draft: Draft, event: ev.RefRead) -> None:
    """Remember who wrote and who made the commits that are proposed: they may not approve."""
    mission = draft.mission
    names = {actor.login for actor in event.authors} - {draft.policy.bot_login}
    draft.set(
        authors=tuple(sorted({*mission.authors, *names})),
        proposer_ids=mission.proposer_ids | ({actor.id for actor in event.authors} - {0}),
        strange_authors=mission.strange_authors + event.strangers,
    )


def mission_requested(draft: Draft, event: ev.MissionRequested) -> None:
    """Take what somebody asked for by the API as the contract; its issue is filed next."""
    mission, login = draft.mission, event.actor.login
    digest = contract.contract_hash(event.request)
    draft.set(
        by_api=True,
        title=event.title,
        request=event.request,
        requester=event.actor,
        body_digest=digest.removeprefix("sha256:"),
        authors=(login,),
        proposer_ids=frozenset({event.actor.id} - {0}),
    )
    wrong = contract.check(event.request, draft.policy, mission.ref) + contract.unfit(event.request)
    if wrong:
        errors = [{"field": field, "problem": problem} for field, problem in wrong]
        draft.note("invalid", login, errors=errors, count=len(errors))
        draft.close(Outcome.CANCELLED, messages.not_filed(wrong))
        return
    draft.note("filed", login, contract_hash=digest, by=event.by or "api")
    ask_permission(draft, "filed", event.actor)
    draft.move(Phase.AWAITING_START, "asked for by the API")


def pull_seen(draft: Draft, event: ev.PullSeen) -> None:
    """Notice a closed or reopened pull request, and commits that are not ours."""
    mission, login = draft.mission, event.sender.login
    ours = (
        mission.revert.pull if mission.phase is Phase.REVERTING and mission.revert else mission.pull
    )
    if ours is None or ours.number != event.number:
        return
    newest = draft.facts.pulls[event.number]
    if newest.merged or newest.at > event.at or mission.phase is Phase.REVERTING:
        return
    closed = messages.pull_closed(event.number)
    if event.state == "closed" and mission.held is None:
        draft.hold(messages.pull_closed_by(event.number, login))
    elif event.state == "open" and mission.held is not None and mission.held.startswith(closed):
        draft.set(held=None)
    heads = {a.head for a in mission.attempts}
    if event.head_sha not in heads and login != draft.policy.bot_login:
        draft.hold(messages.foreign_commits(login, event.head_sha))


def change_read(draft: Draft, event: ev.ChangeRead) -> None:
    """React to each thing that the read found, as if a webhook had told it."""
    pull_seen(draft, event.pull)
    for review in event.reviews:
        review_seen(draft, review)


def review_seen(draft: Draft, event: ev.ReviewSeen) -> None:
    """Ask what the reviewer may do: a review counts by permission, not by its colour."""
    if event.state in {ev.ReviewState.APPROVED, ev.ReviewState.CHANGES_REQUESTED}:
        about = f"review:{event.id}"
        login = event.actor.login
        key = f"permission/{about}"
        if key not in draft.mission.requested and not turned_away(draft, login):
            number = event.actor.id
            draft.ask(ReadPermission(key=key, login=login, about=about, user_id=number))
            draft.note("reviewed", login, state=event.state.value, sha=event.sha)
