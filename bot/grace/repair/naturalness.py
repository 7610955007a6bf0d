"""How odd a changed statement looks: variables left unused, things compared with themselves."""

import ast
from collections.abc import Iterator

# What each oddity costs beside a template's own cost.
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
UNUSED, SAME, EMPTY = 1.2, 1.5, 1.0


def oddity(before: ast.AST, after: ast.AST) -> float:
    """Say by how much a statement became odder by a change; below 0 if it became less odd."""
    return _cost(after) - _cost(before)


def _cost(tree: ast.AST) -> float:
    unused = sum(len(unused_names(node)) for node in ast.walk(tree) if isinstance(node, FUNCTIONS))
    return UNUSED * unused + sum(_odd(node) for node in ast.walk(tree))


def unused_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names that a function binds and nobody reads; a leading underscore means it."""
    bound: set[str] = set()
    read: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return {name for name in bound - read if not name.startswith("_")}


def _odd(node: ast.AST) -> float:
    match node:
        case ast.BinOp(left=left, right=right, op=op):
            if isinstance(op, (ast.Mult, ast.Add)):
                return 0.0
            return SAME if _alike(left, right) else 0.0
        case ast.Compare(left=left, comparators=[right]):
            return SAME if _alike(left, right) else 0.0
        case ast.BoolOp(values=values):
            dumps = [ast.dump(value) for value in values]
            return SAME if len(set(dumps)) < len(dumps) else 0.0
        case ast.Assign(targets=[target], value=value):
            return SAME if ast.unparse(target) == ast.unparse(value) else 0.0
        case ast.Call(args=arguments) if len(arguments) > 1:
            dumps = [ast.dump(argument) for argument in arguments]
            plain = not all(isinstance(argument, ast.Constant) for argument in arguments)
            return SAME if plain and len(set(dumps)) < len(dumps) else 0.0
        case ast.Subscript(value=ast.Subscript(slice=ast.Slice()), slice=ast.Slice()):
            return EMPTY
        case ast.UnaryOp(op=ast.Not(), operand=ast.UnaryOp(op=ast.Not())):
            return SAME
        case ast.If(test=ast.Constant()):
            return SAME
        case _:
            return sum(EMPTY for _ in _unreachable(node))


def _alike(left: ast.expr, right: ast.expr) -> bool:
    return not isinstance(left, ast.Constant) and ast.dump(left) == ast.dump(right)


def _unreachable(node: ast.AST) -> Iterator[ast.stmt]:
    """Statements behind one that leaves the block."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            for statement in block[:-1]:
                if isinstance(statement, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
                    yield statement
