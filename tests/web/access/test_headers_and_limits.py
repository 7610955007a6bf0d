"""What every answer carries, which names we answer to, how much and how often one may ask."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from grace.domain.access import Scope
from grace.web.access.entrance import Limits
from grace.web.access.headers import POLICY
from grace.web.access.rates import MOST_KEYS, Rates, TooMany
from grace.web.access.site import Site
from support.doors import Door, opened


@pytest.mark.parametrize(
    "path", ["/sign-in", "/who", "/nowhere", "/open", "/hooks/github", "/static/x.css"]
)
async def test_no_answer_can_be_framed_sniffed_or_scripted(door: Door, path: str) -> None:
    headers = (await door.client.get(path)).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert "frame-ancestors 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Strict-Transport-Security" not in headers
    assert "aiohttp" not in headers["Server"]
    stored = headers.get("Cache-Control")
    assert stored == (None if path.startswith("/static/") else "no-store")


async def test_over_https_browsers_are_told_to_stay_there(tmp_path: Path) -> None:
    async with opened(tmp_path, "https://grace.test") as door:
        answer = await door.client.get("/sign-in", headers={"Host": "grace.test"})
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize(
    ("public_url", "host", "good"),
    [
        (None, "127.0.0.1:80", True),
        (None, "localhost", True),
        (None, "[::1]:8080", True),
        (None, "evil.test", False),
        (None, "127.0.0.1.evil.test", False),
        (None, "127.0.0.1@evil.test", False),
        (None, "[::1", False),
        ("https://grace.test", "grace.test", True),
        ("https://grace.test", "GRACE.test:8443", True),
        ("https://grace.test", "127.0.0.1:8080", True),
        ("https://grace.test", "evil.test", False),
        ("https://grace.test", "grace.test.evil.test", False),
    ],
)
async def test_only_our_own_names_are_answered_to(
    tmp_path: Path, public_url: str | None, host: str, good: bool
) -> None:
    async with opened(tmp_path, public_url) as door:
        answer = await door.client.get("/open", headers={"Host": host})
        assert answer.status_code == (200 if good else 421), answer.text


async def test_who_asks_too_often_waits_and_nobody_else(tmp_path: Path) -> None:
    async with opened(tmp_path, per_minute=10) as door:
        busy = {"Authorization": f"Bearer {await door.token()}"}
        calm = {"Authorization": f"Bearer {await door.token()}"}
        answers = [await door.client.get("/who", headers=busy) for _ in range(11)]
        assert [a.status_code for a in answers] == [200] * 10 + [429]
        assert answers[-1].headers["Content-Type"].startswith("application/problem+json")
        wait = int(answers[-1].headers["Retry-After"])
        assert 0 < wait <= 61
        assert (await door.client.get("/who", headers=calm)).status_code == 200
        door.clock.go(seconds=wait)
        assert (await door.client.get("/who", headers=busy)).status_code == 200


async def test_writes_sign_ins_and_guesses_are_fewer(tmp_path: Path) -> None:
    async with opened(tmp_path, per_minute=60) as door:
        headers = {"Authorization": f"Bearer {await door.token(Scope.OPERATOR)}"}
        writes = [(await door.client.post("/who", headers=headers)).status_code for _ in range(13)]
        assert writes == [200] * 12 + [429]
        assert (await door.client.get("/who", headers=headers)).status_code == 200
        begun = [(await door.client.get("/sign-in/start")).status_code for _ in range(3)]
        assert begun == [303, 303, 429]
        door.clock.go(minutes=1)
        wrong = {"Authorization": "Bearer grace_guess"}
        guesses = [(await door.client.get("/who", headers=wrong)).status_code for _ in range(13)]
        assert guesses == [401] * 12 + [429]


async def test_machines_are_not_counted(tmp_path: Path) -> None:
    async with opened(tmp_path, per_minute=5) as door:
        sent = [(await door.client.post("/hooks/github")).status_code for _ in range(20)]
        assert set(sent) == {200}


def test_a_window_moves_and_a_refusal_costs_nothing() -> None:
    times: Iterator[float] = iter([0.0, 30.0, 59.0, 59.5, 60.5, 61.0, 90.5])
    rates = Rates(600, lambda: next(times))
    rates.take("a", 2)
    rates.take("a", 2)
    for _ in range(2):
        with pytest.raises(TooMany) as refused:
            rates.take("a", 2)
        assert refused.value.retry_after in {1, 2}
    rates.take("a", 2)
    with pytest.raises(TooMany):
        rates.take("a", 2)
    rates.take("a", 2)


def test_many_addresses_do_not_fill_the_memory() -> None:
    rates = Rates(600, lambda: 0.0)
    for number in range(MOST_KEYS + 100):
        rates.take(f"stranger {number}", 1)
    assert len(rates._asked) == MOST_KEYS
    with pytest.raises(TooMany):
        rates.take(f"stranger {MOST_KEYS + 99}", 1)


@pytest.mark.parametrize(
    ("public_url", "peer", "told", "address"),
    [
        (None, "10.0.0.9", [], "10.0.0.9"),
        (None, "127.0.0.1", ["8.8.8.8"], "127.0.0.1"),
        ("https://grace.test", "127.0.0.1", ["6.6.6.6, 8.8.8.8"], "8.8.8.8"),
        ("https://grace.test", "127.0.0.1", ["6.6.6.6", "8.8.4.4"], "8.8.4.4"),
        ("https://grace.test", "127.0.0.1", ["unknown"], "127.0.0.1"),
        ("https://grace.test", "10.0.0.9", ["8.8.8.8"], "10.0.0.9"),
        (None, "2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
        (None, "::ffff:10.0.0.9", [], "10.0.0.9"),
        (None, "", [], "unknown"),
    ],
)
def test_a_forwarded_address_is_believed_of_our_own_proxy_alone(
    public_url: str | None, peer: str, told: list[str], address: str
) -> None:
    request = make_mocked_request("GET", "/").clone(
        remote=peer, headers=[("X-Forwarded-For", each) for each in told]
    )
    assert isinstance(request, web.Request)
    assert Site(public_url).address(request) == address


async def test_a_body_over_the_limit_is_not_read(door: Door) -> None:
    headers = {"Authorization": f"Bearer {await door.token()}"}
    fits = b"x" * (1 << 20)
    assert (await door.client.post("/who", headers=headers, content=fits)).status_code == 200
    answer = await door.client.post("/who", headers=headers, content=fits + b"x")
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "the body is larger than 1024 KiB",
    )
    large = await door.client.post("/hooks/github", content=fits * 3)
    assert large.status_code == 200


async def test_a_body_without_a_length_is_cut_at_the_limit(door: Door) -> None:
    async def pieces():
        for _ in range(20):
            yield b"x" * (1 << 16)

    headers = {"Authorization": f"Bearer {await door.token()}"}
    answer = await door.client.post("/who", headers=headers, content=pieces())
    assert answer.status_code == 413


async def answered(door: Door, request: bytes) -> tuple[int, str]:
    """Send bytes, and nothing more; return the status and the rest of the answer."""
    host, _, port = door.netloc.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), head


@pytest.mark.parametrize("path", ["/who", "/hooks/github"])
async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path, path: str) -> None:
    async with opened(tmp_path, limits=Limits(body_s=0.2, machine_body_s=0.2)) as door:
        request = (
            f"POST {path} HTTP/1.1\r\nHost: {door.netloc}\r\nContent-Length: 50\r\n"
            f"Authorization: Bearer {await door.token()}\r\n\r\n{{"
        )
        status, head = await answered(door, request.encode())
        assert status == 408
        assert "Connection: close" in head


async def test_a_body_that_says_to_be_too_large_is_not_waited_for(door: Door) -> None:
    request = (
        f"POST /who HTTP/1.1\r\nHost: {door.netloc}\r\nContent-Length: {(1 << 20) + 1}\r\n"
        f"Authorization: Bearer {await door.token()}\r\n\r\n{{"
    )
    status, head = await answered(door, request.encode())
    assert status == 413
    assert "Connection: close" in head


async def test_the_body_of_nobody_is_not_read_at_all(door: Door) -> None:
    request = f"POST /who HTTP/1.1\r\nHost: {door.netloc}\r\nContent-Length: 50\r\n\r\n{{"
    status, _ = await answered(door, request.encode())
    assert status == 401


async def test_a_refusal_is_a_problem_with_a_sentence(door: Door) -> None:
    for answer in (
        await door.client.get("/who"),
        await door.client.get("/who?token=x"),
        await door.client.get("/open", headers={"Host": "evil.test"}),
    ):
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert json.loads(answer.text)["status"] == answer.status_code
