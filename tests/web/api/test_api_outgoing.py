"""Webhooks and channels by API: for administrators of everything alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from grace.app.notifier import Notifier, Pen
from grace.app.outgoing import Carrier, Outgoing
from grace.domain.decision import Note
from grace.domain.notifying.config import Notifications
from grace.ports.outgoing import Answer, webhook_follower
from grace.web.api.outgoing import OUTGOING, Desks
from support.hub_world import HubWorld, Past, Served, hub_world
from support.outgoing_world import Taken, Told

BASE = "/mission-control"
CONFIG = Notifications.model_validate(
    {
        "channels": {"ops": {"url_env": "OPS"}},
        "webhooks": {"hook": {"url": "https://x.test/in?key=s3cr3t", "secret_env": "HOOK"}},
    }
)


class Sending:
    """Those who send, over the store of the hub's world."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world
        self.taken = Taken([Answer(503, "answered 503")])
        self.told = Told()
        store, clock = world.store, world.clock
        self.outgoing = Outgoing(
            Carrier(store, self.taken, clock, CONFIG, lambda: 0.0, str), lambda: None
        )
        self.notifier = Notifier(
            Pen(store, self.told, clock, CONFIG, "https://forge.test", lambda: 0.0, str), None
        )

    async def write(self) -> None:
        note = Note(kind="brake.on", actor="octo", payload={"kind": "operator", "reason": "x"})
        await self.world.store.record(note, self.world.clock.at)

    async def drain(self) -> None:
        await self.outgoing.read("hook")
        await self.outgoing.send("hook")


@pytest.fixture
async def sending(past: Past, tmp_path: Path) -> AsyncIterator[Sending]:
    async with hub_world(past, tmp_path) as world:
        made = Sending(world)
        await world.store.follow(webhook_follower("hook"))
        await made.outgoing.settle()
        yield made


@pytest.fixture
async def ask(sending: Sending) -> AsyncIterator[Served]:
    """Speak to a hub that sends."""
    app = sending.world.app()
    app[OUTGOING] = Desks(sending.outgoing, sending.notifier)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made = Served(sending.world, f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield made
    for client in made.clients.values():
        await client.aclose()
    await runner.cleanup()


async def asked(client: httpx.AsyncClient) -> list[httpx.Response]:
    """Ask for everything."""
    return [
        await client.get(f"{BASE}/webhooks"),
        await client.get(f"{BASE}/webhooks/hook/deliveries"),
        await client.post(f"{BASE}/webhooks/deliveries/msg_{'0' * 32}/redeliver"),
        await client.post(f"{BASE}/notifications/test?channel=ops"),
    ]


@pytest.mark.parametrize("name", ["viewer", "operator", "agent", "alice", "stranger", "elsewhere"])
async def test_who_is_no_administrator_of_everything_is_refused(
    name: str, ask: Served, sending: Sending
) -> None:
    assert [answer.status_code for answer in await asked(ask(name))] == [403] * 4
    assert sending.told.sent == []


async def test_nobody_is_asked_who_they_are(ask: Served) -> None:
    assert [answer.status_code for answer in await asked(ask(None))] == [401] * 4


async def test_a_delivery_is_seen_and_sent_again(ask: Served, sending: Sending) -> None:
    admin = ask("admin")
    await sending.write()
    await sending.drain()
    (hook,) = (await admin.get(f"{BASE}/webhooks")).json()["webhooks"]
    assert (hook["name"], hook["url"], hook["off"]) == ("hook", "https://x.test/in", None)
    page = (await admin.get(f"{BASE}/webhooks/hook/deliveries?limit=1")).json()
    (found,) = page["deliveries"]
    assert (found["state"], found["status"], found["error"]) == ("waiting", 503, "answered 503")
    sending.taken.answers = [Answer(204, None)]
    again = await admin.post(f"{BASE}/webhooks/deliveries/{found['id']}/redeliver")
    assert (again.status_code, again.json()["tries"]) == (202, 0)
    await sending.drain()
    behind = page["next"] and f"&after={page['next']}"
    assert behind is not None
    first = (await admin.get(f"{BASE}/webhooks/hook/deliveries")).json()["deliveries"]
    assert next(d for d in first if d["id"] == found["id"])["state"] == "delivered"


async def test_a_channel_is_tried(ask: Served, sending: Sending) -> None:
    admin = ask("admin")
    sending.told.answers = [None, "the service answered 401"]
    path = f"{BASE}/notifications/test?channel=ops"
    assert (await admin.post(path)).json() == {"channel": "ops", "sent": True, "error": None}
    assert (await admin.post(path)).json()["error"] == "the service answered 401"


async def test_what_is_not_there_is_not_found(ask: Served) -> None:
    admin = ask("admin")
    answers = [
        await admin.get(f"{BASE}/webhooks/nobody/deliveries"),
        await admin.post(f"{BASE}/webhooks/deliveries/msg_{'0' * 32}/redeliver"),
        await admin.post(f"{BASE}/webhooks/deliveries/1/redeliver"),
        await admin.post(f"{BASE}/notifications/test?channel=nobody"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    wrong = await admin.get(f"{BASE}/webhooks/hook/deliveries?after=x")
    assert wrong.status_code == 422
