"""What a runner is told of itself: its name, its targets, and where their secrets come from."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from grace.domain.base import Frozen
from grace.domain.package import Name
from grace.domain.playbooks.action import Scalar, TargetKind

Setting = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]
Path = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class SecretPlace(Frozen):
    """Where a secret is: in an environment variable, or in a file that others cannot read."""

    env: Variable | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("give either env or file")
        return self


class RunnerTarget(Frozen):
    """One thing that playbooks may act on.

    `settings`: how it is reached, and what must be so for it to be the right one; each action says
    which it reads. `secrets`: settings that stand in no file of configuration.
    """

    kind: TargetKind
    settings: Annotated[dict[Setting, Scalar], Field(max_length=100)] = {}
    secrets: Annotated[dict[Setting, SecretPlace], Field(max_length=20)] = {}

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        both = sorted(self.settings.keys() & self.secrets.keys())
        if both:
            raise ValueError(f"{', '.join(both)} stands in settings and in secrets; keep one")
        return self


class RunnerFile(Frozen):
    """`runner.yaml`.

    `token_env`: the variable that holds the token for the bot; runs by hand need none. `state`: the
    folder of the runner's journals and of what undo needs, on a disk that outlives a restart, for
    its user alone; relative to the file. `poll_seconds`: how long the bot may let a question for
    work wait. `lease_seconds`: how long nobody else may take a run over after the last sign of
    life.
    """

    name: Name
    state: Path
    token_env: Variable = "GRACE_RUNNER_TOKEN"  # noqa: S105 - a variable's name
    poll_seconds: Annotated[float, Field(ge=0.1, le=60)] = 20
    lease_seconds: Annotated[float, Field(ge=5, le=3600)] = 60
    targets: Annotated[dict[Name, RunnerTarget], Field(min_length=1, max_length=50)]
