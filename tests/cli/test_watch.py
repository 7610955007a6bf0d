"""`grace watch`: what a bot sends is verified before it is shown."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import Result
from typer.testing import CliRunner

from grace.adapters.keys import Ed25519Key, raw_line
from grace.cli.main import app
from grace.cli.watching import Bot, CannotWatch, Patience, Wanted
from grace.domain.ledger import Head, append, draft
from grace.domain.signing import canonical, encode64
from support.live_world import KEY, MESH, NOW, Followed, followed, served, until

SOON = Patience(first_s=0.01, last_s=0.05)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Followed]:
    async with followed(tmp_path) as made:
        yield made


async def watch(*args: str, token: str = "ann") -> Result:
    """Run the command in a thread, as a process beside the bot would."""
    env = {"COLUMNS": "200", "GRACE_TOKEN": token}
    return await asyncio.to_thread(CliRunner().invoke, app, ["watch", *args], env=env)


async def test_what_happens_is_told_in_a_line_each(world: Followed) -> None:
    watching = asyncio.create_task(watch("--url", world.url, "--count", "3"))
    await until(lambda: world.live.figures().listeners == 1)
    await world.tell(2)
    told = await watching
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        f"2026-11-22 09:30:00  forge.test/1 #{number}           -                     {words}"
        for number, words in enumerate(("log opened for acme/mesh", "HELD: why", "HELD: why"), 1)
    ]


async def test_json_gives_the_entry_and_what_verifying_it_gave(
    world: Followed, tmp_path: Path
) -> None:
    await world.tell(2)
    key = tmp_path / "key"
    key.write_text(raw_line(KEY.public))
    args = ("--url", world.url, "--key", str(key), "--after", "1", "--count", "1", "--json")
    told = await watch(*args, "--pattern", "mission.*")
    assert told.exit_code == 0
    said = json.loads(told.stdout)
    assert (said["position"], said["verified"], said["problem"]) == (2, True, None)
    assert canonical(said["entry"]) == (await world.store.lines(MESH.log))[1]


async def test_another_key_than_the_one_we_trust_shows(world: Followed, tmp_path: Path) -> None:
    await world.tell(1)
    key = tmp_path / "key"
    key.write_text(raw_line(Ed25519Key(bytes(32)).public))
    told = await watch("--url", world.url, "--key", str(key), "--after", "0", "--count", "2")
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("BAD  position ") for line in lines)
    assert "is not trusted [unknown_key]" in lines[0]
    assert "HELD" not in told.stdout


async def test_the_store_beside_is_read_without_a_bots_address(tmp_path: Path) -> None:
    async with followed(tmp_path) as world:
        (tmp_path / "signing.key").write_text(encode64(bytes(range(32))))
        (tmp_path / "signing.key").chmod(0o600)
        await world.tell(3)
        args = ("--data", str(tmp_path), "--after", "2")
        told = await watch(*args, "--count", "2", "--pattern", "mission.*")
        assert told.exit_code == 0, told.output
        assert "#3" in told.stdout.splitlines()[0]
        watching = asyncio.create_task(watch("--data", str(tmp_path), "--count", "1"))
        await asyncio.sleep(0.3)
        await world.tell(1)
        assert "HELD: why" in (await watching).stdout


@pytest.mark.parametrize(
    ("args", "token", "words"),
    [
        ((), "eve", "the bot refuses (401): send the header Authorization"),
        (("--token-file", "missing"), "ann", "No such file"),
        (("--key", "missing"), "ann", "cannot be read"),
    ],
)
async def test_what_cannot_be_watched_says_what_to_do(
    world: Followed, args: tuple[str, ...], token: str, words: str
) -> None:
    told = await watch("--url", world.url, "--count", "1", *args, token=token)
    assert told.exit_code == 2
    assert words in told.output


async def test_nobody_at_the_address_says_so() -> None:
    told = await watch("--url", "http://127.0.0.1:9", "--count", "1")
    assert told.exit_code == 2
    assert "does not answer" in told.output
    wrong = await watch("--pattern", "no pattern")
    assert wrong.exit_code == 2


async def test_a_token_may_stand_in_a_file(world: Followed, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("ann\n")
    await world.tell(1)
    args = ("--url", world.url, "--token-file", str(file), "--after", "0", "--count", "1")
    assert (await watch(*args, token="eve")).exit_code == 0


Script = Callable[[web.WebSocketResponse, int], Awaitable[None]]


def scripted(script: Script, asked: list[str]) -> web.Application:
    """A server that answers every socket by a script; it is given the number of the call."""

    async def socket(request: web.Request) -> web.WebSocketResponse:
        asked.append(request.query.get("after", ""))
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        await script(answer, len(asked))
        await answer.close()
        return answer

    async def keys(_: web.Request) -> web.Response:
        return web.json_response({"keys": [{"public_key": raw_line(KEY.public)}]})

    app = web.Application()
    app.router.add_get("/ws", socket)
    app.router.add_get("/mission-control/keys", keys)
    return app


def lines(count: int) -> list[str]:
    head, made = Head.empty("bot"), []
    for number in range(1, count + 1):
        entry = append(head, draft("brake.on", "ann", {"kind": "file"}), bytes(16), NOW, KEY)
        head = entry.head
        made.append(f'{{"position":{number},"entry":{entry.line.decode()}}}')
    return made


async def test_a_tampered_entry_is_shown_as_bad_and_the_rest_goes_on() -> None:
    first, second, third, fourth = lines(4)
    broken = second.replace('"kind":"file"', '"kind":"fire"')

    async def script(socket: web.WebSocketResponse, call: int) -> None:
        for text in ('{"hello":{}}', first, broken, third, '{"position":9,"entry":{x}}', fourth):
            await socket.send_str(text)
        await socket.receive()

    async with served(scripted(script, [])) as url:
        told = await watch("--url", url, "--count", "5")
        as_json = await watch("--url", url, "--count", "5", "--json")
    assert told.exit_code == 1
    marks = [line[:3] for line in told.stdout.splitlines()]
    assert marks == ["202", "BAD", "202", "BAD", "202"]
    assert "payload_hash" in told.stdout
    said = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [s["verified"] for s in said] == [True, False, True, False, True]
    assert said[3]["entry"] is None


async def test_a_connection_that_breaks_is_made_again_where_it_broke_off() -> None:
    asked: list[str] = []
    texts = lines(4)

    async def script(socket: web.WebSocketResponse, call: int) -> None:
        after = int(asked[-1] or 0)
        await socket.send_str(
            '{"hello":{"reset":%s,"after":2}}' % ("true" if call == 3 else "false")
        )
        await socket.send_str(texts[after])

    async with served(scripted(script, asked)) as url:
        said: list[str] = []
        bot = Bot(url, "t", said.append, SOON)
        async with aclosing(bot.lines(Wanted())) as heard:
            positions = [(await anext(heard))[0] for _ in range(4)]
    assert positions == [1, 2, 3, 4]
    assert asked == ["", "1", "2", "3"]
    assert "the bot's feed ends before what was heard last: from 2 on" in said


async def test_a_token_that_ends_ends_the_watch() -> None:
    async def script(socket: web.WebSocketResponse, call: int) -> None:
        await socket.close(code=1008)

    async with served(scripted(script, [])) as url:
        heard = Bot(url, "t", print, SOON).lines(Wanted())
        with pytest.raises(CannotWatch, match="the token is over"):
            await anext(heard)


async def test_a_busy_bot_is_asked_again(world: Followed) -> None:
    world.door.silent = True
    said: list[str] = []

    def say(words: str) -> None:
        said.append(words)
        world.door.silent = len(said) < 3

    await world.tell(1)
    async with aclosing(Bot(world.url, "ann", say, SOON).lines(Wanted(after=0))) as heard:
        assert (await anext(heard))[0] == 1
    assert len(said) == 3
    assert said[0].startswith("the bot refuses (503)")
