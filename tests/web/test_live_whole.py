"""Live events behind the real door: `grace watch` with a token of `grace token`."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from click.testing import Result
from typer.testing import CliRunner

from grace.adapters.access.store import SqliteAccess
from grace.app.bootstrap import listening, open_hub, open_system
from grace.app.settings import Settings
from grace.cli.main import app
from grace.domain.access import Scope
from grace.domain.decision import Note
from grace.ports.access import TokenDraft
from support.live_world import MESH, NOW, SHOP


async def tokens(data: Path) -> tuple[str, str]:
    """Make a token for everything, and one for a repository alone."""
    store, now = await SqliteAccess.open(data / "access.db"), datetime.now(UTC)
    made = []
    for logs in (None, frozenset({SHOP.log})):
        draft = TokenDraft(
            name="watch",
            scopes=frozenset({Scope.ADMIN if logs is None else Scope.VIEWER}),
            logs=logs,
            expires_at=now + timedelta(hours=1),
            created_by="a test",
        )
        made.append((await store.create_token(draft, now))[1])
    await store.close()
    return made[0], made[1]


async def watch(url: str, token: str, *args: str) -> Result:
    env = {"GRACE_TOKEN": token, "COLUMNS": "200"}
    return await asyncio.to_thread(CliRunner().invoke, app, ["watch", "--url", url, *args], env=env)


async def test_a_token_lets_watch_and_sees_what_it_is_good_for(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, listen_port=0, poll=True, mode="statuses", forge_token="never used"
    )
    async with (
        open_system(settings) as system,
        open_hub(system, "0000000 main") as parts,
        listening(system, parts) as url,
    ):
        whole, shop = await tokens(tmp_path)
        running = asyncio.create_task(parts.mesh.run())
        for ref in (MESH, SHOP):
            note = Note(kind="mission.held", actor="grace", payload={"reason": ref.repository})
            await system.store.record(note, NOW, ref=ref)
        told = await watch(url, whole, "--after", "0", "--count", "4")
        narrow = await watch(url, shop, "--after", "0", "--count", "2")
        stranger = await watch(url, "grace_" + "x" * 43, "--after", "0", "--count", "1")
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{url}/ws?token={whole}")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert told.exit_code == narrow.exit_code == 0, (told.output, narrow.output)
    assert [line[21:34] for line in told.stdout.splitlines()].count("forge.test/1 ") == 2
    assert "acme/mesh" in told.stdout
    assert "acme/mesh" not in narrow.stdout
    assert "HELD: acme/shop" in narrow.stdout
    assert stranger.exit_code == 2
    assert "(401)" in stranger.output
    assert refused.value.status == 400
