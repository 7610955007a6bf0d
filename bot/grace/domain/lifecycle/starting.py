"""The start of a mission: its contract is bound by hash, and work begins."""

from grace.domain import contract
from grace.domain.lifecycle.draft import Draft
from grace.domain.phase import Phase


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
