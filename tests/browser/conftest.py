"""A Chromium and a served world of pages; one of each for a module's tests, in one loop.

Tests of this folder are `async` with `loop_scope="module"`. `browse` opens a tab that fails the
test for every error that a page or the policy raises, unless the test takes it out of `faults`.
"""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from support.pages_world import OPERATOR, PagesWorld, open_world
from support.past import resolved, rolled_back, waiting, write_past
from support.reports import START

NOW = START + timedelta(hours=6)
# A name that leads to loopback and that browsers do not take for it: no secure context.
AWAY = "grace.test"
# A page that a test has tampered with came from nowhere, and may not speak to loopback otherwise.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-features=LocalNetworkAccessChecks",
    f"--host-resolver-rules=MAP {AWAY} 127.0.0.1",
)


def chromium_path() -> str:
    """Find Debian's Chromium; skip where there is none."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("these tests need chromium")
    return found


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    path = chromium_path()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PagesWorld]:
    """Serve a store in which missions were resolved, rolled back, and one waits."""
    path = tmp_path_factory.mktemp("pages") / "grace.db"
    await write_past(path, [resolved, rolled_back, waiting])
    async with open_world(path, NOW) as world:
        yield world


@pytest.fixture
def world(served: PagesWorld) -> PagesWorld:
    """Return the module's world as it was at the beginning, but for what its ledger holds."""
    served.principal = OPERATOR
    served.submitted.clear()
    return served


@dataclass
class Tab:
    """A page, the context that it lives in, and what went wrong on it."""

    page: Page
    context: BrowserContext
    faults: list[str] = field(default_factory=list)

    async def live(self) -> None:
        """Wait until the page follows live and has verified its lists."""
        await self.page.wait_for_selector('#live[data-state="live"]')
        await self.page.wait_for_selector('[aria-busy="true"]', state="detached")


Browse = Callable[..., Awaitable[Tab]]


@pytest_asyncio.fixture(loop_scope="module")
async def browse(chromium: Browser, world: PagesWorld) -> AsyncIterator[Browse]:
    """Open a path in a fresh context; keyword arguments are the context's."""
    tabs: list[Tab] = []

    async def open_tab(path: str, *, base: str = "", **options: object) -> Tab:
        context = await chromium.new_context(base_url=base or world.url, **options)
        tab = Tab(await context.new_page(), context)
        tabs.append(tab)
        tab.page.set_default_timeout(10_000)
        tab.page.on("pageerror", lambda error: tab.faults.append(str(error)))
        tab.page.on("console", lambda said: tab.faults.extend([said.text] * (said.type == "error")))
        await tab.page.goto(path)
        return tab

    yield open_tab
    faults = [fault for tab in tabs for fault in tab.faults]
    for tab in tabs:
        await tab.context.close()
    assert faults == []
