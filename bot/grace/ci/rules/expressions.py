"""What an expression's value is, and what the calls in it do."""

import ast
from dataclasses import replace
from typing import Final

from grace.ci.rules import guards
from grace.ci.rules.places import Call, Place, dotted_text, told_of
from grace.ci.rules.results import result
from grace.ci.rules.sources import of_answer, of_request
from grace.ci.rules.values import (
    OF_OPERATORS,
    Danger,
    Source,
    Value,
    combined,
    joined,
    literal,
)

_QUOTING: Final = frozenset({ord("r"), ord("a")})


def value_of(place: Place, node: ast.expr | None) -> Value:
    """Read an expression, the calls in it included."""
    if node is None:
        return Value()
    place.budget.spend()
    match node:
        case ast.Constant(value=constant):
            return literal(constant)
        case ast.Name(id=name):
            return place.env.get(name) or _free(place, name)
        case ast.Attribute():
            return _attribute(place, node)
        case ast.Call():
            return _call(place, node)
        case ast.Subscript(value=inner, slice=at):
            return _subscript(place, value_of(place, inner), value_of(place, at), node)
        case ast.BinOp(left=left, right=right):
            return _operation(node, value_of(place, left), value_of(place, right))
        case ast.JoinedStr(values=values):
            return combined([value_of(place, each) for each in values])
        case ast.FormattedValue(value=inner, conversion=how):
            shown = value_of(place, inner)
            quoted = frozenset({Danger.LOG, Danger.HEADER}) if how in _QUOTING else frozenset()
            return shown.without(quoted)
        case ast.Await(value=inner) | ast.Starred(value=inner) | ast.YieldFrom(value=inner):
            return value_of(place, inner)
        case _:
            return _compound(place, node)


def _compound(place: Place, node: ast.expr) -> Value:
    match node:
        case ast.Compare(left=left, comparators=others):
            values = [value_of(place, left), *(value_of(place, each) for each in others)]
            place.rules.compare(place, node, values[0], values[1])
            return Value()
        case ast.NamedExpr(target=target, value=inner):
            place.env[target.id] = value_of(place, inner)
            return place.env[target.id]
        case ast.IfExp(test=test, body=body, orelse=other):
            value_of(place, test)
            first = _under(place, guards.holds(place.env, test), body)
            return joined([first, _under(place, guards.fails(place.env, test), other)])
        case ast.BoolOp(values=values):
            return joined([value_of(place, each) for each in values])
        case ast.List(elts=elts) | ast.Tuple(elts=elts) | ast.Set(elts=elts):
            return joined([value_of(place, each) for each in elts], name="[]")
        case ast.Dict(keys=keys, values=values):
            parts = [value_of(place, each) for each in (*keys, *values) if each is not None]
            return joined(parts, name="{}")
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return _comprehension(place, node)
        case ast.Lambda(body=body):
            _under(place, {}, body)
            return Value(name="lambda")
        case _:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    value_of(place, child)
            return Value()


def _under(place: Place, cleaned: dict[str, Value], node: ast.expr) -> Value:
    """Read an expression with some variables known better, and forget that afterwards."""
    place.budget.spend(len(place.env))
    before = dict(place.env)
    place.env.update(cleaned)
    found = value_of(place, node)
    place.env.clear()
    place.env.update(before)
    return found


def _free(place: Place, name: str) -> Value:
    dotted = place.names.dotted(name)
    return Value(name=dotted, fixed=place.names.imported(name) or name.isupper())


def _attribute(place: Place, node: ast.Attribute) -> Value:
    base, part = value_of(place, node.value), node.attr
    written = dotted_text(node)
    if written in place.env:
        return place.env[written]
    name = f"{base.name}.{part}"
    sent = of_request(base, part, place.names, node.lineno)
    if sent is not None:
        return sent
    if not base.dangers:
        return of_answer(name, node.lineno) or Value(name=name, fixed=base.fixed)
    read = base.named(name)
    match part:
        case "name" | "stem" | "suffix" if base.name.startswith("pathlib."):
            return read.without(frozenset({Danger.PATH}))
        case "filename":
            return replace(read, upload=True)
        case "netloc" | "hostname" | "scheme" | "path" | "parents" | "parent":
            return replace(read, root=base.root or dotted_text(node.value))
        case _:
            return read


def _subscript(place: Place, base: Value, key: Value, node: ast.Subscript) -> Value:
    if base.name == "sys.argv":
        return Value(OF_OPERATORS, Source.OPERATOR, "sys.argv", said="sys.argv", line=node.lineno)
    if base.name in {"globals()", "locals()"} and Danger.CODE in key.dangers:
        place.told("GR002", node, told_of(key, f"{base.name}[]"))
    return base.named(f"{base.name}[]")


def _operation(node: ast.BinOp, left: Value, right: Value) -> Value:
    match node.op:
        case ast.Add() | ast.Mod() | ast.Div():
            made = combined([left, right])
            if isinstance(node.op, ast.Mod) and left.text is not None:
                head = literal(left.text.partition("%")[0])
                made = combined([head, replace(joined([left, right]), text=None, fixed=False)])
                made = replace(made, text=left.text)
            if left.name.startswith("pathlib.") or isinstance(node.op, ast.Div):
                made = replace(made, name=left.name)
            return made
        case ast.Mult():
            return replace(joined([left, right]), name="", text=left.text, literal=...)
        case _:
            return Value(fixed=left.fixed and right.fixed)


def _comprehension(
    place: Place, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
) -> Value:
    place.budget.spend(len(place.env))
    before = dict(place.env)
    for each in node.generators:
        over = value_of(place, each.iter)
        bind(place, each.target, over.named(f"{over.name}[]"))
        for test in each.ifs:
            value_of(place, test)
            place.env.update(guards.holds(place.env, test))
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    found = joined([value_of(place, part) for part in parts], name="[]")
    place.env.clear()
    place.env.update(before)
    return found


def bind(place: Place, target: ast.expr, value: Value) -> None:
    """Give a target of an assignment its value."""
    match target:
        case ast.Name(id=name):
            place.env[name] = value
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            for each in elts:
                bind(place, each, value.named(f"{value.name}[]"))
        case ast.Starred(value=inner):
            bind(place, inner, value)
        case ast.Attribute():
            written = dotted_text(target)
            if written:
                place.env[written] = value
        case ast.Subscript(value=ast.Name(id=name)):
            place.env[name] = joined([place.env.get(name, Value(name="{}")), value])
        case _:
            return


def _call(place: Place, node: ast.Call) -> Value:
    if isinstance(node.func, ast.Attribute):
        receiver = value_of(place, node.func.value)
        known = place.env.get(dotted_text(node.func))
        name = known.name if known else f"{receiver.name}.{node.func.attr}"
    else:
        receiver, name = Value(), value_of(place, node.func).name
    args = tuple(value_of(place, each) for each in node.args)
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        keywords[keyword.arg or "**"] = value_of(place, keyword.value)
    call = Call(node, name, receiver, args, keywords, place)
    place.rules.inspect(call)
    return result(call, [*args, *keywords.values()])
