"""The service under load: started from a checkout, awaited, stopped."""

import os
import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from grace.ci.errors import LoadFailed
from grace.ci.process import SHELL, child_env, running

_POLL_S = 0.1


@contextmanager
def serving(start: str, *, cwd: Path, health: str, within_s: float) -> Iterator[str]:
    """Start a service, wait until it is healthy, yield its URL, stop it.

    `start` is a shell command that gets PORT in its environment. Raises `LoadFailed` where the
    service ends or does not answer 2xx at `health` within the time.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    env = child_env(os.environ, PORT=str(port))
    with (
        running((*SHELL, start), cwd=cwd, env=env) as process,
        httpx.Client(timeout=2, trust_env=False) as client,
    ):
        deadline = time.monotonic() + within_s
        while not _healthy(client, url + health):
            code = process.poll()
            what = shlex.quote(start)
            if code is not None:
                raise LoadFailed(f"the service ended with status {code} before it answered: {what}")
            if time.monotonic() > deadline:
                raise LoadFailed(f"the service did not answer {health} in {within_s:g} s: {what}")
            time.sleep(_POLL_S)
        yield url


def _healthy(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).is_success
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
