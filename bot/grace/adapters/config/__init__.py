"""The configuration of the bot: YAML files, their JSON Schemas and their hash."""

from grace.adapters.config.alert_secrets import alert_secrets
from grace.adapters.config.files import (
    Configuration,
    config_hash,
    default_folder,
    load_configuration,
    schemas,
)
from grace.adapters.config.given import Given, given
from grace.adapters.config.playbook_files import load_playbooks, read_playbook
from grace.adapters.config.rule_files import PolicyKind, RuleFiles, check_policy, read_policy
from grace.adapters.config.strict import ConfigError, ConfigProblem, load

__all__ = [
    "ConfigError",
    "ConfigProblem",
    "Configuration",
    "Given",
    "PolicyKind",
    "RuleFiles",
    "alert_secrets",
    "check_policy",
    "config_hash",
    "default_folder",
    "given",
    "load",
    "load_configuration",
    "load_playbooks",
    "read_playbook",
    "read_policy",
    "schemas",
]
