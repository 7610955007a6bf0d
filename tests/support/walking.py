"""People with browsers: they sign in at the forge by a click, and at the hub through the forge."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, WebSocket, expect

PICTURES = "GRACE_PICTURES"  # names the folder that pictures are left in
PATIENCE_MS = 20_000
SIZE = {"width": 1280, "height": 900}


@dataclass(frozen=True, slots=True)
class Places:
    """Where people go: addresses of the forge and of the hub; and the folder for pictures."""

    forge: str
    hub: str
    pictures: Path

    @classmethod
    def of(cls, forge: str, hub: str, folder: Path) -> "Places":
        """Leave pictures in a folder, where the environment names no other."""
        return cls(forge, hub, Path(os.environ.get(PICTURES) or folder))


@dataclass
class Walker:
    """Somebody at a browser of their own.

    `faults`: what pages and their policy complained of. `frames`: what came out of sockets.
    """

    login: str
    page: Page
    places: Places
    faults: list[str] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)

    async def sign_in_at_forge(self) -> None:
        """Become this person at the forge."""
        await self.page.goto(f"{self.places.forge}/login")
        people = self.page.get_by_role("main")
        await people.get_by_role("button", name=self.login, exact=True).click()
        await self.page.get_by_role("link", name=self.login, exact=True).wait_for()

    async def sign_in(self) -> None:
        """Open the hub, and go through the forge's consent page back to it."""
        await self.page.goto(f"{self.places.hub}/")
        await self.page.get_by_role("link", name=re.compile("Sign in with")).click()
        if await self.page.get_by_role("heading", name="Who are you?").count():
            people = self.page.get_by_role("main")
            await people.get_by_role("button", name=self.login, exact=True).click()
        await self.page.get_by_role("button", name="Authorize grace").click()
        await self.page.wait_for_url(f"{self.places.hub}/")
        await self.live()

    async def go(self, path: str) -> None:
        """Open a page of the hub, and wait until it follows live."""
        await self.page.goto(f"{self.places.hub}{path}")
        await self.live()

    async def live(self) -> None:
        """Wait until the page follows live and has verified its lists."""
        await self.page.wait_for_selector('#live[data-state="live"]')
        await self.page.wait_for_selector('[aria-busy="true"]', state="detached")

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Call the hub's API as the page does; return the status and the body."""
        found: list[object] = await self.page.evaluate(
            """async ([method, path, body]) => {
                const token = document.querySelector('meta[name="csrf-token"]').content;
                const headers = {"X-CSRF-Token": token, "Content-Type": "application/json"};
                if (method === "POST") headers["Idempotency-Key"] = crypto.randomUUID();
                const sent = method === "GET" ? undefined : JSON.stringify(body);
                const answer = await fetch(path, {method, headers, body: sent});
                return [answer.status, await answer.text()];
            }""",
            [method, path, body],
        )
        return int(str(found[0])), str(found[1])

    async def picture(self, name: str, *, whole: bool = False) -> None:
        """Take a picture of what is seen."""
        await self.page.screenshot(path=self.places.pictures / f"{name}.png", full_page=whole)

    def excuse(self, words: str) -> None:
        """Forget complaints that this walk was to cause."""
        self.faults = [fault for fault in self.faults if words not in fault]

    def hear(self, socket: WebSocket) -> None:
        """Keep what comes out of a socket."""
        socket.on("framereceived", lambda frame: self.frames.append(str(frame)))


@asynccontextmanager
async def walker(browser: Browser, login: str, places: Places) -> AsyncIterator[Walker]:
    """Give somebody a browser without a past; at its end no page may have complained."""
    context = await browser.new_context(viewport=SIZE, reduced_motion="reduce")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    one = Walker(login, page, places)
    page.on("pageerror", lambda error: one.faults.append(str(error)))
    page.on("console", lambda said: one.faults.extend([said.text] * (said.type == "error")))
    page.on("websocket", one.hear)
    try:
        yield one
    finally:
        await context.close()
    assert one.faults == [], one.faults


async def all_verified(one: Walker) -> int:
    """Assert that the page shows entries and has verified each; return how many."""
    entries = one.page.locator(".entry")
    await expect(one.page.locator('.entry:not([data-state="verified"])')).to_have_count(0)
    assert await one.page.locator("#live").get_attribute("data-state") == "live"
    count = await entries.count()
    assert count > 0
    return count


def road(one: Walker, stage: str) -> Locator:
    """Find the stage of a mission's road while the mission is there."""
    return one.page.locator('.road li[aria-current="step"]', has_text=stage)
