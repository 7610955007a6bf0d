"""Containers and swarm services of one Docker engine, by `docker`."""

from collections.abc import Mapping
from typing import Any

from grace.runner.action import ActionFailed, Situation, WrongTarget
from grace.runner.actions.service_command import Program
from grace.runner.actions.service_members import Member
from grace.runner.actions.service_target import expect, setting, words_of

_JSON = "{{json .}}"


def docker_of(situation: Situation) -> Program:
    """Run `docker` with the engine at `host`, else the one of its `context`."""
    words = [setting(situation, "docker", "docker")]
    for option in ("host", "context"):
        value = setting(situation, option, "")
        if value:
            words.append(f"--{option}={value}")
    return Program(situation, tuple(words), {})


def identify_docker(situation: Situation) -> None:
    """Compare the engine's id or name with what is expected; one must be."""
    wanted = {mark: setting(situation, f"expect_engine_{mark}", "") for mark in ("id", "name")}
    if not any(wanted.values()):
        raise WrongTarget(
            "nothing says which engine is meant: set `expect_engine_id` or `expect_engine_name` "
            "in the runner's file"
        )
    info = docker_of(situation).json("info", f"--format={_JSON}")
    for mark, field in (("id", "ID"), ("name", "Name")):
        if wanted[mark]:
            expect(f"engine {mark}", wanted[mark], str(info.get(field, "")))


class Containers:
    """The target's `containers`, or those of a `compose_project` and `compose_service`."""

    def __init__(self, situation: Situation) -> None:
        self._docker = docker_of(situation)
        self._project = setting(situation, "compose_project", "")
        self._names = (
            self._composed(situation) if self._project else words_of(situation, "containers")
        )

    def _composed(self, situation: Situation) -> tuple[str, ...]:
        service = setting(situation, "compose_service")
        answer = self._docker.run(
            "ps",
            "--all",
            f"--filter=label=com.docker.compose.project={self._project}",
            f"--filter=label=com.docker.compose.service={service}",
            "--format={{.Names}}",
        )
        return tuple(sorted(answer.split()))

    def listed(self) -> Mapping[str, Member]:
        if not self._names:
            raise ActionFailed("there is no container of this service")
        seen = self._docker.json("container", "inspect", *self._names)
        return {name: _member(name, each) for name, each in zip(self._names, seen, strict=True)}

    def start(self, name: str) -> None:
        self._docker.run("start", name, seconds=300)

    def stop(self, name: str) -> None:
        self._docker.run("stop", name, seconds=300)

    def restart(self, name: str) -> None:
        self._docker.run("restart", name, seconds=300)


def _member(name: str, seen: Mapping[str, Any]) -> Member:
    state = seen.get("State", {})
    well = state.get("Health", {}).get("Status", "healthy") == "healthy"
    mark = str(state.get("StartedAt")) if state.get("Running") else None
    return Member(name, mark, int(state.get("Pid", 0)) or None, well=well)
