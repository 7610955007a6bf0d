"""Run one program of a service with an environment of its own, and read what it says."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.service_target import remaining

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MOST_SAID = 200


@dataclass(frozen=True, slots=True)
class Program:
    """A program with what goes before every command; it sees nothing of our environment."""

    situation: Situation
    words: tuple[str, ...]
    environment: Mapping[str, str]

    def run(self, *arguments: str, seconds: float = 60.0) -> str:
        """Run a command to its end; `ActionFailed` with its last words where it fails."""
        ended = self._ended(arguments, seconds)
        if ended.returncode != 0:
            said = (ended.stderr or ended.stdout).strip().splitlines()
            last = said[-1][:_MOST_SAID] if said else f"it ended with {ended.returncode}"
            raise ActionFailed(f"`{self._name} {arguments[0]}` failed: {last}")
        return ended.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command that answers JSON."""
        answer = self.run(*arguments)
        try:
            return json.loads(answer)
        except ValueError as error:
            raise ActionFailed(f"`{self._name} {arguments[0]}` answered no JSON") from error

    def said(self, *arguments: str, seconds: float = 60.0) -> tuple[int, str]:
        """Run a command that may fail; its exit status and all that it printed."""
        ended = self._ended(arguments, seconds)
        return ended.returncode, f"{ended.stdout}\n{ended.stderr}"

    @property
    def _name(self) -> str:
        return self.words[0].rsplit("/", 1)[-1]

    def _ended(self, arguments: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
        home = str(self.situation.folder)
        try:
            return subprocess.run(
                [*self.words, *arguments],
                env={"PATH": _PATH, "HOME": home, "LC_ALL": "C.UTF-8", **self.environment},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=remaining(self.situation, seconds),
                check=False,
                cwd=home,
            )
        except FileNotFoundError as error:
            raise ActionFailed(
                f"there is no program `{self._name}` here: install it, or name it in the settings"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise ActionFailed(f"`{self._name}` took too long") from error
