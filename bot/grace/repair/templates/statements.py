"""Templates for statements: put, taken away, and moved."""

import ast
from collections.abc import Iterator

from grace.repair.scope import Kinds, may_be
from grace.repair.source import FUNCTIONS, Edit, bodies, first_line
from grace.repair.templates.site import Site, spread

LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
LONGEST_ANSWER = 30
# Where very many variables are in scope, so many of the likelier statements are put at each place.
MOST_STATEMENTS = 250


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
    if not isinstance(node, ast.stmt) or not _whole_lines(site, node) or not site.in_block():
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
    statements: dict[str, float] = {}
    for text, cost in _statements(site):
        statements[text] = min(cost, statements.get(text, cost))
    for text, cost in sorted(statements.items(), key=lambda one: one[1])[:MOST_STATEMENTS]:
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
    yield from _reset(visible)
    yield from _donated(site)
    for name, kinds in visible.items():
        if "call" not in kinds and site.scope.function is not None:
            yield f"return {name}", spread(3.4, visible)
    for word in ("return", "return True", "return False", "return None", "return []", "return 0"):
        yield word, 4.2
    if site.enclosing(ast.For, ast.While) is not None:
        yield "break", 3.2
        yield "continue", 3.4


def _reset(visible: dict[str, Kinds]) -> Iterator[tuple[str, float]]:
    """A variable given the value that such variables begin with."""
    values = {
        "num": ("0", "1"),
        "list": ("[]",),
        "str": ("''",),
        "dict": ("{}",),
        "set": ("set()",),
    }
    for name, kinds in visible.items():
        for kind in sorted(kinds & set(values)):
            for value in values[kind]:
                yield f"{name} = {value}", spread(2.6, visible)
        if "bool" in kinds:
            yield f"{name} = True", spread(3.0, visible)
            yield f"{name} = False", spread(3.0, visible)


def _donated(site: Site) -> Iterator[tuple[str, float]]:
    """Simple statements of the same function, as they are and with one variable exchanged."""
    visible = site.visible()
    own = set(ast.walk(site.scope.root))
    for donor in ast.walk(site.source.tree):
        if not isinstance(donor, (ast.Assign, ast.AugAssign, ast.Expr)) or donor is site.node:
            continue
        if donor not in own:
            yield from _from_afar(site, donor, visible)
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


def _from_afar(
    site: Site, donor: ast.stmt, visible: dict[str, Kinds]
) -> Iterator[tuple[str, float]]:
    """A simple statement of another function whose every variable is known here."""
    text = site.segment(donor)
    names = {node.id for node in ast.walk(donor) if isinstance(node, ast.Name)}
    described = isinstance(donor, ast.Expr) and isinstance(donor.value, ast.Constant)
    inside = bool(site.source.functions_at(donor.lineno)) and "\n" not in text and not described
    if inside and names and names <= {*visible, *site.scope.globals}:
        yield text, 3.8


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
