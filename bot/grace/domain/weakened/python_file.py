"""A Python test file as far as it can be known without running it."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from grace.domain.weakened.bodies import Body, Function, read_body
from grace.domain.weakened.expressions import (
    elements_of,
    last_name,
    names_in,
    number_of,
    text_of,
    truth_of,
)
from grace.domain.weakened.markers import Marker, marks, renamed

_NO_TEST: Final = frozenset({"fixture", "property", "cached_property", "overload"})
_IGNORES: Final = frozenset({"collect_ignore", "collect_ignore_glob"})
_TIMES: Final = frozenset(
    {"timeout", "timeout_s", "timeout_ms", "timeout_seconds", "deadline", "max_wait"}
    | {"reruns", "retries", "max_retries", "attempts", "stop_max_attempt_number"}
)
# As many as Hypothesis tries, if nobody says otherwise.
_EXAMPLES: Final = 100
# As deep as Python's own stack allows for whoever walks the tree.
_MAX_DEPTH: Final = 200
# What a test does less with when it shrinks.
EFFORT: Final = frozenset({"max_examples", "stateful_step_count"})


class NotPython(Exception):
    """The text is no Python that this interpreter can read."""


@dataclass(frozen=True)
class Unit:
    """One function of a test file; `scopes`: the classes around it, outermost first."""

    name: str
    node: Function
    scopes: tuple[str, ...]
    guards: tuple[str, ...]
    is_test: bool
    source: str
    named: dict[str, ast.expr]

    @cached_property
    def body(self) -> Body:
        return read_body(self.node)

    @cached_property
    def content(self) -> str:
        """What the function does, without its name, its decorators and its docstring."""
        body = self.node.body
        docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        return " ".join(text_of(s) for s in (body[1:] if docstring else body))

    @property
    def line(self) -> int:
        return self.node.lineno

    def markers(self) -> list[Marker]:
        """List what leaves this function out, by its decorators and its body."""
        above = [m for d in self.node.decorator_list for m in marks(d, self.named)]
        inside = self.body.markers
        return above + [m for m in inside if self.is_test or m.word != "return"]

    def cases(self) -> dict[str, int | None]:
        """Count the cases by what they are for; None: nobody knows how many."""
        counted: dict[str, int | None] = {}
        for call in self.node.decorator_list:
            if not isinstance(call, ast.Call):
                continue
            options = {k.arg: k.value for k in call.keywords}
            match last_name(call), call.args:
                case "parametrize", [names, values, *_]:
                    counted[text_of(names)] = elements_of(values, self.named)
                case "given", _:
                    counted["given"] = _EXAMPLES
                case "fixture", _ if "params" in options:
                    counted["params"] = elements_of(options["params"], self.named)
        for loop in ast.walk(self.node) if self.is_test and "for " in self.source else ():
            if isinstance(loop, ast.For) and any(isinstance(n, ast.Assert) for n in ast.walk(loop)):
                counted[f"for {text_of(loop.target)}"] = elements_of(loop.iter, self.named)
        return counted

    def numbers(self) -> dict[str, list[float]]:
        """List the timeouts, retries and efforts that are written as numbers, by name."""
        listed: dict[str, list[float]] = {}
        calls = (c for c in ast.walk(self.node) if isinstance(c, ast.Call))
        for call in calls:
            name = last_name(call)
            given = [(k.arg or "", k.value) for k in call.keywords]
            if name == "timeout":
                given += [("timeout", a) for a in call.args[:1]]
            elif name in {"wait_for", "flaky"}:
                given += [("timeout", a) for a in call.args[1:2]]
            for key, value in given:
                number = number_of(value)
                if number is not None and key.lower() in _TIMES | EFFORT:
                    listed.setdefault(key.lower(), []).append(number)
        return listed


@dataclass
class Scope:
    """A class, or (named "") the file itself: what holds for all that is in it."""

    line: int
    markers: list[Marker] = field(default_factory=list)
    bases: frozenset[str] = frozenset()


@dataclass
class PythonFile:
    """All functions by qualified name, the scopes around them, and the names of the module."""

    units: dict[str, Unit] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)
    named: dict[str, ast.expr] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)

    def around(self, unit: Unit) -> list[Marker]:
        """List the markers of everything around a function."""
        return [m for s in ("", *unit.scopes) if s in self.scopes for m in self.scopes[s].markers]


def read_python(text: str | None) -> PythonFile:
    """Read a file; None is one without anything. Raises NotPython."""
    try:
        tree = ast.parse((text or "").removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotPython(str(error)) from error
    if _depth(tree) > _MAX_DEPTH:
        raise NotPython("nested too deeply")
    return _Reader((text or "").split("\n")).read(tree)


def _depth(tree: ast.AST) -> int:
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


@dataclass(frozen=True, slots=True)
class _Around:
    scopes: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    collected: bool = True

    @property
    def scope(self) -> str:
        return self.scopes[-1] if self.scopes else ""


class _Reader:
    """One file as it is read."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.file = PythonFile(scopes={"": Scope(1)})
        self._lines = lines
        self._never: set[str] = set()
        self._ignores = any("collect_ignore" in line for line in lines)

    def read(self, tree: ast.Module) -> PythonFile:
        """Read the file; `__test__ = False` counts for all of its scope, wherever it stands."""
        self.block(tree.body, _Around())
        for name in self._never:
            self._forget(name)
        return self.file

    def block(self, statements: Sequence[ast.stmt], around: _Around) -> None:
        for statement in statements:
            self._statement(statement, around)

    def _statement(self, statement: ast.stmt, around: _Around) -> None:
        if self._ignores and not _IGNORES.isdisjoint(names_in(statement)):
            texts = (n for n in ast.walk(statement) if isinstance(n, ast.Constant))
            self.file.ignored |= {str(text.value): text.lineno for text in texts}
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(statement, around)
            case ast.ClassDef():
                self._class(statement, around)
            case ast.ImportFrom():
                self.file.scopes[around.scope].markers += renamed(statement)
            case ast.If(test=test, body=body, orelse=orelse):
                holds, guard = truth_of(test), (*around.guards, text_of(test))
                under = around if holds else _Around(around.scopes, guard, around.collected)
                if holds is not False:
                    self.block(body, under)
                if holds is not True:
                    self.block(orelse, around if holds is False else under)
            case ast.Try(body=body, orelse=orelse, finalbody=final):
                self.block([*body, *orelse, *final], around)
                self.block([s for h in statement.handlers for s in h.body], around)
            case ast.With(body=body) | ast.For(body=body):
                self.block(body, around)
            case ast.Delete(targets=targets):
                for target in targets:
                    self._forget(_qualified(around, last_name(target)))
            case _:
                for target, value in _assigned(statement):
                    self._assign(target, value, around)

    def _function(self, node: Function, around: _Around) -> None:
        name = _qualified(around, node.name)
        decorated = {last_name(d) for d in node.decorator_list}
        is_test = node.name.startswith("test") and decorated.isdisjoint(_NO_TEST)
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        source = "\n".join(self._lines[first - 1 : node.end_lineno])
        self.file.units[name] = Unit(
            name,
            node,
            around.scopes,
            around.guards,
            is_test and around.collected,
            source,
            self.file.named,
        )

    def _class(self, node: ast.ClassDef, around: _Around) -> None:
        name = _qualified(around, node.name)
        bases = frozenset(last_name(b) for b in node.bases)
        from_unittest = any("Test" in b for b in bases)
        methods = {s.name for s in node.body if isinstance(s, ast.FunctionDef)}
        collected = from_unittest or (
            node.name.startswith("Test") and methods.isdisjoint({"__init__", "__new__"})
        )
        markers = [m for d in node.decorator_list for m in marks(d, self.file.named)]
        self._forget(name)
        self.file.scopes[name] = Scope(node.lineno, markers, bases)
        inside = _Around(
            (*around.scopes, name), around.guards, collected=collected and around.collected
        )
        self.block(node.body, inside)

    def _assign(self, target: ast.expr, value: ast.expr, around: _Around) -> None:
        name = last_name(target)
        match target:
            case ast.Attribute(value=owner, attr="__test__"):
                if truth_of(value) is False:
                    self._never.add(_qualified(around, last_name(owner)))
                return
            case ast.Name(id="__test__"):
                if truth_of(value) is False:
                    self._never.add(around.scope)
                return
            case ast.Name():
                self._forget(_qualified(around, name))
                if not around.scopes:
                    self.file.named[name] = value
                    self.file.lines[name] = target.lineno
            case _:
                pass
        found = marks(value, self.file.named if name == "pytestmark" else {})
        # A mark that only gets a name leaves nothing out before it is used.
        if name == "pytestmark" or not (name and _is_one_mark(value)):
            self.file.scopes[around.scope].markers += found

    def _forget(self, name: str) -> None:
        """Drop a test, or all tests of a class (or of the file), from what is collected."""
        for key, unit in list(self.file.units.items()):
            if not name or key == name or name in unit.scopes:
                del self.file.units[key]


def _is_one_mark(value: ast.expr) -> bool:
    node = value.func if isinstance(value, ast.Call) else value
    match node:
        case ast.Attribute(value=ast.Attribute(attr="mark")) | ast.Attribute(attr="skipif"):
            return True
        case _:
            return last_name(node) in {"skipIf", "skipUnless", "skip"}


def _assigned(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what is assigned to what; a bare expression to nothing."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield target, value
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield target, value
        case ast.AugAssign(value=value) | ast.Expr(value=value):
            yield ast.Constant(value=None), value
        case _:
            return


def _qualified(around: _Around, name: str) -> str:
    return f"{around.scope}.{name}" if around.scope else name
