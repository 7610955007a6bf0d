"""What browsers themselves make of cookies and headers: to the forge and back, out, and attacks."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from support.doors import Door, FakeForge, opened

EVIL = """<!doctype html><title>Evil</title>
<form id="f" method="post" enctype="text/plain" action="{url}/who"><input name="a" value="b"></form>
<iframe id="frame" src="{url}/page"></iframe>"""
SOCKET = """url => new Promise(done => {
  const socket = new WebSocket(url);
  socket.onopen = () => done("open");
  socket.onerror = () => done("refused");
})"""
FETCH = """url => fetch(url, {credentials: "include"}).then(a => "read", () => "refused")"""


@dataclass
class Elsewhere(FakeForge):
    """A forge at another site that sends everybody back at once, as alice."""

    url: str = ""

    def address(self, state: str, challenge: str, redirect_uri: str) -> str:
        return f"{self.url}/authorize?state={state}&to={redirect_uri}"


@asynccontextmanager
async def other_site(door: Door) -> AsyncIterator[str]:
    """Serve the forge's redirect and a hostile page by the name localhost: another site."""

    async def authorize(request: web.Request) -> web.Response:
        query = request.query
        back = f"{query['to']}?code=code-alice&state={query['state']}"
        return web.Response(status=302, headers={"Location": back})

    async def evil(_: web.Request) -> web.Response:
        return web.Response(text=EVIL.format(url=door.url), content_type="text/html")

    app = web.Application()
    app.router.add_get("/authorize", authorize)
    app.router.add_get("/evil", evil)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("these tests need chromium")
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--host-resolver-rules=MAP localhost 127.0.0.1"]
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            page = await browser.new_page()
            page.set_default_timeout(15_000)
            yield page
        finally:
            await browser.close()


async def test_in_and_out_and_no_other_site_gets_anything(tmp_path: Path) -> None:
    forge = Elsewhere()
    async with opened(tmp_path, forge=forge) as door, other_site(door) as other, chromium() as tab:
        forge.url = other
        await tab.goto(f"{door.url}/page")
        await tab.click("text=Sign in with forge.test")
        await tab.wait_for_url(f"{door.url}/page")
        assert await tab.inner_text("#who") == "alice"

        await tab.goto(f"{other}/evil")
        socket = door.url.replace("http:", "ws:") + "/ws"
        assert await tab.evaluate(SOCKET, socket) == "refused"
        assert await tab.evaluate(FETCH, f"{door.url}/who") == "refused"
        framed = tab.frames[1]
        assert await framed.locator("#who").count() == 0
        async with tab.expect_response(f"{door.url}/who") as answered:
            await tab.evaluate("document.getElementById('f').submit()")
        assert (await answered.value).status in {401, 403}
        await tab.wait_for_url(f"{door.url}/who")

        await tab.goto(f"{door.url}/page")
        assert await tab.inner_text("#who") == "alice"
        await tab.click("text=Sign out")
        await tab.wait_for_url(f"{door.url}/sign-in")
        await tab.goto(f"{door.url}/page")
        assert tab.url == f"{door.url}/sign-in?next=%2Fpage"
