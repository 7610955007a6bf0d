"""Templates for statements: put, taken away, moved, and other forms of the same."""

import ast
from collections.abc import Iterator

from grace.repair.scope import may_be
from grace.repair.source import FUNCTIONS, Edit, bodies, first_line
from grace.repair.templates.site import Site, spread

EXCEPTIONS = (
    "ValueError", "KeyError", "TypeError", "IndexError", "AttributeError", "LookupError",
    "ZeroDivisionError", "StopIteration", "RuntimeError", "OSError", "Exception",
)  # fmt: skip
LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
LONGEST_ANSWER = 30


def forms(site: Site) -> Iterator[Edit]:
    """Another form of the same statement."""
    node = site.node
    match node:
        case ast.Assign(targets=[target], value=value):
            yield from _assigned(site, target, value)
        case ast.AnnAssign():
            return
        case ast.Expr(value=ast.Call() as call):
            yield from _called(site, call)
        case ast.Expr(value=ast.Yield(value=value)) if value is not None:
            yield site.put(f"yield from {site.segment(value)}", "yield", 2.2)
        case ast.Expr(value=ast.YieldFrom(value=value)):
            yield site.put(f"yield {site.segment(value)}", "yield", 2.2)
        case ast.Return(value=value):
            yield from _returned(site, value)
        case ast.Break():
            yield site.put("continue", "break, continue", 2.2)
        case ast.Continue():
            yield site.put("break", "break, continue", 2.0)
            yield site.put("pass", "break, continue", 3.0)
        case ast.Pass():
            yield from (site.put(word, "break, continue", 3.0) for word in ("break", "continue"))
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
        block = next(b for b in bodies(site.parent) if node in b) if _in_block(site) else []
        index = block.index(node) if node in block else 0
        if index and isinstance(block[index - 1], ast.If):
            yield site.plain((start, start + 2), "elif", "if, elif", 2.4)
    if isinstance(node.test, (ast.Compare, ast.BoolOp)):
        yield site.instead(node.test, f"not ({site.segment(node.test)})", "not", 2.0)


def _in_block(site: Site) -> bool:
    return any(site.node in block for block in bodies(site.parent))


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


def removals(site: Site) -> Iterator[Edit]:
    """The statement taken away, moved over its neighbour, out of its block, or into another."""
    node = site.node
    if not isinstance(node, ast.stmt) or not _whole_lines(site, node):
        return
    block = next((b for b in bodies(site.parent) if node in b), None)
    if block is None or isinstance(node, (ast.Import, ast.ImportFrom, *FUNCTIONS, ast.ClassDef)):
        return
    index = block.index(node)
    span, indent = _lines(site, node), _indent(site, node)
    long = isinstance(node, (ast.For, ast.While, ast.Try, ast.With))
    if len(block) == 1:
        if not isinstance(node, ast.Pass):
            yield site.plain(span, f"{indent}pass\n", "statement dropped", 3.6)
    else:
        yield site.plain(span, "", "statement dropped", 4.4 if long else 3.2)
    if isinstance(node, (ast.If, ast.For, ast.While)) and not node.orelse:
        inner = _block_text(site, node.body)
        yield site.plain(span, _indented(inner, indent), "condition dropped", 3.4)
    if index + 1 < len(block) and _whole_lines(site, block[index + 1]):
        after = _lines(site, block[index + 1])
        text = site.source.text[slice(*after)] + site.source.text[slice(*span)]
        yield site.plain((span[0], after[1]), _ended(text), "statements exchanged", 2.6)
    yield from _leaving(site, node, block)
    if index and isinstance(block[index - 1], (ast.For, ast.While, ast.If, ast.With)):
        before = block[index - 1]
        inner_indent = _indent(site, list(bodies(before))[-1][-1])
        whole = (site.source.starts[before.lineno - 1], span[1])
        text = site.source.text[whole[0] : span[0]]
        moved = _indented(site.source.text[slice(*span)], inner_indent)
        yield site.plain(whole, text + moved, "moved into the block before", 3.0)


def _leaving(site: Site, node: ast.stmt, block: list[ast.stmt]) -> Iterator[Edit]:
    """Move the last statement of a block behind it."""
    parent = site.parent
    if node is not block[-1] or not isinstance(parent, (ast.For, ast.While, ast.If, ast.With)):
        return
    if getattr(parent, "orelse", None) and node in parent.body:
        return
    outer = _indent(site, parent)
    span = _lines(site, node)
    kept = f"{_indent(site, node)}pass\n" if len(block) == 1 else ""
    text = kept + _indented(site.source.text[slice(*span)], outer)
    yield site.plain(span, text, "moved out of the block", 2.4)


def insertions(site: Site) -> Iterator[Edit]:
    """A statement put before this one, and behind it where it is the last of its block."""
    node = site.node
    if not isinstance(node, ast.stmt) or not _whole_lines(site, node) or not _in_block(site):
        return
    if isinstance(node, (ast.Import, ast.ImportFrom, *FUNCTIONS)) or site.scope.function is None:
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    block = next(b for b in bodies(site.parent) if node in b)
    indent = _indent(site, node)
    before, after = _lines(site, node)
    elif_ = site.source.text.startswith("elif", site.source.span(node)[0])
    last = node is block[-1] and not isinstance(node, LEAVING)
    statements = dict(_statements(site))
    for text, cost in statements.items():
        if not elif_:
            yield site.plain((before, before), f"{indent}{text}\n", "statement put", cost)
        if last:
            ended = "" if site.source.text[:after].endswith("\n") else "\n"
            yield site.plain((after, after), f"{ended}{indent}{text}\n", "statement put", cost)
    if not elif_:
        for text, cost in _guards(site):
            yield site.plain((before, before), _indented(text, indent), "guard put", cost)


def _statements(site: Site) -> Iterator[tuple[str, float]]:
    """Statements that may be missing: of the function, and what changes a variable."""
    visible = site.visible()
    for name, kinds in visible.items():
        others = [n for n, k in visible.items() if n != name and "call" not in k]
        if "list" in kinds:
            for other in others:
                nested = 0.5 if visible[other] & {"list"} else 0.0
                yield f"{name}.append({other})", spread(2.4 + nested, visible)
        if "set" in kinds:
            for other in others:
                yield f"{name}.add({other})", spread(2.4, visible)
        if "num" in kinds:
            yield f"{name} += 1", spread(2.9, visible)
            yield f"{name} -= 1", spread(3.3, visible)
        if "call" not in kinds:
            for other in others:
                if may_be(kinds, visible[other]):
                    near = 0.0 if kinds & visible[other] - {"num", "bool"} else 0.5
                    yield f"{name} = {other}", spread(2.8 + near, visible)
    yield from _donated(site)
    for name, kinds in visible.items():
        if "call" not in kinds and site.scope.function is not None:
            yield f"return {name}", spread(3.4, visible)
    for word in ("return", "return True", "return False", "return None", "return []", "return 0"):
        yield word, 4.2
    if site.enclosing(ast.For, ast.While) is not None:
        yield "break", 3.2
        yield "continue", 3.4


def _donated(site: Site) -> Iterator[tuple[str, float]]:
    """Simple statements of the same function, as they are and with one variable exchanged."""
    visible = site.visible()
    for donor in ast.walk(site.scope.root):
        if not isinstance(donor, (ast.Assign, ast.AugAssign, ast.Expr)) or donor is site.node:
            continue
        text = site.segment(donor)
        if "\n" in text or (
            isinstance(getattr(donor, "value", None), ast.Constant) and isinstance(donor, ast.Expr)
        ):
            continue
        yield text, 3.2
        for part in ast.walk(donor):
            if isinstance(part, ast.Name):
                start = site.source.span(part)[0] - site.source.span(donor)[0]
                for name in site.alike(visible.get(part.id, frozenset())):
                    if name != part.id and part.id in visible:
                        end = start + len(part.id)
                        yield text[:start] + name + text[end:], spread(3.2, visible)


def _guards(site: Site) -> Iterator[tuple[str, float]]:
    """`if x is empty: return ...` and its like."""
    function = site.scope.function
    assert function is not None
    first = 0.0 if function.body and site.node is _after_text(function.body) else 0.6
    asked: list[tuple[str, float]] = []
    for name, kinds in site.visible().items():
        if kinds & {"list", "dict", "set", "str"}:
            asked += [(f"not {name}", 0.0), (f"len({name}) <= 1", 0.8)]
        elif kinds & {"num"}:
            asked += [(f"{name} == 0", 0.5), (f"{name} < 0", 0.6), (f"{name} <= 0", 0.7)]
            asked += [(f"{name} == 1", 0.8), (f"{name} <= 1", 0.8)]
        elif kinds - {"call", "module"}:
            asked += [(f"{name} is None", 0.2)]
        if kinds & {"none"}:
            asked += [(f"{name} is None", -0.3)]
    told = dict.fromkeys([*_answers(function, site), "None", "0", "[]", "False", "True", "''"])
    for text, extra in asked:
        for rank, answer in enumerate(told):
            cost = 3.0 + extra + first + 0.12 * rank + 0.15 * len(asked) ** 0.5
            yield f"if {text}:\n    return {answer}\n", cost
        if site.enclosing(ast.For, ast.While) is not None:
            yield f"if {text}:\n    continue\n", 3.6 + extra
            yield f"if {text}:\n    break\n", 3.8 + extra
        yield f"if {text}:\n    raise ValueError\n", 4.2 + extra + first


def _answers(function: ast.AST, site: Site) -> Iterator[str]:
    """What the function returns elsewhere, and its variables."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            text = site.segment(node.value)
            if len(text) <= LONGEST_ANSWER and "\n" not in text:
                yield text
    assert site.scope.function is not None
    yield from (argument.arg for argument in site.scope.function.args.args[:3])


def _after_text(body: list[ast.stmt]) -> ast.stmt:
    described = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    return body[1] if described and len(body) > 1 else body[0]


def _whole_lines(site: Site, node: ast.stmt) -> bool:
    """Say whether nothing else is on the statement's lines."""
    start, end = _lines(site, node)
    own = site.source.span(node)
    text = site.source.text
    lead = text[start : own[0]]
    return not (lead.strip() and not lead.lstrip().startswith("@")) and (
        not text[own[1] : end].strip() or text[own[1] : end].lstrip().startswith("#")
    )


def _lines(site: Site, node: ast.stmt) -> tuple[int, int]:
    starts = site.source.starts
    return starts[first_line(node) - 1], starts[node.end_lineno or node.lineno]


def _indent(site: Site, node: ast.AST) -> str:
    line = site.source.lines[getattr(node, "lineno", 1) - 1]
    return line[: len(line) - len(line.lstrip())]


def _block_text(site: Site, block: list[ast.stmt]) -> str:
    return site.source.text[_lines(site, block[0])[0] : _lines(site, block[-1])[1]]


def _indented(text: str, indent: str) -> str:
    """Give whole lines another indentation, keeping what is deeper deeper."""
    lines = text.splitlines()
    depths = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    least = min(depths, default=0)
    return "".join(f"{indent}{line[least:]}\n" if line.strip() else "\n" for line in lines)


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"
