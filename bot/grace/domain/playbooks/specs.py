"""All actions that a step may name; what does not stand here cannot be done."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grace.domain.playbooks.action import ActionSpec
from grace.domain.playbooks.specs_database import DATABASE
from grace.domain.playbooks.specs_service import SERVICE

ACTIONS: Final[Mapping[str, ActionSpec]] = MappingProxyType(
    {spec.name: spec for spec in (*DATABASE, *SERVICE)}
)
