"""The start of a mission: its contract is bound by hash, and work begins."""

from grace.domain import contract
from grace.domain.effects import ReadRef
from grace.domain.lifecycle.draft import Draft
from grace.domain.people import Actor
from grace.domain.phase import Phase


def begin(draft: Draft, actor: Actor) -> None:
    """Freeze the contract and begin to work."""
    draft.move(Phase.PLANNING, f"started by {actor.login}")
    freeze(draft, actor)


def freeze(draft: Draft, actor: Actor) -> None:
    """Bind the mission to its contract by hash, and its candidates to their commits."""
    login = actor.login
    request = draft.mission.request
    assert request is not None  # only a parsed contract awaits its start
    digest = contract.contract_hash(request)
    draft.set(contract_hash=digest, started_by=login, started_at=draft.now, held=None, pins={})
    draft.set(strange_authors=0)
    draft.set(proposer_ids=draft.mission.proposer_ids | ({actor.id} - {0}))
    draft.note("started", login, contract_hash=digest)
    pinned(draft)


def pinned(draft: Draft) -> bool:
    """Tell whether the commit of every candidate that was given by name is known; ask otherwise.

    A branch that somebody moves after the start changes nothing: what the starter saw is pushed.
    """
    mission = draft.mission
    assert mission.request is not None  # only a parsed contract is started
    known = True
    for candidate in mission.request.workspace.patch_candidates:
        if candidate.ref is not None and candidate.name not in mission.pins:
            key = f"ref/{candidate.name}/{mission.round}"
            draft.ask(ReadRef(key=key, candidate=candidate.name, ref=candidate.ref))
            known = False
    return known
