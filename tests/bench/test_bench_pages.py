"""What the pages cost with ten thousand missions stored: bytes, and milliseconds on loopback."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import httpx
import pytest

from bench.figures import percentile, tell
from grace.adapters.access.store import SqliteAccess
from grace.adapters.keys import Ed25519Key
from grace.app.bootstrap import listening, open_hub, open_system
from grace.app.settings import Settings
from grace.domain.access import Scope
from grace.ports.access import TokenDraft
from support.many_missions import write_missions

pytestmark = pytest.mark.bench

MISSIONS = 10_000
ROUNDS = 20
PAGES = ("/", "/activity", "/map", "/queue", "/trust", "/capa", "/ledger")
CALLS = (
    "/mission-control/status",
    "/mission-control/missions",
    "/mission-control/missions?status=resolved&limit=200",
    "/mission-control/queue",
    "/mission-control/activity",
    "/mission-control/trust-scores",
    "/mission-control/subsystems",
    "/mission-control/ledger",
    "/mission-control/keys",
)
_ASSET = re.compile(r"""["'](/static/[\w.-]+|\./[\w.-]+\.js)["']""")


async def test_pages_and_their_calls_with_ten_thousand_missions(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    signer = Ed25519Key.generate(data / "signing.key")
    write_missions(data / "grace.db", MISSIONS, signer=signer)
    settings = Settings(
        data_dir=data,
        requests_per_minute=100_000,
        listen_port=0,
        poll=True,
        mode="statuses",
        forge_token="never used",
    )
    token = await admin_token(data)
    async with (
        open_system(settings) as system,
        open_hub(system, "0000000 main") as parts,
        listening(system, parts) as url,
        httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client,
    ):
        newest = (await client.get("/mission-control/missions?limit=1")).json()["missions"][0]
        name = newest["mission_id"]
        mission = f"/mission-control/missions/{name}"
        detail = [f"/missions/{name}", mission]
        detail += [f"{mission}/{part}" for part in ("verdict", "entries", "observation")]
        size, first = await first_page(client)
        slowest = {}
        for path in (*PAGES, *CALLS, *detail):
            took = [await timed(client, path) for _ in range(ROUNDS)]
            slowest[path] = percentile(took, 0.95)
            tell(f"{path}: p50 {percentile(took, 0.5):.1f} ms, p95 {slowest[path]:.1f} ms, "
                 f"max {max(took):.1f} ms")  # fmt: skip
        tell(f"first page with all it loads: {size:,} bytes, {first:.1f} ms")
    assert size < 100_000
    assert first < 200
    assert max(slowest.values()) < 100, slowest


async def admin_token(data: Path) -> str:
    """Make a token that sees everything."""
    now = datetime.now(UTC)
    store = await SqliteAccess.open(data / "access.db")
    try:
        draft = TokenDraft(
            name="bench",
            scopes=frozenset({Scope.ADMIN}),
            expires_at=now + timedelta(hours=1),
            created_by="bench",
        )
        return (await store.create_token(draft, now))[1]
    finally:
        await store.close()


async def timed(client: httpx.AsyncClient, path: str) -> float:
    """Ask once; return milliseconds."""
    started = perf_counter()
    answer = await client.get(path)
    took = (perf_counter() - started) * 1000
    assert answer.status_code == httpx.codes.OK, (path, answer.status_code, answer.text[:200])
    return took


async def first_page(client: httpx.AsyncClient) -> tuple[int, float]:
    """Load the board with everything that it names; return bytes and milliseconds."""
    started = perf_counter()
    page = await client.get("/")
    size, seen, open_ = len(page.content), set[str](), set(_ASSET.findall(page.text))
    while open_:
        path = open_.pop()
        seen.add(path)
        address = path if path.startswith("/") else f"/static/{path.removeprefix('./')}"
        asset = await client.get(address)
        assert asset.status_code == httpx.codes.OK, address
        size += len(asset.content)
        if address.endswith(".js"):
            open_ |= set(_ASSET.findall(asset.text)) - seen
    return size, (perf_counter() - started) * 1000
