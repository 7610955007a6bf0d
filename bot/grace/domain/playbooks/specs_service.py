"""Actions of services, caches and checkouts: what each may do, as playbooks may name them."""

from typing import Final

from grace.domain.playbooks.action import ActionSpec, Param, Radius, Risk, TargetKind

_PROCESSES: Final = (TargetKind.SUPERVISORD, TargetKind.SYSTEMD)
_SERVED: Final = (
    TargetKind.HTTP,
    TargetKind.REDIS,
    TargetKind.MEMCACHED,
    *_PROCESSES,
    TargetKind.KUBERNETES,
    TargetKind.DOCKER,
    TargetKind.POSTGRESQL,
    TargetKind.SQLITE,
)
_EVIDENCE: Final = Param(
    name="evidence",
    type="text",
    words="the step that must have found a leak; without it nothing is restarted",
    default="",
)
_HEALTHY: Final = Param(
    name="healthy_seconds",
    type="number",
    words="how long each may take until it is healthy",
    default=30,
    least=0.1,
    most=3600,
)
_TOGETHER: Final = Param(
    name="processes",
    type="integer",
    words="how many shall run; 0: `add` more than now",
    default=0,
    least=0,
    most=200,
)
_ADD: Final = Param(
    name="add", type="integer", words="how many more than now", default=1, least=1, most=50
)
_MOST: Final = Param(
    name="most", type="integer", words="never more than this", default=10, least=1, most=200
)

_HTTP: Final = (
    ActionSpec(
        name="http.latency",
        kinds=_SERVED,
        words="Time requests to the target's `probe_url`",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(
            Param(
                name="max_ms",
                type="number",
                words="the most that is well; 0: the target's `max_latency_ms`",
                default=0,
                least=0,
                most=600_000,
            ),
            Param(
                name="requests",
                type="integer",
                words="how many requests, one after another",
                default=20,
                least=1,
                most=1000,
            ),
            Param(
                name="percentile",
                type="number",
                words="which percentile is compared",
                default=95,
                least=1,
                most=100,
            ),
        ),
    ),
    ActionSpec(
        name="http.warm",
        kinds=(TargetKind.HTTP, TargetKind.REDIS, TargetKind.MEMCACHED),
        words="Ask for each of the target's `warm_urls`, so that a cache is filled",
        risk=Risk.LOW,
        radius=Radius.SERVICE,
    ),
    ActionSpec(
        name="http.heap",
        kinds=(TargetKind.HTTP, *_PROCESSES),
        words="Keep what the target's `heap_url` says of its memory",
        risk=Risk.READ,
        radius=Radius.NOTHING,
    ),
    ActionSpec(
        name="http.collect",
        kinds=(TargetKind.HTTP, *_PROCESSES),
        words="Ask the service to collect garbage, by a POST to its `collect_url`",
        risk=Risk.LOW,
        radius=Radius.PROCESS,
    ),
)

_CACHES: Final = (
    ActionSpec(
        name="redis.flush",
        kinds=(TargetKind.REDIS,),
        words="Empty the configured database number of a cache, or remove keys of one prefix",
        risk=Risk.MEDIUM,
        radius=Radius.SERVICE,
        params=(
            Param(
                name="prefix",
                type="text",
                words="only keys that begin so; empty: the whole number",
                default="",
            ),
        ),
    ),
    ActionSpec(
        name="memcached.flush",
        kinds=(TargetKind.MEMCACHED,),
        words="Invalidate everything, or one generation of keys",
        risk=Risk.MEDIUM,
        radius=Radius.SERVICE,
        params=(
            Param(
                name="generation_key",
                type="text",
                words="the counter that is part of the keys' names; empty: everything",
                default="",
            ),
        ),
    ),
)

_PROCESS: Final = (
    ActionSpec(
        name="process.memory",
        kinds=_PROCESSES,
        words="Measure the memory of the target's processes and their children",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(
            Param(
                name="max_mb",
                type="number",
                words="the most that is well, of any one; 0: the target's `max_rss_mb`",
                default=0,
                least=0,
                most=10_000_000,
            ),
        ),
    ),
    ActionSpec(
        name="process.leak",
        kinds=_PROCESSES,
        words="Watch the memory of the target's processes; fails where none leaks",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(
            Param(
                name="seconds",
                type="number",
                words="how long it is watched",
                default=120,
                least=0.5,
                most=7200,
            ),
            Param(
                name="samples",
                type="integer",
                words="how often in that time",
                default=40,
                least=8,
                most=1000,
            ),
            Param(
                name="min_mb_per_hour",
                type="number",
                words="slower growth is no leak",
                default=10,
                least=0,
                most=1_000_000,
            ),
        ),
    ),
    *(
        ActionSpec(
            name=f"{kind}.restart",
            kinds=(kind,),
            words=f"Restart {what} one after another, while each becomes healthy again",
            risk=Risk.MEDIUM,
            radius=Radius.SERVICE,
            params=(_EVIDENCE, _HEALTHY),
        )
        for kind, what in (
            (TargetKind.SUPERVISORD, "the processes of a group"),
            (TargetKind.SYSTEMD, "units"),
        )
    ),
    *(
        ActionSpec(
            name=f"{kind}.scale",
            kinds=(kind,),
            words=f"Start more {what}",
            risk=Risk.MEDIUM,
            radius=Radius.SERVICE,
            params=(_TOGETHER, _ADD, _MOST, _HEALTHY),
            undo=True,
        )
        for kind, what in (
            (TargetKind.SUPERVISORD, "of the processes that a group configures"),
            (TargetKind.SYSTEMD, "instances of a template unit"),
        )
    ),
)

_ORCHESTRATED: Final = (
    ActionSpec(
        name="kubernetes.scale",
        kinds=(TargetKind.KUBERNETES,),
        words="Ask for more replicas of a workload",
        risk=Risk.MEDIUM,
        radius=Radius.SERVICE,
        params=(_TOGETHER, _ADD, _MOST),
        undo=True,
    ),
    ActionSpec(
        name="kubernetes.restart",
        kinds=(TargetKind.KUBERNETES,),
        words="Restart a workload by a rollout",
        risk=Risk.MEDIUM,
        radius=Radius.SERVICE,
    ),
    ActionSpec(
        name="kubernetes.rollback",
        kinds=(TargetKind.KUBERNETES,),
        words="Go back to the revision of a deployment before the present one",
        risk=Risk.HIGH,
        radius=Radius.SERVICE,
        undo=True,
    ),
    ActionSpec(
        name="docker.scale",
        kinds=(TargetKind.DOCKER,),
        words="Ask for more tasks of a swarm service, or more containers of a compose service",
        risk=Risk.MEDIUM,
        radius=Radius.SERVICE,
        params=(_TOGETHER, _ADD, _MOST),
        undo=True,
    ),
    ActionSpec(
        name="docker.restart",
        kinds=(TargetKind.DOCKER,),
        words="Restart containers one after another, while each becomes healthy again",
        risk=Risk.MEDIUM,
        radius=Radius.SERVICE,
        params=(_HEALTHY,),
    ),
)

_DATABASES: Final = (TargetKind.POSTGRESQL, TargetKind.SQLITE)
_PATCHES: Final = (
    ActionSpec(
        name="query.analyze",
        kinds=_DATABASES,
        words="Renew the statistics that the planner plans with",
        risk=Risk.LOW,
        radius=Radius.DATABASE,
    ),
    ActionSpec(
        name="query.index",
        kinds=_DATABASES,
        words="Find an index that makes a slow statement cheaper, as a migration",
        risk=Risk.LOW,
        radius=Radius.REPOSITORY,
        params=(
            Param(
                name="min_rows",
                type="integer",
                words="smaller tables are left alone",
                default=10_000,
                least=1,
            ),
            Param(
                name="min_gain",
                type="number",
                words="how many times cheaper a statement must become",
                default=2,
                least=1.1,
                most=1000,
            ),
        ),
        proposes=True,
    ),
    ActionSpec(
        name="python.imports",
        kinds=(TargetKind.CHECKOUT,),
        words="Find out which module is missing, by the target's `check` command or `log_file`",
        risk=Risk.READ,
        radius=Radius.NOTHING,
    ),
    ActionSpec(
        name="python.requirement",
        kinds=(TargetKind.CHECKOUT,),
        words="Add the distribution of the missing module to the requirements, pinned and hashed",
        risk=Risk.LOW,
        radius=Radius.REPOSITORY,
        params=(
            Param(
                name="min_age_days",
                type="integer",
                words="newer releases are not taken",
                default=14,
                least=0,
                most=3650,
            ),
        ),
        proposes=True,
    ),
)

SERVICE: Final[tuple[ActionSpec, ...]] = (
    *_HTTP,
    *_CACHES,
    *_PROCESS,
    *_ORCHESTRATED,
    *_PATCHES,
)
