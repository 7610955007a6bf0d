"""What the actions of both kinds of databases share: settings, parameters, time, earlier steps."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.domain.playbooks.specs_database import DATABASE
from grace.runner.action import ActionFailed, Found, Situation

CHUNK = 1 << 20


def spec_of(name: str) -> ActionSpec:
    """Take the specification of an action of ours by its name."""
    return next(spec for spec in DATABASE if spec.name == name)


def setting(situation: Situation, name: str) -> str:
    """Take a text of the target's settings that must be there."""
    value = situation.target.get(name)
    if not isinstance(value, str) or not value:
        raise ActionFailed(f"the target has no setting `{name}`: add it to the runner's file")
    return value


def names(settings: Mapping[str, Scalar], name: str) -> tuple[str, ...]:
    """Read a list that is written as one text, parted by commas."""
    return tuple(part.strip() for part in str(settings.get(name, "")).split(",") if part.strip())


class Step:
    """What the four ways of an action begin with: its parameters with their defaults."""

    def __init__(self, name: str) -> None:
        self.spec = spec_of(name)

    def _param(self, situation: Situation, name: str) -> Scalar:
        value = situation.given.get(name)
        if value is None:
            param = self.spec.param(name)
            value = None if param is None else param.default
        if value is None:
            raise ActionFailed(f"{self.spec.name} needs the parameter `{name}`: add it to the step")
        return value

    def text(self, situation: Situation, name: str) -> str:
        return str(self._param(situation, name))

    def number(self, situation: Situation, name: str) -> float:
        return float(self._param(situation, name))

    def flag(self, situation: Situation, name: str) -> bool:
        return bool(self._param(situation, name))

    def undo(self, situation: Situation) -> Found:
        del situation
        raise ActionFailed(f"{self.spec.name} cannot be taken back; it left nothing to take back")


def left(situation: Situation) -> float:
    """Say how many seconds the step still has; ActionFailed where it has none."""
    seconds = situation.deadline - time.time()
    if seconds <= 0:
        raise ActionFailed("the time of this step is over: give it a longer `timeout_seconds`")
    return seconds


def earlier(situation: Situation, step: str) -> Mapping[str, Scalar]:
    """Take what an earlier step found; ActionFailed where it found nothing."""
    found = situation.found.get(step)
    if not found:
        raise ActionFailed(f"step `{step}` has found nothing that this step could work on")
    return found


def first_file(situation: Situation, steps: tuple[str, ...]) -> Path | None:
    """Find the file of the first of these steps that left one, or None."""
    for step in steps:
        path = situation.found.get(step, {}).get("path")
        if isinstance(path, str) and Path(path).exists():
            return Path(path)
    return None


def short(key: str) -> str:
    """Make a piece of a file's or database's name that is the same at every try of a step."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def need_space(folder: Path, bytes_needed: int) -> None:
    """Raise ActionFailed unless a folder has room for so many bytes, and a tenth more."""
    free = shutil.disk_usage(folder).free
    wanted = bytes_needed + bytes_needed // 10
    if free < wanted:
        raise ActionFailed(
            f"{_mebibytes(wanted)} are needed and {_mebibytes(free)} are free: make room first"
        )


def _mebibytes(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a crash of the machine."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy_file(source: Path, target: Path, situation: Situation) -> str:
    """Copy a file's bytes, durably and within the time; answer their SHA-256."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            left(situation)
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def write_json(path: Path, value: Mapping[str, Scalar]) -> None:
    """Write a small record so that it is there whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w") as file:
        json.dump(dict(value), file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def read_json(path: Path) -> dict[str, Scalar] | None:
    """Read a small record of ours, or None where there is none."""
    if not path.exists():
        return None
    value = json.loads(path.read_text())
    return {str(k): v for k, v in value.items()}
