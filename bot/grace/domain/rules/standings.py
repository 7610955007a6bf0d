"""How each gate and rule of a verdict stands: what it waits for, and who can change it."""

from collections.abc import Iterator
from typing import Literal

from grace.domain.base import Frozen
from grace.domain.rules.evaluate import FLOOR, REPOSITORY
from grace.domain.verdict import Condition, Result

Origin = Literal["gate", "floor", "repository"]


class Standing(Frozen):
    """One gate or rule; `condition`, `reason` and `who` are of the leaf that decides it.

    `controls`: all that its leaves are evidence of.
    """

    origin: Origin
    name: str
    result: Result
    condition: str
    reason: str
    who: str = ""
    controls: tuple[str, ...] = ()


def standings(tree: Condition) -> tuple[Standing, ...]:
    """List the gates and rules of a verdict, in its order."""
    return tuple(_standing(origin, each) for origin, each in _parts(tree))


def holding(tree: Condition) -> tuple[Standing, ...]:
    """List the gates and rules that do not pass."""
    return tuple(_standing(origin, each) for origin, each in _parts(tree) if not each.passes)


def _parts(tree: Condition) -> Iterator[tuple[Origin, Condition]]:
    for child in tree.children or (tree,):
        if child.name == FLOOR and child.children:
            yield from (("floor", rule) for rule in child.children)
        elif child.name == REPOSITORY:
            yield from (("repository", rule) for rule in child.children or (child,))
        else:
            yield "gate", child


def _standing(origin: Origin, part: Condition) -> Standing:
    told = part.holding() or part
    return Standing(
        origin=origin,
        name=part.name,
        result=part.result,
        condition=told.name,
        reason=told.reason,
        who=told.who,
        controls=tuple(sorted(set(_controls(part)))),
    )


def _controls(part: Condition) -> Iterator[str]:
    yield from part.controls
    for child in part.children:
        yield from _controls(child)
