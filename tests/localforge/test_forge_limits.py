"""The limits: by the hour, by points a minute, by content, by concurrency; and what is free."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.localforge.errors import ApiError
from grace.localforge.forge import ForgeConfig, Limits, LocalForge
from grace.localforge.limits import HOUR, MINUTE, Cost, RateLimits, cost_of

ISSUES = "/repos/ann/app/issues"


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, seconds: int) -> None:
        self.moment += timedelta(seconds=seconds)


@asynccontextmanager
async def serving(
    folder: Path, clock: Callable[[], datetime], rate_limit: int = 5000, **limits: int
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a forge with small limits and yield its owner's client."""
    config = ForgeConfig(folder, rate_limit=rate_limit, limits=Limits(**limits))
    forge = LocalForge(config, clock=clock)
    token = await forge.create_user("ann")
    await forge.create_repository("ann", "app")
    await forge.start()
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(base_url=forge.api_url, headers=headers, verify=False) as ann:
        yield ann
    await forge.close()


async def test_points_a_minute_count_a_write_five_times(tmp_path: Path) -> None:
    clock = Clock()
    async with serving(tmp_path, clock, points_per_minute=7) as ann:
        codes = [(await ann.get("/user")).status_code, (await ann.get("/user")).status_code]
        codes.append((await ann.post(ISSUES, json={"title": "t"})).status_code)
        clock.forward(20)
        refused = await ann.get("/user")
        assert (codes, refused.status_code) == ([200, 200, 201], 403)
        assert refused.json()["message"].startswith("You have exceeded a secondary rate limit.")
        assert refused.json()["documentation_url"].endswith("#about-secondary-rate-limits")
        assert refused.headers["Retry-After"] == "40"
        assert refused.headers["X-RateLimit-Remaining"] == "4997"
        clock.forward(40)
        assert (await ann.get("/user")).status_code == 200


@pytest.mark.parametrize("status", [403, 429])
async def test_content_is_limited_by_minute_and_by_hour(tmp_path: Path, status: int) -> None:
    clock = Clock()
    limits = {"content_per_minute": 2, "content_per_hour": 3, "refusal": status}
    async with serving(tmp_path, clock, **limits) as ann:

        async def write() -> tuple[int, str | None]:
            answer = await ann.post(ISSUES, json={"title": "t"})
            return answer.status_code, answer.headers.get("Retry-After")

        assert [await write() for _ in range(3)] == [(201, None), (201, None), (status, "60")]
        assert (await ann.get(ISSUES)).status_code == 200
        clock.forward(60)
        assert [await write(), await write()] == [(201, None), (status, str(HOUR - 60))]


async def test_a_third_at_once_is_refused_where_two_may_run(tmp_path: Path) -> None:
    async with serving(tmp_path, Clock(), concurrent=2) as ann:
        # Three at once: the pool of httpx opens a connection for each.
        answers = await asyncio.gather(*(ann.post("/user/repos", json=_repo(n)) for n in "abc"))
        assert sorted(answer.status_code for answer in answers) == [201, 201, 403]
        assert (await ann.get("/user")).status_code == 200


def _repo(name: str) -> dict[str, object]:
    return {"name": name, "auto_init": True}


async def test_a_304_is_free_and_rate_limit_tells_the_truth(tmp_path: Path) -> None:
    async with serving(tmp_path, Clock(), rate_limit=3) as ann:
        first = await ann.get(ISSUES)
        for _ in range(5):
            same = await ann.get(ISSUES, headers={"If-None-Match": first.headers["ETag"]})
            assert (same.status_code, same.headers["X-RateLimit-Remaining"]) == (304, "2")
        await ann.get("/user")
        told = (await ann.get("/rate_limit")).json()["resources"]
        assert (told["core"]["used"], told["core"]["remaining"]) == (2, 1)
        assert told["graphql"]["used"] == 0
        await ann.get("/user")
        exhausted = await ann.get("/user")
        assert exhausted.json()["message"] == "API rate limit exceeded for ann."
        assert exhausted.headers["X-RateLimit-Remaining"] == "0"
        assert (await ann.get("/rate_limit")).status_code == 200


async def test_a_list_that_grew_a_second_page_is_a_new_list(tmp_path: Path) -> None:
    async with serving(tmp_path, Clock()) as ann:
        await ann.post(ISSUES, json={"title": "one"})
        url = f"{ISSUES}?per_page=1&direction=asc"
        tag = (await ann.get(url)).headers["ETag"]
        await ann.post(ISSUES, json={"title": "two"})
        assert (await ann.get(url, headers={"If-None-Match": tag})).status_code == 200


READ, WRITE = Cost("core", 1, content=False), Cost("core", 5, content=True)


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=80))
def test_no_minute_holds_more_than_its_limits(steps: list[tuple[int, bool]]) -> None:
    limits = RateLimits(10**6, Limits(points_per_minute=20, content_per_minute=3))
    now, passed = 0.0, list[tuple[float, Cost]]()
    for seconds, write in steps:
        now += seconds
        cost = WRITE if write else READ
        try:
            limits.begin("ann", cost, now)
        except ApiError as refused:
            later = now + int(refused.headers["Retry-After"])
            limits.begin("ann", cost, later)  # to wait as told is enough
            now = later
        limits.end("ann")
        passed.append((now, cost))
    for at, _ in passed:
        minute = [cost for then, cost in passed if at <= then < at + MINUTE]
        assert sum(cost.points for cost in minute) <= 20
        assert sum(cost.content for cost in minute) <= 3


def test_graphql_costs_by_what_it_does() -> None:
    assert cost_of("POST", "/graphql", b'{"query": "query { viewer { login } }"}').points == 1
    assert cost_of("POST", "/graphql", b'{"query": "\\n mutation M { x }"}').points == 5
    assert cost_of("POST", "/graphql", b"[").resource == "graphql"
    assert cost_of("DELETE", "/repos/{owner}/{repo}/labels/{name}", b"") == Cost("core", 5, False)
    assert not cost_of("POST", "/app/installations/{id}/access_tokens", b"").content
