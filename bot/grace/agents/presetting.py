"""Run a preset: its program in the sandbox, the relay outside, a forwarder between them."""

import sys
from dataclasses import replace
from pathlib import Path

from grace.agents import forwarder
from grace.agents.commands import as_rationale, rationale_left, write_given
from grace.agents.judge import AgentError, Refused
from grace.agents.place import (
    Command,
    execute,
    find_program,
    read_left,
    refuse_unless_ended_well,
)
from grace.agents.presets import (
    ABOUT,
    Files,
    Line,
    line_of,
    model_of,
    said_by,
    upstream_of,
    words_of,
)
from grace.agents.relay import Relay, Upstream
from grace.agents.repairing import own_code
from grace.agents.room import Found, Room
from grace.domain.agents import Preset
from grace.domain.proposals import Refusal, Usage

_MEMORY = 16 * 1024**3  # what they map, most of it never touched


def run_preset(room: Room, preset: Preset) -> Found:
    """Run a command line agent of others on the checkout.

    Raises `Refused` where it is not installed, there is no key, it fails, or its money is used up.
    """
    program, needed = _installed(room, preset)
    relay = Relay(_upstream(room, preset), room.own / "model.sock")
    env = write_given(room)
    files = Files(prompt=Path(env["GRACE_PROMPT"]), given=room.given, left=room.left)
    line = line_of(preset, model_of(room.agent, preset), files, files.prompt.read_text("utf-8"))
    for name, text in line.more.items():
        (room.given / name).parent.mkdir(exist_ok=True)
        (room.given / name).write_text(text, encoding="utf-8")
    command = _command(room, line, program)
    command = replace(
        command,
        env={**env, **line.env},
        readable=(room.given, *needed, *own_code()),
        sockets=(relay.socket,),
    )
    with relay.serving():
        ended = execute(room.place, command)
    if relay.refused is not None:
        told = f"{relay.refused} The run was not finished."
        raise Refused(Refusal.BUDGET, told, relay.usage())
    try:
        refuse_unless_ended_well(ended, command)
    except Refused as refused:
        raise Refused(refused.kind, refused.sentence, relay.usage()) from refused
    output = ended.stdout.decode(errors="replace")
    said = said_by(preset, output, read_left(room.left / "trajectory.json", 20_000_000))
    words = rationale_left(room) or as_rationale(words_of(preset, output))
    return Found(rationale=words, usage=_used(relay.usage(), said))


def _installed(room: Room, preset: Preset) -> tuple[Path, tuple[Path, ...]]:
    about = ABOUT[preset]
    try:
        return find_program(about.program, room.place)
    except AgentError as error:
        told = f"{preset.value} is not installed here: `{about.makes}` installs it."
        raise Refused(Refusal.FAILED, told) from error


def _upstream(room: Room, preset: Preset) -> Upstream:
    if not room.place.model_key:
        raise Refused(
            Refusal.FAILED,
            f"{preset.value} needs a model's key: put it into GRACE_MODEL_KEY. It stays outside of "
            "the sandbox.",
        )
    agent, budget = room.agent, room.task.budget
    given = [money for money in (agent.money_usd, budget.money_usd) if money > 0]
    return Upstream(
        url=upstream_of(agent, preset),
        key=room.place.model_key,
        price_in=agent.price_in_usd,
        price_out=agent.price_out_usd,
        money_usd=min(given, default=0.0),
    )


def _command(room: Room, line: Line, program: Path) -> Command:
    inside = (sys.executable, "-I", "-S", str(Path(forwarder.__file__).resolve()))
    return Command(
        argv=(*inside, str(room.own / "model.sock"), str(program), *line.argv[1:]),
        stdin=line.stdin,
        seconds=room.seconds(),
        network=room.agent.network,
        writable=(room.left,),
        path=(program.parent,),
        memory_bytes=_MEMORY,
    )


def _used(counted: Usage, said: Usage) -> Usage:
    """Prefer what the relay counted; money that only the program states is not measured."""
    if counted.measured:
        return counted
    return counted.model_copy(
        update={
            "tokens_in": counted.tokens_in or said.tokens_in,
            "tokens_out": counted.tokens_out or said.tokens_out,
            "money_usd": counted.money_usd or said.money_usd,
        }
    )
