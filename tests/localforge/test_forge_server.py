"""The HTTP face: errors in GitHub's form, pages, limits, faults, loopback only, restarts."""

import asyncio
import sqlite3
from pathlib import Path

import httpx
import pytest

from grace.localforge.forge import ForgeConfig, LocalForge
from grace.localforge.serve import serve
from localforge.forge_world import REPO, World


async def test_errors_have_githubs_form(world: World) -> None:
    ann = world.person("ann")
    missing = await ann.get("/no/such/path")
    assert missing.status_code == 404
    assert missing.json() == {
        "message": "Not Found",
        "documentation_url": "https://docs.github.com/rest",
        "status": "404",
    }
    bad = await world.client("nonsense").get("/user")
    assert (bad.status_code, bad.json()["message"]) == (401, "Bad credentials")
    invalid = await ann.post(f"{REPO}/issues", json={"body": "no title"})
    assert invalid.status_code == 422
    error = {"resource": "Issue", "field": "title", "code": "missing_field"}
    assert invalid.json()["errors"] == [error]
    assert (await ann.post(f"{REPO}/issues", content=b"{")).status_code == 400
    assert (await ann.post(f"{REPO}/issues", content=b"[1]")).status_code == 400
    assert (await ann.post(f"{REPO}/issues", json={"title": 3})).status_code == 422
    assert (await ann.get(f"{REPO}/issues/99999999999999999999")).status_code == 404
    assert (await world.client(None).post(f"{REPO}/issues", json={})).status_code == 401


async def test_body_over_25_megabytes_is_413(world: World) -> None:
    answer = await world.person("ann").post(f"{REPO}/issues", content=b"x" * 26_500_000)
    assert answer.status_code == 413
    assert (await world.person("ann").get(REPO)).status_code == 200


async def test_both_addresses_serve_the_api_with_githubs_headers(world: World) -> None:
    ann = world.person("ann")
    for base in (world.forge.url, world.forge.api_url):
        answer = await ann.get(f"{base}{REPO}")
        assert answer.json()["full_name"] == "ann/app"
        assert answer.headers["X-GitHub-Request-Id"]
        assert answer.headers["X-RateLimit-Limit"] == "5000"
    tag = answer.headers["ETag"]
    same = await ann.get(REPO, headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")


async def test_pages_are_linked(world: World) -> None:
    ann = world.person("ann")
    for number in range(5):
        await ann.post(f"{REPO}/issues", json={"title": f"i{number}"})
    url: str | None = f"{REPO}/issues?per_page=2&direction=asc"
    titles = []
    while url:
        answer = await ann.get(url)
        titles += [issue["title"] for issue in answer.json()]
        url = answer.links.get("next", {}).get("url")
    assert titles == [f"i{number}" for number in range(5)]


async def test_rate_limit_is_enforced_by_actor(tmp_path: Path) -> None:
    forge = LocalForge(ForgeConfig(tmp_path, rate_limit=2))
    token = await forge.create_user("ann")
    await forge.start()
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(base_url=forge.url, headers=headers, verify=False) as ann:
        codes = [(await ann.get("/user")).status_code for _ in range(3)]
        last = await ann.get("/user")
        other = await ann.get("/users/ann", headers={"Authorization": ""})
    await forge.close()
    assert codes == [200, 200, 403]
    assert last.headers["X-RateLimit-Remaining"] == "0"
    assert other.status_code == 200


async def test_requests_fail_on_request_before_or_after_their_effect(world: World) -> None:
    ann, faults = world.person("ann"), world.forge.faults
    faults.fail(r"/issues$", 502, times=2, method="POST")
    codes = [(await ann.post(f"{REPO}/issues", json={"title": "t"})).status_code for _ in range(3)]
    assert codes == [502, 502, 201]
    faults.fail(r"/issues$", 500, method="POST", after=True)
    assert (await ann.post(f"{REPO}/issues", json={"title": "twice"})).status_code == 500
    titles = [issue["title"] for issue in (await ann.get(f"{REPO}/issues")).json()]
    assert titles == ["twice", "t"]
    faults.delay(r"/issues$", 0.5)
    with pytest.raises(httpx.ReadTimeout):
        await ann.get(f"{REPO}/issues", timeout=0.2)


async def test_calls_are_logged_by_actor_and_template(world: World) -> None:
    bot = await world.bot()
    await bot.get(f"{REPO}/contents/src/run.sh")
    await bot.get("/nonsense")
    mine = [(c.method, c.template, c.status) for c in await world.forge.calls("grace[bot]")]
    assert mine == [
        ("POST", "/app/installations/{id}/access_tokens", 201),
        ("GET", "/repos/{owner}/{repo}/contents/{path}", 200),
        ("GET", "(unknown)", 404),
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])
def test_only_loopback_is_served(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValueError, match="not a host for the public"):
        LocalForge(ForgeConfig(tmp_path, host=host))


async def test_restart_keeps_state_and_tokens(world: World, tmp_path: Path) -> None:
    await world.person("ann").post(f"{REPO}/issues", json={"title": "kept"})
    await world.forge.close()
    again = LocalForge(ForgeConfig(tmp_path / "forge"))
    await again.start()
    headers = {"Authorization": f"token {world.tokens['bob']}"}
    async with httpx.AsyncClient(base_url=again.api_url, headers=headers, verify=False) as bob:
        assert (await bob.get(f"{REPO}/issues/1")).json()["title"] == "kept"
        assert (await bob.get("/user")).json()["login"] == "bob"
    await again.close()


def test_unknown_schema_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "forge.sqlite3")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(RuntimeError, match="schema 99"):
        LocalForge(ForgeConfig(tmp_path))


async def test_tokens_are_stored_as_hashes_only(world: World, tmp_path: Path) -> None:
    await world.forge.close()
    stored = b"".join(file.read_bytes() for file in (tmp_path / "forge").glob("forge.sqlite3*"))
    assert world.tokens["ann"].encode() not in stored


async def test_serve_says_where_and_gives_the_token_once(tmp_path: Path) -> None:
    for start in (1, 2):
        said: list[str] = []
        stop, ready = asyncio.Event(), asyncio.Event()

        def say(line: str, said: list[str] = said, ready: asyncio.Event = ready) -> None:
            said.append(line)
            if "not a host for the public" in line:
                ready.set()

        config = ForgeConfig(tmp_path / "data")
        task = asyncio.create_task(serve(config, say=say, stop=stop))
        await asyncio.wait_for(ready.wait(), 10)
        assert "http://127.0.0.1:" in said[0]
        stop.set()
        await asyncio.wait_for(task, 10)
        assert any("ghp_" in line for line in said) == (start == 1)


async def test_deleted_repository_is_gone_and_told(world: World) -> None:
    ann = world.person("ann")
    await ann.post(f"{REPO}/issues", json={"title": "t"})
    assert (await world.person("bob").delete(REPO)).status_code == 403
    assert (await ann.delete(REPO)).status_code == 204
    assert (await ann.get(f"{REPO}/issues/1")).status_code == 404
    await world.forge.idle()
    assert world.receiver.last("repository.deleted")["repository"]["full_name"] == "ann/app"
    await world.forge.create_repository("ann", "app")
    assert (await ann.get(f"{REPO}/issues")).json() == []
