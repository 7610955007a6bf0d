"""Slash commands and buttons, obeyed only for those whom the forge lets do it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from grace.domain import events as ev
from grace.domain import replies
from grace.domain.effects import React, Reply
from grace.domain.lifecycle import lessons, orders
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.order import Order
from grace.domain.mission import PendingCommand, about_of

# A stranger's commands cost a permission read each; so many people get their one polite line.
MAX_STRANGERS = 5
MAX_REMEMBERED = 200
STRANGER_REST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Command:
    """What a command needs and does; a question does nothing, and the surfaces answer it."""

    needs: ev.Permission
    does: Callable[[Draft, Order], str | None] | None = None


COMMANDS: dict[str, Command] = {
    "help": Command(ev.Permission.TRIAGE),
    "status": Command(ev.Permission.TRIAGE),
    "why": Command(ev.Permission.TRIAGE),
    "start": Command(ev.Permission.WRITE, orders.start),
    "retry": Command(ev.Permission.WRITE, orders.retry),
    "hold": Command(ev.Permission.WRITE, orders.hold),
    "resume": Command(ev.Permission.WRITE, orders.resume),
    "cancel": Command(ev.Permission.WRITE, orders.cancel),
    "approve": Command(ev.Permission.WRITE, orders.approve),
    "veto": Command(ev.Permission.WRITE, orders.veto),
    "rollback": Command(ev.Permission.WRITE, orders.rollback),
    "extend": Command(ev.Permission.WRITE, orders.extend),
    "emergency": Command(ev.Permission.WRITE, orders.emergency),
    "mute": Command(ev.Permission.WRITE, orders.mute),
    "unmute": Command(ev.Permission.WRITE, orders.unmute),
    "remember": Command(ev.Permission.WRITE, lessons.remember),
    "forget": Command(ev.Permission.WRITE, lessons.forget),
}
QUESTIONS = frozenset(name for name, command in COMMANDS.items() if command.does is None)


def obey(draft: Draft, pending: PendingCommand) -> None:
    """Carry out one command whose commander's permission is known."""
    command = pending.given
    login = command.actor.login
    permission = draft.facts.permission(about_of(command)) or ev.Permission.NONE
    known = COMMANDS.get(command.name)
    if not permission.reaches(ev.Permission.TRIAGE):
        turn_away(draft, command, permission)
    elif known is None:
        answer(draft, command, replies.unknown_command(command.name))
    elif not permission.reaches(known.needs):
        draft.note("command_refused", login, command=command.name)
        answer(draft, command, replies.command_refused(command.name, permission, known.needs))
    elif command.name == "start" and edited_since(draft, pending):
        # A start is for the contract that its commander saw: an edit since makes it void.
        draft.note("command_refused", login, command=command.name)
        answer(draft, command, replies.start_void())
    elif known.does is None:
        draft.questions.append(command)
    else:
        said: dict[str, object] = {"command": command.name, "argument": command.argument[:200]}
        draft.note("command", login, **said, **({"by": command.by} if command.by else {}))
        sentence = known.does(draft, Order(command, permission, pending.head))
        if sentence is None:
            nod(draft, command)
        else:
            answer(draft, command, sentence)


def turn_away(draft: Draft, command: ev.CommandGiven, permission: ev.Permission) -> None:
    """Give a stranger one polite line, once, and nothing else."""
    login, greeted = command.actor.login, draft.mission.greeted
    if login not in greeted and len(greeted) < MAX_STRANGERS:
        draft.set(greeted=(*greeted, login))
        draft.note("command_refused", login, command=command.name[:40])
        answer(draft, command, replies.stranger_refused(login, permission))
    remember_stranger(draft, login)


def remember_stranger(draft: Draft, login: str) -> None:
    """Remember when the forge last said that somebody may do nothing here."""
    others = {who: at for who, at in draft.mission.strangers.items() if who != login}
    draft.set(strangers=dict([*others.items(), (login, draft.now)][-MAX_REMEMBERED:]))


def turned_away(draft: Draft, login: str) -> bool:
    """Tell whether somebody was a stranger a moment ago: the forge is not asked again for a while.

    Each question is a call, and a stranger writes comments as fast as a program.
    """
    at = draft.mission.strangers.get(login)
    return at is not None and draft.now - at < STRANGER_REST


def heard(draft: Draft, command: ev.CommandGiven) -> None:
    """Show at once that a command was read."""
    mission, login = draft.mission, command.actor.login
    if command.comment and login not in {*mission.strangers, *mission.greeted}:
        key = f"react/{command.comment}/eyes"
        draft.ask(React(key=key, comment=command.comment, reaction="eyes"))


def nod(draft: Draft, command: ev.CommandGiven) -> None:
    """Show that a command was obeyed."""
    if command.comment:
        key = f"react/{command.comment}/+1"
        draft.ask(React(key=key, comment=command.comment, reaction="+1"))


def answer(draft: Draft, command: ev.CommandGiven, words: str) -> None:
    """Answer a command where it was given; a button's answer goes to the pull request."""
    mission = draft.mission
    number = command.number or (mission.pull.number if mission.pull else mission.issue)
    if number is None:
        return
    surface = f"reply:{command.id}"
    body = replies.reply(mission, surface, words)
    draft.ask(Reply(key=f"reply/{command.id}", number=number, surface=surface, body=body))


def edited_since(draft: Draft, pending: PendingCommand) -> bool:
    """Tell whether the contract is another one than when the command was given."""
    body_at, given_at = draft.mission.body_at, pending.given.at
    older = False
    if body_at is not None and given_at is not None:
        # In the second of an edit nobody knows what came first; filing is no edit.
        edited = draft.mission.revisions > 1
        older = given_at <= body_at if edited else given_at < body_at
    return older or pending.body_digest != draft.mission.body_digest
