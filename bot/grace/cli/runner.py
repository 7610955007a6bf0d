"""`grace runner`: carry out what the bot orders, beside the targets."""

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from grace.adapters.config import ConfigError, load
from grace.domain.playbooks.runner_file import RunnerFile
from grace.domain.playbooks.specs import ACTIONS
from grace.runner.board import BotAway, HttpBoard, board_client
from grace.runner.calling import Calls
from grace.runner.carry import Bench
from grace.runner.errors import RunnerError
from grace.runner.journal import open_state
from grace.runner.registry import missing_for
from grace.runner.serving import Rhythm, Runner, problems_at_start
from grace.runner.targets import Target, targets_of

ConfigOption = Annotated[
    Path, typer.Option("--config", help="The runner's own file: its targets and its state.")
]
DEFAULT = Path("runner.yaml")


@dataclass(frozen=True, slots=True)
class Opened:
    """A runner's file, read and made sure of."""

    file: RunnerFile
    targets: Mapping[str, Target]
    bench: Bench


def runner(
    url: Annotated[str, typer.Option("--url", help="Where the bot is: https://HOST.")],
    config: ConfigOption = DEFAULT,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="End when there is nothing left to do: for a CI job.")
    ] = False,
) -> None:
    """Carry out playbooks on the targets of this machine, as the bot orders them."""
    opened = open_runner(config)
    token = os.environ.get(opened.file.token_env, "")
    if not token:
        fail(f"set {opened.file.token_env}: `grace token create --scope runner --target NAME`")
    try:
        asyncio.run(_serve(opened, url, token, once=once))
    except (RunnerError, BotAway) as error:
        fail(error.sentence, 1)


def open_runner(config: Path) -> Opened:
    """Read a runner's file and make sure that it can work, or say what is wrong and end."""
    try:
        file = load(RunnerFile, config.read_text("utf-8"), str(config))
        targets = targets_of(file, config.parent, os.environ)
        state = open_state(config.parent / file.state)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{config} cannot be read ({error}): name the runner's file by --config")
    except ConfigError as error:
        fail(str(error))
    except RunnerError as error:
        fail(error.sentence)
    problems = problems_at_start(targets, missing_for)
    if problems:
        fail("\n".join(problems))
    bench = Bench(file.name, state, Calls(environment=os.environ), ACTIONS, say=_say)
    return Opened(file, targets, bench)


def fail(sentence: str, code: int = 2) -> NoReturn:
    """Say what is wrong, and end."""
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


async def _serve(opened: Opened, url: str, token: str, *, once: bool) -> None:
    file = opened.file
    async with board_client(url, token) as client:
        board = HttpBoard(client, file.name, file.lease_seconds)
        rhythm = Rhythm(file.poll_seconds, file.lease_seconds)
        serving = Runner(opened.bench, board, opened.targets, rhythm)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, serving.leave)
        _say(f"{file.name} asks {url} for work on {', '.join(sorted(opened.targets))}")
        await serving.run(once=once)


def _say(line: str) -> None:
    typer.echo(f"{datetime.now().astimezone():%H:%M:%S} {line}")
