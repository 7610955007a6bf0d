"""All actions that a runner can do, each loaded when a step names it and not before."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final, cast

from grace.domain.playbooks.specs import ACTIONS
from grace.runner.action import Action
from grace.runner.actions.database_places import DATABASE_PLACES
from grace.runner.actions.service_places import SERVICE_PLACES

# By the action's name: `module:Class`, where `Class()` is an Action. Drivers are loaded with it.
PLACES: Final[Mapping[str, str]] = MappingProxyType({**DATABASE_PLACES, **SERVICE_PLACES})


def action_named(name: str, places: Mapping[str, str] = PLACES) -> Action | None:
    """Load an action; None: this runner has none of that name."""
    place = places.get(name)
    if place is None:
        return None
    module, _, made = place.partition(":")
    return cast("Action", getattr(import_module(module), made)())


def missing_for(kind: str, places: Mapping[str, str] = PLACES) -> str | None:
    """Say what keeps the actions of a kind of target from being loaded; None: nothing does."""
    names = [s.name for s in ACTIONS.values() if kind in {k.value for k in s.kinds}]
    if not names:
        return "no action is for this kind of target"
    for name in names:
        try:
            if action_named(name, places) is None:
                return f"this runner has no action {name}"
        except ImportError as error:
            return f"{name} needs a package that is not installed: {error.name}"
    return None
