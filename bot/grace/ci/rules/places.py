"""Where code is read: what is known there, the rules that look on, and a call as it is met."""

import ast
from dataclasses import dataclass, field
from typing import Final, Protocol

from grace.ci.rules.names import Names
from grace.ci.rules.values import Value

MAX_STEPS: Final = 600_000
MAX_FOLLOWED: Final = 60_000
_COPIED_A_STEP: Final = 8


class TooMuch(Exception):
    """The file takes more steps to read than any file of a person."""


@dataclass(slots=True)
class Budget:
    """How many expressions may still be looked at in a file, and how many in functions called."""

    left: int = MAX_STEPS
    followed: int = MAX_FOLLOWED

    def spend(self, copied: int = 0) -> None:
        """Take one step, or one that copies so many variables."""
        self.left -= 1 + copied // _COPIED_A_STEP
        if self.left < 0:
            raise TooMuch


class Told(Protocol):
    """Takes a finding. `local`: who runs the program decides it, and no stranger."""

    def __call__(self, rule: str, node: ast.AST, said: str, *, local: bool = False) -> None: ...


class Rules(Protocol):
    """What is done with what is met on the way."""

    def inspect(self, call: "Call") -> None:
        """Look at a call."""
        ...

    def compare(self, place: "Place", node: ast.Compare, left: Value, right: Value) -> None:
        """Look at a comparison."""
        ...

    def follow(self, call: "Call") -> Value | None:
        """Return what a function of the same file returns; None where it is not followed."""
        ...


@dataclass(slots=True)
class Place:
    """One body of code while it is read: a module's, or a function's.

    `web` says how this answers requests, with `markup` or with `data`, empty where it does not;
    `handler`: a class whose methods do. `told` gets each finding. `functions` are those of the
    file that can be followed into, by the name that calls them; `module` is what the module holds,
    and `fields` what the methods of the class put into `self`.
    """

    names: Names
    told: Told
    rules: Rules
    budget: Budget = field(default_factory=Budget)
    env: dict[str, Value] = field(default_factory=dict)
    module: dict[str, Value] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    function: str = ""
    web: str = ""
    handler: bool = False
    depth: int = 0
    returned: list[Value] = field(default_factory=list)
    fields: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A call, its arguments read. `name` is dotted; `receiver` is what a method is called on."""

    node: ast.Call
    name: str
    receiver: Value
    args: tuple[Value, ...]
    keywords: dict[str, Value]
    place: Place

    @property
    def last(self) -> str:
        """Return the last part of the name."""
        return self.name.rpartition(".")[2]

    def given(self, at: int, *keywords: str) -> Value | None:
        """Return an argument by its place or keyword; None where it is not given."""
        if 0 <= at < len(self.args):
            return self.args[at]
        return next((self.keywords[k] for k in keywords if k in self.keywords), None)

    def node_of(self, at: int, *keywords: str) -> ast.expr | None:
        """Return the same argument as it is written."""
        if 0 <= at < len(self.node.args):
            return self.node.args[at]
        return next((k.value for k in self.node.keywords if k.arg in keywords), None)

    def says(self, keyword: str, value: object) -> bool:
        """Tell whether a keyword is given this literal."""
        found = self.keywords.get(keyword)
        return found is not None and found.literal is value


def dotted_text(node: ast.expr) -> str:
    """Write `a.b.c` as it stands; empty for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=attr):
            before = dotted_text(inner)
            return f"{before}.{attr}" if before else ""
        case _:
            return ""


def told_of(value: Value, where: str) -> str:
    """Say which source reaches which place."""
    said = value.said or "a value of the caller"
    line = f" (line {value.line})" if value.line else ""
    return f"{said}{line} reaches {where}"
