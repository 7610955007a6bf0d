"""Scale a swarm or compose service of a Docker engine, and restart containers."""

from typing import Protocol

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.docker_client import Containers, docker_of, identify_docker
from grace.runner.actions.service_restart import RollingRestart
from grace.runner.actions.service_scale import wanted_count
from grace.runner.actions.service_target import Notes, setting, spec_of, wait_until

_HOUR = 3600.0


class _Scaled(Protocol):
    """How many tasks a service has, and how to ask for another number."""

    def asked(self) -> int: ...

    def running(self) -> int: ...

    def scale(self, count: int) -> None: ...


class _Swarm:
    def __init__(self, situation: Situation) -> None:
        self._docker = docker_of(situation)
        self._name = setting(situation, "service")

    def asked(self) -> int:
        seen = self._docker.json("service", "inspect", self._name)
        mode = seen[0].get("Spec", {}).get("Mode", {}).get("Replicated")
        if mode is None:
            raise ActionFailed(f"{self._name} is not a replicated service: it cannot be scaled")
        return int(mode.get("Replicas", 0))

    def running(self) -> int:
        answer = self._docker.run(
            "service", "ls", f"--filter=name={self._name}", "--format={{.Name}} {{.Replicas}}"
        )
        for line in answer.splitlines():
            name, _, replicas = line.partition(" ")
            if name == self._name:
                return int(replicas.partition("/")[0])
        return 0

    def scale(self, count: int) -> None:
        self._docker.run("service", "scale", "--detach", f"{self._name}={count}")


class _Compose:
    def __init__(self, situation: Situation) -> None:
        self._docker = docker_of(situation)
        self._service = setting(situation, "compose_service")
        self._project = setting(situation, "compose_project")
        self._file = setting(situation, "compose_file")

    def asked(self) -> int:
        return self.running()

    def running(self) -> int:
        answer = self._docker.run(
            "ps",
            f"--filter=label=com.docker.compose.project={self._project}",
            f"--filter=label=com.docker.compose.service={self._service}",
            "--format={{.Names}}",
        )
        return len(answer.split())

    def scale(self, count: int) -> None:
        self._docker.run(
            "compose",
            f"--file={self._file}",
            f"--project-name={self._project}",
            "up",
            "--detach",
            "--no-recreate",
            "--no-deps",
            f"--scale={self._service}={count}",
            self._service,
            seconds=600,
        )


class DockerScale:
    """The number before, and the one asked for, are noted before anything is asked."""

    spec: ActionSpec = spec_of("docker.scale")

    def identify(self, situation: Situation) -> None:
        identify_docker(situation)

    def look(self, situation: Situation) -> Found:
        begun = Notes(situation).read()
        if begun:
            return Found(holds=False, sentence=f"goes on to {begun['wanted']}")
        now = _service_of(situation).asked()
        wanted = wanted_count(situation, now)
        values: dict[str, Scalar] = {"tasks": now, "wanted": wanted}
        if now >= wanted:
            return Found(holds=True, sentence=f"{now} are asked for", values=values)
        words = f"would ask for {wanted}, now it is {now}"
        return Found(holds=False, sentence=words, values=values)

    def act(self, situation: Situation) -> Found:
        notes, service = Notes(situation), _service_of(situation)
        now = service.asked()
        if not notes.read():
            notes.write(before=now, wanted=max(now, wanted_count(situation, now)))
        wanted = int(notes.read()["wanted"])
        if now < wanted:
            service.scale(wanted)
        wait_until(
            situation,
            _HOUR,
            f"not all {wanted} run",
            lambda: service.running() >= wanted,
            pause=0.5,
        )
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        noted, service = Notes(situation).read(), _service_of(situation)
        running = service.running()
        holds = bool(noted) and running >= int(noted["wanted"])
        return Found(holds=holds, sentence=f"{running} run", values={"running": running, **noted})

    def undo(self, situation: Situation) -> Found:
        noted, service = Notes(situation).read(), _service_of(situation)
        now = service.asked()
        if not noted or now == int(noted["before"]):
            return Found(holds=True, sentence=f"{now} are asked for")
        if now != int(noted["wanted"]):
            raise ActionFailed(f"somebody else asked for {now} since: that is left as it is")
        service.scale(int(noted["before"]))
        return Found(holds=True, sentence=f"{noted['before']} are asked for again")


class DockerRestart(RollingRestart):
    """Restart the containers of a service; a health check of the image is waited for."""

    def __init__(self) -> None:
        super().__init__(spec_of("docker.restart"), Containers)


def _service_of(situation: Situation) -> _Scaled:
    if setting(situation, "service", ""):
        return _Swarm(situation)
    return _Compose(situation)
