"""From ledger append to delivery: a thousand sockets, of which fifty stall and one is a browser.

The clock starts before the entry is handed to the store, so the commit to disk is in the figure,
and stops when a client has the frame; in the browser, when it has verified it. The server runs in
this process, the sockets in another, Chromium in its own.
"""

import asyncio
import json
import os
import resource
import shutil
import sys
from array import array
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns, process_time, time
from typing import Any

import pytest
import structlog
from aiohttp import web
from playwright.async_api import Page, async_playwright
from rich.console import Console
from rich.table import Table

import grace.web.pages
from bench import live_clients
from bench.figures import percentile
from grace.adapters.sqlite.store import SqliteStore
from grace.app.mesh import Bell, TriggerMesh
from grace.app.observe import configure_logs
from grace.domain.access import Reach
from grace.domain.decision import Note
from grace.domain.following import Following, unframed
from grace.web.live import Live, LiveLimits
from support.live_world import KEY, KEYS, MESH, NOW, Doorman, make_app, own_log, served, until

pytestmark = pytest.mark.bench

SOCKETS, STALLED = 999, 50  # and the browser
READERS = SOCKETS - STALLED
EVENTS, EACH_S = 200, 0.1
BOUND_MS = 100.0
WORDS, TREE = "x" * 900, "y" * 6_000  # most entries are small; a verdict with its tree is not
WAITING = 64 * 1024  # a bound that stalled ones come to within the time that this takes
CHROMIUM = shutil.which("chromium")
STATIC = Path(grace.web.pages.__file__).parent / "static"
PAGE = """<!doctype html><script type="module">
import { Verifier, readKeys } from "/static/verify.js";
window.seen = [];
const { keys } = await (await fetch("/mission-control/keys")).json();
const verifier = new Verifier(await readKeys(keys));
let turn = Promise.resolve();
const socket = new WebSocket(`ws://${location.host}/ws`);
socket.onmessage = (event) => {
  const said = JSON.parse(event.data);
  if (said.hello) { window.ready = true; return; }
  turn = turn.then(async () => {
    const { fault } = await verifier.check(said.entry);
    window.seen.push([said.position, performance.timeOrigin + performance.now(), fault]);
  });
};
</script>"""


class Timed(Bell):
    """A bell that notes when it was rung: the entry is on disk, and readers may see it."""

    def __init__(self) -> None:
        super().__init__()
        self.rung: list[int] = []

    def ring(self) -> None:
        self.rung.append(monotonic_ns())
        super().ring()


@dataclass
class Appended:
    """When each entry was handed to the store: monotonic ns, and ms of the wall clock."""

    positions: list[int] = field(default_factory=list)
    handed: list[int] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


async def append(store: SqliteStore) -> Appended:
    """Append entries at a steady rate."""
    loop, made = asyncio.get_running_loop(), Appended()
    begin, first = loop.time(), await store.feed_end()
    for number in range(EVENTS):
        await asyncio.sleep(max(0.0, begin + number * EACH_S - loop.time()))
        payload: dict[str, object] = {"reason": TREE if number % 5 == 0 else WORDS, "n": number}
        note = Note(kind="mission.held", actor="grace", payload=payload)
        made.positions.append(first + number + 1)
        made.wall.append(time() * 1000)
        made.handed.append(monotonic_ns())
        await store.record(note, NOW, ref=MESH)
    return made


def allow_sockets() -> None:
    """Let this process have as many sockets as the system allows."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def doorman() -> Doorman:
    """Know twenty people, half of whom see one repository alone."""
    one, all_ = Reach(logs=frozenset({MESH.log})), Reach(logs=None, own=True)
    return Doorman({"ann": all_} | {f"user{n}": one if n % 2 else all_ for n in range(20)})


async def page(_: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[Page | None]:
    """Open the page in Chromium, where there is one."""
    if CHROMIUM is None:
        yield None
        return
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await chromium.new_context()
        await context.add_cookies([{"name": "who", "value": "ann", "url": url}])
        opened = await context.new_page()
        await opened.goto(f"{url}/page")
        await opened.wait_for_function("window.ready")
        yield opened
        await chromium.close()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Log errors alone: that fifty are dropped is the point."""
    configure_logs(json=True, level="ERROR")
    yield
    structlog.reset_defaults()


async def test_a_thousand_sockets_at_ten_events_a_second(tmp_path: Path) -> None:
    allow_sockets()
    bell, door = Timed(), doorman()
    store = await SqliteStore.open(tmp_path / "grace.db", KEY, on_append=bell.ring)
    await store.record(Note(kind="mission.held", actor="grace", payload={}), NOW, ref=MESH)
    limits = LiveLimits(each=SOCKETS, sockets=SOCKETS + 1, waiting=WAITING)
    live = Live(store, await store.feed_end(), door.recognise, limits)
    mesh = await TriggerMesh.open(store, bell, own_log(store), lambda _: None)
    mesh.subscribe("live", ["*"], live.deliver)
    running = asyncio.create_task(mesh.run())
    app = make_app(store, live, door)
    app.router.add_get("/page", page)
    app.router.add_static("/static", STATIC)
    receipts = tmp_path / "receipts"
    async with served(app) as url, browser(url) as opened:
        port = url.rpartition(":")[2]
        numbers = (port, str(READERS), str(STALLED), str(EVENTS), str(receipts))
        clients = await asyncio.create_subprocess_exec(
            sys.executable, live_clients.__file__, *numbers, stdout=asyncio.subprocess.PIPE
        )
        assert clients.stdout is not None
        assert (await clients.stdout.readline()) == b"ready\n"
        await until(lambda: live.figures().listeners == SOCKETS + (opened is not None))
        before, bell.rung = live.figures(), []
        spent = process_time()
        made = await append(store)
        spent = process_time() - spent
        told = json.loads(await clients.stdout.readline())
        seen = await verified(opened)
        await clients.wait()
        figures = live.figures()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    lines = receipts.with_suffix(".lines").read_text().split("\n")
    times = array("q", receipts.read_bytes())
    stored = await store.lines(MESH.log)
    await store.close()

    handed = delays(times, made.handed)
    committed = delays(times, bell.rung)
    shown = [at - made.wall[made.positions.index(position)] for position, at, _ in seen]
    genuine = signed(lines, stored)
    encoded = figures.encoded - before.encoded
    show(
        handed,
        committed,
        shown,
        {
            "sockets": f"{READERS} read, {STALLED} stall, {int(opened is not None)} browser",
            "events": f"{EVENTS}, one each {EACH_S * 1000:.0f} ms",
            "delivered to those that read": share(len(handed), READERS * EVENTS),
            "alike, byte for byte": share(told["received"] - told["different"], told["received"]),
            "signed, of the distinct frames": share(genuine, EVENTS),
            "verified by the browser": share(sum(f is None for *_, f in seen), len(seen)),
            "encodings": f"{encoded} for {EVENTS} entries",
            "stalled ones dropped": f"{figures.dropped} of {STALLED}",
            "CPU of the server": f"{spent:.1f} s in {EVENTS * EACH_S:.0f} s",
            "load of the machine": f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        },
    )
    assert (len(handed), told["received"]) == (READERS * EVENTS, READERS * EVENTS)
    assert told["different"] == told["closed"] == 0
    assert genuine == encoded == EVENTS
    assert figures.dropped == STALLED
    assert opened is None or [(p, f) for p, _, f in seen] == [(p, None) for p in made.positions]
    assert percentile(handed, 0.99) < BOUND_MS
    assert not shown or percentile(shown, 0.99) < BOUND_MS


async def verified(opened: Page | None) -> list[tuple[int, float, str | None]]:
    """Return what the browser verified: position, when, and what was wrong."""
    if opened is None:
        return []
    await opened.wait_for_function(f"window.seen.length >= {EVENTS}", timeout=30_000)
    seen: list[Any] = await opened.evaluate("window.seen")
    return [(position, at, fault) for position, at, fault in seen]


def delays(times: Sequence[int], since: Sequence[int]) -> list[float]:
    """Return how long each receipt took, in ms; one that is missing is left out."""
    return [(at - since[index % EVENTS]) / 1e6 for index, at in enumerate(times) if at]


def signed(lines: Sequence[str], stored: Sequence[bytes]) -> int:
    """Count frames that hold a stored entry whose signature, hash and chain are good."""
    following = Following(KEYS, whole=True)
    found = [unframed(line.encode()) for line in lines]
    return sum(
        frame is not None and frame[1] in stored and following.hear(*frame).finding is None
        for frame in found
    )


def share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / max(1, whole):.2%})"


def show(
    handed: list[float], committed: list[float], shown: list[float], told: dict[str, str]
) -> None:
    """Print a table."""
    table = Table("ms", "p50", "p99", "max", title="ledger append to delivery")
    rows = {
        "append (with its commit to disk) to receipt": handed,
        "commit to receipt": committed,
        "append to verified in the browser": shown,
    }
    for name, values in rows.items():
        if values:
            figures = (percentile(values, 0.5), percentile(values, 0.99), max(values))
            table.add_row(name, *(f"{figure:.1f}" for figure in figures))
    console = Console(width=110)
    console.print()
    console.print(table)
    for name, words in told.items():
        console.print(f"  {name}: {words}", highlight=False)
