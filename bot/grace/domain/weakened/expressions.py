"""What can be told of a Python expression without running it."""

import ast
from collections.abc import Iterator

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)


def text_of(node: ast.AST) -> str:
    """Write a node so that two that mean the same are the same, wherever they stand."""
    return ast.dump(node)


def last_name(node: ast.expr) -> str:
    """Return the last part of `a.b.c` or of a call of it, or nothing."""
    match node:
        case ast.Call(func=func):
            return last_name(func)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def chain_of(node: ast.expr) -> tuple[str, ...]:
    """Return all names of `a(1).b.c(2)`, outermost last."""
    names: list[str] = []
    while True:
        match node:
            case ast.Call(func=inner):
                node = inner
            case ast.Await(value=inner):
                node = inner
            case ast.Attribute(value=inner, attr=name):
                names.append(name)
                node = inner
            case ast.Name(id=name):
                return (name, *reversed(names))
            case _:
                return tuple(reversed(names))


def truth_of(node: ast.expr) -> bool | None:
    """Say whether a condition always holds or never does; None: it depends."""
    match node:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return bool(parts) if not any(isinstance(p, ast.Starred) for p in parts) else None
        case ast.Lambda() | ast.GeneratorExp():
            return True
        case ast.Dict(keys=keys):
            return bool(keys) if None not in keys else None
        case ast.IfExp(test=test, body=body, orelse=orelse):
            holds = truth_of(test)
            return None if holds is None else truth_of(body if holds else orelse)
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return False
        case ast.Name(id="__debug__"):
            return True
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = truth_of(operand)
            return None if inner is None else not inner
        case ast.BoolOp(op=op, values=values):
            decisive = isinstance(op, ast.Or)
            parts_ = [truth_of(v) for v in values]
            if decisive in parts_:
                return decisive
            return None if None in parts_ else not decisive
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is() | ast.LtE() | ast.GtE()]):
            return True if text_of(left) == text_of(node.comparators[0]) else None
        case _:
            return None


def number_of(node: ast.expr | None) -> float | None:
    """Work out a number that is written as one, or as a sum, product or quotient of some."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return _float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = number_of(operand)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            a, b = number_of(left), number_of(right)
            return None if a is None or b is None else _worked_out(a, op, b)
        case _:
            return None


def _float(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _worked_out(a: float, op: ast.operator, b: float) -> float | None:
    match op:
        case ast.Add():
            return a + b
        case ast.Sub():
            return a - b
        case ast.Mult():
            return a * b
        case _:
            return a / b if b else None


def elements_of(node: ast.expr, named: dict[str, ast.expr], depth: int = 5) -> int | None:
    """Count the elements of a collection as far as it is written out; None: nobody knows.

    `named`: what the module's names stand for.
    """
    if depth == 0:
        return None
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            counts = [
                elements_of(p.value, named, depth - 1) if isinstance(p, ast.Starred) else 1
                for p in parts
            ]
            return _sum(counts)
        case ast.Dict(keys=keys):
            return None if None in keys else len(keys)
        case ast.Name(id=name):
            return elements_of(named[name], named, depth - 1) if name in named else None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _sum([elements_of(side, named, depth - 1) for side in (left, right)])
        case ast.Call(func=ast.Name(id="range"), args=[one]):
            count = number_of(one)
            return int(count) if count is not None and abs(count) < float("inf") else None
        case ast.Call(func=ast.Attribute(value=owner, attr="items" | "keys" | "values"), args=[]):
            return elements_of(owner, named, depth - 1)
        case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted" | "enumerate"), args=[one]):
            return elements_of(one, named, depth - 1)
        case _:
            return None


def _sum(counts: list[int | None]) -> int | None:
    known = [c for c in counts if c is not None]
    return sum(known) if len(known) == len(counts) else None


def names_in(node: ast.AST) -> Iterator[str]:
    """Yield the names that are read anywhere below a node."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
