"""Notifications through apprise to a real receiver."""

import json
import logging
from collections.abc import AsyncIterator, Callable

import pytest

from grace.adapters.notify import AppriseChannels, ChannelUnusable
from grace.domain.narration import Tone
from grace.domain.notifying.news import Draft
from support.receiver import Receiver, receiving

DRAFT = Draft("mission held", "The mesh is slow\n<b>not bold</b>\nhttps://x.test/4", Tone.WAIT)
SECRET = "s3cr3t-p4th"
Opener = Callable[..., AppriseChannels]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as listening:
        yield listening


@pytest.fixture
def channels() -> AsyncIterator[Opener]:
    opened: list[AppriseChannels] = []

    def opener(url: str, **options: float) -> AppriseChannels:
        opened.append(AppriseChannels.open({"ops": url}, **options))
        return opened[-1]

    yield opener
    for each in opened:
        each.close()


def address(receiver: Receiver) -> str:
    return f"{receiver.url.replace('http://', 'json://')}/{SECRET}"


async def test_a_message_arrives_as_it_was_written(receiver, channels):
    assert await channels(address(receiver)).send("ops", DRAFT) is None
    (got,) = receiver.got
    told = json.loads(got.body)
    assert (got.path.rstrip("/"), told["title"]) == (f"/{SECRET}", DRAFT.title)
    assert (told["message"], told["type"]) == (DRAFT.body, "warning")


@pytest.mark.parametrize(
    ("tone", "kind"),
    [(Tone.PLAIN, "info"), (Tone.GOOD, "success"), (Tone.BAD, "failure")],
)
async def test_a_tone_is_the_services_kind(receiver, channels, tone, kind):
    await channels(address(receiver)).send("ops", Draft("t", "b", tone))
    assert json.loads(receiver.got[0].body)["type"] == kind


async def test_a_refusal_is_told_by_its_status_and_no_secret_is_logged(receiver, channels, caplog):
    receiver.answers = [503]
    caplog.set_level(logging.DEBUG)
    assert await channels(address(receiver)).send("ops", DRAFT) == "the service answered 503"
    assert receiver.got
    assert SECRET not in caplog.text


async def test_a_service_that_is_not_there_is_told(channels, capfd):
    reason = await channels(f"json://127.0.0.1:1/{SECRET}").send("ops", DRAFT)
    assert reason == "the service cannot be reached"
    assert SECRET not in "".join(capfd.readouterr())


async def test_a_service_that_is_slow_does_not_hold_us(receiver, channels):
    receiver.hold.clear()
    reason = await channels(address(receiver), timeout_s=0.2).send("ops", DRAFT)
    assert reason == "did not take the message within 0.2 s"


@pytest.mark.parametrize("url", ["nonsense://s3cr3t-p4th", "s3cr3t-p4th", ""])
def test_an_address_that_is_none_names_the_channel_and_not_itself(url, channels, capfd, caplog):
    with pytest.raises(ChannelUnusable, match="channel ops") as caught:
        channels(url)
    assert SECRET not in str(caught.value) + "".join(capfd.readouterr()) + caplog.text


def test_closing_leaves_logging_as_it_was(channels):
    logger = logging.getLogger("apprise")
    before = (logger.propagate, list(logger.handlers))
    opened = channels("json://127.0.0.1:1/")
    assert not logger.propagate
    opened.close()
    assert (logger.propagate, logger.handlers) == before
