"""The run of a playbook that is in play: change it, stop it, wait for it anew."""

from grace.domain.asked import PlaybookTry
from grace.domain.effects import WithdrawRun
from grace.domain.lifecycle.draft import Draft
from grace.domain.mission import Mission
from grace.domain.phase import Phase
from grace.domain.playbooks.run import RunState


def trying_of(mission: Mission) -> PlaybookTry:
    """Return the playbook in play, which executing always has."""
    assert mission.trying is not None  # planning chose it
    return mission.trying


def change(draft: Draft, **changes: object) -> PlaybookTry:
    """Change the playbook in play."""
    new = trying_of(draft.mission).model_copy(update=changes)
    draft.set(tries=(*draft.mission.tries[:-1], new))
    return new


def run_id(mission: Mission, each: PlaybookTry) -> str:
    """Name one order of a playbook's run."""
    return f"{mission.name}/run/{each.number}.{each.run}"


def leave(draft: Draft, reason: str) -> None:
    """Take back a run that is laid out or under way, as the mission is held or ends.

    One that takes back what was done goes on: half of it is worse than either.
    """
    each = draft.mission.trying
    if each is not None and each.undoing is None:
        withdraw(draft, each, reason)


def give_up(draft: Draft, reason: str) -> bool:
    """Leave the taking back to a person where no runner does it, with a CAPA; False: one may."""
    each = trying_of(draft.mission)
    if draft.mission.held is None:
        return False
    withdraw(draft, each, reason)
    change(draft, state=RunState.WITHDRAWN, undoing=f"{each.undoing}; {reason}")
    return True


def withdraw(draft: Draft, each: PlaybookTry, reason: str) -> None:
    """Ask for the end of a run that is laid out or under way."""
    if each.state not in {RunState.OFFERED, RunState.RUNNING}:
        return
    run = run_id(draft.mission, each)
    draft.ask(WithdrawRun(key=f"withdraw/{each.number}/{each.run}", run=run, reason=reason))


def resumed(draft: Draft) -> None:
    """Wait for a runner, or for its next word, anew."""
    each = draft.mission.trying
    if each is not None and each.state is RunState.OFFERED:
        change(draft, offered_at=draft.now)
    elif each is not None and each.state is RunState.RUNNING:
        change(draft, heard_at=draft.now)


def held_in(draft: Draft) -> None:
    """Stop a run at its next step where the mission is held."""
    if draft.mission.held is not None and draft.mission.phase is Phase.EXECUTING:
        leave(draft, draft.mission.held)
