"""What the pages show, to whom, and that a stranger's words stay words."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from grace.domain.access import Reach
from grace.domain.alerting.alarm import Alarm, AlertState, Recurrence
from grace.domain.capa import CapaRequest
from grace.domain.decision import Note
from grace.domain.events import Actor
from grace.domain.mission import FieldError
from grace.domain.phase import Outcome, Severity
from support.pages_world import HIDDEN, REF, VIEWER, PagesWorld, open_world
from support.past import resolved, rolled_back, waiting, write_past
from support.reports import START
from support.world import World

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)> ' javascript:alert(3) {{ 7*7 }}"
NOW = START + timedelta(hours=6)
PAGES = ("/", "/activity", "/map", "/queue", "/trust", "/capa", "/ledger")


def hostile(world: World) -> None:
    """Wait for an approval, with a stranger's words wherever a mission has some."""
    waiting(world)
    request = world.mission.request
    assert request is not None
    symptom = request.symptoms[0].model_copy(update={"description": EVIL})
    world.mission = world.mission.with_(
        title=EVIL,
        held=EVIL,
        requester=Actor(login=EVIL, id=9),
        request=request.model_copy(update={"symptoms": (symptom,)}),
        errors=(FieldError(field=EVIL, problem=EVIL),),
        vetoes={EVIL: EVIL},
        alarm=Alarm(
            alerts=(
                AlertState(
                    fingerprint=EVIL,
                    title=EVIL,
                    source=EVIL,
                    status="firing",
                    at=START,
                    beside=True,
                ),
            ),
            known=1,
            firing=1,
            recurs=Recurrence(mission="mission_1", outcome=Outcome.FIXED, closed_at=START, capa=3),
            capa=4,
        ),
        attempts=tuple(
            a.model_copy(update={"candidate": EVIL, "agent": EVIL, "paths": (EVIL,)})
            for a in world.mission.attempts
        ),
    )
    head = world.mission.attempts[-1].head
    assert head is not None
    checks = {
        key: check.model_copy(update={"name": EVIL, "url": "javascript:alert(4)"})
        for key, check in world.facts.checks[head].items()
    }
    world.facts = world.facts.model_copy(update={"checks": {head: checks}})
    world.notes.append(Note(kind="mission.held", actor="mallory", payload={"reason": EVIL}))


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let three missions happen once; each test gets a copy of the store."""
    path = tmp_path_factory.mktemp("past") / "grace.db"
    asyncio.run(write_past(path, [resolved, rolled_back, hostile]))
    return path


@pytest.fixture
async def world(past: Path, tmp_path: Path) -> AsyncIterator[PagesWorld]:
    path = tmp_path / "grace.db"
    shutil.copyfile(past, path)
    async with open_world(path, NOW, programs=False) as made:
        yield made


@pytest.fixture
async def browser(world: PagesWorld) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Accept": "text/html"}
    async with httpx.AsyncClient(base_url=world.url, headers=headers) as client:
        yield client


class Markup(HTMLParser):
    """What a browser would build: tags, and all attributes that could be code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "script" and not (found.get("src") or "").startswith("/static/"):
            self.wrong.append(f"script {found}")
        for name, value in found.items():
            if name.startswith("on") or name == "style" or "javascript:" in (value or "")[:11]:
                self.wrong.append(f"{tag} {name}={value}")
        if tag == "img":
            self.wrong.append("img")

    def handle_data(self, data: str) -> None:
        self.text += data


async def names(world: PagesWorld) -> list[str]:
    return sorted(m.name for m in await world.store.missions())


async def test_the_board_shows_what_runs_what_waits_and_what_broke(world, browser):
    page = (await browser.get("/")).text
    columns = {
        key: page.split(f'id="c-{key}"')[1].split("</section>")[0] for key in ("people", "broke")
    }
    assert "error_rate" in columns["broke"]
    assert "rolled back" in columns["broke"]
    assert ">held<" in columns["people"]
    assert "Resolved lately" in page
    assert "degraded" in page


async def test_a_mission_says_why_and_shows_its_verdict_its_attempts_and_its_links(world, browser):
    _, rolled, _ = await names(world)
    page = (await browser.get(f"/missions/{rolled}")).text
    text = Markup(page).text
    assert "error_rate &lt; 5" in page
    assert 'aria-current="step"' in page
    assert "Revert and CAPA" in text
    assert re.search(r'href="https://forge.test/acme/mesh/issues/2"', page)
    assert text.count("not verified") == 30
    assert f"/mission-control/missions/{rolled}/entries" in page


@pytest.mark.parametrize(
    "path", [*PAGES, "mission", "/?text=mission", "/activity?pattern=mission.*"]
)
async def test_a_strangers_words_stay_words_on_every_page(world, browser, path):
    await world.capas.open(
        CapaRequest(
            subsystem_id="trigger_mesh",
            severity=Severity.LOW,
            title=EVIL,
            description=EVIL,
            owner=EVIL[:90],
            root_cause=EVIL,
        ),
        REF,
        EVIL,
    )
    last = (await names(world))[-1]
    answer = await browser.get(f"/missions/{last}" if path == "mission" else path)
    assert answer.status_code == 200
    assert Markup(answer.text).wrong == []
    if path in {"/", "mission", "/activity", "/capa", "/queue"}:
        assert "<script>alert(1)</script>" in Markup(answer.text).text
        assert "{{ 7*7 }}" in answer.text or "{{ 7*7" in answer.text


async def test_words_in_an_address_stay_words(world, browser):
    for path in (
        "/?text=",
        "/trust?agent=",
        "/ledger?log=",
        "/missions/",
        "/activity?pattern=",
        "/?after=",
    ):
        answer = await browser.get(path + httpx.QueryParams({"x": EVIL})["x"].replace("?", ""))
        assert answer.status_code in {200, 404, 422}
        assert Markup(answer.text).wrong == []


async def test_what_a_reader_may_not_see_is_not_there(world, browser):
    name = (await names(world))[0]
    absent = await browser.get("/missions/mission_20991231_999")
    world.sight.reaches = Reach(logs=frozenset({HIDDEN.log}))
    hidden = await browser.get(f"/missions/{name}")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text == absent.text
    for path in PAGES:
        page = (await browser.get(path)).text
        assert name not in page, path
        assert "acme/mesh" not in page, path
        assert "<option>trigger_mesh" not in page, path
    assert (await browser.get(f"/ledger?log={REF.log}")).status_code == 404
    assert (await browser.get("/ledger?log=bot")).status_code == 404
    assert (await browser.get("/trust?agent=candidate&subsystem=trigger_mesh")).status_code == 404
    assert "No mission yet" in (await browser.get("/")).text


async def test_only_an_operator_finds_the_switch_and_only_a_person_the_orders(world, browser):
    name = (await names(world))[-1]
    assert "/mission-control/kill-switch" in (await browser.get("/")).text
    assert (
        f"POST /mission-control/missions/{name}/resume"
        in (await browser.get(f"/missions/{name}")).text
    )
    world.principal = VIEWER
    assert "/mission-control/kill-switch" not in (await browser.get("/")).text
    assert "POST /mission-control" not in (await browser.get(f"/missions/{name}")).text
    assert "PATCH /mission-control" not in (await browser.get("/capa")).text


async def test_a_switch_that_is_on_is_told_on_every_page(world, browser):
    assert "kill switch is on" not in (await browser.get("/queue")).text
    await world.store.set_kill_switch(on=True, actor="rita", now=NOW, reason="stop")
    for path in PAGES:
        assert "The kill switch is on." in (await browser.get(path)).text, path


async def test_lists_are_read_page_by_page(world, browser):
    first = (await browser.get("/activity")).text
    older = re.search(r'href="(/activity\?before=\d+)"', first)
    assert older is not None
    second = (await browser.get(older[1])).text
    keys = [set(re.findall(r'data-hash="(\w+)"', page)) for page in (first, second)]
    assert len(keys[0]) == 50
    assert keys[1]
    assert not keys[0] & keys[1]
    assert (await browser.get("/activity?before=x")).status_code == 422
    assert (await browser.get("/?after=x")).status_code == 422


async def test_filters_find_what_they_name(world, browser):
    fixed, rolled, _ = await names(world)
    found = (await browser.get("/?status=resolved")).text
    assert fixed in found
    assert rolled not in found
    assert "No mission fits" in (await browser.get("/?text=zebra")).text
    wrong = await browser.get("/?status=asleep")
    assert wrong.status_code == 422
    assert "status" in wrong.text


async def test_the_history_of_trust_says_what_each_mission_did(world, browser):
    scores = (await browser.get("/trust")).text
    link = re.search(r'href="(/trust\?agent=[^"]+)"', scores)
    assert link is not None
    page = (await browser.get(link[1].replace("&amp;", "&"))).text
    assert "empties it: it was rolled back" in page
    assert "0 approved missions held and 0 did not" in page
