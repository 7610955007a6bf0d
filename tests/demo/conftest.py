"""Checkouts of the demo's service: the template as it is, or with one of its patches."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from grace.demo.service import ServiceSpec, patch_text, write_template
from grace.demo.stories import write_archiving, write_forgetful

Checkout = Callable[[str], Path]
Spec = Callable[[str], ServiceSpec]
GROWN = {"forgets": write_forgetful, "archive": write_archiving}
Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Make a folder of `base` or of a patched variant, once a session."""
    made: dict[str, Path] = {}

    def make(variant: str) -> Path:
        if variant not in made:
            folder = tmp_path_factory.mktemp(variant)
            write_template(folder)
            if variant in GROWN:
                GROWN[variant](folder)
            elif variant != "base":
                command = ["git", "apply", "--verbose", "-"]
                diff = patch_text(variant).encode()
                subprocess.run(command, cwd=folder, input=diff, check=True, capture_output=True)
            made[variant] = folder
        return made[variant]

    return make


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def spec(checkout: Checkout, free_port: int, tmp_path: Path) -> Spec:
    """Describe a process of a variant on this test's port."""

    def make(variant: str) -> ServiceSpec:
        log = tmp_path / f"{variant}.log"
        return ServiceSpec(checkout(variant), Path(sys.executable), free_port, variant, log)

    return make


@pytest.fixture
def until() -> Until:
    """Wait for a condition that another process or connection makes true."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110  # nobody in this process could set an event
                await asyncio.sleep(0.01)

    return wait
