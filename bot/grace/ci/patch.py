"""A coding agent's run: a command without secrets goes in, a bounded patch comes out as data."""

import hashlib
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, ValidationError

from grace.agents.judge import AgentError
from grace.agents.place import Place
from grace.agents.running import run_agent
from grace.ci.errors import CheckoutInvalid, CIError, PatchRefused
from grace.ci.patch_checkout import copy_of, made_of, refuse_touched, toolchains
from grace.domain.agents import Agent, Builtin, Preset
from grace.domain.base import Frozen
from grace.domain.leaks import SecretScan
from grace.domain.package import MissionId, MissionPackage
from grace.domain.proposals import MAX_WORDS, AgentTask, Budget, Proposal, Refusal
from grace.domain.results import Count, Sha
from grace.sandbox import Strength

MAX_TASK_BYTES: Final = 4 * 1024 * 1024
MAX_PATHS: Final = 1000
MODEL_KEY: Final = "GRACE_MODEL_KEY"
_Told = TypeVar("_Told", AgentTask, MissionPackage)
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|PRIVATE|CREDENTIAL|API_?KEY", re.IGNORECASE)


class Sandbox(StrEnum):
    """Whether the agent runs in a sandbox: there is no weaker way that nobody asked for."""

    NEEDED = "needed"
    NONE = "none"


class PatchWanted(Frozen):
    """What to run, for which task, on which commit, and within which bounds.

    Of `task` and `mission`, and of `command` and `agent`, there is one. `base` None: the task's.
    `test`: a command that fails at the base. `readable`: places that the agent sees, beside the
    system's programs and those on the PATH.
    """

    command: Annotated[str, Field(min_length=1, max_length=4000)] | None = None
    agent: str | None = None
    mission: Path | None = None
    task: Path | None = None
    base: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    test: str | None = None
    network: bool = False
    model_url: str = ""
    sandbox: Sandbox = Sandbox.NEEDED
    readable: tuple[Path, ...] = ()
    max_bytes: Annotated[int, Field(ge=1, le=200_000)] = 200_000
    limit_s: Annotated[float, Field(gt=0, le=21_600)] = 1800.0


class PatchProposed(Frozen):
    """What a patch is: `tree` is what it makes of `base_sha`, `sha256` is over its bytes."""

    v: Literal[1] = 1
    mission_id: MissionId
    base_sha: Sha
    tree: Sha
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Count
    paths: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_PATHS)]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run takes from the job: its checkout, its environment, and where words go."""

    checkout: Path
    env: Mapping[str, str]
    scan: SecretScan | None = None
    tell: Callable[[str], object] | None = None
    sink: Callable[[bytes], object] | None = field(default=None, repr=False)


def task_of(wanted: PatchWanted) -> AgentTask:
    """Read the task, or make one of a mission package alone; `PatchRefused` where it is none."""
    if (wanted.task is None) == (wanted.mission is None):
        raise PatchRefused("give either a task or a mission")
    if wanted.task is not None:
        return _bounded(_read(wanted.task, AgentTask, "task"), wanted)
    assert wanted.mission is not None
    if wanted.base is None:
        raise PatchRefused("give the SHA of the base with a mission")
    mission = _read(wanted.mission, MissionPackage, "mission package")
    return AgentTask(
        request=f"{mission.mission_id}/job",
        agent="command" if wanted.agent is None else wanted.agent,
        mission=mission,
        base=wanted.base,
        budget=Budget(minutes=wanted.limit_s / 60, max_bytes=wanted.max_bytes, max_files=MAX_PATHS),
    )


def propose(wanted: PatchWanted, task: AgentTask, job: Surroundings) -> Proposal:
    """Run the agent on a copy of the checkout, and return what it proposes or why it does not.

    Raises `PatchRefused` where the environment holds a secret, and `CheckoutInvalid` where the
    checkout is not the task's base.
    """
    refuse_secrets(job.env, wanted.sandbox)
    agent = _agent(wanted, task, has_key=bool(job.env.get(MODEL_KEY)))
    if wanted.base not in {None, task.base}:
        raise CheckoutInvalid(f"the task is for the base {task.base}, not for {wanted.base}")
    refuse_touched(job.checkout, task.base)
    with tempfile.TemporaryDirectory(prefix="grace-patch-") as folder:
        copy = Path(folder).resolve() / "checkout"
        copy_of(job.checkout, task.base, copy)
        path, readable = toolchains(job.env.get("PATH", ""))
        place = Place(
            checkout=copy,
            at=job.checkout,
            test=wanted.test,
            readable=(*readable, *wanted.readable),
            path=path,
            least=Strength.UNSHARE if wanted.sandbox is Sandbox.NEEDED else Strength.BARE,
            scan=job.scan,
            model_key=job.env.get(MODEL_KEY, ""),
            tell=job.tell,
            sink=job.sink,
        )
        try:
            return run_agent(task, agent, place)
        except AgentError as error:
            raise CheckoutInvalid(str(error).rstrip(".")) from error


def refused(task: AgentTask, error: CIError) -> Proposal:
    """Say as a proposal that the run could not even begin."""
    return Proposal(
        request=task.request,
        agent=task.agent,
        base=task.base,
        refusal=Refusal.INVALID,
        sentence=f"{str(error).rstrip('.')}. {error.advice}."[:MAX_WORDS],
    )


def proposed(task: AgentTask, diff: bytes, checkout: Path) -> PatchProposed:
    """Bind a diff to its base and to the tree that it makes."""
    with tempfile.TemporaryDirectory(prefix="grace-patch-") as folder:
        tree, paths = made_of(diff, task.base, checkout, Path(folder).resolve())
    return PatchProposed(
        mission_id=task.mission.mission_id,
        base_sha=task.base,
        tree=tree,
        sha256=hashlib.sha256(diff).hexdigest(),
        size=len(diff),
        paths=paths,
    )


def refuse_secrets(env: Mapping[str, str], sandbox: Sandbox) -> None:
    """Refuse an environment with a secret; a model's key is none to an agent in a sandbox."""
    own = {MODEL_KEY} if sandbox is Sandbox.NEEDED else set()
    found = sorted(
        name
        for name, value in env.items()
        if value and name not in own and (_SECRET.search(name) or name == MODEL_KEY)
    )
    if found:
        raise PatchRefused(
            f"the environment has {', '.join(found)}: run the agent in a job without secrets and "
            "without `id-token: write`"
        )


def _agent(wanted: PatchWanted, task: AgentTask, *, has_key: bool) -> Agent:
    """Return the agent: the command that is given, as the task sets it up, or as Grace comes.

    Where there is a model's key, no task says where it goes: that is the workflow's to name.
    """
    if (wanted.command is None) == (wanted.agent is None):
        raise PatchRefused("give either a command or an agent")
    minutes, name = wanted.limit_s / 60, task.agent
    if wanted.command is not None:
        return Agent(name=name, command=wanted.command, network=wanted.network, minutes=minutes)
    assert wanted.agent is not None
    told = task.setup
    if told is not None and told.name == wanted.agent:
        if told.model_url not in {"", wanted.model_url} and has_key:
            raise PatchRefused(
                f"the task asks the model at {told.model_url}, and this job has a model's key: "
                "name that address in the workflow (`model-url`) if the key may go there"
            )
        return told.model_copy(update={"minutes": min(told.minutes, minutes)})
    if wanted.agent in set(Builtin):
        return Agent(name=name, builtin=Builtin(wanted.agent), minutes=minutes)
    if wanted.agent in set(Preset):
        kind = Preset(wanted.agent)
        return Agent(name=name, preset=kind, network=wanted.network, minutes=minutes)
    known = ", ".join((*Builtin, *Preset))
    raise PatchRefused(f"there is no agent {wanted.agent!r}; there are {known}, and any command")


def _bounded(task: AgentTask, wanted: PatchWanted) -> AgentTask:
    """Keep the smaller of the task's bounds and the job's."""
    budget = task.budget.model_copy(
        update={"max_bytes": min(task.budget.max_bytes, wanted.max_bytes)}
    )
    return task.model_copy(update={"budget": budget})


def _read(file: Path, kind: type[_Told], what: str) -> _Told:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise PatchRefused(f"no {what} at {file.name}: {error.strerror}") from error
    if len(data) > MAX_TASK_BYTES:
        raise PatchRefused(f"the {what} has more than {MAX_TASK_BYTES} bytes")
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise PatchRefused(f"{file.name} is no {what}: {error}") from error
