"""Templates for operators: comparisons, arithmetic, booleans, and the order of operands."""

import ast
from collections.abc import Iterator

from grace.repair.source import Edit
from grace.repair.templates.site import TWO, Site, spread

COMPARE = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
# What a comparison is mistaken for, with the cost of each.
INSTEAD = {
    "<": {"<=": 0.8, ">": 1.3, ">=": 1.8, "!=": 2.2, "==": 2.4},
    "<=": {"<": 0.8, ">=": 1.3, ">": 1.8, "==": 2.2, "!=": 2.6},
    ">": {">=": 0.8, "<": 1.3, "<=": 1.8, "!=": 2.2, "==": 2.4},
    ">=": {">": 0.8, "<=": 1.3, "<": 1.8, "==": 2.2, "!=": 2.6},
    "==": {"!=": 1.2, "<=": 1.7, ">=": 1.7, "<": 2.0, ">": 2.0, "is": 3.0, "in": 2.4},
    "!=": {"==": 1.2, "<": 1.8, ">": 1.8, "<=": 2.2, ">=": 2.2, "is not": 3.0, "not in": 2.4},
    "is": {"is not": 1.2, "==": 1.6},
    "is not": {"is": 1.2, "!=": 1.6},
    "in": {"not in": 1.2, "==": 2.4},
    "not in": {"in": 1.2, "!=": 2.4},
}
ARITHMETIC = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<",
    ast.RShift: ">>",
}  # fmt: skip
MISTAKEN = {
    "+": {"-": 1.2, "*": 2.0, "|": 3.5, "//": 3.2, "%": 3.2},
    "-": {"+": 1.2, "/": 2.8, "*": 2.8, "%": 3.0, "//": 3.0},
    "*": {"+": 1.8, "**": 1.8, "/": 1.8, "//": 2.0, "-": 2.4, "%": 2.8},
    "/": {"//": 1.0, "*": 1.8, "-": 2.8, "%": 2.5, "+": 2.8},
    "//": {"/": 1.0, "%": 1.4, "*": 2.0, ">>": 3.0, "-": 2.4, "+": 2.4},
    "%": {"//": 1.4, "/": 2.0, "*": 2.6, "-": 2.4, "+": 2.4},
    "**": {"*": 1.4, "+": 2.6, "//": 3.0}, "&": {"|": 1.2, "^": 1.6, "-": 2.5},
    "|": {"&": 1.2, "^": 1.6, "+": 3.0}, "^": {"&": 1.4, "|": 1.4, "**": 2.0},
    "<<": {">>": 1.2, "*": 2.6}, ">>": {"<<": 1.2, "//": 2.6},
}  # fmt: skip


def comparisons(site: Site) -> Iterator[Edit]:
    """Another comparison; a bound one further; operands exchanged."""
    node = site.node
    if not isinstance(node, ast.Compare):
        return
    operands = [node.left, *node.comparators]
    for index, op in enumerate(node.ops):
        left, right = operands[index], operands[index + 1]
        span = (site.source.span(left)[1], site.source.span(right)[0])
        before, between, after = _around(site.source.text[slice(*span)], COMPARE[type(op)])
        if not between:
            continue
        for other, cost in INSTEAD[COMPARE[type(op)]].items():
            yield site.plain(span, before + other + after, "comparison", cost)
            for bound in _bounds(right):
                text = site.source.text[slice(*span)].replace(between, other, 1)
                whole = (span[0], site.source.span(right)[1])
                yield site.plain(whole, text + bound, "comparison and bound", cost + 1.0)
        if len(node.ops) == 1 and not isinstance(op, (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)):
            text = f"{site.segment(right)} {between} {site.segment(left)}"
            yield site.put(text, "operands exchanged", 1.7)


def _bounds(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            yield str(value + 1)
            if value > 0:
                yield str(value - 1)


def _around(text: str, operator: str) -> tuple[str, str, str]:
    """Split the text between two operands at the operator; parentheses may lie around it."""
    words = text
    if operator in {"is not", "not in"}:
        first, second = operator.split()
        start = words.find(first)
        end = words.find(second, start + len(first)) + len(second)
    else:
        start = words.find(operator)
        end = start + len(operator)
    if start < 0 or "#" in words:
        return "", "", ""
    return words[:start], words[start:end], words[end:]


def arithmetic(site: Site) -> Iterator[Edit]:
    """Another operator, one operand alone, operands exchanged, another grouping."""
    node = site.node
    if isinstance(node, ast.AugAssign):
        yield from _augmented(site, node)
    if not isinstance(node, ast.BinOp):
        return
    operator = ARITHMETIC.get(type(node.op))
    if operator is None:
        return
    span = (site.source.span(node.left)[1], site.source.span(node.right)[0])
    before, between, after = _around(site.source.text[slice(*span)], operator)
    for other, cost in MISTAKEN[operator].items() if between else ():
        mistaken = site.source.text[: span[0]], site.source.text[span[1] :]
        if mistaken:
            edit = before + other + after
            yield site.plain(span, edit, "arithmetic", cost)
    left, right = site.segment(node.left), site.segment(node.right)
    for kept, dropped in ((left, right), (right, left)):
        constant = dropped.strip("()").isdigit()
        likely = constant and isinstance(node.op, (ast.Add, ast.Sub))
        yield site.put(kept, "operand dropped", 1.8 if likely else 2.3)
    if not isinstance(node.op, (ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)):
        kinds = site.scope.kinds(node.left) | site.scope.kinds(node.right)
        moves = not isinstance(node.op, ast.Add) or not kinds <= {"num", "bool"} or not kinds
        if moves:
            text = f"{site.source.operand(node.right)} {operator} {site.source.operand(node.left)}"
            yield site.put(text, "operands exchanged", 2.0 if operator != "+" else 1.8)
    yield from _grouped(site, node, operator)


def _augmented(site: Site, node: ast.AugAssign) -> Iterator[Edit]:
    operator = ARITHMETIC.get(type(node.op), "")
    target, value = site.segment(node.target), site.segment(node.value)
    for other, cost in MISTAKEN.get(operator, {}).items():
        yield site.put(f"{target} {other}= {value}", "arithmetic", cost)
    yield site.put(f"{target} = {value}", "assignment", 2.0)
    if operator == "+":
        value = site.source.operand(node.value)
        yield site.put(f"{target} = {value} + {target}", "operands exchanged", 2.6)


def _grouped(site: Site, node: ast.BinOp, operator: str) -> Iterator[Edit]:
    """Group `a + b * c` as `(a + b) * c`, and the other way."""
    if isinstance(node.right, ast.BinOp) and type(node.right.op) in ARITHMETIC:
        inner = ARITHMETIC[type(node.right.op)]
        a, b, c = node.left, node.right.left, node.right.right
        text = f"({site.segment(a)} {operator} {site.segment(b)}) {inner} {site.source.operand(c)}"
        yield site.put(text, "grouping", 2.6)
    if isinstance(node.left, ast.BinOp) and type(node.left.op) in ARITHMETIC:
        inner = ARITHMETIC[type(node.left.op)]
        a, b, c = node.left.left, node.left.right, node.right
        text = f"{site.source.operand(a)} {inner} ({site.segment(b)} {operator} {site.segment(c)})"
        yield site.put(text, "grouping", 2.6)


def booleans(site: Site) -> Iterator[Edit]:
    """`and` for `or`, an operand dropped, and `not` put or taken."""
    node = site.node
    if isinstance(node, ast.BoolOp):
        other = "or" if isinstance(node.op, ast.And) else "and"
        word = "and" if isinstance(node.op, ast.And) else "or"
        texts = [
            site.source.operand(v) if isinstance(v, ast.BoolOp) else site.segment(v)
            for v in node.values
        ]
        yield site.put(f" {other} ".join(texts), "and, or", 1.1)
        for index in range(len(texts)):
            rest = texts[:index] + texts[index + 1 :]
            yield site.put(f" {word} ".join(rest), "operand dropped", 2.2)
        if len(texts) == TWO:
            yield site.put(f" {word} ".join(reversed(texts)), "operands exchanged", 2.6)
    if isinstance(node, ast.UnaryOp):
        yield site.put(site.segment(node.operand), "operator dropped", 1.3)
    elif _is_condition(site):
        assert isinstance(node, ast.expr)
        if not isinstance(node, (ast.Compare, ast.Constant)):
            yield site.put(f"not {site.operand}", "not", 1.4)


def _is_condition(site: Site) -> bool:
    parent, field = site.parent, site.field
    match parent:
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            return field == "test"
        case ast.comprehension():
            return field == "ifs"
        case ast.BoolOp():
            return True
        case ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Return() | ast.Lambda():
            return isinstance(site.node, (ast.Call, ast.Name, ast.Attribute, ast.BoolOp))
        case ast.Call(func=ast.Name(id=name)):
            return field == "args" and name in {"bool", "any", "all"}
        case _:
            return False


def conditions(site: Site) -> Iterator[Edit]:
    """A condition narrowed or widened by one more, or replaced by a simpler one."""
    node = site.node
    if not isinstance(node, ast.expr) or not _tests(site):
        return
    asked = list(_asked(site, node))
    for text, cost in asked:
        for word, extra in (("or", 0.0), ("and", 0.2)):
            loops = word == "or" and isinstance(site.parent, ast.While)
            more = extra + 1.0 if loops else extra
            grouped = isinstance(node, ast.BoolOp) and word == "and"
            own = f"({site.text})" if grouped or isinstance(node, ast.IfExp) else site.text
            total = spread(cost + more - 0.8, asked)
            yield site.put(f"{own} {word} {text}", "condition added", total)
            first = cost + more + (-0.4 if " is None" in text or " is not None" in text else 0.5)
            yield site.put(f"{text} {word} {own}", "condition added", spread(first - 0.8, asked))
    if isinstance(node, ast.Constant) and isinstance(site.parent, ast.While):
        for name, kinds in site.visible().items():
            if kinds & {"list", "dict", "set", "str", "bool"}:
                yield site.put(name, "loop condition", 1.8)
            if kinds - {"num", "bool", "list", "dict", "set", "str", "call", "none"}:
                yield site.put(f"{name} is not None", "loop condition", 2.4)
            if kinds & {"num"}:
                yield site.put(f"{name} > 0", "loop condition", 2.6)
    for other in {site.segment(c): c for c in site.scope.conditions()}:
        if other != site.text:
            yield site.put(other, "condition of the function", 3.6)


def _tests(site: Site) -> bool:
    match site.parent:
        case ast.If() | ast.While() | ast.IfExp():
            return site.field == "test"
        case ast.comprehension():
            return site.field == "ifs"
        case _:
            return False


def _asked(site: Site, node: ast.expr) -> Iterator[tuple[str, float]]:
    """What a condition may have forgotten to ask."""
    inside = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and not isinstance(part.value, ast.Constant):
            base = site.segment(part.value)
            yield f"{base} is None", 2.2
            yield f"{base} is not None", 2.3
            yield base, 2.9
        if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Name):
            index, base = part.slice.id, site.segment(part.value)
            yield f"{index} < len({base})", 3.0
            yield f"{index} in {base}", 3.2
            yield f"{index} >= 0", 3.4
    for name, kinds in site.visible().items():
        away = 0.0 if name in inside else 0.4
        if kinds & {"list", "dict", "set", "str"}:
            yield f"not {name}", 2.6 + away
            yield name, 2.9 + away
        elif kinds & {"num"}:
            yield f"{name} == 0", 3.2 + away
            yield f"{name} < 0", 3.4 + away
            yield f"{name} > 0", 3.4 + away
        elif kinds - {"call", "module"}:
            yield f"{name} is None" if "none" in kinds else f"not {name}", 3.0 + away
            yield name, 3.2 + away
        if kinds & {"none"}:
            yield f"{name} is None", 2.6 + away
            yield f"{name} is not None", 2.6 + away
    for text, other in {site.segment(c): c for c in site.scope.conditions()}.items():
        if text != site.segment(node) and not isinstance(other, ast.BoolOp):
            yield text, 3.4
