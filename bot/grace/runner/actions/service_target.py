"""What every action on a service needs: the target's settings, the clock, and its own notes."""

import json
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.domain.playbooks.specs_service import SERVICE
from grace.runner.action import ActionFailed, Found, Situation, WrongTarget

_LATE = 0.05


def spec_of(name: str) -> ActionSpec:
    """Find what the core knows of an action; an unknown name is an error of ours."""
    return next(spec for spec in SERVICE if spec.name == name)


def setting(situation: Situation, name: str, default: str | None = None) -> str:
    """Read a setting of the target as text; without a default it must be there."""
    value = situation.target.get(name, default)
    if value is None or value == "":
        if default is None:
            raise ActionFailed(f"the target has no setting `{name}`: add it to the runner's file")
        return default
    return str(value)


def setting_number(situation: Situation, name: str, default: float | None = None) -> float:
    """Read a setting of the target as a number."""
    text = setting(situation, name, None if default is None else str(default))
    try:
        return float(text)
    except ValueError as error:
        raise ActionFailed(f"the target's setting `{name}` must be a number") from error


def setting_flag(situation: Situation, name: str) -> bool:
    """Read a setting of the target that is on only when it says true."""
    return situation.target.get(name) is True


def words_of(situation: Situation, name: str) -> tuple[str, ...]:
    """Read a setting that lists names or addresses, between commas, blanks or on lines."""
    return tuple(each for each in re.split(r"[,\s]+", setting(situation, name)) if each)


def number(situation: Situation, name: str) -> float:
    """Read a parameter that is a number; the runner has filled in defaults and checked it."""
    return float(situation.given[name])


def text(situation: Situation, name: str) -> str:
    """Read a parameter that is text."""
    return str(situation.given[name])


def limit(situation: Situation, given: str, configured: str) -> float:
    """Read a bound: the parameter, or the target's setting where the parameter is 0."""
    value = number(situation, given)
    return value if value > 0 else setting_number(situation, configured)


def expect(what: str, expected: str, seen: str) -> None:
    """Compare one mark of identity."""
    if expected != seen:
        raise WrongTarget(
            f"this is not the target that was meant: its {what} is {seen[:80] or 'missing'}, "
            f"expected {expected[:80]}; nothing was done"
        )


def expected_mark(situation: Situation, name: str) -> str:
    """Read what the target must be; a target of which nothing is expected is the wrong one."""
    value = setting(situation, name, "")
    if not value:
        raise WrongTarget(f"nothing says which target is meant: set `{name}` in the runner's file")
    return value


def remaining(situation: Situation, most: float = 30.0) -> float:
    """Say how many seconds one call may take, by the step's deadline."""
    left = situation.deadline - time.time()
    if left <= _LATE:
        raise ActionFailed("the step's time is over")
    return min(left, most)


def wait_until(
    situation: Situation, seconds: float, what: str, so: Callable[[], bool], pause: float = 0.1
) -> None:
    """Ask again until it is so; `ActionFailed` after `seconds` or at the step's deadline."""
    end = min(time.time() + seconds, situation.deadline)
    while not so():
        if time.time() + pause > end:
            raise ActionFailed(f"{what} within {seconds:g} s")
        time.sleep(pause)


class Notes:
    """What an action wrote down for its own next try: it outlives the process."""

    def __init__(self, situation: Situation, of: str = "") -> None:
        name = re.sub(r"[^A-Za-z0-9-]+", "_", f"{situation.key}{of}")
        self._path = situation.folder / f"{name}.note.json"

    def read(self) -> Mapping[str, Scalar]:
        """Read them; empty where nothing was written."""
        try:
            found = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return {str(name): value for name, value in found.items()}

    def write(self, **values: Scalar) -> None:
        """Put values beside those noted; whole or not at all, and on the disk."""
        partial = self._path.with_suffix(".part")
        with partial.open("w", encoding="utf-8") as file:
            json.dump({**self.read(), **values}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Reading(ABC):
    """An action that only looks: looking, acting and verifying are the same."""

    spec: ActionSpec

    @abstractmethod
    def look(self, situation: Situation) -> Found:
        """Look; each action that only looks says how."""

    def act(self, situation: Situation) -> Found:
        return self.look(situation)

    def verify(self, situation: Situation) -> Found:
        return self.look(situation)

    def undo(self, situation: Situation) -> Found:
        return nothing_to_undo(situation)


def nothing_to_undo(situation: Situation) -> Found:
    """Say of an action without an undo that there is none."""
    del situation
    raise ActionFailed("this cannot be taken back")
