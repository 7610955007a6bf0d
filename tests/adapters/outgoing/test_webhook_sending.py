"""Webhooks over real sockets: signatures, answers, and addresses that are not reached."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from grace.adapters.outgoing import Endpoint, HttpWebhooks, WebhookSecret, sign
from grace.ports.outgoing import Answer
from support.receiver import Receiver, certified, receiving

OLD = "whsec_" + base64.b64encode(b"o" * 24).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 64).decode()
BODY = b'{"type":"mission.merged","data":{}}'
Sender = Callable[..., HttpWebhooks]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as listening:
        yield listening


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    made: list[HttpWebhooks] = []

    def make(url: str, *, network: str = "public", secrets: tuple[str, ...] = (NEW,), **options):
        keys = tuple(WebhookSecret.parse(secret) for secret in secrets)
        made.append(HttpWebhooks({"hook": Endpoint(url, network, keys)}, **options))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def send(webhooks: HttpWebhooks) -> Answer:
    return await webhooks.send("hook", "msg_1", BODY, datetime.now(UTC))


async def test_what_is_sent_verifies_by_the_schemes_own_library(receiver, sender):
    assert await send(sender(f"{receiver.url}/in?x=1")) == Answer(204, None)
    (got,) = receiver.got
    assert (got.path, got.body) == ("/in", BODY)
    assert got.headers["Host"] == receiver.url.removeprefix("http://")
    assert got.headers["Content-Type"] == "application/json"
    assert Webhook(NEW).verify(got.body, dict(got.headers))["type"] == "mission.merged"
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(got.body + b" ", dict(got.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(got.body, dict(got.headers))


async def test_while_a_secret_is_exchanged_both_verify(receiver, sender):
    await send(sender(receiver.url, secrets=(NEW, OLD)))
    headers = dict(receiver.got[0].headers)
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert Webhook(OLD).verify(BODY, headers) == Webhook(NEW).verify(BODY, headers)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (200, Answer(200, None)),
        (410, Answer(410, "answered 410 Gone")),
        (500, Answer(500, "answered 500 Internal Server Error")),
        (
            (429, {"Retry-After": "120"}),
            Answer(429, "answered 429 Too Many Requests", timedelta(minutes=2)),
        ),
        (
            (503, {"Retry-After": "Sun, 22 Nov 2026 12:01:00 GMT"}),
            Answer(503, "answered 503 Service Unavailable", timedelta(minutes=1)),
        ),
        ((503, {"Retry-After": "soon"}), Answer(503, "answered 503 Service Unavailable")),
        (
            (503, {"Retry-After": "9" * 400}),
            Answer(503, "answered 503 Service Unavailable", timedelta(seconds=10**9)),
        ),
    ],
)
async def test_each_answer_is_told(receiver, sender, answer, expected):
    receiver.answers = [answer]
    noon = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert await sender(receiver.url).send("hook", "msg_1", BODY, noon) == expected


async def test_a_redirect_is_not_followed(receiver, sender):
    receiver.answers = [(307, {"Location": f"{receiver.url}/elsewhere"})]
    answer = await send(sender(receiver.url))
    assert answer.status == 307
    assert "redirects are not followed" in answer.error
    assert [got.path for got in receiver.got] == ["/"]


async def test_one_that_does_not_answer_is_left_after_a_while(receiver, sender):
    receiver.hold.clear()
    answer = await send(sender(receiver.url, timeout_s=0.2))
    assert answer == Answer(None, "did not answer within 0.2 s")


async def test_one_that_drips_its_headers_does_not_hold_us_longer(sender):
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.02)
        except OSError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        answer = await send(sender(f"http://127.0.0.1:{port}", timeout_s=0.3))
    assert answer.status is None
    assert answer.error is not None


async def test_one_that_is_not_there_is_told_as_such(receiver, sender):
    address = "http://127.0.0.1:1"
    answer = await send(sender(address))
    assert answer.status is None
    assert answer.error.startswith("cannot be reached")


@pytest.mark.parametrize(
    ("network", "address", "told"),
    [
        ("public", "127.0.0.1", "which is this machine"),
        ("any", "127.0.0.1", "which is this machine"),
        ("public", "10.0.0.1", "of a private network"),
        ("private", "169.254.169.254", "where a cloud tells machines their secrets"),
        ("public", "::ffff:169.254.169.254", "where a cloud tells machines their secrets"),
    ],
)
async def test_a_name_that_leads_inside_is_not_reached(receiver, sender, network, address, told):
    async def resolver(_host: str, _port: int) -> list[str]:
        return [address]

    port = receiver.url.rpartition(":")[2]
    url = f"https://rebound.example:{port}/"
    answer = await send(sender(url, network=network, resolver=resolver))
    assert answer.status is None
    assert told in answer.error
    assert receiver.got == []


async def test_the_address_that_was_judged_is_the_one_that_is_reached(receiver, sender):
    asked: list[str] = []

    async def resolver(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["169.254.169.254", "127.0.0.1"]

    port = receiver.url.rpartition(":")[2]
    answer = await send(sender(f"http://localhost:{port}/", resolver=resolver))
    assert (answer.status, asked) == (204, ["localhost"])
    assert receiver.got[0].headers["Host"] == f"localhost:{port}"


@pytest.mark.parametrize(("name", "taken"), [("localhost", True), ("other.example", False)])
async def test_tls_is_verified_for_the_name_and_not_for_its_address(tmp_path, sender, name, taken):
    server, trusting = certified(name, tmp_path)
    async with receiving(server) as receiver:
        port = receiver.url.rpartition(":")[2]
        answer = await send(sender(f"https://localhost:{port}/in", tls=trusting))
        assert (answer.status == 204, len(receiver.got)) == (taken, int(taken))
        untrusted = await send(sender(f"https://localhost:{port}/in"))
    assert untrusted.error.startswith("cannot be reached")


async def test_a_name_without_an_address_is_told(sender):
    async def resolver(_host: str, _port: int) -> list[str]:
        return []

    answer = await send(sender("https://nowhere.example/", resolver=resolver))
    assert answer == Answer(None, "nowhere.example has no address")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("secret", "does not begin with whsec_"),
        ("whsec_%%%", "is not base64"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "holds 23 bytes"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "holds 65 bytes"),
    ],
)
def test_a_secret_that_is_none_is_refused_without_telling_it(text, why):
    with pytest.raises(ValueError, match=why) as caught:
        WebhookSecret.parse(text)
    assert text.removeprefix("whsec_") not in str(caught.value)


def test_no_repr_shows_a_secret():
    secret = WebhookSecret.parse(NEW)
    assert "n" * 8 not in repr(Endpoint("https://x.test/", "public", (secret,)))


def test_the_example_of_the_specification():
    secret = WebhookSecret.parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
