"""Walks through the running bot: a rollback, who sees what, and the kill switch.

The bot, its forge with its sign-in, and the socket are real; only CI is quick.
"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, WebSocketRoute, expect

from grace.domain.phase import Outcome, Phase
from support.flow_keys import make_app_key
from support.flow_look import eventually
from support.flow_mission import REGRESSING, Wanted
from support.flows import OWNER, Stage, staged
from support.hub_stage import Hub, hub_of
from support.walking import Places, Walker, all_verified, road, walker

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("stage"), make_app_key()) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hub(stage: Stage) -> AsyncIterator[Hub]:
    async with hub_of(stage) as made:
        yield made


@pytest.fixture
def places(stage: Stage, hub: Hub, tmp_path: Path) -> Places:
    return Places.of(stage.forge.url, hub.url, tmp_path)


async def test_a_release_that_regresses_is_seen_to_be_reverted_with_a_capa(
    chromium: Browser, stage: Stage, hub: Hub, places: Places
) -> None:
    async with walker(chromium, "alice", places) as alice, stage.people():
        await alice.sign_in()
        issue = await stage.file(Wanted((REGRESSING,)), title="Deliver faster")
        page = alice.page
        await page.get_by_role("link", name="Deliver faster").click()
        await road(alice, "rolled back").wait_for()
        mission = await hub.look.closed(issue, Outcome.ROLLED_BACK)
        revert = page.get_by_role("region", name="Revert and CAPA")
        await expect(revert).to_contain_text("restores the tree as it was")
        await expect(revert).to_contain_text("Landed")
        chart = page.locator('.chart svg[aria-label^="mesh.latency_p95"]')
        await expect(chart.locator(".dot.out").first).to_be_visible()
        await expect(page.get_by_role("link", name=f"CAPA #{mission.capa}")).to_be_visible()
        await alice.live()
        assert await all_verified(alice) > 10
        await alice.picture("walk-rolled-back")

        await revert.get_by_role("link", name="CAPA register").click()
        ticket = page.get_by_role("article").filter(has_text=mission.name)
        await expect(ticket).to_contain_text(f"issue #{mission.capa}")
        await expect(ticket).to_contain_text("open")
        await alice.picture("walk-capa")
        await alice.go("/")
        broke = page.get_by_role("region", name=re.compile("Broke"))
        await expect(broke.get_by_role("link", name="Deliver faster")).to_be_visible()
        await ticket_at_the_forge(stage, mission.capa)


async def ticket_at_the_forge(stage: Stage, number: int | None) -> None:
    """Assert that the CAPA's issue stands at the forge."""
    issue = await stage.get(f"/issues/{number}")
    assert {"name": "capa"}.items() <= issue["labels"][0].items()


@pytest.mark.stress
async def test_who_loses_a_repository_loses_all_that_is_of_it(
    chromium: Browser, stage: Stage, hub: Hub, places: Places
) -> None:
    owner = stage.client(OWNER)
    private = await owner.patch(stage.path, json={"private": True})
    assert private.status_code == 200
    issue = await stage.file(title="The secret plan")
    name = (await hub.look.phase(issue, Phase.GATING)).name
    path, api = f"/missions/{name}", f"/mission-control/missions/{name}"
    async with (
        walker(chromium, "alice", places) as alice,
        walker(chromium, "mallory", places) as mallory,
    ):
        await alice.sign_in()
        await alice.go(path)
        await mallory.sign_in()  # a reader as yet
        await mallory.page.get_by_role("link", name="The secret plan").click()
        await mallory.live()
        assert await all_verified(mallory) > 5
        await stage.say(issue, "/grace hold wait for me")
        await expect(mallory.page.locator(".lead")).to_contain_text("wait for me")
        assert entries(mallory) != []
        await stage.say(issue, "/grace resume")
        await expect(mallory.page.locator(".lead")).not_to_contain_text("wait for me")

        gone = await owner.delete(f"{stage.path}/collaborators/mallory")
        assert gone.status_code == 204
        await hub.rights_are_asked_again(stage, "mallory")
        seen = len(mallory.frames)
        await stage.say(issue, "/grace hold the data team is not ready")
        await expect(alice.page.locator(".lead")).to_contain_text("the data team is not ready")
        assert entries(mallory, seen) == []
        assert "data team" not in await mallory.page.locator("body").inner_text()

        made_up = name[:-1] + ("8" if name.endswith("9") else "9")
        gone_api, never_api = [
            await mallory.ask("GET", f"/mission-control/missions/{each}")
            for each in (name, made_up)
        ]
        assert gone_api[0] == 404
        assert gone_api[1].replace(name, "") == never_api[1].replace(made_up, "")
        for order in ("hold", "cancel", "execute"):
            body = {"mission_type": "coding"} if order == "execute" else {}
            assert (await mallory.ask("POST", f"{api}/{order}", body))[0] == 404
        status, listed = await mallory.ask("GET", "/mission-control/missions")
        assert (status, name in listed) == (200, False)
        seen = len(mallory.frames)
        await mallory.page.goto(f"{hub.url}{path}")
        await mallory.page.get_by_role("heading", name="Nothing here").wait_for()
        await mallory.live()
        await mallory.picture("walk-nothing-here")
        await mallory.go("/")
        await mallory.page.get_by_role("heading", name="No mission yet").wait_for()
        await ask_for_everything(mallory)
        alice.frames.clear()
        await ask_for_everything(alice)
        await eventually(lambda: heard_of(alice, name), "what alice may hear")
        assert entries(mallory, seen) == []
        mallory.excuse("404")
    await stage.say(issue, "/grace cancel")
    await hub.look.closed(issue, Outcome.CANCELLED)


def entries(one: Walker, since: int = 0) -> list[str]:
    """Return the entries that came out of somebody's sockets."""
    return [frame for frame in one.frames[since:] if '"entry"' in frame]


async def heard_of(one: Walker, mission: str) -> bool | None:
    """Tell whether the newest entry of a mission came out of somebody's sockets."""
    return any(mission in frame and "mission.held" in frame for frame in entries(one)) or None


async def ask_for_everything(one: Walker) -> None:
    """Open one more socket with this page's session, from the first entry on; wait until it speaks."""
    await one.page.evaluate(
        """() => new Promise((done, fail) => {
            window.kept = new WebSocket("/ws?after=0");
            window.kept.onclose = (event) => fail(new Error(event.reason));
            window.kept.onmessage = done;
        })"""
    )


async def test_an_operator_stops_everything_and_nobody_else_can(
    chromium: Browser, stage: Stage, hub: Hub, places: Places
) -> None:
    issue = await stage.file(title="Stopped on the way")
    name = (await hub.look.phase(issue, Phase.GATING)).name
    stopped = "The kill switch is on."
    async with (
        walker(chromium, OWNER, places) as acme,
        walker(chromium, "alice", places) as alice,
    ):
        await acme.sign_in()
        await alice.sign_in()
        assert await alice.page.get_by_text("Kill switch").count() == 0
        order = {"on": True, "reason": "because I can"}
        status, words = await alice.ask("PUT", "/mission-control/kill-switch", order)
        assert status == 403, words
        assert not await hub.look.kill_switch()
        alice.excuse("403")
        await alice.go(f"/missions/{name}")

        await acme.page.get_by_text("Kill switch", exact=True).click()
        stop = acme.page.get_by_role("button", name="Stop everything")
        await stop.click()  # without a reason it is not sent
        assert not await hub.look.kill_switch()
        await acme.page.get_by_label("Reason").fill("the release is on fire")
        await stop.click()
        await acme.page.get_by_text(stopped).wait_for()
        assert await hub.look.kill_switch()
        await acme.picture("walk-stopped")
        await alice.page.get_by_text(stopped).wait_for()  # live: its verdict changed
        verdict = alice.page.locator("[data-part=verdict]")
        await expect(verdict).to_contain_text("kill switch")
        for path in ("/", "/queue", "/map", "/ledger"):
            await alice.page.goto(f"{hub.url}{path}")
            await alice.page.get_by_text(stopped).wait_for()
        await acme.go("/activity")
        entry = acme.page.locator('.entry[data-state="verified"]', has_text="on fire")
        await expect(entry.first).to_contain_text(OWNER)

        await acme.go("/")
        await acme.page.get_by_text("Lift the kill switch").click()
        await acme.page.get_by_label("Reason").fill("it is out")
        await acme.page.get_by_role("button", name="Let missions go on").click()
        await expect(acme.page.get_by_text(stopped)).to_have_count(0)
        assert not await hub.look.kill_switch()
    await stage.say(issue, "/grace cancel")
    await hub.look.closed(issue, Outcome.CANCELLED)


@dataclass
class Wire:
    """What lies between a browser and the hub's socket: it may change a word, or be cut.

    `heard`: what came through, connection by connection.
    """

    lie: tuple[str, str] | None = None
    asked: list[str] = field(default_factory=list)
    heard: list[list[str]] = field(default_factory=list)
    open: list[WebSocketRoute] = field(default_factory=list)

    def connect(self, route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        heard: list[str] = []
        server.on_message(lambda said: route.send(self.pass_on(str(said), heard)))
        self.asked.append(route.url)
        self.heard.append(heard)
        self.open.append(route)

    def pass_on(self, said: str, heard: list[str]) -> str:
        """Change the first frame that has the word, and no other."""
        heard.append(said)
        if self.lie is None or self.lie[0] not in said:
            return said
        truth, lie = self.lie
        self.lie = None
        return said.replace(truth, lie, 1)

    async def cut(self) -> None:
        await self.open.pop().close(code=1012, reason="the wire was cut")


@pytest.mark.stress
async def test_a_changed_byte_is_not_believed_and_what_a_cut_wire_missed_comes_after(
    chromium: Browser, stage: Stage, hub: Hub, places: Places
) -> None:
    issue = await stage.file(title="Over a bad wire")
    await hub.look.phase(issue, Phase.GATING)
    await hub.look.settled()
    async with walker(chromium, "alice", places) as alice:
        await alice.sign_in()
        wire = Wire(lie=("held by alice", "held by malice"))
        page = alice.page
        await page.route_web_socket("**/ws*", wire.connect)
        await alice.go("/activity")
        await stage.say(issue, "/grace hold")
        bad = page.locator(".notice.bad")
        await expect(bad).to_contain_text("its payload is not what was signed")
        assert wire.lie is None
        await expect(page.locator("#live")).to_have_attribute("data-state", "bad")
        assert "malice" not in await page.locator("body").inner_text()

        await wire.cut()
        await page.wait_for_selector('#live[data-state="reconnecting"]')
        await stage.say(issue, "/grace resume")
        await hub.look.until(issue, lambda m: m.held is None and m.phase is Phase.GATING)
        resumed = page.locator('.entry[data-state="verified"]', has_text="resumed")
        await resumed.first.wait_for()

        async def came_after() -> bool | None:
            return any("mission.resumed" in said for said in wire.heard[-1]) or None

        await eventually(came_after, "what was missed, on a second connection")
        assert len(wire.asked) == 2
        held, went_on = (
            next(json.loads(said)["position"] for said in heard if kind in said)
            for heard, kind in zip(wire.heard, ("mission.held", "mission.resumed"), strict=True)
        )
        assert held <= int(wire.asked[1].partition("after=")[2]) < went_on
        await alice.picture("walk-bad-wire")
    await stage.say(issue, "/grace cancel")
    await hub.look.closed(issue, Outcome.CANCELLED)
