"""The proxies do what they say, equally for a seed, and stop short of for ever."""

from collections.abc import AsyncIterator

import httpx
import pytest

from localforge.forge_world import REPO, Receiver, World
from support.proxy import ApiFault, ApiPlan, ApiProxy, HookFault, HookPlan, HookProxy

ISSUES = f"/api/v3{REPO}/issues"


@pytest.fixture
async def ann(world: World) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"token {world.tokens['ann']}"}
    async with httpx.AsyncClient(headers=headers, timeout=5, verify=False) as client:
        yield client


async def _titles(world: World) -> list[str]:
    found = (await world.person("ann").get(f"{REPO}/issues")).json()
    return [issue["title"] for issue in found]


@pytest.mark.parametrize(
    ("fault", "happened"),
    [
        (ApiFault.ERROR_BEFORE, False),
        (ApiFault.ERROR_AFTER, True),
        (ApiFault.TIMEOUT_BEFORE, False),
        (ApiFault.TIMEOUT_AFTER, True),
        (ApiFault.SECONDARY_LIMIT, False),
        (ApiFault.UNAUTHORIZED, False),
        (ApiFault.TRUNCATED, True),
    ],
)
async def test_each_fault_looks_as_it_should_and_ends(
    world: World, ann: httpx.AsyncClient, fault: ApiFault, happened: bool
) -> None:
    async with ApiProxy(ApiPlan({fault: 1.0}, burst=1)) as proxy:
        proxy.upstream = world.forge.url
        url = proxy.url + ISSUES
        match fault:
            case ApiFault.TIMEOUT_BEFORE | ApiFault.TIMEOUT_AFTER:
                with pytest.raises(httpx.RemoteProtocolError):
                    await ann.post(url, json={"title": "one"})
            case ApiFault.TRUNCATED:
                with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
                    (await ann.post(url, json={"title": "one"})).json()
            case ApiFault.SECONDARY_LIMIT:
                refused = await ann.post(url, json={"title": "one"})
                assert (refused.status_code, refused.headers["Retry-After"]) == (403, "1")
                assert "secondary rate limit" in refused.text
            case ApiFault.UNAUTHORIZED:
                assert (await ann.post(url, json={"title": "one"})).status_code == 401
            case _:
                assert (await ann.post(url, json={"title": "one"})).status_code in {500, 502}
        assert await _titles(world) == (["one"] if happened else [])
        # After a burst a request comes through, whatever the rate.
        assert (await ann.post(url, json={"title": "two"})).status_code == 201
        assert [deed.fault for deed in proxy.deeds] == [fault, ApiFault.NONE]
        assert proxy.deeds[0].status == (201 if happened else None)


async def test_token_is_refused_once_in_all(world: World, ann: httpx.AsyncClient) -> None:
    async with ApiProxy(ApiPlan({ApiFault.UNAUTHORIZED: 1.0})) as proxy:
        proxy.upstream = world.forge.url
        paths = ("/user", ISSUES, REPO)
        assert [(await ann.get(proxy.url + path)).status_code for path in paths] == [401, 200, 200]


async def test_seed_decides_and_spared_paths_never_suffer(
    world: World, ann: httpx.AsyncClient
) -> None:
    async def faults(seed: int, paths: list[str]) -> dict[str, list[ApiFault]]:
        rates = {ApiFault.ERROR_BEFORE: 0.3, ApiFault.SECONDARY_LIMIT: 0.2}
        async with ApiProxy(ApiPlan(rates, seed=seed, spare=("/users/",))) as proxy:
            proxy.upstream = world.forge.url
            for path in paths:
                await ann.get(proxy.url + path)
            found: dict[str, list[ApiFault]] = {}
            for deed in proxy.deeds:
                found.setdefault(deed.path, []).append(deed.fault)
            return found

    paths = ["/user", REPO] * 8 + ["/users/bob"] * 8
    first = await faults(1, paths)
    # Another order between paths, the same fate of each.
    assert await faults(1, sorted(paths)) == first
    assert await faults(2, paths) != first
    assert "/users/bob" not in first
    assert {fault for each in first.values() for fault in each} > {ApiFault.NONE}


async def _send(url: str, *names: str) -> list[int]:
    async with httpx.AsyncClient(verify=False) as forge:
        codes = []
        for name in names:
            headers = {"X-GitHub-Event": name, "X-GitHub-Delivery": name}
            codes.append((await forge.post(url, headers=headers, content=b"{}")).status_code)
        return codes


async def _through(
    receiver: Receiver, fault: HookFault, *names: str
) -> tuple[list[int], list[str], list[str]]:
    """Send deliveries of which the first suffers; return codes, arrivals, and those in the end."""
    async with HookProxy(HookPlan({fault: 1.0}, burst=1, speed=1)) as proxy:
        proxy.upstream = receiver.url.removesuffix("/hook")
        codes = await _send(f"{proxy.url}/hook", names[0])
        proxy.plan = HookPlan({})
        codes += await _send(f"{proxy.url}/hook", *names[1:])
        at_once = receiver.names()
        await proxy.drain()
        return codes, at_once, receiver.names()


@pytest.mark.parametrize(
    ("fault", "codes", "at_once", "in_the_end"),
    [
        (HookFault.LOST, [202, 202], ["b"], ["b"]),
        (HookFault.REFUSED, [502, 202], ["b"], ["b"]),
        (HookFault.DUPLICATED, [202, 202], ["a", "a", "b"], ["a", "a", "b"]),
        (HookFault.REORDERED, [202, 202], ["b", "a"], ["b", "a"]),
        (HookFault.LATE, [202, 202], ["b"], ["b", "a"]),
    ],
)
async def test_deliveries_suffer_as_told(
    receiver: Receiver,
    fault: HookFault,
    codes: list[int],
    at_once: list[str],
    in_the_end: list[str],
) -> None:
    assert await _through(receiver, fault, "a", "b") == (codes, at_once, in_the_end)


async def test_held_delivery_is_sent_though_none_follows(receiver: Receiver) -> None:
    assert await _through(receiver, HookFault.REORDERED, "a") == ([202], [], ["a"])
