"""What a drill is played on: the healthy service, and a bot that watches it and keeps remedies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grace.demo.faults import FAULTS, remedy_of, write_healthy
from grace.demo.prober import SERIES
from grace.demo.scenes import Built, Scene, error_rate, latency, series, subsystem_of
from grace.domain.catalog import Catalog

MEGABYTE = 1024 * 1024
WINDOW_MINUTES = 0.2


@dataclass(frozen=True, slots=True)
class DrillRules:
    """How a drill is watched and governed.

    `every`: seconds between two looks at the metrics. `probe_port`: where the prober says whether
    the service answers. `by_hand`: remedies are kept, and people start and approve each mission,
    as the shipped rules have it for a remedy without a record; else policy trusts them.
    """

    every: float
    probe_port: int
    by_hand: bool

    def scene(self) -> Scene:
        """Return the stage that a drill needs; its owner may push around protection."""
        return Scene(
            template=write_healthy,
            files=self.files,
            settings={"detect_seconds": self.every},
            bound_admins=False,
        )

    def files(self, built: Built) -> Mapping[str, Any]:
        """Write the bot's configuration: five watched metrics, and a remedy for each fault."""
        (name,) = built.repositories
        metrics = watched(built, f"http://127.0.0.1:{self.probe_port}/metrics")
        for each in metrics.values():
            each["severity"] = "low"
            each["watch"] = {
                "subsystem": subsystem_of(name),
                "stale_seconds": max(10.0, 4 * self.every),
                "rolling_window_minutes": WINDOW_MINUTES,
                "observation_window_minutes": WINDOW_MINUTES,
            }
        return {
            "metrics_catalog.yaml": {"metrics": metrics},
            "subsystems.yaml": built.subsystems(("error_rate",)),
            "governance.yaml": self.governance(built),
            "remedies.yaml": {"remedies": [remedy_of(fault) for fault in FAULTS]},
        }

    def governance(self, built: Built) -> dict[str, Any]:
        """Write the rules: short times, and who decides."""
        rules: dict[str, Any] = {
            "observation": {
                "sample_interval_seconds": 1,
                "min_samples": 3,
                "early_samples": 3,
                "deployment_timeout_minutes": 2,
            },
            "tests": built.tests,
        }
        if not self.by_hand:
            rules |= {"proactive": {"min_trust": 0}, "approvals": {"low": 0}}
        return rules


def watched(built: Built, probe_page: str) -> dict[str, dict[str, Any]]:
    """Write the catalog's entries of a service: each fault shows in one of them first."""
    return {
        "trigger_mesh.latency_p95": latency(built),
        "error_rate": error_rate(built),
        "trigger_mesh.in_flight": {
            "target": 30,
            "comparator": "<",
            "unit": "events",
            "source": series(built, "trigger_mesh_in_flight"),
        },
        "trigger_mesh.memory": {
            "target": 80,
            "comparator": "<",
            "unit": "MB",
            "source": series(built, "process_resident_memory_bytes", 1 / MEGABYTE),
        },
        "trigger_mesh.up": {
            "target": 1,
            "comparator": ">=",
            "unit": "",
            "source": {"kind": "prometheus_text", "url": probe_page, "series": SERIES},
        },
    }


def watched_in(catalog: Catalog) -> tuple[str, ...]:
    """Name the metrics that are watched."""
    return tuple(name for name, metric in catalog.metrics.items() if metric.watch is not None)
