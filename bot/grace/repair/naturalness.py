"""How odd changed code looks: variables left unused, things compared with themselves."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
IDLE = (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.Compare, ast.List, ast.Tuple)
# What each oddity costs beside a template's own cost.
UNUSED, SAME, EMPTY, RECURSION = 1.2, 1.5, 1.0, 1.0


@dataclass(frozen=True, slots=True)
class Weight:
    """What is odd about some code, and how many of its functions call themselves."""

    odd: float
    recursive: int


def oddity(before: Weight, after: Weight) -> float:
    """Say by how much code became odder by a change; below 0 if it became less odd."""
    lost = max(0, before.recursive - after.recursive)
    return after.odd - before.odd + RECURSION * lost


def weigh(tree: ast.AST) -> Weight:
    """Weigh a statement and all below it."""
    odd, recursive = 0.0, 0
    for node in ast.walk(tree):
        kind = type(node)
        look = ODD.get(kind)
        if look is not None:
            odd += look(node)
        if kind in BLOCKS:
            odd += _unreachable(node)
        if isinstance(node, FUNCTIONS):
            bound, read = _names(node)
            odd += UNUSED * len(_unused(bound, read))
            recursive += node.name in read
    return Weight(odd, recursive)


def unused_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names that a function binds and nobody reads; a leading underscore means it."""
    return _unused(*_names(function))


def _unused(bound: set[str], read: set[str]) -> set[str]:
    return {name for name in bound - read if not name.startswith("_")}


def _names(function: ast.AST) -> tuple[set[str], set[str]]:
    bound: set[str] = set()
    read: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return bound, read


def _arithmetic(node: ast.BinOp) -> float:
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub(), right=ast.Constant(value=0)):
            return SAME
        case ast.BinOp(op=ast.Add(), left=ast.Constant(value=0)):
            return SAME
        case ast.BinOp(op=ast.Mult() | ast.Div() | ast.FloorDiv(), right=ast.Constant(value=1)):
            return SAME
        case ast.BinOp(op=ast.Mult() | ast.Add()):
            return 0.0
    return SAME if _alike(node.left, node.right) else 0.0


def _comparison(node: ast.Compare) -> float:
    return SAME if len(node.ops) == 1 and _alike(node.left, node.comparators[0]) else 0.0


def _boolean(node: ast.BoolOp) -> float:
    return SAME if _repeated(node.values) else 0.0


def _assignment(node: ast.Assign) -> float:
    target, value = node.targets[0], node.value
    if type(target) is not type(value):
        return 0.0
    return SAME if ast.dump(target).replace("Store", "Load") == ast.dump(value) else 0.0


def _call(node: ast.Call) -> float:
    match node:
        case ast.Call(func=ast.Name(id="len" | "bool"), args=[ast.Subscript(slice=ast.Slice())]):
            return EMPTY
    plain = not all(isinstance(argument, ast.Constant) for argument in node.args)
    return SAME if plain and _repeated(node.args) else 0.0


def _subscript(node: ast.Subscript) -> float:
    inner = node.value
    twice = isinstance(inner, ast.Subscript) and isinstance(inner.slice, ast.Slice)
    return EMPTY if twice and isinstance(node.slice, ast.Slice) else 0.0


def _negation(node: ast.UnaryOp) -> float:
    twice = isinstance(node.operand, ast.UnaryOp) and type(node.op) is type(node.operand.op)
    return SAME if twice else 0.0


def _statement(node: ast.Expr) -> float:
    """Nothing is done with a value, and computing it does nothing."""
    return SAME if isinstance(node.value, IDLE) else 0.0


def _condition(node: ast.If) -> float:
    return SAME if isinstance(node.test, ast.Constant) else 0.0


ODD: Mapping[type[ast.AST], Callable[[Any], float]] = {
    ast.BinOp: _arithmetic,
    ast.Compare: _comparison,
    ast.BoolOp: _boolean,
    ast.Assign: _assignment,
    ast.Call: _call,
    ast.Subscript: _subscript,
    ast.UnaryOp: _negation,
    ast.If: _condition,
    ast.Expr: _statement,
}
BLOCKS = frozenset({
    ast.If, ast.For, ast.While, ast.With, ast.Try, ast.FunctionDef, ast.AsyncFunctionDef,
    ast.ExceptHandler,
})  # fmt: skip


def _alike(left: ast.expr, right: ast.expr) -> bool:
    if type(left) is not type(right) or isinstance(left, ast.Constant):
        return False
    return ast.dump(left) == ast.dump(right)


def _repeated(nodes: list[ast.expr]) -> bool:
    if len(nodes) <= 1:
        return False
    dumps = [ast.dump(node) for node in nodes]
    return len(set(dumps)) < len(dumps)


def _unreachable(node: ast.AST) -> float:
    """Statements behind one that leaves the block."""
    return sum(
        EMPTY
        for name in ("body", "orelse", "finalbody")
        for statement in getattr(node, name, ())[:-1]
        if isinstance(statement, LEAVING)
    )
