"""The configuration files, and what they say together."""

import hashlib
import json
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

import rfc8785

from grace.adapters.config.agent_problems import unknown_in_agents
from grace.adapters.config.alert_problems import alert_problems
from grace.adapters.config.notification_problems import unknown_names
from grace.adapters.config.playbook_files import gather_playbooks
from grace.adapters.config.remedy_problems import unknown_in_remedies
from grace.adapters.config.rule_problems import rule_problems
from grace.adapters.config.strict import (
    ConfigError,
    ConfigProblem,
    Source,
    compose,
    gather,
    locate,
)
from grace.adapters.config.watch_problems import watch_problems
from grace.domain.agents import Agents
from grace.domain.alerting.sources import AlertSources
from grace.domain.base import Frozen
from grace.domain.catalog import Catalog, Subsystems
from grace.domain.inspection import POLICY_FILE, WAIVER_FILE
from grace.domain.notifying.config import Notifications
from grace.domain.playbooks.playbook import Playbook, Playbooks
from grace.domain.playbooks.runner_file import RunnerFile
from grace.domain.policy import Governance, Policy
from grace.domain.proactive import Remedies
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.waivers import Waivers

CATALOG_FILE = "metrics_catalog.yaml"
SUBSYSTEMS_FILE = "subsystems.yaml"
GOVERNANCE_FILE = "governance.yaml"
NOTIFICATIONS_FILE = "notifications.yaml"
ALERT_SOURCES_FILE = "alert_sources.yaml"
REMEDIES_FILE = "remedies.yaml"
AGENTS_FILE = "agents.yaml"
FILES: dict[str, type[Frozen]] = {
    CATALOG_FILE: Catalog,
    SUBSYSTEMS_FILE: Subsystems,
    GOVERNANCE_FILE: Governance,
    NOTIFICATIONS_FILE: Notifications,
    ALERT_SOURCES_FILE: AlertSources,
    REMEDIES_FILE: Remedies,
    AGENTS_FILE: Agents,
}
REPOSITORY_FILES: dict[str, type[Frozen]] = {
    POLICY_FILE: RepositoryPolicy,
    WAIVER_FILE: Waivers,
}

# Read elsewhere: each playbook in a file of its own, and what stands beside a target.
OTHER_FILES: dict[str, type[Frozen]] = {"playbook.yaml": Playbook, "runner.yaml": RunnerFile}
PLAYBOOKS_FOLDER = "playbooks"


class Configuration(Frozen):
    """What the configuration files say."""

    catalog: Catalog = Catalog()
    subsystems: Subsystems = Subsystems()
    governance: Governance = Governance()
    notifications: Notifications = Notifications()
    alert_sources: AlertSources = AlertSources()
    remedies: Remedies = Remedies()
    agents: Agents = Agents()
    playbooks: Playbooks = Playbooks()

    def policy(self, bot_login: str, app_id: int) -> Policy:
        """Make the rules in force for a bot of this name."""
        return Policy(
            governance=self.governance,
            catalog=self.catalog,
            subsystems=self.subsystems,
            remedies=self.remedies,
            agents=self.agents,
            playbooks=self.playbooks,
            bot_login=bot_login,
            app_id=app_id,
        )


def config_hash(configuration: Configuration) -> str:
    """Hash the canonical configuration: its values with all defaults, by RFC 8785, SHA-256."""
    canonical = rfc8785.dumps(configuration.model_dump(mode="json"))
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def default_folder() -> Traversable:
    """Find the configuration that ships with the package."""
    return resources.files("grace") / "config"


def load_configuration(
    folder: Path | None = None, playbooks_folder: Path | None = None
) -> Configuration:
    """Load all files of a folder; one that is not there is the package's own.

    Playbooks are those of `playbooks_folder`, else of the folder `playbooks` in `folder`, else the
    package's own.
    Raises `ConfigError` with the problems of all files at once.
    """
    problems: list[ConfigProblem] = []
    if folder is not None and not folder.is_dir():
        raise ConfigError([ConfigProblem(str(folder), 1, "", "is not a folder; create it")])
    sources = {name: _read(folder, name, problems) for name in FILES}
    catalog = gather(Catalog, sources[CATALOG_FILE], problems)
    subsystems = gather(Subsystems, sources[SUBSYSTEMS_FILE], problems)
    governance = gather(Governance, sources[GOVERNANCE_FILE], problems)
    notifications = gather(Notifications, sources[NOTIFICATIONS_FILE], problems)
    alerts = gather(AlertSources, sources[ALERT_SOURCES_FILE], problems)
    remedies = gather(Remedies, sources[REMEDIES_FILE], problems)
    agents = gather(Agents, sources[AGENTS_FILE], problems)
    beside = folder / PLAYBOOKS_FOLDER if folder is not None else None
    if playbooks_folder is None and beside is not None and beside.is_dir():
        playbooks_folder = beside
    playbooks = gather_playbooks(playbooks_folder, problems, subsystems)
    if catalog is not None and subsystems is not None:
        problems += _unknown_guards(sources[SUBSYSTEMS_FILE], subsystems, catalog)
        problems += watch_problems(sources[CATALOG_FILE], catalog, subsystems)
        if remedies is not None:
            source = sources[REMEDIES_FILE]
            problems += unknown_in_remedies(source, remedies, catalog, subsystems)
        if agents is not None:
            problems += unknown_in_agents(sources[AGENTS_FILE], agents, subsystems)
        if alerts is not None:
            source = sources[ALERT_SOURCES_FILE]
            problems += alert_problems(source, alerts, subsystems, catalog)
        if governance is not None:
            known = (governance, catalog, subsystems)
            problems += rule_problems(sources[GOVERNANCE_FILE], governance.rules, known)
    if notifications is not None:
        problems += unknown_names(sources[NOTIFICATIONS_FILE], notifications, subsystems)
    if (
        problems
        or catalog is None
        or subsystems is None
        or governance is None
        or notifications is None
        or alerts is None
        or remedies is None
        or agents is None
    ):
        raise ConfigError(problems)
    return Configuration(
        catalog=catalog,
        subsystems=subsystems,
        governance=governance,
        notifications=notifications,
        alert_sources=alerts,
        remedies=remedies,
        agents=agents,
        playbooks=playbooks,
    )


def schemas() -> dict[str, str]:
    """Write the JSON Schema of each file, as it lies beside the files."""
    return {
        f"{PurePosixPath(name).stem}.json": json.dumps(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                **model.model_json_schema(mode="validation"),
            },
            indent=2,
            sort_keys=True,
        )
        + "\n"
        for name, model in (FILES | REPOSITORY_FILES | OTHER_FILES).items()
    }


def _read(folder: Path | None, name: str, problems: list[ConfigProblem]) -> Source:
    path: Traversable = default_folder() / name
    if folder is not None and (folder / name).exists():
        path = folder / name
    try:
        return Source(str(path), path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(ConfigProblem(str(path), 1, "", f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        problems.append(ConfigProblem(str(path), 1, "", "is not UTF-8 text; save it as UTF-8"))
    return Source(str(path), "")


def _unknown_guards(
    source: Source, subsystems: Subsystems, catalog: Catalog
) -> Iterator[ConfigProblem]:
    """Find guard metrics that no live sample can ever answer."""
    root = compose(source)
    for name, subsystem in subsystems.subsystems.items():
        for i, metric_id in enumerate(subsystem.guards):
            definition = catalog.metrics.get(metric_id)
            if definition is not None and definition.source is not None:
                continue
            node, path = locate(root, ("subsystems", name, "guards", i))
            if definition is None:
                told = f"{metric_id} is not in the metrics catalog; add it there"
            else:
                told = f"{metric_id} has no source for live samples in the catalog; add one there"
            yield source.problem(node, path, told)
