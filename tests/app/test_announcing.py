"""The ledger hears of every token once, whoever made it and wherever the process ended."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace.adapters.access.store import SqliteAccess
from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.app.announce import announce
from grace.domain.access import OWN_LOG, Scope
from grace.domain.decision import Note
from grace.ports.access import TokenDraft

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DRAFT = TokenDraft(
    name="ci",
    scopes=frozenset({Scope.VIEWER, Scope.AGENT}),
    expires_at=NOW + timedelta(days=90),
    created_by="olga",
    login="rita",
)


@dataclass
class Two:
    """The two files, and whether the process ends behind the next entry."""

    access: SqliteAccess
    store: SqliteStore
    dies: bool = False

    async def record(self, note: Note) -> None:
        await self.store.record_own(note, NOW)
        if self.dies:
            raise KeyboardInterrupt

    async def tell(self) -> int:
        return len(await announce(self.access, self.store, self.record))

    async def told(self) -> list[tuple[str, str, str]]:
        entries = await self.store.entries(OWN_LOG)
        return [
            (e.envelope.kind, e.envelope.actor, str((e.payload or {})["id"]))
            for e in entries
            if e.envelope.kind.startswith("crypto.token")
        ]


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    access = await SqliteAccess.open(tmp_path / "access.db")
    store = await SqliteStore.open(tmp_path / "grace.db", Ed25519Key(bytes(range(32))))
    yield Two(access, store)
    await store.close()
    await access.close()


async def test_making_and_revoking_are_told_once(two: Two) -> None:
    assert await two.tell() == 0
    token, _ = await two.access.create_token(DRAFT, NOW)
    assert [await two.tell(), await two.tell()] == [1, 0]
    other, _ = await two.access.create_token(DRAFT, NOW)
    await two.access.revoke_token(token.id, "root", NOW)
    assert [await two.tell(), await two.tell()] == [2, 0]
    assert sorted(await two.told()) == sorted(
        [
            ("crypto.token_created", "olga", token.id),
            ("crypto.token_created", "olga", other.id),
            ("crypto.token_revoked", "root", token.id),
        ]
    )


async def test_the_entry_says_what_the_token_may_and_no_secret(two: Two) -> None:
    token, text = await two.access.create_token(DRAFT, NOW)
    await two.tell()
    lines = await two.store.lines(OWN_LOG)
    entry = json.loads(lines[-1])
    assert entry["payload"] == {
        "id": token.id,
        "name": "ci",
        "scopes": ["agent", "viewer"],
        "login": "rita",
        "logs": None,
        "expires": "2027-02-20T09:00:00+00:00",
        "at": "2026-11-22T09:00:00+00:00",
    }
    whole = b"".join(lines)
    assert text.encode() not in whole
    assert text.removeprefix("grace_").encode() not in whole


async def test_a_process_that_ends_behind_the_entry_tells_it_no_second_time(two: Two) -> None:
    token, _ = await two.access.create_token(DRAFT, NOW)
    two.dies = True
    with pytest.raises(KeyboardInterrupt):
        await two.tell()
    two.dies = False
    assert await two.tell() == 0
    assert await two.access.unannounced() == []
    assert await two.told() == [("crypto.token_created", "olga", token.id)]


async def test_no_repositorys_log_hears_of_tokens(two: Two) -> None:
    await two.access.create_token(DRAFT, NOW)
    await two.tell()
    assert list(await two.store.logs()) == [OWN_LOG]
