"""Which agents may be asked for a patch: `config/agents.yaml`, and the rules about asking."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from grace.domain.base import Frozen
from grace.domain.package import Name
from grace.domain.phase import Severity

Money = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]

# What an agent's patches are called in records, before its name.
AGENT: Final = "agent"
# What an earlier mission's patch is called, before the name of that mission.
REMEMBERED: Final = "memory"
# What a patch under a claim is called where its agent has the name of something else.
CLAIM: Final = "claim"


class Builtin(StrEnum):
    """The agents that come with Grace."""

    REPAIR = "repair"
    REVERT = "revert"
    BUMP = "bump"


class Preset(StrEnum):
    """Command line agents of others whose command line is known here."""

    CLAUDE_CODE = "claude-code"
    CODEX = "codex"
    AIDER = "aider"
    MINI_SWE_AGENT = "mini-swe-agent"
    OPENHANDS = "openhands"


class Agent(Frozen):
    """One agent: built in, a preset, or any command.

    `command` is run by a shell in the checkout and reads the task at $GRACE_TASK. `network`: it
    may open connections. `model`: what a preset is told to use; its key stays outside the sandbox.
    `model_url`: where the model is asked, up to its `/v1`, where that is not at its maker's.
    `subsystems` none: all. `needs_tests`: it is of use only where a test fails. `price_*`: what a
    million tokens cost, for budgets in money where the relay counts them.
    """

    name: Name
    description: Annotated[str, Field(max_length=500)] = ""
    builtin: Builtin | None = None
    preset: Preset | None = None
    command: Annotated[str, Field(min_length=1, max_length=4000)] | None = None
    model: Annotated[str, Field(max_length=100)] = ""
    model_url: Annotated[str, Field(pattern=r"^(https?://[^\s?#@]+)?$", max_length=300)] = ""
    network: bool = False
    subsystems: tuple[Name, ...] = ()
    needs_tests: bool = False
    minutes: Annotated[float, Field(gt=0, le=360)] = 15
    money_usd: Money = 0.0
    price_in_usd: Money = 0.0
    price_out_usd: Money = 0.0

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [k for k in (self.builtin, self.preset, self.command) if k is not None]
        if len(given) != 1:
            raise ValueError("give one of builtin, preset and command")
        return self

    @property
    def record(self) -> str:
        """Name whose record its patches are judged by."""
        return f"{AGENT}:{self.name}"


class Agents(Frozen):
    """`config/agents.yaml`: in the order in which they are asked while nothing is known of them."""

    agents: Annotated[tuple[Agent, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [a.name for a in self.agents]
        if len(set(names)) != len(names):
            raise ValueError("two agents have the same name")
        return self

    def named(self, name: str) -> Agent | None:
        return next((a for a in self.agents if a.name == name), None)

    def within(self, subsystems: frozenset[str]) -> "Agents":
        """Leave out the agents of other subsystems alone, and their names."""
        seen = (
            (a, tuple(name for name in a.subsystems if name in subsystems)) for a in self.agents
        )
        return Agents(
            agents=tuple(
                a.model_copy(update={"subsystems": names})
                for a, names in seen
                if names or not a.subsystems
            )
        )

    def serving(self, subsystem: str) -> tuple[Agent, ...]:
        """List the agents that may be asked in a subsystem, in their order."""
        return tuple(a for a in self.agents if not a.subsystems or subsystem in a.subsystems)


class Asking(Frozen):
    """How agents are asked: how often, for how long, for how much, and how many at once.

    `workflow`: the file of the forge's workflow that runs them, on the base branch. `compete`: how
    many are asked at the same time; the gates choose among what they propose, the smaller diff
    first. Money is counted in US dollars, over a mission, and over a repository's last day.
    """

    enabled: bool = True
    severities: tuple[Severity, ...] = tuple(Severity)
    workflow: Annotated[str, Field(pattern=r"^[\w.-]+\.ya?ml$")] = "grace-patch.yml"
    max_asks: Annotated[int, Field(ge=1, le=20)] = 4
    compete: Annotated[int, Field(ge=1, le=5)] = 1
    minutes_per_mission: Annotated[float, Field(gt=0, le=1440)] = 60
    money_usd_per_mission: Money = 5.0
    asks_per_day: Annotated[int, Field(ge=0, le=1000)] = 50
    money_usd_per_day: Money = 50.0
    answer_timeout_minutes: Annotated[float, Field(gt=0, le=1440)] = 45
    reuse_remembered: bool = True
