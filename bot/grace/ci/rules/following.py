"""All rules together, and the step into a function of the same file."""

import ast
from dataclasses import dataclass, field, replace
from typing import Final

from grace.ci.rules import answers, assigned, keeping, shapes, sinks
from grace.ci.rules.places import Call, Place
from grace.ci.rules.statements import run, typed
from grace.ci.rules.values import ALL, Source, Value, joined

MAX_DEPTH: Final = 3
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Given = tuple[tuple[str, Value], ...]


def functions_of(tree: ast.Module) -> dict[str, _Function]:
    """Return the functions at the top of a file, by name."""
    return {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@dataclass(slots=True)
class AllRules:
    """Every rule; `known` remembers what a function returned for such arguments."""

    known: dict[tuple[_Function, _Given, tuple[str, ...]], Value] = field(default_factory=dict)

    def inspect(self, call: Call) -> None:
        """Look at one call by every rule."""
        sinks.check(call)
        shapes.check(call)
        keeping.check(call)
        answers.check(call)

    def compare(self, place: Place, node: ast.Compare, left: Value, right: Value) -> None:
        """Look at one comparison."""
        assigned.compared(place, node, left, right)

    def follow(self, call: Call) -> Value | None:
        """Read a function of the file with these arguments; None where it is none, or too deep."""
        place = call.place
        node = _called(call)
        if node is None or place.depth >= MAX_DEPTH or place.budget.followed <= 0:
            return None
        given = _given(call, node)
        key = (node, given, tuple(place.fields))
        if key not in self.known:
            self.known[key] = Value()
            self.known[key] = _read(place, node, dict(given))
        return self.known[key]


def _called(call: Call) -> _Function | None:
    match call.node.func:
        case ast.Name(id=name) if name not in call.place.env:
            return call.place.functions.get(name)
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            return call.place.functions.get(f"self.{attr}")
        case _:
            return None


def _given(call: Call, node: _Function) -> _Given:
    """Pair parameters with what they are given."""
    names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
    if isinstance(call.node.func, ast.Attribute):
        names = names[1:]
    given = dict(zip(names, call.args, strict=False))
    known = {*names, *(arg.arg for arg in node.args.kwonlyargs)}
    given |= {name: value for name, value in call.keywords.items() if name in known}
    for arg in (*node.args.args, *node.args.kwonlyargs):
        if arg.arg in given and typed(arg):
            given[arg.arg] = given[arg.arg].without(ALL)
    told = ((name, _plain(value)) for name, value in given.items())
    return tuple(sorted((name, value) for name, value in told if value is not None))


def _plain(value: Value) -> Value | None:
    """Keep what matters of an argument, so that a function is read once for all that are alike."""
    if not value.dangers:
        return None
    if value.source is Source.CALLER:
        return Value(value.dangers, Source.CALLER, built=value.built, said="a value of the caller")
    return replace(value, root="")


def _read(place: Place, node: _Function, given: dict[str, Value]) -> Value:
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    before = place.budget.left
    place.budget.spend(len(place.module))
    env = {
        **place.module,
        **place.fields,
        **{arg.arg: Value(name=arg.arg) for arg in every},
        **given,
    }
    inner = replace(
        place,
        env=env,
        function=node.name,
        web="",
        handler=False,
        depth=place.depth + 1,
        returned=[],
    )
    run(inner, node.body)
    used = before - place.budget.left
    place.budget.left += used
    place.budget.followed -= used
    return joined(inner.returned) if inner.returned else Value()
