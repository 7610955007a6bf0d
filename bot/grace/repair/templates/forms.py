"""Templates for statements: other forms of the same one."""

import ast
from collections.abc import Iterator

from grace.repair.source import Edit, bodies
from grace.repair.templates.site import Site, spread

EXCEPTIONS = (
    "ValueError", "KeyError", "TypeError", "IndexError", "AttributeError", "LookupError",
    "ZeroDivisionError", "StopIteration", "RuntimeError", "OSError", "Exception",
)  # fmt: skip
JUMPS = {
    "break": {"continue": 2.2, "pass": 3.2},
    "continue": {"break": 2.0, "pass": 3.0},
    "pass": {"break": 3.0, "continue": 3.0},
}


def forms(site: Site) -> Iterator[Edit]:
    """Another form of the same statement."""
    node = site.node
    match node:
        case ast.Assign(targets=[target], value=value):
            yield from _assigned(site, target, value)
        case ast.Expr(value=ast.Call() as call):
            yield from _called(site, call)
        case ast.Expr(value=ast.BinOp() | ast.Compare() | ast.Name() | ast.BoolOp()):
            yield site.put(f"return {site.text}", "return", 0.8)
        case ast.Expr(value=ast.Yield(value=value)) if value is not None:
            yield site.put(f"yield from {site.segment(value)}", "yield", 2.2)
        case ast.Expr(value=ast.BinOp() | ast.Compare() | ast.Name() | ast.BoolOp()):
            yield site.put(f"return {site.text}", "return", 0.8)
        case ast.Expr(value=ast.YieldFrom(value=value)):
            yield site.put(f"yield {site.segment(value)}", "yield", 2.2)
        case ast.Return(value=value):
            yield from _returned(site, value)
        case ast.Break() | ast.Continue() | ast.Pass():
            for word, cost in JUMPS[site.text].items():
                yield site.put(word, "break, continue", cost)
        case ast.Raise(exc=ast.Call(func=ast.Name() as name)) | ast.Raise(exc=ast.Name() as name):
            for other in EXCEPTIONS:
                if other != name.id:
                    yield site.instead(name, other, "exception", spread(1.8, EXCEPTIONS))
        case ast.If():
            yield from _branched(site, node)
        case ast.Try(handlers=handlers):
            for handler in handlers:
                yield from _handled(site, handler)


def _assigned(site: Site, target: ast.expr, value: ast.expr) -> Iterator[Edit]:
    left, right = site.segment(target), site.segment(value)
    if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
        kinds = site.scope.kinds(value)
        yield site.put(f"{left} += {right}", "assignment", 2.2)
        if not kinds or "num" in kinds:
            yield site.put(f"{left} -= {right}", "assignment", 2.8)
        if not kinds or kinds & {"list", "dict", "set"}:
            yield site.put(f"{left} = {site.source.operand(value)}.copy()", "copy", 2.6)
            yield site.put(f"{left} = list({right})", "copy", 3.2)
            for method in ("extend", "update", "append"):
                yield site.put(f"{left}.{method}({right})", "assignment", 3.2)
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield site.instead(target, ", ".join(_reversed(site, target)), "elements exchanged", 2.0)


def _reversed(site: Site, node: ast.Tuple) -> list[str]:
    return [site.segment(element) for element in reversed(node.elts)]


def _called(site: Site, call: ast.Call) -> Iterator[Edit]:
    yield site.put(f"return {site.text}", "return", 1.8)
    if isinstance(call.func, ast.Attribute) and len(call.args) == 1:
        base, argument = site.segment(call.func.value), site.segment(call.args[0])
        changing = call.func.attr in {"update", "extend", "append", "add"}
        yield site.put(f"{base} = {argument}", "assignment", 2.6 if changing else 3.6)
    if isinstance(call.func, ast.Attribute):
        base = site.segment(call.func.value)
        yield site.put(f"{base} = {site.text}", "assignment", 2.0)
    if len(call.args) == 1 and isinstance(call.args[0], ast.Name):
        yield site.put(f"{call.args[0].id} = {site.text}", "assignment", 2.8)


def _returned(site: Site, value: ast.expr | None) -> Iterator[Edit]:
    for name, kinds in site.visible().items():
        if value is None and "call" not in kinds:
            yield site.put(f"return {name}", "return", spread(2.0, site.visible()))
    if value is None:
        return
    for name, kinds in site.visible().items():
        if "call" not in kinds and not isinstance(value, (ast.Name, ast.Constant)):
            yield site.instead(value, name, "return", spread(2.8, site.visible()))
    for other in ("True", "False", "None", "0", "[]", "''"):
        if other != site.segment(value):
            cost = 2.0 if isinstance(value, ast.Constant) else 3.4
            yield site.instead(value, other, "return", cost)
    if isinstance(value, ast.Compare) or site.scope.kinds(value) == {"bool"}:
        yield site.instead(value, f"not {site.source.operand(value)}", "not", 1.8)


def _branched(site: Site, node: ast.If) -> Iterator[Edit]:
    """`if` for `elif`, `elif` for `if`; the condition turned round."""
    start = site.source.span(node)[0]
    text = site.source.text
    if text.startswith("elif", start):
        yield site.plain((start, start + 4), "if", "if, elif", 2.4)
    elif site.field in {"body", "orelse"}:
        block = next(b for b in bodies(site.parent) if node in b) if site.in_block() else []
        index = block.index(node) if node in block else 0
        if index and isinstance(block[index - 1], ast.If):
            yield site.plain((start, start + 2), "elif", "if, elif", 2.4)
    if isinstance(node.test, (ast.Compare, ast.BoolOp)):
        yield site.instead(node.test, f"not ({site.segment(node.test)})", "not", 2.0)


def _handled(site: Site, handler: ast.ExceptHandler) -> Iterator[Edit]:
    if handler.type is None:
        return
    caught = site.segment(handler.type)
    for other in EXCEPTIONS:
        if other != caught:
            yield site.instead(handler.type, other, "exception", spread(1.8, EXCEPTIONS))
            if isinstance(handler.type, ast.Name):
                text = f"({caught}, {other})"
                yield site.instead(handler.type, text, "exception", spread(2.4, EXCEPTIONS))
