"""Which target is meant, by its kind, and what it consists of."""

from collections.abc import Callable, Mapping

from grace.domain.playbooks.action import TargetKind
from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.docker_client import identify_docker
from grace.runner.actions.http_client import identify_http
from grace.runner.actions.kubernetes_client import identify_kubernetes
from grace.runner.actions.memcached_server import identify_memcached
from grace.runner.actions.postgresql_target import identify as identify_postgresql
from grace.runner.actions.redis_server import identify_redis
from grace.runner.actions.service_members import Members
from grace.runner.actions.service_target import setting
from grace.runner.actions.sqlite_target import identify as identify_sqlite
from grace.runner.actions.supervisord_members import SupervisedGroup, identify_supervisord
from grace.runner.actions.systemd_members import Units, identify_systemd


def kind_of(situation: Situation) -> TargetKind:
    """Read which kind the target is."""
    return TargetKind(setting(situation, "kind"))


def identify_target(situation: Situation) -> None:
    """Raise `WrongTarget` where the target is not the one that its settings expect."""
    kinds: Mapping[TargetKind, Callable[[Situation], None]] = {
        TargetKind.HTTP: identify_http,
        TargetKind.REDIS: identify_redis,
        TargetKind.MEMCACHED: identify_memcached,
        TargetKind.SUPERVISORD: identify_supervisord,
        TargetKind.SYSTEMD: identify_systemd,
        TargetKind.KUBERNETES: identify_kubernetes,
        TargetKind.DOCKER: identify_docker,
        TargetKind.POSTGRESQL: identify_postgresql,
        TargetKind.SQLITE: identify_sqlite,
    }
    kind = kind_of(situation)
    if kind not in kinds:
        raise ActionFailed(f"this action knows no target of kind {kind}")
    kinds[kind](situation)


def members_of(situation: Situation) -> Members:
    """Open the processes or units that the target consists of."""
    match kind_of(situation):
        case TargetKind.SUPERVISORD:
            return SupervisedGroup(situation)
        case TargetKind.SYSTEMD:
            return Units(situation)
        case kind:
            raise ActionFailed(f"a target of kind {kind} has no processes here")
