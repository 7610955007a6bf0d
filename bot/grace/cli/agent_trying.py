"""Try an agent on a clone of a repository, which itself stays as it is."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from grace.adapters.secrets import secret_scan
from grace.agents import AgentError, Place, run_agent
from grace.agents.judge import clean_git, git, git_bytes
from grace.ci.patch_checkout import toolchains
from grace.domain.agents import Agent
from grace.domain.package import AcceptanceCriteria, MissionPackage, Symptom
from grace.domain.phase import Severity, Status
from grace.domain.proposals import AgentTask, Budget, Proposal
from grace.sandbox import Strength

MODEL_KEY: Final = "GRACE_MODEL_KEY"
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried, on which repository, and with what; see the options of `grace agent try`.

    `task`: what the agent is told, instead of a task made of the rest; its base is then cloned.
    """

    agent: Agent
    repo: Path
    test: str | None = None
    say: str = ""
    files: tuple[str, ...] = ()
    wheels: Path | None = None
    index: str = "https://pypi.org/simple"
    readable: tuple[Path, ...] = ()
    least: Strength = Strength.UNSHARE
    task: AgentTask | None = None


def try_agent(trial: Trial, env: Mapping[str, str], tell: Callable[[str], object]) -> Proposal:
    """Clone the repository at its HEAD, and let the agent propose something there."""
    try:
        root = Path(git(trial.repo, "rev-parse", "--show-toplevel", env=clean_git()))
        with tempfile.TemporaryDirectory(prefix="grace-try-") as folder:
            clone = Path(folder).resolve() / root.name
            base = _cloned(root, clone, "HEAD" if trial.task is None else trial.task.base, tell)
            task = trial.task if trial.task is not None else _task(trial, base)
            return run_agent(task, trial.agent, _place(trial, root, clone, env, tell))
    except (AgentError, NotADirectoryError, FileNotFoundError) as error:
        typer.echo(f"grace agent: {error}", err=True)
        raise typer.Exit(2) from error


def _cloned(root: Path, clone: Path, wanted: str, tell: Callable[[str], object]) -> str:
    """Make the clone, and say what of the working copy is not in it."""
    told = git_bytes(root, "status", "--porcelain", "-z", "--no-renames", env=clean_git())
    changed = [line[3:] for line in told.decode(errors="replace").split("\0") if line]
    base = git(root, "rev-parse", f"{wanted}^{{commit}}", env=clean_git())
    git(root, "clone", "-q", "--no-hardlinks", str(root), str(clone), env=clean_git())
    git(clone, "checkout", "-q", "--detach", base, env=clean_git())
    git(clone, "remote", "remove", "origin", env=clean_git())
    if changed:
        names = ", ".join(changed[:_SHOWN])
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        tell(f"not committed, so not tried: {names}{more}")
    tell(f"trying {base[:12]} of {root.name}, in a clone")
    return base


def _task(trial: Trial, base: str) -> AgentTask:
    """Make a task of what was said on the command line."""
    now = datetime.now(UTC)
    wrong = trial.say or f"This command fails: {trial.test or 'see the repository'}"
    mission = MissionPackage(
        mission_id=f"mission_{now:%Y%m%d}_000",
        subsystem_id="tried",
        severity=Severity.LOW,
        status=Status.IN_PROGRESS,
        created_at=now,
        symptoms=(Symptom(description=wrong[:4000]),),
        acceptance_criteria=AcceptanceCriteria(),
    )
    budget = Budget(minutes=trial.agent.minutes, money_usd=trial.agent.money_usd)
    return AgentTask(
        request=f"try/{trial.agent.name}",
        agent=trial.agent.name,
        mission=mission,
        base=base,
        budget=budget,
    )


def _place(
    trial: Trial, root: Path, clone: Path, env: Mapping[str, str], tell: Callable[[str], object]
) -> Place:
    """Show the clone where the repository lies, so that what is installed from there finds it."""
    path, readable = toolchains(env.get("PATH", ""))
    return Place(
        checkout=clone,
        test=trial.test,
        files=trial.files,
        at=root,
        readable=(*readable, *trial.readable),
        path=path,
        wheels=trial.wheels,
        index=trial.index,
        least=trial.least,
        scan=secret_scan(),
        model_key=env.get(MODEL_KEY, ""),
        tell=tell,
    )
