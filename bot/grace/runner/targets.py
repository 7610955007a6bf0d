"""Targets as a runner knows them: settings with their secrets, and no secret in what is said."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from grace.domain.playbooks.action import Scalar, TargetKind
from grace.domain.playbooks.runner_file import RunnerFile, SecretPlace
from grace.runner.errors import RunnerError

HIDDEN: Final = "(secret)"
_SHORTEST: Final = 4


@dataclass(frozen=True, slots=True)
class Target:
    """One target. `settings` hold its secrets too; `secrets` are those values alone."""

    name: str
    kind: TargetKind
    settings: Mapping[str, Scalar]
    secrets: tuple[str, ...] = ()

    def hide(self, text: str) -> str:
        """Take the target's secrets out of a text."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def hide_in(self, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Take the target's secrets out of what was found."""
        return {k: self.hide(v) if isinstance(v, str) else v for k, v in values.items()}


def targets_of(file: RunnerFile, beside: Path, environment: Mapping[str, str]) -> dict[str, Target]:
    """Resolve the targets of a runner's file; `RunnerError` lists all secrets that are missing."""
    missing: list[str] = []
    found = {}
    for name, target in file.targets.items():
        secrets = {}
        for setting, place in target.secrets.items():
            try:
                secrets[setting] = secret_of(place, beside, environment)
            except RunnerError as error:
                missing.append(f"targets.{name}.secrets.{setting}: {error.sentence}")
        known = tuple(s for s in secrets.values() if len(s) >= _SHORTEST)
        settings = {**target.settings, **secrets}
        found[name] = Target(name, target.kind, settings, tuple(sorted(known, key=len)[::-1]))
    if missing:
        raise RunnerError("\n".join(missing))
    return found


def secret_of(place: SecretPlace, beside: Path, environment: Mapping[str, str]) -> str:
    """Read a secret; `RunnerError` says where it should be."""
    if place.env is not None:
        found = environment.get(place.env, "")
        if not found:
            raise RunnerError(f"set {place.env} in the runner's environment")
        return found
    path = beside / str(place.file)
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise RunnerError(f"{path} is open to other users: chmod 600 {path}")
        found = path.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise RunnerError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RunnerError(f"{path} is no UTF-8 text") from error
    if not found:
        raise RunnerError(f"{path} is empty")
    return found
