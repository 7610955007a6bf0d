"""`grace serve --make-app`: the manifest flow on the bot's own address, and then the bot."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from support.flow_look import eventually
from support.flows import free_port

FORM = re.compile(r'action="[^"]*\?state=([^"&]+)')


@pytest.fixture
async def hub(app_key: tuple[str, str]) -> AsyncIterator[str]:
    """A GitHub that makes one App and knows nothing else."""

    async def convert(_: web.Request) -> web.Response:
        made = {
            "id": 4711,
            "slug": "grace-of-acme",
            "html_url": "https://github.test/apps/grace-of-acme",
            "pem": app_key[0],
            "webhook_secret": "the-webhook-secret",
            "client_id": "c",
            "client_secret": "s",
            "name": "Grace",
        }
        return web.json_response(made, status=201)

    app = web.Application()
    app.router.add_post("/app-manifests/{code}/conversions", convert)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@asynccontextmanager
async def served(hub: str, data: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the command as a process of its own."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GRACE_")}
    env |= {
        "GRACE_DATA_DIR": str(data),
        "GRACE_LISTEN_PORT": str(port),
        "GRACE_FORGE_API_URL": hub,
    }
    grace = Path(sys.executable).parent / "grace"
    url = f"http://127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        str(grace),
        *("serve", "--make-app", url, "--org", "acme"),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)


async def line(process: asyncio.subprocess.Process, words: str) -> str:
    """Read the output up to a line with some words."""
    assert process.stdout is not None
    said: list[str] = []
    while text := (await asyncio.wait_for(process.stdout.readline(), 60)).decode():
        said.append(text)
        if words in text:
            return text.strip()
    raise AssertionError(f"never said {words!r}:\n{''.join(said)}")


async def alive(browser: httpx.AsyncClient) -> bool:
    try:
        return (await browser.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False


async def test_the_app_is_made_and_the_bot_runs_with_it(hub: str, tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    async with served(hub, data, port) as process:
        start = await line(process, "?token=")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as browser:
            page = await browser.get(start)
            found = FORM.search(page.text)
            assert found is not None, page.text
            back = {"code": "c0de", "state": found[1]}
            assert (await browser.get("/github/manifest/callback", params=back)).is_success
            await line(process, "grace-of-acme is made")
            await line(process, "[6/9]")

            async def up() -> bool | None:
                return await alive(browser) or None

            await eventually(up, "the bot itself on the port")
            assert (await browser.get("/github/manifest")).status_code == 404
    assert (data / "bot.yaml").exists()
    async with served(hub, data, port) as process:
        await line(process, "no App is made")
        await line(process, "[6/9]")
