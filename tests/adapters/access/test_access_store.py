"""Tokens and sessions in their file: what is stored, what is found, two processes at once."""

import asyncio
import re
import sqlite3
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace.adapters.access.errors import AccessError
from grace.adapters.access.key import given_key, session_key
from grace.adapters.access.store import SqliteAccess
from grace.domain.access import Scope
from grace.domain.people import Actor
from grace.ports.access import TokenDraft

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DRAFT = TokenDraft(
    name="ci",
    scopes=frozenset({Scope.VIEWER, Scope.AGENT}),
    expires_at=NOW + timedelta(days=1),
    created_by="root",
    login="rita",
    user_id=5,
    logs=frozenset({"forge.test/7", "forge.test/8"}),
)
ALICE = Actor(login="alice", id=11)


def files_in(folder: Path) -> list[tuple[str, int, bytes]]:
    """Read all files of a folder: name, mode, content."""
    return [(p.name, stat.S_IMODE(p.stat().st_mode), p.read_bytes()) for p in folder.iterdir()]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteAccess]:
    made = await SqliteAccess.open(tmp_path / "access.db")
    yield made
    await made.close()


async def test_a_token_is_found_by_its_text_with_all_that_was_asked_for(
    store: SqliteAccess,
) -> None:
    token, text = await store.create_token(DRAFT, NOW)
    found = await store.token_of(text, NOW)
    assert found == token
    assert (found.scopes, found.login, found.user_id, found.logs) == (
        DRAFT.scopes,
        "rita",
        5,
        DRAFT.logs,
    )
    assert (found.created_at, found.expires_at) == (NOW, DRAFT.expires_at)
    assert re.fullmatch(r"grace_[A-Za-z0-9]{43}", text)
    assert found.hint == text[-4:]
    assert await store.token_of(text[:-1], NOW) is None


async def test_no_secret_is_in_the_file(store: SqliteAccess, tmp_path: Path) -> None:
    _, text = await store.create_token(DRAFT, NOW)
    session = await store.begin_session(ALICE, NOW, NOW + timedelta(hours=1))
    await store.spend("the-nonce", NOW + MINUTE, NOW)
    files = b"".join(content for _, _, content in files_in(tmp_path))
    assert b"rita" in files
    for secret in (text, text.removeprefix("grace_"), session, "the-nonce"):
        assert secret.encode() not in files


async def test_the_files_are_for_their_owner_alone(store: SqliteAccess, tmp_path: Path) -> None:
    await store.create_token(DRAFT, NOW)
    modes = {name: mode for name, mode, _ in files_in(tmp_path)}
    assert modes.keys() == {"access.db", "access.db-wal", "access.db-shm"}
    assert set(modes.values()) == {0o600}


async def test_the_last_use_is_noted_once_a_minute(store: SqliteAccess) -> None:
    _, text = await store.create_token(DRAFT, NOW)
    for after, noted in ((0, 0), (59, 0), (60, 60), (90, 60)):
        await store.token_of(text, NOW + timedelta(seconds=after))
        (token,) = await store.tokens()
        assert token.last_used_at == NOW + timedelta(seconds=noted)


async def test_a_token_ends_by_its_date_and_by_revocation_once(store: SqliteAccess) -> None:
    token, text = await store.create_token(DRAFT, NOW)
    assert await store.token_of(text, DRAFT.expires_at - MINUTE) is not None
    assert await store.token_of(text, DRAFT.expires_at) is None
    ended = await store.revoke_token(token.id, "root", NOW)
    again = await store.revoke_token(token.id, "other", NOW + MINUTE)
    assert ended is not None
    assert again is not None
    assert ended.ended == again.ended == NOW
    assert await store.token_of(text, NOW) is None
    assert await store.revoke_token("t_nothing", "root", NOW) is None


async def test_another_process_revokes_at_once(store: SqliteAccess, tmp_path: Path) -> None:
    token, text = await store.create_token(DRAFT, NOW)
    other = await SqliteAccess.open(tmp_path / "access.db")
    try:
        assert await other.token_of(text, NOW) is not None
        await other.revoke_token(token.id, "root", NOW)
        assert await store.token_of(text, NOW) is None
    finally:
        await other.close()


async def test_a_writer_waits_for_another_process(store: SqliteAccess, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "access.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(store.create_token(DRAFT, NOW))
    assert not (await asyncio.wait({writing}, timeout=0.1))[0]
    other.execute("COMMIT")
    other.close()
    assert (await writing)[0].name == "ci"


async def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "access.db"
    stores = await asyncio.gather(*(SqliteAccess.open(path) for _ in range(8)))
    for each in stores:
        await each.create_token(DRAFT, NOW)
    assert len(await stores[0].tokens()) == 8
    await asyncio.gather(*(each.close() for each in stores))


async def test_changes_wait_until_they_are_announced(store: SqliteAccess) -> None:
    first, _ = await store.create_token(DRAFT, NOW)
    second, _ = await store.create_token(DRAFT, NOW + MINUTE)
    await store.revoke_token(first.id, "olga", NOW + 2 * MINUTE)
    changes = await store.unannounced()
    assert [(c.token.id, c.kind, c.actor, c.at) for c in changes] == [
        (first.id, "created", "root", NOW),
        (second.id, "created", "root", NOW + MINUTE),
        (first.id, "revoked", "olga", NOW + 2 * MINUTE),
    ]
    await store.mark_announced(changes[0])
    await store.mark_announced(changes[2])
    assert [c.token.id for c in await store.unannounced()] == [second.id]


async def test_a_session_is_found_until_it_ends(store: SqliteAccess) -> None:
    end, idle = NOW + timedelta(hours=3), timedelta(hours=1)
    session_id = await store.begin_session(ALICE, NOW, end)
    assert len(session_id) >= 43
    found = await store.session_of(session_id, NOW, idle)
    assert found is not None
    assert (found.login, found.user_id, found.created_at, found.expires_at) == (
        "alice",
        11,
        NOW,
        end,
    )
    for minutes in (50, 100, 150):
        assert await store.session_of(session_id, NOW + minutes * MINUTE, idle) is not None
    assert await store.session_of(session_id, end, idle) is None
    assert await store.session_of("other", NOW, idle) is None
    other = await store.begin_session(ALICE, NOW, end)
    assert other != session_id
    assert await store.session_of(other, NOW + idle, idle) is None
    await store.end_session(session_id)
    assert await store.session_of(session_id, NOW, idle) is None


async def test_sessions_and_nonces_that_are_over_are_forgotten(
    store: SqliteAccess, tmp_path: Path
) -> None:
    for minutes in range(5):
        now = NOW + minutes * MINUTE
        await store.begin_session(ALICE, now, now + MINUTE)
        assert await store.spend(f"nonce-{minutes}", now + MINUTE, now)
    with sqlite3.connect(tmp_path / "access.db") as look:
        counts = [
            look.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("sessions", "spent")
        ]
    look.close()
    assert counts == [1, 1]


async def test_a_nonce_is_spent_once_also_by_two_at_once(store: SqliteAccess) -> None:
    tries = [store.spend("n", NOW + MINUTE, NOW) for _ in range(5)]
    assert sorted(await asyncio.gather(*tries)) == [False] * 4 + [True]


async def test_a_newer_file_and_one_that_is_none_are_refused_with_a_way_out(
    tmp_path: Path,
) -> None:
    newer = tmp_path / "newer.db"
    with sqlite3.connect(newer) as made:
        made.execute("PRAGMA user_version=99")
    made.close()
    with pytest.raises(AccessError, match="install the newer grace"):
        await SqliteAccess.open(newer)
    none = tmp_path / "none.db"
    none.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(AccessError, match="move it away"):
        await SqliteAccess.open(none)
    with pytest.raises(AccessError, match="cannot be opened"):
        await SqliteAccess.open(tmp_path)


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = await SqliteAccess.open(tmp_path / "access.db")
    await store.close()
    await store.close()
    with pytest.raises(AccessError, match="closed"):
        await store.tokens()


def test_the_session_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "session.key"
    made = session_key(path)
    assert len(made) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert session_key(path) == made
    assert session_key(tmp_path / "other.key") != made


def test_a_session_key_that_others_read_or_that_is_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "session.key"
    session_key(path)
    path.chmod(0o640)
    with pytest.raises(AccessError, match="delete it"):
        session_key(path)
    path.write_text("short\n")
    path.chmod(0o600)
    with pytest.raises(AccessError, match="too short"):
        session_key(path)
    with pytest.raises(AccessError, match="cannot be made"):
        session_key(tmp_path / "nowhere" / "session.key")
    with pytest.raises(AccessError, match="GRACE_SESSION_KEY is too short") as refused:
        given_key("a secret", "GRACE_SESSION_KEY")
    assert "a secret" not in str(refused.value)
