"""Where each service action is: by its name, module and class, made without arguments."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_HERE = "grace.runner.actions"

SERVICE_PLACES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "http.latency": f"{_HERE}.http_actions:Latency",
        "http.warm": f"{_HERE}.http_actions:Warm",
        "http.heap": f"{_HERE}.http_actions:Heap",
        "http.collect": f"{_HERE}.http_actions:Collect",
        "redis.flush": f"{_HERE}.redis_flush:RedisFlush",
        "memcached.flush": f"{_HERE}.memcached_flush:MemcachedFlush",
        "process.memory": f"{_HERE}.process_memory:Memory",
        "process.leak": f"{_HERE}.process_memory:Leak",
        "supervisord.restart": f"{_HERE}.supervisord_actions:SupervisordRestart",
        "supervisord.scale": f"{_HERE}.supervisord_actions:SupervisordScale",
        "systemd.restart": f"{_HERE}.systemd_actions:SystemdRestart",
        "systemd.scale": f"{_HERE}.systemd_actions:SystemdScale",
        "kubernetes.scale": f"{_HERE}.kubernetes_actions:KubernetesScale",
        "kubernetes.restart": f"{_HERE}.kubernetes_actions:KubernetesRestart",
        "kubernetes.rollback": f"{_HERE}.kubernetes_actions:KubernetesRollback",
        "docker.scale": f"{_HERE}.docker_actions:DockerScale",
        "docker.restart": f"{_HERE}.docker_actions:DockerRestart",
        "query.analyze": f"{_HERE}.query_analyze:Analyze",
        "query.index": f"{_HERE}.query_index:IndexAdvice",
        "python.imports": f"{_HERE}.python_imports:Imports",
        "python.requirement": f"{_HERE}.python_requirement:Requirement",
    }
)
