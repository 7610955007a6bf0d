"""Every word with which commands are answered; the rest of what the bot says is in `messages`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from grace.domain.events import Permission
from grace.domain.mission import Mission
from grace.domain.render import code, inline, marker, tree, why
from grace.domain.verdict import Condition

# What `/grace help` lists: the command as it is written, and what it does.
COMMANDS: Mapping[str, str] = {
    "help": "this list",
    "status": "where the mission stands",
    "why": "why it is not merged, as the whole tree of conditions",
    "start": "start a waiting mission, or take over an edited contract",
    "retry [CANDIDATE]": "try a patch candidate again: the one named, else the last",
    "hold": "stop forward work; windows and reverts go on",
    "resume": "go on; by another maintainer it lifts vetoes too",
    "cancel": "end a mission that has not landed",
    "approve": "approve the head that stands, as a review does; takes your veto back",
    "veto REASON": "object: nothing merges until you take it back by `/grace approve`",
    "rollback": "undo what landed, without waiting for a regression",
    "extend MINUTES": "lengthen the observation window",
    "emergency REASON": "merge a critical mission on your own word; a review follows",
    "mute": "no more comments on this mission; the checks go on",
    "unmute": "comments again",
    "remember": "let memory offer the patch of this ended mission to later ones",
    "forget REASON": "take this ended mission out of memory; its outcome still counts",
}
VETO_WITHOUT_REASON = "A veto needs its reason: `/grace veto REASON`."
FORGET_WITHOUT_REASON = "To forget needs its reason: `/grace forget REASON`."
LESSON_WITHHELD = "The contract of this mission says `read_only`: its patch is not tried again."
NO_LESSON = "There is no patch here that held and could be tried again."
EXTEND_BY_WHAT = "By how many minutes? For example `/grace extend 30`, at most 13 days together."


def reply(mission: Mission, surface: str, words: str) -> str:
    """Write an answer as a comment of its own, with its marker."""
    return f"{marker(mission, surface)}\n{words}"


def stranger_refused(login: str, permission: Permission) -> str:
    return (
        f"Thank you, {code(login)}. Commands here need write permission, and the forge says that "
        f"you have {permission.value}; somebody who has it can repeat yours."
    )


def command_refused(command: str, permission: Permission, needed: Permission) -> str:
    return f"{code(command)} needs {needed.value} permission, and you have {permission.value}."


def unknown_command(name: str) -> str:
    known = ", ".join(f"`{words.partition(' ')[0]}`" for words in COMMANDS)
    return f"{code(name, 40)} is no command. There are {known}."


def start_void() -> str:
    return "The issue was edited after this `start`: read it and ask again."


def nothing_to(command: str, mission: Mission) -> str:
    """Say that a command does not fit the phase, and what is the case."""
    held = ", held" if mission.held is not None else ""
    end = f" ({mission.outcome})" if mission.outcome is not None else ""
    way = {
        "start": "it starts a mission that waits, or takes over an edited contract",
        "retry": "it tries a patch again before the merge; after the end, file a new issue",
        "hold": "it stops work between start and merge",
        "resume": "nothing is held and nothing is vetoed",
        "cancel": "it ends what has not landed; `/grace rollback` undoes what has",
        "approve": "it approves a head that CI tests or has tested",
        "veto": "it stops a merge; `/grace rollback` undoes one",
        "rollback": "it undoes what landed while the observation window is open",
        "extend": "it lengthens an open observation window",
        "emergency": "it lets a critical mission's head merge while CI tests or has tested it",
        "mute": "it is muted already, or over",
        "unmute": "it is not muted",
        "remember": "it is for a mission that is over",
        "forget": "it is for a mission that is over",
    }[command]
    return f"The mission is {mission.phase}{end}{held}: there is nothing to {command}; {way}."


def unknown_candidate(wanted: str, names: Sequence[str]) -> str:
    listed = ", ".join(code(name) for name in names)
    return f"{code(wanted, 80)} is no patch candidate of this mission. There are {listed}."


def tried_enough(limit: int) -> str:
    return f"{limit} attempts were made, which is the limit: file a new issue with a new patch."


def unknown_gate(gate: str, gates: Sequence[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in gates)
    return f"{code(gate, 80)} is no gate that a person approves. There is {listed}."


def own_proposal(login: str) -> str:
    return (
        f"{code(login)} filed, edited or started this mission: who proposes does not approve. "
        "Somebody else with write permission may."
    )


def veto_lifted(sentence: str) -> str:
    return f"Your veto is taken back. {sentence}"


def approval_void(login: str, head: str) -> str:
    return (
        f"The head may have moved since {code(login)} approved: it is {head[:10]} now. Look at it "
        "and approve again."
    )


def button_void(head: str | None) -> str:
    """Refuse a button on the check of a commit that is history."""
    now = f"The head is {head[:10]} now" if head else "No patch stands at the moment"
    return f"This button is on the check of an older commit. {now}."


def window_too_long(limit: timedelta) -> str:
    return f"The window would end more than {limit.days} days after the merge, which is the limit."


def help_text() -> str:
    """List the commands."""
    lines = [f"- `/grace {written}`: {words}" for written, words in COMMANDS.items()]
    return "\n".join(
        [
            *lines,
            "",
            (
                "`help`, `status` and `why` need triage permission, the others write permission. "
                "It is asked of the forge when the command runs. Edited comments command nothing."
            ),
        ]
    )


def status_text(mission: Mission, condition: Condition) -> str:
    """Say in a few lines where a mission stands."""
    lines = [f"{mission.name} is **{mission.phase}** (status {mission.status})."]
    if mission.held is not None:
        lines.append(f"Held: {inline(mission.held, 400)}")
    if mission.outcome is not None:
        lines.append(f"It ended as {mission.outcome}: {inline(mission.reason, 400)}")
    else:
        lines.append(inline(why(condition), 500))
    if mission.attempts:
        attempt = mission.attempts[-1]
        head = f" at `{attempt.head[:10]}`" if attempt.head else ""
        lines.append(f"Attempt {attempt.number}, candidate {code(attempt.candidate)}{head}.")
    if mission.pull is not None:
        lines.append(f"Pull request #{mission.pull.number}.")
    if mission.window is not None and mission.window.ends_at is not None:
        lines.append(f"The window ends {mission.window.ends_at:%Y-%m-%d %H:%M} UTC.")
    return "\n".join(lines)


def why_text(condition: Condition) -> str:
    """Show the tree of conditions, the same that the check shows."""
    return f"{inline(why(condition), 500)}\n\n{tree(condition)}"
