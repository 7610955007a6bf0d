"""Code read in its order: what each variable holds where, by branches, loops and functions."""

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from grace.ci.rules import answers, assigned, guards
from grace.ci.rules.expressions import bind, value_of
from grace.ci.rules.places import Place, dotted_text
from grace.ci.rules.sources import FRAMEWORKS, of_stranger
from grace.ci.rules.values import OF_CALLERS, Danger, Source, Value, combined, joined

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_LEAVE: Final = frozenset({"abort", "sys.exit", "exit", "quit", "flask.abort", "os._exit"})
_ROUTES: Final = frozenset({"route", "get", "post", "put", "delete", "patch", "websocket", "view"})
_SAFE_TYPES: Final = re.compile(
    r"\b(int|float|bool|UUID|date|datetime|Decimal|Request|Response|Session|AsyncSession|"
    r"BackgroundTasks|Depends|Enum|Literal|WebSocket|HttpRequest)\b"
)


def run(place: Place, body: Sequence[ast.stmt]) -> bool:
    """Read statements in their order; True where none of them lets the code after go on."""
    for statement in body:
        place.budget.spend()
        if _one(place, statement):
            return True
    return False


def _one(place: Place, node: ast.stmt) -> bool:
    match node:
        case ast.Assign(targets=targets, value=value):
            _assign(place, targets, value, node)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            _assign(place, [target], value, node)
        case ast.AugAssign(target=target, value=value):
            made = combined([value_of(place, target), value_of(place, value)])
            bind(place, target, made)
        case ast.Expr(value=value):
            value_of(place, value)
            return isinstance(value, ast.Call) and _leaves(place, value)
        case ast.Return(value=value):
            found = value_of(place, value)
            place.returned.append(found)
            if value is not None:
                assigned.drawn(place, place.function, value)
            if place.web and value is not None:
                assigned.raised_to_client(place, _shown(found, value), node)
            return True
        case ast.Raise(exc=error):
            value_of(place, error)
            return True
        case ast.Continue() | ast.Break():
            return True
        case _:
            return _block(place, node)
    return False


def _shown(found: Value, node: ast.expr) -> Value:
    """Return what of an answer is its text: a dictionary is JSON, of a tuple the first counts."""
    if isinstance(node, ast.Dict | ast.List | ast.ListComp | ast.DictComp):
        return replace(found, name="{}")
    return found


def _block(place: Place, node: ast.stmt) -> bool:
    match node:
        case ast.If(test=test, body=body, orelse=other):
            return _branches(place, test, body, other)
        case ast.While(test=test, body=body, orelse=other):
            value_of(place, test)
            _loop(place, guards.holds(place.env, test), body)
            place.env.update(guards.fails(place.env, test))
            run(place, other)
        case ast.For() | ast.AsyncFor():
            over = value_of(place, node.iter)
            bind(place, node.target, over.named(f"{over.name}[]"))
            _loop(place, {}, node.body)
            run(place, node.orelse)
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
            for item in items:
                value = value_of(place, item.context_expr)
                if item.optional_vars is not None:
                    bind(place, item.optional_vars, value)
            return run(place, body)
        case ast.Try() | ast.TryStar():
            return _try(place, node)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            function(place, node)
        case ast.ClassDef():
            _class(place, node)
        case ast.Match():
            _match(place, node)
        case ast.Assert(test=test):
            value_of(place, test)
            place.env.update(guards.holds(place.env, test))
        case _:
            for each in ast.iter_child_nodes(node):
                if isinstance(each, ast.expr):
                    value_of(place, each)
    return False


def _leaves(place: Place, call: ast.Call) -> bool:
    name = dotted_text(call.func)
    return name in _LEAVE or place.names.dotted(name) in _LEAVE


def _assign(place: Place, targets: Sequence[ast.expr], value: ast.expr, node: ast.stmt) -> None:
    found = value_of(place, value)
    for target in targets:
        pairs = [(target, found, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            both = zip(target.elts, value.elts, strict=False)
            pairs = [(t, value_of(place, v), v) for t, v in both]
        for each, of, written in pairs:
            bind(place, each, of)
            assigned.assigned(place, each, of, node)
            name = dotted_text(each).rpartition(".")[2]
            assigned.drawn(place, name or place.function, written)


def _branches(
    place: Place, test: ast.expr, body: Sequence[ast.stmt], other: Sequence[ast.stmt]
) -> bool:
    value_of(place, test)
    answers.tested(place, test, body)
    before = dict(place.env)
    place.env.update(guards.holds(before, test))
    left_first = run(place, body)
    first = dict(place.env)
    _become(place, {**before, **guards.fails(before, test)})
    left_second = run(place, other)
    if left_second and not left_first:
        _become(place, first)
    elif not left_first:
        _become(place, _either(first, place.env))
    return left_first and left_second


def _become(place: Place, env: dict[str, Value]) -> None:
    place.budget.spend(len(env))
    kept = dict(env)
    place.env.clear()
    place.env.update(kept)


def _either(one: dict[str, Value], two: dict[str, Value]) -> dict[str, Value]:
    """Join what two ways know of the variables."""
    both = {**two, **one}
    for name, value in two.items():
        other = one.get(name)
        if other is not None and other is not value:
            both[name] = joined([other, value])
    return both


def _loop(place: Place, known: dict[str, Value], body: Sequence[ast.stmt]) -> None:
    """Read a loop's body once, and again where that changed what is known before it."""
    before = dict(place.env)
    place.env.update(known)
    run(place, body)
    after = _either(before, place.env)
    _become(place, after)
    if after != before:
        place.env.update({n: v for n, v in known.items() if n not in after})
        run(place, body)
        _become(place, _either(after, place.env))


def _try(place: Place, node: ast.Try | ast.TryStar) -> bool:
    before = dict(place.env)
    left = run(place, node.body)
    done = dict(place.env)
    if not left:
        left = run(place, node.orelse)
        done = dict(place.env)
    ways = [] if left else [done]
    for handler in node.handlers:
        _become(place, _either(before, done))
        if handler.name:
            danger = frozenset({Danger.EXPOSED}) if place.web else frozenset()
            said = f"the error {handler.name}"
            place.env[handler.name] = Value(danger, Source.STRANGER, said=said, line=handler.lineno)
        if not run(place, handler.body):
            ways.append(dict(place.env))
    after = ways[0] if ways else done
    for way in ways[1:]:
        after = _either(after, way)
    _become(place, after)
    return run(place, node.finalbody) or not ways


def _match(place: Place, node: ast.Match) -> None:
    value_of(place, node.subject)
    before = dict(place.env)
    ways = [before]
    for case in node.cases:
        _become(place, before)
        if not run(place, case.body):
            ways.append(dict(place.env))
    after = ways[0]
    for way in ways[1:]:
        after = _either(after, way)
    _become(place, after)


def _class(place: Place, node: ast.ClassDef) -> None:
    methods = {
        f"self.{each.name}": each
        for each in node.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    functions = {**place.functions, **methods}
    inner = replace(place, env=dict(place.env), function="", web="", functions=functions)
    bases = " ".join(ast.unparse(base) for base in node.bases)
    inner.handler = "Handler" in bases or "View" in bases or "Resource" in bases
    inner.fields = {}
    run(inner, node.body)
    if any(value.source is Source.STRANGER for value in inner.fields.values()):
        run(inner, node.body)  # again, for what one method keeps and another uses


def function(place: Place, node: _Function) -> None:
    """Read a function's body with what its parameters can be."""
    place.budget.spend(len(place.env))
    for each in (*node.decorator_list, *node.args.defaults):
        value_of(place, each)
    web, arguments = _handler(place, node)
    inner = replace(
        place,
        env={**place.env, **place.fields},
        function=node.name,
        web=web,
        handler=False,
        returned=[],
    )
    answers.decorated(place, node)
    line = node.lineno
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    for arg in every:
        name = arg.arg
        if name in {"self", "cls"} or (name in {"request", "req"}):
            inner.env.pop(name, None)
            if name in {"request", "req"}:
                inner.env[name] = Value(name="request")
        elif arguments and not typed(arg):
            inner.env[name] = of_stranger(f"the parameter {name}", line)
        elif typed(arg):
            inner.env[name] = Value(name=_kind(place, arg))
        else:
            said = f"the parameter {name}"
            inner.env[name] = Value(
                OF_CALLERS, Source.CALLER, name=_kind(place, arg), said=said, line=line
            )
    for rest in (node.args.vararg, node.args.kwarg):
        if rest is not None:
            inner.env[rest.arg] = Value(name=rest.arg)
    run(inner, node.body)
    for name, value in inner.env.items():
        if name.startswith("self.") and value.source is Source.STRANGER:
            known = place.fields.get(name)
            place.fields[name] = joined([known, value]) if known else value


def typed(arg: ast.arg) -> bool:
    """Tell whether a parameter is of a kind that cannot do harm, by its annotation."""
    return arg.annotation is not None and bool(_SAFE_TYPES.search(ast.unparse(arg.annotation)))


def _kind(place: Place, arg: ast.arg) -> str:
    """Name what a parameter is: an object of the class that it is annotated with."""
    written = dotted_text(arg.annotation) if arg.annotation is not None else ""
    first, dot, rest = written.partition(".")
    return (
        f"{place.names.dotted(first)}{dot}{rest}()"
        if dot or first in place.names.known
        else arg.arg
    )


def _handler(place: Place, node: _Function) -> tuple[str, bool]:
    """Tell how a function answers requests, if it does, and whether its arguments are input."""
    uses = place.names.uses
    routed = any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr in _ROUTES
        for each in node.decorator_list
    )
    if routed and uses("fastapi", "starlette", "litestar"):
        return "data", True
    if routed:
        return "markup", uses("flask", "quart", "bottle", "sanic")
    names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)][:2]
    asked = "request" in names or (place.handler and node.name in _ROUTES)
    if asked and uses(*FRAMEWORKS):
        return "data", False
    return "", False
