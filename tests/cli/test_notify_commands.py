"""`grace notify test`: a message to a channel, and what is wrong where it does not arrive."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grace.cli.main import app
from support.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver in a loop of its own: the command runs one, too."""
    begun, found = threading.Event(), list[Receiver]()
    loop = asyncio.new_event_loop()
    end = asyncio.Event()

    async def listen() -> None:
        async with receiving() as listening:
            found.append(listening)
            begun.set()
            await end.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(listen()))
    thread.start()
    assert begun.wait(10)
    yield found[0]
    loop.call_soon_threadsafe(end.set)
    thread.join(10)
    loop.close()


def grace(folder: Path, *args: str, **environment: str) -> Result:
    (folder / "notifications.yaml").write_text("channels: {ops: {url_env: GRACE_TEST_OPS}}\n")
    return CliRunner().invoke(
        app, ["notify", "test", *args, "--config-dir", str(folder)], env=environment
    )


def test_a_test_message_arrives(tmp_path: Path, receiver: Receiver) -> None:
    url = receiver.url.replace("http", "json", 1)
    said = grace(tmp_path, "ops", GRACE_TEST_OPS=url)
    assert (said.exit_code, said.stdout) == (0, "ops took the message\n")
    assert b"Grace: a test" in receiver.got[0].body


def test_a_refusal_is_an_error(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [401]
    url = receiver.url.replace("http", "json", 1)
    said = grace(tmp_path, "ops", GRACE_TEST_OPS=url)
    assert said.exit_code == 1
    assert "ops: the service answered 401" in said.output


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    missing = grace(tmp_path, "ops")
    assert missing.exit_code == 2
    assert "channels.ops.url_env: the environment variable GRACE_TEST_OPS" in missing.output
    unknown = grace(tmp_path, "pager")
    assert unknown.exit_code == 2
    assert "there is no channel pager; there are: ops" in unknown.output
    unusable = grace(tmp_path, "ops", GRACE_TEST_OPS="s3cr3t")
    assert unusable.exit_code == 2
    assert "channel ops: its URL is none that apprise knows" in unusable.output
    assert "s3cr3t" not in unusable.output
