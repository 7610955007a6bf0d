"""The main job by hand, in a browser, without any account: from the issue form to resolved."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from grace.demo.scenes import subsystem_of as named
from grace.demo.stage import REPORTER, REVIEWER, ROLLING_MINUTES, WINDOW_MINUTES, Stage, set_up
from grace.demo.stories import RESOLVE
from support.walking import Places, Walker, all_verified, road, walker

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_MS = 150_000  # for what real workflows run in between


@pytest_asyncio.fixture(loop_scope="module")
async def stage(chromium: Browser, tmp_path: Path) -> AsyncIterator[Stage]:
    """Set the demo's stage with its first release live, under traffic."""
    async with (
        set_up(tmp_path, (RESOLVE.name,), lambda _: None) as made,
        made.production(RESOLVE.name),
    ):
        yield made


async def file_by_form(alice: Walker, repository: str) -> None:
    """Click through the forge to the form, fill it in and file it."""
    page = alice.page
    await page.goto(f"{alice.places.forge}/")
    await page.get_by_role("link", name=f"acme / {repository}").click()
    await page.get_by_role("link", name="New issue").click()
    await page.get_by_role("link", name="Mission", exact=True).click()
    await page.get_by_label("Title").fill(RESOLVE.title)
    typed = RESOLVE.answers(
        subsystem=named(RESOLVE.name),
        window_minutes=WINDOW_MINUTES,
        rolling_minutes=ROLLING_MINUTES,
    )
    for label, text in typed.items():
        control = page.get_by_label(label)
        if await control.evaluate("control => control.tagName") == "SELECT":
            await control.select_option(text)
        else:
            await control.fill(text)
    await page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    await alice.picture("forge-issue-form")
    await page.get_by_role("button", name=f"File this issue as {REPORTER}").click()
    await page.wait_for_url("**/issues/1")
    await alice.picture("forge-issue")


async def approve(rita: Walker, pull: str) -> None:
    """Read the pull request and approve it."""
    page = rita.page
    await rita.sign_in_at_forge()
    await page.goto(pull)
    await expect(page.locator("#checks")).to_contain_text("mission/governance")
    await expect(page.locator("#files .diff").first).to_be_visible()
    await rita.picture("forge-pull-whole", whole=True)
    await page.locator("#commits").evaluate("section => section.scrollIntoView()")
    await rita.picture("forge-pull")
    await page.get_by_role("button", name="Approve", exact=True).click()
    await page.get_by_text("approved these changes at").wait_for()


async def test_a_mission_is_filed_approved_observed_and_resolved(
    chromium: Browser, stage: Stage, tmp_path: Path
) -> None:
    places = Places.of(stage.forge.url, stage.bot_url, tmp_path)
    async with (
        walker(chromium, REPORTER, places) as watching,
        walker(chromium, REPORTER, places) as alice,
        walker(chromium, REVIEWER, places) as rita,
    ):
        await watching.sign_in()
        await watching.page.get_by_role("heading", name="No mission yet").wait_for()
        await alice.sign_in_at_forge()
        await file_by_form(alice, "mesh-resolve")

        # The board that was open shows the mission by itself.
        page = watching.page
        await page.get_by_role("link", name=RESOLVE.title).click()
        await page.get_by_role("heading", name=RESOLVE.title, level=1).wait_for()
        await expect(page.locator(".attempts")).to_contain_text("failed", timeout=LONG_MS)
        await road(watching, "gating").wait_for(timeout=LONG_MS)
        await expect(page.locator("[data-part=verdict]")).to_contain_text("pending")
        await watching.picture("walk-gating", whole=True)

        link = page.get_by_role("link", name="pull request #")
        await approve(rita, await link.get_attribute("href") or "")
        await road(watching, "observing").wait_for(timeout=LONG_MS)
        dots = page.locator('.chart svg[aria-label^="trigger_mesh.latency_p95"] .dot')
        await dots.first.wait_for()
        seen = await dots.count()
        await expect(dots.nth(seen + 2)).to_be_attached()  # the chart goes on by itself
        await watching.picture("walk-observing")

        await road(watching, "fixed").wait_for(timeout=LONG_MS)
        await expect(page.locator(".attempts > li")).to_have_count(2)
        await expect(page.locator('.attempts .tag.good:has-text("last")')).to_have_count(1)
        await expect(page.locator("[data-part=people]")).to_contain_text(REVIEWER)
        assert await all_verified(watching) > 20
        await watching.picture("walk-resolved", whole=True)
        await watching.go("/")
        await expect(page.locator("[data-part=ended]")).to_contain_text(RESOLVE.title)
        await alice.page.reload()
        await alice.page.get_by_text("Closed", exact=True).first.wait_for()
        await watching.go("/ledger")
        await page.get_by_text("entries are signed, unchanged").wait_for()
        await watching.picture("walk-ledger")
        for name in ("activity", "map", "queue", "trust", "capa"):
            await watching.go(f"/{name}")
            await watching.picture(f"walk-{name}")
