"""Slash commands, obeyed only for those whom the forge lets write."""

from collections.abc import Callable

from grace.domain import contract, messages
from grace.domain import events as ev
from grace.domain.lifecycle.draft import Draft
from grace.domain.mission import PendingCommand
from grace.domain.phase import FORWARD, WAITING_ROOM, Outcome, Phase

AT_WORK = FORWARD - {Phase.MERGING}


def obey(draft: Draft, pending: PendingCommand) -> None:
    """Carry out one command whose commander's permission is known.

    A start is for the contract that its commander saw: an edit since makes it void.
    """
    command = pending.given
    login = command.actor.login
    permission = draft.facts.permission(f"command:{command.id}")
    if permission is None or not permission.may_write:
        words = messages.command_refused(command.name, login, permission or ev.Permission.NONE)
        draft.set(refused=(*draft.mission.refused, words)[-5:])
        draft.note("command_refused", login, command=command.name)
        return
    if command.name == "start" and edited_since(draft, pending):
        words = messages.start_void(login)
        draft.set(refused=(*draft.mission.refused, words)[-5:])
        draft.note("command_refused", login, command=command.name)
        return
    draft.note("command", login, command=command.name, argument=command.argument[:200])
    COMMANDS[command.name](draft, login)


def edited_since(draft: Draft, pending: PendingCommand) -> bool:
    """Tell whether the contract is another one than when the command was given."""
    body_at, given_at = draft.mission.body_at, pending.given.at
    older = body_at is not None and given_at is not None and given_at < body_at
    return older or pending.body_digest != draft.mission.body_digest


def start(draft: Draft, login: str) -> None:
    """Start a waiting mission, or start again with the contract as it was edited."""
    mission = draft.mission
    if mission.phase is Phase.AWAITING_START:
        begin(draft, login)
    elif mission.proposed is not None and mission.phase in AT_WORK:
        if mission.attempt is not None:
            draft.set_attempt(failure="a new start replaced the contract")
        if mission.phase is not Phase.PLANNING:
            draft.move(Phase.PLANNING, "a new start replaced the contract")
        draft.set(request=mission.proposed, proposed=None, candidate=0, round=mission.round + 1)
        freeze(draft, login)


def begin(draft: Draft, login: str) -> None:
    """Freeze the contract and begin to work."""
    draft.move(Phase.PLANNING, f"started by {login}")
    freeze(draft, login)


def freeze(draft: Draft, login: str) -> None:
    """Bind the mission to its contract by hash."""
    request = draft.mission.request
    assert request is not None  # only a parsed contract awaits its start
    digest = contract.contract_hash(request)
    draft.set(contract_hash=digest, started_by=login, started_at=draft.now, held=None)
    draft.note("started", login, contract_hash=digest)


def cancel(draft: Draft, login: str) -> None:
    """End a mission that has not landed."""
    if draft.mission.phase in WAITING_ROOM | AT_WORK:
        draft.close(Outcome.CANCELLED, messages.cancelled_by(login))


def hold(draft: Draft, login: str) -> None:
    """Stop forward work; windows and reverts go on."""
    if draft.mission.phase in FORWARD:
        draft.hold(messages.held_by(login))


def resume(draft: Draft, login: str) -> None:
    """Go on, and try again what had failed for good."""
    if draft.mission.held is not None:
        draft.set(held=None, round=draft.mission.round + 1)
        draft.note("resumed", login)
        patch_again(draft)


def patch_again(draft: Draft) -> None:
    """Where somebody else's commits stand on the branch, make the patch again in their place."""
    mission = draft.mission
    seen = draft.facts.pulls.get(mission.pull.number) if mission.pull is not None else None
    if (
        seen is None
        or mission.attempt is None
        or mission.phase not in {Phase.TESTING, Phase.GATING}
    ):
        return
    if seen.head_sha not in {a.head for a in mission.attempts}:
        draft.set_attempt(failure="commits of somebody else stood on the branch")
        draft.set(remote_head=seen.head_sha, refresh=True)
        draft.move(Phase.PATCHING, "resumed: the patch is made again")


COMMANDS: dict[str, Callable[[Draft, str], None]] = {
    "start": start,
    "cancel": cancel,
    "hold": hold,
    "resume": resume,
}
