"""Tell the ledger of tokens that another process made or revoked: `grace token` cannot write it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from grace.domain.access import OWN_LOG
from grace.domain.decision import Note
from grace.ports import Store
from grace.ports.access import AccessStore, TokenChange

# A token may be made on a machine whose clock is ahead of the ledger's.
_SLACK = timedelta(days=1)


async def announce(
    access: AccessStore, store: Store, record: Callable[[Note], Awaitable[None]]
) -> Sequence[TokenChange]:
    """Write `crypto.token_created` and `crypto.token_revoked`, each once; return what was new.

    `record` writes a note to the bot's own log. Where a process ended between the entry and its
    mark, the entry is found again and only marked. One call at a time.
    """
    told = []
    for change in await access.unannounced():
        note = note_of(change)
        if not await _is_told(store, note, change.token.created_at - _SLACK):
            await record(note)
            told.append(change)
        await access.mark_announced(change)
    return told


def note_of(change: TokenChange) -> Note:
    """Say what happened to a token, and never its secret."""
    token = change.token
    payload: dict[str, object] = {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "login": token.login,
        "logs": None if token.logs is None else sorted(token.logs),
        "expires": _written(token.expires_at),
        "at": _written(change.at),
    }
    if token.targets:
        payload["targets"] = sorted(token.targets)
    return Note(kind=f"crypto.token_{change.kind}", actor=change.actor, payload=payload)


async def _is_told(store: Store, note: Note, since: datetime) -> bool:
    """Tell whether the own log has this entry."""
    async for entry in store.entries_of_kind(OWN_LOG, (note.kind,), since):
        if entry.payload is not None and entry.payload.get("id") == note.payload["id"]:
            return True
    return False


def _written(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
