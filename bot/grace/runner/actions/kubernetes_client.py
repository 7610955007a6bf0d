"""One workload of a Kubernetes cluster, by `kubectl`."""

from collections.abc import Mapping
from typing import Any

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.service_command import Program
from grace.runner.actions.service_target import expect, expected_mark, setting

REVISION = "deployment.kubernetes.io/revision"
RESTARTED = "kubectl.kubernetes.io/restartedAt"
_OPTIONS = ("kubeconfig", "context", "server")


def kubectl_of(situation: Situation) -> Program:
    """Run `kubectl` in the target's cluster and namespace; the settings say which."""
    words = [setting(situation, "kubectl", "kubectl")]
    for option in _OPTIONS:
        value = setting(situation, option, "")
        if value:
            words.append(f"--{option}={value}")
    words.append(f"--namespace={setting(situation, 'namespace')}")
    return Program(situation, tuple(words), {})


def identify_kubernetes(situation: Situation) -> None:
    """Compare the namespace's uid, which no other namespace of any cluster has."""
    expected = expected_mark(situation, "expect_namespace_uid")
    name = setting(situation, "namespace")
    namespace = kubectl_of(situation).json("get", "namespace", name, "--output=json")
    expect("namespace uid", expected, str(_at(namespace, "metadata", "uid") or ""))


class Workload:
    """The target's `workload`, such as `deployment/web`, as the cluster describes it now."""

    def __init__(self, situation: Situation) -> None:
        self._kubectl = kubectl_of(situation)
        self.name = setting(situation, "workload")
        if self.name.startswith("-") or self.name.count("/") != 1:
            raise ActionFailed("a workload is named like deployment/web")
        self._seen: Any = self._kubectl.json("get", self.name, "--output=json")

    @property
    def replicas(self) -> int:
        """How many are asked for."""
        return int(_at(self._seen, "spec", "replicas") or 0)

    @property
    def ready(self) -> int:
        return int(_at(self._seen, "status", "readyReplicas") or 0)

    @property
    def revision(self) -> int:
        """The deployment's revision; 0 where it has none."""
        return int(_at(self._seen, "metadata", "annotations", REVISION) or 0)

    @property
    def restarted_at(self) -> str:
        """When a rollout was last begun by `rollout restart`, as kubectl noted it."""
        return str(_at(self._seen, "spec", "template", "metadata", "annotations", RESTARTED) or "")

    @property
    def template(self) -> Mapping[str, Any]:
        return dict(_at(self._seen, "spec", "template") or {})

    @property
    def complete(self) -> bool:
        """Whether the controller has seen the newest wish, and all replicas are new and ready."""
        observed = int(_at(self._seen, "status", "observedGeneration") or 0)
        updated = int(_at(self._seen, "status", "updatedReplicas") or 0)
        return (
            observed >= int(_at(self._seen, "metadata", "generation") or 0)
            and updated == self.replicas == self.ready
            and int(_at(self._seen, "status", "replicas") or 0) == self.replicas
        )

    def scale(self, replicas: int) -> None:
        """Ask for so many, unless somebody else changed the number since it was read."""
        self._kubectl.run(
            "scale", self.name, f"--replicas={replicas}", f"--current-replicas={self.replicas}"
        )

    def restart(self) -> None:
        self._kubectl.run("rollout", "restart", self.name)

    def go_back(self, revision: int = 0) -> None:
        """Go back to a revision; 0: to the one before."""
        self._kubectl.run("rollout", "undo", self.name, f"--to-revision={revision}")


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
