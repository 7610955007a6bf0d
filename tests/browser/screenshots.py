"""Take pictures of every page: `python tests/browser/screenshots.py [FOLDER]`, docs/images else.

Each page in light; the board and a mission in dark, and as wide as a telephone, too.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2] / "bot")]

from playwright.async_api import Browser, async_playwright  # noqa: E402 - after the path is set

from support.pages_world import PagesWorld, open_world  # noqa: E402
from support.showcase import NOW, furnish, write_showcase  # noqa: E402

IMAGES = HERE.parents[2] / "docs/images"
WIDE, PHONE = {"width": 1280, "height": 720}, {"width": 360, "height": 760}
PAGES = ("activity", "map", "queue", "trust", "capa", "ledger", "sign-in")


def shots(names: list[str]) -> list[tuple[str, str, str, dict[str, int]]]:
    """List what is taken: file name, path, colour scheme, size."""
    rolled_back, observed = f"/missions/{names[3]}", f"/missions/{names[6]}"
    return [
        ("board", "/", "light", WIDE),
        ("board-dark", "/", "dark", WIDE),
        ("board-phone", "/", "light", PHONE),
        ("mission", observed, "light", WIDE),
        ("mission-dark", rolled_back, "dark", WIDE),
        ("mission-phone", rolled_back, "dark", PHONE),
        ("trust-history", "/trust?agent=candidate%3Aalice&subsystem=trigger_mesh", "light", WIDE),
        *((page, f"/{page}", "light", WIDE) for page in PAGES),
    ]


async def shoot(world: PagesWorld, browser: Browser, folder: Path) -> list[Path]:
    """Take all pictures of a served world."""
    names = sorted(m.name for m in await world.store.missions())
    taken = []
    for name, path, scheme, size in shots(names):
        context = await browser.new_context(
            base_url=world.url, color_scheme=scheme, viewport=size, reduced_motion="reduce"
        )
        page = await context.new_page()
        await page.clock.set_fixed_time(NOW)
        await page.goto(path)
        if name != "sign-in":
            await page.wait_for_selector('#live[data-state="live"]')
            await page.wait_for_selector('[aria-busy="true"]', state="detached")
        if name == "ledger":
            await page.get_by_text("entries are signed, unchanged").wait_for()
        if "/missions/" in path:
            await page.wait_for_selector(".chart svg")
        taken.append(folder / f"{name}.png")
        await page.screenshot(path=taken[-1])
        await context.close()
    return taken


async def main(folder: Path) -> None:
    path = shutil.which("chromium")
    if path is None:
        sys.exit("chromium is not installed: apt install chromium")
    with tempfile.TemporaryDirectory() as work:
        store = Path(work) / "grace.db"
        await write_showcase(store)
        async with open_world(store, NOW) as world, async_playwright() as playwright:
            await furnish(world)
            browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            await shoot(world, browser, folder)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES))
