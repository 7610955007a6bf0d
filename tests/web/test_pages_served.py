"""How pages and their assets are served: sizes, validators, errors, the policy they keep."""

import re
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from grace.adapters.sqlite.errors import StoreError
from grace.ports import ForgeUnavailable
from grace.web.access.entrance import SignInView
from support.many_missions import write_missions
from support.pages_world import PagesWorld, open_world
from support.past import KEY
from support.reports import START

NOW = START + timedelta(hours=6)
HTML = {"Accept": "text/html"}
FIRST_PAGE = 100_000


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("past") / "grace.db"
    write_missions(path, 300)
    return path


@pytest.fixture
async def world(past: Path, tmp_path: Path) -> AsyncIterator[PagesWorld]:
    path = tmp_path / "grace.db"
    shutil.copyfile(past, path)
    async with open_world(path, NOW, key=KEY, programs=False) as made:
        yield made


@pytest.fixture
async def web(world: PagesWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=world.url) as client:
        yield client


async def assets_of(web: httpx.AsyncClient, page: str) -> dict[str, bytes]:
    """Fetch all that a page makes a browser fetch, modules that modules import too."""
    wanted = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
    found: dict[str, bytes] = {}
    while wanted - set(found):
        path = (wanted - set(found)).pop()
        answer = await web.get(path)
        assert answer.status_code == 200, path
        found[path] = answer.content
        if path.endswith(".js"):
            wanted |= {f"/static/{n}" for n in re.findall(r'from "\./([\w.]+)"', answer.text)}
    return found


async def test_the_first_page_is_small_with_all_that_it_needs(web):
    page = await web.get("/", headers=HTML)
    assets = await assets_of(web, page.text)
    assert {"/static/verify.js", "/static/style.css"} <= set(assets)
    assert page.text.count('class="card"') == 2 * 8
    total = len(page.content) + sum(map(len, assets.values()))
    assert total < FIRST_PAGE


async def test_an_asset_that_a_browser_has_is_not_sent_again(web):
    first = await web.get("/static/style.css")
    again = await web.get("/static/style.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await web.get("/static/style.css", headers={"If-None-Match": '"another"'})
    assert other.content == first.content
    assert first.headers["Content-Type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize("name", ["..%2frouting.py", "nothing.css", "..%2f..%2fhub.py", "%00"])
async def test_nothing_but_the_assets_is_served_as_one(web, name):
    assert (await web.get(f"/static/{name}")).status_code == 404


async def test_pages_hold_no_script_or_style_of_their_own(web):
    for path in ("/", "/activity", "/map", "/queue", "/trust", "/capa", "/ledger"):
        page = (await web.get(path, headers=HTML)).text
        assert " style=" not in page, path
        assert re.findall(r"<style|\son\w+=", page) == [], path
        assert re.findall(r"<script(?! type=\"module\" src=\"/static/)", page) == [], path
        assert re.findall(r"(?:src|href)=\"https?://(?!forge\.test)[^\"]+", page) == [], path


async def test_an_error_is_a_page_for_people_and_a_problem_for_programs(web):
    for path, status in (("/nowhere", 404), ("/missions/mission_20200101_001", 404)):
        page = await web.get(path, headers=HTML)
        assert page.status_code == status
        assert "<h1>Nothing here</h1>" in page.text
        assert "text/html" in page.headers["Content-Type"]
    problem = await web.get("/missions/mission_20200101_001")
    assert problem.headers["Content-Type"].startswith("application/problem+json")


async def test_a_forge_that_cannot_be_asked_is_told_as_a_page(world, web):
    class Gone:
        async def reach(self, principal: object) -> object:
            raise ForgeUnavailable("no answer in 20 s")

    object.__setattr__(world.hub, "rights", Gone())
    page = await web.get("/", headers=HTML)
    assert page.status_code == 503
    assert "no answer in 20 s" in page.text


async def test_a_page_that_breaks_says_so_without_its_reason(world, web):
    class Broken:
        def __getattr__(self, name: str) -> object:
            if name in {"feed_end", "kill_switch"}:
                return getattr(world.store, name)
            raise StoreError("disk 7 of host x is gone")

    object.__setattr__(world.hub, "store", Broken())
    page = await web.get("/", headers=HTML)
    assert page.status_code == 500
    assert "This is our fault" in page.text
    assert "disk 7" not in page.text


async def test_who_is_not_known_gets_no_page(world, web):
    world.principal = None
    for path in ("/", "/activity", "/map", "/queue", "/trust", "/capa", "/ledger"):
        assert (await web.get(path, headers=HTML)).status_code == 401, path


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (
            SignInView(forge="forge.test", start="/sign-in/start?next=%2Fmap"),
            'href="/sign-in/start',
        ),
        (SignInView(forge="forge.test", start=None), "Nobody can sign in here yet"),
        (SignInView(forge="f", start="/s", sentence="<b>no</b>", status=400), "&lt;b&gt;no"),
    ],
)
async def test_the_sign_in_page_says_where_to_go_and_what_went_wrong(world, web, view, words):
    world.principal, world.sign_in = None, view
    page = await web.get("/sign-in", headers=HTML)
    assert page.status_code == view.status
    assert words in page.text
