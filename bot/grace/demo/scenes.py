"""What differs between two stages: the repositories' first commit, and the bot's files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from grace.demo.service import write_template
from grace.localforge.forge import Repository

HOST = "localforge"


@dataclass(frozen=True, slots=True)
class Built:
    """What the bot's configuration is written from.

    `repositories` by name; `service_port`: where the live service always is; `ci_app_id`: the App
    whose check runs are those of CI.
    """

    repositories: Mapping[str, Repository]
    service_port: int
    ci_app_id: int

    @property
    def page(self) -> str:
        """Return the address of the live service's metrics."""
        return f"http://127.0.0.1:{self.service_port}/metrics"

    def subsystems(self, guards: tuple[str, ...]) -> dict[str, Any]:
        """Write `subsystems.yaml`: one subsystem a repository, each with these guard metrics."""
        subsystems = {
            subsystem_of(name): {
                "host": HOST,
                "repository": repository.full_name,
                "environment": "production",
                "guards": list(guards),
            }
            for name, repository in self.repositories.items()
        }
        return {"subsystems": subsystems}

    @property
    def tests(self) -> dict[str, Any]:
        """Write the section of `governance.yaml` about CI, with times of a demo."""
        return {"timeout_minutes": 5, "ask_after_minutes": 1, "ci_app_ids": [self.ci_app_id]}


def subsystem_of(name: str) -> str:
    """Name the subsystem that a repository of the stage is."""
    return f"trigger_mesh_{name}"


def demo_files(built: Built) -> dict[str, Any]:
    """Write the bot's configuration for the stories: two metrics, a subsystem a story."""
    return {
        "metrics_catalog.yaml": {
            "metrics": {
                "trigger_mesh.latency_p95": latency(built),
                "error_rate": {**error_rate(built), "severity": "high"},
            }
        },
        "subsystems.yaml": built.subsystems(("error_rate",)),
        "governance.yaml": {
            "observation": {
                "sample_interval_seconds": 1,
                "min_samples": 3,
                "early_samples": 3,
                "deployment_timeout_minutes": 2,
            },
            "tests": built.tests,
        },
    }


def latency(built: Built) -> dict[str, Any]:
    """Write the catalog's entry for the time that a delivery takes."""
    return {
        "target": 100,
        "comparator": "<",
        "unit": "ms",
        "stress": "p95_ms",
        "source": series(built, "trigger_mesh_latency_p95_ms"),
    }


def error_rate(built: Built) -> dict[str, Any]:
    """Write the catalog's entry for the share of deliveries that fail."""
    return {
        "target": 5,
        "comparator": "<",
        "unit": "%",
        "stress": "error_rate",
        "source": series(built, "trigger_mesh_error_rate_percent"),
    }


def series(built: Built, name: str, scale: float = 1.0) -> dict[str, Any]:
    """Read one series of the live service's page, multiplied."""
    return {"kind": "prometheus_text", "url": built.page, "series": name, "scale": scale}


@dataclass(frozen=True, slots=True)
class Scene:
    """What a stage is set up with.

    `template` writes a repository's first commit, where `templates` has none for its name; `files`
    the bot's configuration by file name. `settings` come on top of the stage's own. `bound_admins`:
    whether protection holds for administrators too.
    """

    template: Callable[[Path], None] = write_template
    templates: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)
    files: Callable[[Built], Mapping[str, Any]] = demo_files
    settings: Mapping[str, Any] = field(default_factory=dict)
    bound_admins: bool = True

    def write_config(self, folder: Path, built: Built) -> None:
        """Write the bot's configuration files."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files(built).items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(yaml.safe_dump(content, sort_keys=False))
