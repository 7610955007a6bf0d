"""The pages in a real browser: verified before shown, live, for everybody who reads."""

import asyncio
import json
from pathlib import Path

import pytest

from grace.adapters.keys import Ed25519Key
from grace.domain.signing import encode64

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = ("/", "/?status=resolved", "/activity", "/map", "/queue", "/trust", "/capa", "/ledger")
AXE = Path(__import__("axe_playwright_python").__file__).with_name("axe.min.js")

NO_SOCKET = """window.WebSocket = class {
  constructor() { setTimeout(() => this.onclose()); }
  close() {}
}"""


async def mission_paths(world) -> list[str]:
    return sorted(f"/missions/{m.name}" for m in await world.store.missions())


@pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), pytest.param("dark", 360, marks=pytest.mark.stress)],
)
async def test_everybody_can_read_every_page(world, browse, scheme, width):
    viewport = {"width": width, "height": 800}
    tab = await browse("/", color_scheme=scheme, viewport=viewport)
    _, rolled_back, waiting = await mission_paths(world)
    mission = rolled_back if scheme == "light" else waiting
    found = {}
    for path in (*PAGES, mission, "/nowhere", "/sign-in"):
        await tab.page.goto(path)
        if path not in {"/nowhere", "/sign-in"}:
            await tab.live()
        await tab.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        await tab.page.evaluate(AXE.read_text())
        answer = await tab.page.evaluate("axe.run({resultTypes: ['violations']})")
        for wrong in answer["violations"]:
            found[f"{path} {wrong['id']}"] = [n["html"][:150] for n in wrong["nodes"][:3]]
        assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width, path
    tab.faults = [fault for fault in tab.faults if "404" not in fault]
    assert found == {}


async def test_an_event_is_verified_and_then_shown(world, browse):
    tab = await browse("/activity")
    await tab.live()
    entry = await world.add(
        "integration.health_changed", subsystem="ci", before="healthy", after="degraded"
    )
    shown = tab.page.locator(f'.entry[data-key="{entry.log} {entry.seq}"]')
    await shown.wait_for()
    assert await shown.get_attribute("data-state") == "verified"
    await shown.get_by_role("button", name="verified").click()
    assert '"kind": "integration.health_changed"' in await shown.locator(".record").inner_text()
    assert await tab.page.locator('.entry[data-state="bad"]').count() == 0


async def test_an_event_that_was_tampered_with_is_shown_as_bad_and_changes_nothing(world, browse):
    tab = await browse("about:blank")

    def tamper(route) -> None:
        server = route.connect_to_server()

        def on_message(message) -> None:
            said = json.loads(message)
            if "entry" in said and said["entry"]["payload"] is not None:
                said["entry"]["payload"]["subsystem"] = "everything"
            route.send(json.dumps(said))

        server.on_message(on_message)

    await tab.page.route_web_socket("**/ws*", tamper)
    await tab.page.goto("/")
    await tab.live()
    fetched = []
    tab.page.on("request", lambda request: fetched.append(request.url))
    before = await tab.page.locator("main").inner_html()
    entry = await world.add(
        "integration.health_changed", subsystem="ci", before="healthy", after="degraded"
    )
    notice = tab.page.locator(".notice.bad")
    await notice.wait_for()
    words = await notice.inner_text()
    assert "A bad event came in; nothing of it is shown." in words
    assert f"position {entry.position}: its payload is not what was signed" in words
    assert "everything" not in await tab.page.locator("body").inner_text()
    assert await tab.page.locator("main").inner_html() == before
    assert fetched == []
    assert await tab.page.locator("#live").get_attribute("data-state") == "bad"


async def test_nothing_is_shown_of_a_list_until_it_is_verified(world, browse):
    tab = await browse("about:blank")
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def hold(route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await tab.page.route("**/entries?*", hold)
    await tab.page.goto((await mission_paths(world))[0])
    await asked.wait()
    entries = tab.page.locator(".entry")
    assert await entries.count() > 20
    assert await tab.page.locator(".entry:visible").count() == 0
    assert await tab.page.locator('.entries[aria-busy="true"]').is_visible()
    go_on.set()
    await tab.live()
    assert await tab.page.locator(".entry:visible").count() == await entries.count()


async def test_what_stands_beside_the_words_is_written_from_the_signed_record(world, browse):
    tab = await browse("about:blank")

    async def tamper(route) -> None:
        answer = await route.fetch()
        page = (await answer.text()).replace(">mission.closed<", ">mission.opened<")
        await route.fulfill(response=answer, body=page)

    mission = (await mission_paths(world))[0]
    await tab.page.route(f"**{mission}", tamper)
    await tab.page.goto(mission)
    await tab.live()
    kinds = await tab.page.locator('[data-field="kind"]').all_inner_texts()
    assert "mission.closed" in kinds
    assert "mission.opened" not in kinds


async def test_a_list_whose_records_do_not_verify_shows_none_of_them(world, browse):
    tab = await browse("about:blank")

    async def tamper(route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=(await answer.text()).replace("acme", "evil"))

    await tab.page.route("**/entries?*", tamper)
    await tab.page.goto("/ledger")
    await tab.page.locator("#sum", has_text="BAD").wait_for()
    assert await tab.page.locator("#rows .tag.bad").count() >= 1
    assert "evil" not in await tab.page.locator("#rows").inner_text()


async def test_a_dropped_connection_goes_on_where_it_stopped(world, browse):
    tab = await browse("about:blank")
    doors, heard = [], []

    def hold(route) -> None:
        server = route.connect_to_server()
        heard.append(route.url)
        server.on_message(route.send)
        doors.append(route)

    await tab.page.route_web_socket("**/ws*", hold)
    await tab.page.goto("/activity")
    await tab.live()
    await doors[0].close(code=1013, reason="too slow")
    await tab.page.wait_for_selector('#live[data-state="reconnecting"]')
    missed = await world.add(
        "integration.health_changed", subsystem="ci", before="degraded", after="healthy"
    )
    shown = tab.page.locator(f'.entry[data-key="{missed.log} {missed.seq}"][data-state="verified"]')
    await shown.wait_for()
    assert len(heard) == 2
    assert f"after={missed.position - 1}" in heard[1]
    await tab.live()


async def test_without_webcrypto_the_page_says_that_nothing_is_verified(world, browse):
    tab = await browse("/activity", base=world.url.replace("127.0.0.1", "grace.test"))
    await tab.page.get_by_text("Nothing on this page is verified.").wait_for()
    words = await tab.page.locator("#notices").inner_text()
    assert "TLS" in words
    assert await tab.page.locator("#live").inner_text() == "Not verified"
    entries = tab.page.locator(".entry")
    assert await entries.first.is_visible()
    assert await tab.page.locator('.entry[data-state="unchecked"]').count() == await entries.count()
    await tab.page.goto(f"{world.url.replace('127.0.0.1', 'grace.test')}/ledger")
    assert "Nothing is verified" in await tab.page.locator("#sum").inner_text()


async def test_without_javascript_the_page_says_that_nothing_is_verified(world, browse):
    tab = await browse((await mission_paths(world))[0], java_script_enabled=False)
    await tab.page.get_by_text("Nothing on this page is verified.").wait_for()
    await tab.page.locator(".entry").first.wait_for()
    assert await tab.page.get_by_text("not verified").first.is_visible()
    assert await tab.page.locator(".entry[data-state]").count() == 0


async def test_a_key_that_changed_is_shown_before_it_is_believed(world, browse):
    tab = await browse("/ledger")
    await tab.page.get_by_text("entries are signed, unchanged").wait_for()
    other = Ed25519Key(b"another key of thirty-two bytes!")
    keys = world.hub.about.keys
    was = dict(keys)
    try:
        keys.clear()
        keys[other.key_id] = encode64(other.public)
        await tab.page.goto("/activity")
        await tab.page.get_by_text("The ledger's key has changed.").wait_for()
        await tab.page.get_by_role("button", name="I compared it: trust it").click()
        await tab.page.wait_for_load_state()
        await tab.live()
        assert await tab.page.get_by_text("The ledger's key has changed.").count() == 0
        seen = await tab.page.evaluate("JSON.parse(localStorage.getItem('grace.keys'))")
        assert set(seen) == {*was, other.key_id}
    finally:
        keys.clear()
        keys.update(was)


async def test_the_keyboard_is_enough_to_stop_everything(world, browse):
    tab = await browse("/")
    await tab.live()
    keyboard = tab.page.keyboard

    async def focused() -> str:
        return await tab.page.evaluate("document.activeElement.innerText.trim()")

    await keyboard.press("Tab")
    assert await focused() == "Skip to the content"
    await keyboard.press("Enter")
    for _ in range(30):
        await keyboard.press("Tab")
        if await focused() == "Kill switch":
            break
    await keyboard.press("Enter")
    await keyboard.press("Tab")
    await keyboard.type("the release is on fire")
    await keyboard.press("Enter")
    await tab.page.get_by_text("The kill switch is on.").wait_for()
    assert await world.store.kill_switch()
    await world.store.set_kill_switch(on=False, actor="rita", now=world.clock.now())


async def test_the_observation_window_is_drawn_with_its_target(world, browse):
    rolled = (await mission_paths(world))[1]
    tab = await browse(rolled)
    chart = tab.page.locator('.chart svg[aria-label^="error_rate"]')
    await chart.wait_for()
    assert "target < 5" in await chart.get_attribute("aria-label")
    assert await chart.locator(".dot.out").count() >= 1
    assert await chart.locator("line.target").count() == 1
    await tab.live()


async def test_an_order_says_what_becomes_of_it_or_why_it_is_refused(world, browse):
    waiting = (await mission_paths(world))[2]
    tab = await browse(waiting)
    await tab.live()
    await tab.page.get_by_role("button", name="Retry").click()
    notice = tab.page.locator(".notice.good")
    await notice.wait_for()
    assert "is on its way" in await notice.inner_text()
    assert [d.event for d in world.submitted] == ["command"]
    world.principal = None
    await tab.page.get_by_role("button", name="Retry").click()
    output = tab.page.locator("form.order output", has_text="sign in")
    await output.wait_for()
    assert len(world.submitted) == 1
    tab.faults = [fault for fault in tab.faults if "401" not in fault]


async def test_where_no_websocket_gets_through_events_come_another_way(world, browse):
    tab = await browse("about:blank")
    await tab.context.add_init_script(NO_SOCKET)
    await tab.page.goto("/activity")
    await tab.live()
    entry = await world.add(
        "integration.health_changed", subsystem="ci", before="healthy", after="degraded"
    )
    await tab.page.locator(
        f'.entry[data-key="{entry.log} {entry.seq}"][data-state="verified"]'
    ).wait_for()


async def test_who_is_signed_out_meanwhile_is_told_and_keeps_the_page(world, browse):
    tab = await browse("about:blank")
    doors = []

    def hold(route) -> None:
        route.connect_to_server()
        doors.append(route)

    await tab.page.route_web_socket("**/ws*", hold)
    await tab.page.goto("/")
    await tab.live()
    world.principal = None
    await doors[0].close(code=4401, reason="your session is over")
    await tab.page.get_by_text("You are signed out.").wait_for()
    assert await tab.page.locator("#live").get_attribute("data-state") == "refused"
    assert await tab.page.locator(".card").count() >= 1
    assert len(doors) == 1
    tab.faults = [fault for fault in tab.faults if "401" not in fault]


async def test_a_server_that_went_back_to_a_backup_is_followed_from_there(world, browse):
    tab = await browse("about:blank")
    doors = []

    def speak(route) -> None:
        doors.append(route)

    await tab.page.route_web_socket("**/ws*", speak)
    await tab.page.goto("/activity")
    await tab.page.wait_for_selector('#live[data-state="live"]')
    doors[0].send(json.dumps({"hello": {"position": 3, "after": 3, "reset": True}}))
    entry = (await world.store.feed(0, 1))[0]
    doors[0].send(json.dumps({"position": 4, "entry": {**json.loads(entry.line), "payload": {}}}))
    await tab.page.get_by_text("A bad event came in").wait_for()


async def test_a_capa_is_opened_and_changed_field_by_field(world, browse):
    tab = await browse("/capa")
    await tab.live()
    form = tab.page.locator('section[data-part="new"] form')
    await form.get_by_label("Title").fill("Retries <b>pile</b> up")
    await form.get_by_label("What went wrong").fill("The queue had no bound.")
    await form.get_by_label("Due on").fill("2026-12-01")
    await form.get_by_role("button").click()
    card = tab.page.locator("article", has_text="Retries <b>pile</b> up")
    await card.wait_for()
    opened = world.capas.capas[0]
    assert opened.opened_by == "rita"
    due = opened.due_at.replace(hour=14)
    world.capas.capas[0] = opened.model_copy(update={"due_at": due})
    await tab.page.reload()
    await card.get_by_text("Change").click()
    await card.get_by_label("Root cause").fill("Nobody asked how long it may get.")
    await card.get_by_role("button", name="Save").click()
    await card.locator("dd", has_text="Nobody asked how long it may get.").wait_for()
    changed = world.capas.capas[0]
    assert (changed.root_cause, changed.due_at) == ("Nobody asked how long it may get.", due)
    world.capas.capas[0] = changed.model_copy(update={"owner": "somebody else"})
    await card.get_by_text("Change").click()
    await card.get_by_label("Owner").fill("me")
    await card.get_by_role("button", name="Save").click()
    await card.locator("output", has_text="somebody changed it meanwhile").wait_for()
    tab.faults = [fault for fault in tab.faults if "412" not in fault]
