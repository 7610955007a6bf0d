"""The forge's pages in a real browser: a reporter files by form, a reviewer approves, an App asks."""

import shutil
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright

from localforge.forge_world import REPO, SECRET, World
from localforge.test_forge_issue_forms import OURS

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")


@pytest.fixture
async def screen(world: World) -> AsyncIterator[Page]:
    """Show the pages as they are served: whatever their policy forbids is a failure."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 390, "height": 800})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(8000)
        yield page
        await browser.close()
        assert complaints == []


async def _be(screen: Page, world: World, login: str, path: str) -> None:
    await screen.goto(f"{world.forge.url}/login?return_to={path}")
    await screen.get_by_role("main").get_by_role("button", name=login, exact=True).click()
    await screen.wait_for_url(f"**{path}")


async def _clean(screen: Page) -> None:
    """Demand a page that reads aloud and fits a phone."""
    found = await screen.evaluate("document.documentElement.scrollWidth")
    assert found <= 390, screen.url
    results = await Axe().run(screen)
    assert results.violations_count == 0, results.generate_report()


async def test_reporter_files_by_form_and_reviewer_approves_and_merges(
    world: World, screen: Page
) -> None:
    await world.commit("main", ".github/ISSUE_TEMPLATE/mission.yml", OURS.read_text())
    await _be(screen, world, "eve", "/ann/app")
    await screen.get_by_role("link", name="New issue").click()
    await screen.get_by_role("link", name="Mission", exact=True).click()
    await screen.get_by_label("Title").fill("Delivery is slow")
    await screen.get_by_label("Subsystem").fill("mesh")
    await screen.get_by_label("What is wrong").fill("It waits.")
    await screen.get_by_label("Symptoms").fill("- description: slow")
    await screen.get_by_role("button", name="File this issue as eve").click()
    await screen.wait_for_url("**/ann/app/issues/1")
    body = (await world.person("ann").get(f"{REPO}/issues/1")).json()["body"]
    assert body.startswith("### Subsystem\n\nmesh\n\n### Severity\n\nmedium\n\n")
    await _clean(screen)

    sha = await world.commit("fix/one", "a.txt", "one\n2\nthree\n")
    number = await world.pull("fix/one", body="Fixes #1")
    await world.check(sha, "mission/governance")
    await _be(screen, world, "bob", f"/ann/app/pull/{number}")
    await _clean(screen)
    await screen.get_by_role("button", name="Approve").click()
    await screen.get_by_text(f"approved these changes at {sha[:7]}").wait_for()
    await screen.get_by_role("button", name=f"Merge {sha[:7]}").click()
    await screen.get_by_text("Merged", exact=True).wait_for()
    await screen.get_by_role("link", name="#1").click()
    await screen.get_by_text("Closed", exact=True).wait_for()
    await world.forge.idle()
    assert "pull_request_review.submitted" in world.receiver.names()


async def test_app_at_another_address_gets_its_code(
    world: World, screen: Page, app_key: tuple[str, str]
) -> None:
    """The page's policy must let its form lead to the App's callback, and there alone."""
    told: list[dict[str, str]] = []

    async def callback(request: web.Request) -> web.Response:
        told.append(dict(request.query))
        text = '<title>In</title><link rel="icon" href="data:,">'
        return web.Response(text=text, content_type="text/html")

    site = web.Application()
    site.router.add_get("/callback", callback)
    runner = web.AppRunner(site, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/callback"
    app = await world.forge.create_app(
        "Sign in",
        webhook_url=address,
        webhook_secret=SECRET,
        public_key_pem=app_key[1],
        permissions={"metadata": "read"},
        events=[],
        callback_urls=[address],
    )
    asked = f"/login/oauth/authorize?client_id={app.client_id}&state=s"
    await screen.goto(world.forge.url + asked)
    await screen.get_by_role("main").get_by_role("button", name="ann").click()
    await _clean(screen)
    await screen.get_by_role("button", name="Authorize Sign in").click()
    await screen.wait_for_url(f"{address}?*")
    await runner.cleanup()
    assert (told[0]["state"], len(told[0]["code"])) == ("s", 20)
